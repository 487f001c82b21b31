"""The content of the handover sheet: what is open now, and the shift compared with the same hours of earlier weeks."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import blocking
from dashboards.board.shared.detentions import ListedDetention, ListStatus, read_detentions, read_list_status
from dashboards.board.shared.frame import feed_troubles
from dashboards.board.shared.page import View
from dashboards.board.shared.shifts import shift_span
from dashboards.board.shared.table import name_of
from dashboards.board.shared.tile import (
    NOW,
    as_window,
    displayed_measures,
    is_breach,
    is_displayed,
    n_words,
    read_tile,
    text,
)
from facts.errors import QuestionError
from measures.catalogue import shown
from measures.display import local_words
from measures.measure import Measure, OpenDue, Where
from measures.outcome import instant, microseconds
from measures.reading import Reading
from measures.window import ShiftSpan, Window, between, weeks_before
from producers.http.answer import Answer, AnswerRoute

WEEKS = 4
"""The number of earlier weeks to compare with; hours are kept for ten weeks."""
LISTED, DETENTIONS_LISTED = 5, 10
"""The most subjects of one breach, and the most detentions, that fit on the sheet."""


class FeedHealth(Struct, frozen=True):
    """A feed, and why it is not live; empty if it is."""

    name: str
    trouble: str


class Breach(Struct, frozen=True):
    """A measure that should be 0 and is not, or is not live.

    Attributes:
        name: the name of the measure.
        title: the title of the measure.
        text: its value, or why there is none.
        is_live: whether it has a live value.
        subjects: the oldest ones, each in words with its opaque id.
        left: the number of further subjects.
    """

    name: str
    title: str
    text: str
    is_live: bool
    subjects: list[str]
    left: int


class HandoverCell(Struct, frozen=True):
    """A figure: its value or why there is none, and its n."""

    text: str
    n: str


class HandoverRow(Struct, frozen=True):
    """A measure over the windows that are compared."""

    title: str
    cells: list[HandoverCell]


class ShiftComparison(Struct, frozen=True):
    """A shift and the same hours in earlier weeks.

    Attributes:
        says: what is compared, or why nothing is.
        columns: the windows, in local time.
        rows: the measures.
    """

    says: str
    columns: list[str]
    rows: list[HandoverRow]


class Handover(Struct, frozen=True):
    """The sheet.

    Attributes:
        shift: its name, day and times, in local time.
        made_at: the moment of the figures, in local time.
        feeds: all feeds of the force.
        breaches: open breaches, and those without a live value.
        at_zero: the number of breach measures that are 0.
        custody: whether the list of detentions is up to date.
        detentions: the most urgent ones, as on the Custody page.
        left: the number of further detentions.
        now: the moment of the figures, in milliseconds since 1970.
        comparison: the comparison of the shift.
    """

    shift: str
    made_at: str
    feeds: list[FeedHealth]
    breaches: list[Breach]
    at_zero: int
    custody: ListStatus
    detentions: list[ListedDetention]
    left: int
    now: int
    comparison: ShiftComparison


def compared() -> Iterator[tuple[Measure, Where]]:
    """The measures of a shift that are compared, each with its filters."""
    for measure in shown("handover"):
        yield measure, {}
        if "handover_by_grade" in measure.show:
            yield measure, {"response": ("immediate",)}
            yield measure, {"response": ("priority",)}


def read_handover(view: View, *, is_last: bool) -> Handover:
    """The sheet; blocking.

    Args:
        view: what the board reads.
        is_last: for the previous shift, not the current one.
    """
    present = view.reader.present(view.force)
    troubles = feed_troubles(view.reader, view.force)
    breaches = [_breach(each, view) for each in _breach_measures(view)]
    detentions = read_detentions(view)
    span = shift_span(view, present, is_last=is_last)
    return Handover(
        shift=_titled(span, view) if span else "No shift is in progress",
        made_at=_local(present, view, "%a %d %b %Y, %H:%M:%S"),
        feeds=[FeedHealth(each.name, troubles.get(each.name, "")) for each in view.profile.feeds],
        breaches=[each for each in breaches if each is not None],
        at_zero=sum(each is None for each in breaches),
        custody=read_list_status(detentions, view),
        detentions=detentions[:DETENTIONS_LISTED],
        left=max(0, len(detentions) - DETENTIONS_LISTED),
        now=microseconds(present) // 1000,
        comparison=_comparison(span, present, view)
        if span
        else ShiftComparison("There is no shift to compare.", [], []),
    )


def _titled(span: ShiftSpan, view: View) -> str:
    return f"{span.shift.name}, {_local(span.start, view, '%a %d %b %Y, %H:%M')} to {_local(span.end, view, '%H:%M')}"


def _breach_measures(view: View) -> list[Measure]:
    """Measures that should be 0: long waits and overdue items, but not items that are only due soon."""
    return [
        each
        for each in displayed_measures(view)
        if is_breach(each) and not (isinstance(each.statistic, OpenDue) and each.statistic.under_seconds)
    ]


def _breach(measure: Measure, view: View) -> Breach | None:
    """A breach that is open or not live; None for a measure at 0."""
    tile = read_tile(measure, NOW, view)
    if tile.state != "live":
        is_none = tile.text == "none"
        return None if is_none else Breach(measure.name, measure.title, tile.text, is_live=False, subjects=[], left=0)
    if tile.text == "0":
        return None
    listed = view.reader.listed(measure, as_window(NOW), force=view.force)
    listed = sorted(listed, key=lambda each: (each.item.due or each.item.since, each.subject_id))
    subjects = [
        ", ".join(
            [
                each.subject_id,
                f"since {_local(instant(each.item.since), view, '%d %b %H:%M')}",
                *_where(each.dimensions, view),
            ]
        )
        for each in listed[:LISTED]
    ]
    return Breach(
        measure.name, measure.title, tile.text, is_live=True, subjects=subjects, left=len(listed) - len(subjects)
    )


def _where(dimensions: dict[str, str], view: View) -> Iterator[str]:
    return (name_of(name, dimensions[name], view) for name in ("area", "suite", "queue") if name in dimensions)


def _comparison(span: ShiftSpan, present: datetime, view: View) -> ShiftComparison:
    windows = dict(_windows(span, present, view))
    rows = [
        HandoverRow(
            _title(measure, where, view),
            [_cell(measure, where, each, view) for each in windows.values()],
        )
        for measure, where in compared()
        if is_displayed(measure, view)
    ]
    return ShiftComparison(_says(span, present), list(windows), rows)


def _whole_hours(span: ShiftSpan, present: datetime) -> datetime:
    """The end of the comparison: the end of the shift, or the last whole hour while it is in progress."""
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
        return "No comparison yet: the first full hour of this shift has not ended."
    hours = "This shift" if present >= span.end else "The full hours of this shift so far"
    return f"{hours}, compared with the same hours in each of the {WEEKS} weeks before. Each column is one week, not an average."


def _title(measure: Measure, where: Where, view: View) -> str:
    grades = [
        grade.name.partition(" - ")[0] for grade in view.profile.grades if grade.response in where.get("response", ())
    ]
    return ", ".join([measure.title, *grades])


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
    """The value; for a past window only if the record covers all of it."""
    return "no record" if is_past and reading.coverage != "whole" else text(reading, measure)


def _local(at: datetime, view: View, form: str) -> str:
    return local_words(at, view.profile.zone(), form)


def routes(view: View) -> list[Route]:
    """The route of the sheet's content."""

    def handover_json(request: Request) -> Response:
        is_last = request.query_params.get("shift") == "last"
        return Response(msgspec.json.encode(read_handover(view, is_last=is_last)), media_type="application/json")

    answer = Answer(
        summary="The handover of this shift.",
        body=Handover,
        query={"shift": "last for the shift before; otherwise the present one."},
    )
    return [AnswerRoute("/api/handover", blocking(view, handover_json), answer)]
