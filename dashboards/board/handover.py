"""What one shift hands over to the next: what stands now, and how the shift went beside the same shift in the weeks before."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.blocking import blocking
from dashboards.board.frame import feed_troubles
from dashboards.board.page import View
from dashboards.board.pages.custody import Detention, ListStatus, take_detentions, take_known
from dashboards.board.shifts import span_at
from dashboards.board.table import name_of
from dashboards.board.tile import NOW, as_window, is_breach, is_shown, n_words, shown, take_tile, text
from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from measures.measure import Measure, OpenDue, Where
from measures.outcome import instant, microseconds
from measures.reading import Reading
from measures.window import ShiftSpan, Window, between, weeks_before

WEEKS = 4
"""How many weeks back the same shift is looked at; hours are kept for ten."""
LISTED, DUE_LISTED = 5, 10
"""How many subjects of a breach, and how many detentions, one page has room for."""
COMPARED: tuple[tuple[str, Where], ...] = (
    ("contact_999_offered_count", {}),
    ("contact_999_answered_within_target_ratio", {}),
    ("contact_999_answer_mean_seconds", {}),
    ("contact_999_answer_median_seconds", {}),
    ("contact_999_abandoned_ratio", {}),
    ("contact_101_offered_count", {}),
    ("contact_101_answered_within_target_ratio", {}),
    ("contact_101_answer_mean_seconds", {}),
    ("contact_101_answer_median_seconds", {}),
    ("triage_abandoned_ratio", {}),
    ("incident_count", {}),
    ("incident_count", {"response": ("immediate",)}),
    ("incident_count", {"response": ("priority",)}),
    ("grade_1_opened_to_arrived_within_target_ratio", {}),
    ("grade_1_opened_to_arrived_median_seconds", {}),
    ("grade_2_opened_to_arrived_within_target_ratio", {}),
    ("grade_2_opened_to_arrived_median_seconds", {}),
    ("arrest_count", {}),
    ("child_detained_count", {}),
)
"""The measures of a shift, each limited to words."""


class FeedStatus(Struct, frozen=True):
    """A feed, and why its figures are not of now; empty when they are."""

    name: str
    trouble: str


class Breach(Struct, frozen=True):
    """What has stood for longer than it may.

    Attributes:
        name: of the measure.
        title: of the measure.
        text: how many; or since when that is not known.
        is_live: it is how many there are now.
        subjects: those that have stood longest, each in words, by their opaque ids.
        left: how many more there are.
    """

    name: str
    title: str
    text: str
    is_live: bool
    subjects: list[str]
    left: int


class HandoverCell(Struct, frozen=True):
    """A figure: its value or why there is none, and what it is taken from."""

    text: str
    n: str


class HandoverRow(Struct, frozen=True):
    """A measure over the stretches of time that are compared."""

    title: str
    cells: list[HandoverCell]


class ShiftComparison(Struct, frozen=True):
    """This shift beside the same in the weeks before.

    Attributes:
        says: what is compared, or why nothing is.
        columns: what each cell is of, by the local clock.
        rows: the measures.
    """

    says: str
    columns: list[str]
    rows: list[HandoverRow]


class Handover(Struct, frozen=True):
    """The page.

    Attributes:
        shift: which it is of, with its day and its times by the local clock.
        made_at: the moment it is of, by the local clock.
        feeds: all that the force has.
        breaches: those that stand, and those of which it is not known.
        none_of: how many are watched and do not stand.
        custody: how the detentions are known.
        detentions: the most pressing, as on the page of custody.
        left: how many more detentions there are.
        now: the moment, in milliseconds since 1970.
        comparison: of the shift.
    """

    shift: str
    made_at: str
    feeds: list[FeedStatus]
    breaches: list[Breach]
    none_of: int
    custody: ListStatus
    detentions: list[Detention]
    left: int
    now: int
    comparison: ShiftComparison


def take_handover(view: View, *, is_last: bool) -> Handover:
    """What is handed over; blocking.

    Args:
        view: of the force.
        is_last: of the shift before the one under way.
    """
    present = view.reader.present(view.force)
    troubles = feed_troubles(view.reader, view.force)
    found = [_breach(each, view) for each in _breaches(view)]
    detentions = take_detentions(view)
    span = span_at(view, present, is_last=is_last)
    return Handover(
        shift=_titled(span, view) if span else "No shift of the profile is under way",
        made_at=_local(present, view, "%a %d %b %Y, %H:%M:%S"),
        feeds=[FeedStatus(each.name, troubles.get(each.name, "")) for each in view.profile.feeds],
        breaches=[each for each in found if each is not None],
        none_of=sum(each is None for each in found),
        custody=take_known(len(detentions), view),
        detentions=detentions[:DUE_LISTED],
        left=max(0, len(detentions) - DUE_LISTED),
        now=microseconds(present) // 1000,
        comparison=_comparison(span, present, view)
        if span
        else ShiftComparison("There is no shift to compare.", [], []),
    )


def _titled(span: ShiftSpan, view: View) -> str:
    return f"{span.shift.name}, {_local(span.start, view, '%a %d %b %Y, %H:%M')} to {_local(span.end, view, '%H:%M')}"


def _breaches(view: View) -> list[Measure]:
    """What should be none: long waits, and what is overdue; not what is merely due soon."""
    return [
        each
        for each in shown(view)
        if is_breach(each) and not (isinstance(each.statistic, OpenDue) and each.statistic.under_seconds)
    ]


def _breach(measure: Measure, view: View) -> Breach | None:
    """A breach that stands, or of which that is not known; None for one that does not."""
    tile = take_tile(measure, NOW, view)
    if tile.state != "live":
        is_none = tile.text == "none"
        return None if is_none else Breach(measure.name, measure.title, tile.text, is_live=False, subjects=[], left=0)
    if tile.text == "0":
        return None
    found = view.reader.listed(measure, as_window(NOW), force=view.force)
    found = sorted(found, key=lambda each: (each.item.due or each.item.since, each.subject_id))
    subjects = [
        ", ".join(
            [
                each.subject_id,
                f"since {_local(instant(each.item.since), view, '%d %b %H:%M')}",
                *_where(each.dimensions, view),
            ]
        )
        for each in found[:LISTED]
    ]
    return Breach(
        measure.name, measure.title, tile.text, is_live=True, subjects=subjects, left=len(found) - len(subjects)
    )


def _where(dimensions: dict[str, str], view: View) -> Iterator[str]:
    return (name_of(name, dimensions[name], view) for name in ("area", "suite", "queue") if name in dimensions)


def _comparison(span: ShiftSpan, present: datetime, view: View) -> ShiftComparison:
    windows = dict(_windows(span, present, view))
    rows = [
        HandoverRow(
            _title(CATALOGUE[name], where, view),
            [_cell(CATALOGUE[name], where, each, view) for each in windows.values()],
        )
        for name, where in COMPARED
        if is_shown(CATALOGUE[name], view)
    ]
    return ShiftComparison(_says(span, present), list(windows), rows)


def _whole_hours(span: ShiftSpan, present: datetime) -> datetime:
    """Up to where a shift is compared: its end, or the last whole hour while it is under way."""
    hour = present.astimezone(span.start.tzinfo).replace(minute=0, second=0, microsecond=0)
    return span.end if present >= span.end else max(span.start, hour)


def _windows(span: ShiftSpan, present: datetime, view: View) -> Iterator[tuple[str, Window | str]]:
    until = _whole_hours(span, present)
    if present < span.end:
        yield f"So far, {_times(span.start, present, view)}", "shift"
    if until == span.start:
        return
    for weeks in range(WEEKS + 1):
        start, end = (weeks_before(at, weeks, view.profile) for at in (span.start, until))
        yield (
            f"{_local(start, view, '%a %d %b')}, {_times(start, end, view)}",
            between(f"shift-{weeks}", start, end, view.profile),
        )


def _times(start: datetime, end: datetime, view: View) -> str:
    return f"{_local(start, view, '%H:%M')} to {_local(end, view, '%H:%M')}"


def _says(span: ShiftSpan, present: datetime) -> str:
    if _whole_hours(span, present) == span.start:
        return "The first whole hour of this shift is not over yet: it is not compared."
    hours = "" if present >= span.end else "The whole hours of this shift that are over, "
    return f"{hours or 'This shift, '}beside the same hours of the {WEEKS} weeks before. Each figure is of its own hours: none is a mean of others."


def _title(measure: Measure, where: Where, view: View) -> str:
    named = [
        grade.name.partition(" - ")[0] for grade in view.profile.grades if grade.response in where.get("response", ())
    ]
    return ", ".join([measure.title, *named])


def _cell(measure: Measure, where: Where, window: Window | str, view: View) -> HandoverCell:
    try:
        if isinstance(window, str):
            reading = view.reader.read(measure, window, where=where, force=view.force)[0]
        else:
            reading = view.reader.read(measure, window, where=where, force=view.force, as_of=window.end, is_now=False)[
                0
            ]
    except QuestionError:
        return HandoverCell("not kept", "")
    return HandoverCell(_value(reading, measure, is_past=not isinstance(window, str)), n_words(reading, measure))


def _value(reading: Reading, measure: Measure, *, is_past: bool) -> str:
    """The value; of the past only where the record holds all of it."""
    return "not on record" if is_past and reading.coverage != "whole" else text(reading, measure)


def _local(at: datetime, view: View, form: str) -> str:
    return at.astimezone(view.profile.zone()).strftime(form)


def routes(view: View) -> list[Route]:
    """The route of the page's content."""

    def told(request: Request) -> Response:
        is_last = request.query_params.get("shift") == "last"
        return Response(msgspec.json.encode(take_handover(view, is_last=is_last)), media_type="application/json")

    return [Route("/api/handover", blocking(view, told))]
