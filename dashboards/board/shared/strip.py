"""The strip on every page: for each area its status, the figure that decides it, and how long it has lasted."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from dashboards.board.shared.frame import feed_troubles
from dashboards.board.shared.page import AlertCounts, View
from dashboards.board.shared.tile import is_displayed, text
from measures.attention import Word, judged, limit_of, status_of, worst
from measures.catalogue import find
from measures.display import rough_words
from measures.measure import Measure, OpenCount, OpenDue
from measures.outcome import OpenItem, instant
from measures.reading import Reading, loading


class Area(NamedTuple):
    """What a part of the strip is about.

    Attributes:
        name: its key.
        title: its heading.
        path: the page about it.
        measures: those that decide its status; if several have the same status, the first is displayed.
        headline: the measure that is displayed when everything is normal.
    """

    name: str
    title: str
    path: str
    measures: tuple[str, ...] = ()
    headline: str = ""


_CUSTODY = tuple(
    f"{who}_{clock}_{state}_count"
    for state in ("overdue", "due_within_10_minutes", "due_within_30_minutes")
    for who in ("child", "adult")
    for clock in ("detention", "review")
    if state != "due_within_30_minutes" or who == "child"
)
_MEASURED = (
    Area(
        "emergency",
        "999",
        "/#emergency",
        (
            "contact_999_answered_within_target_ratio",
            "contact_999_waiting_over_30_seconds_count",
            "contact_999_abandoned_ratio",
        ),
        "contact_999_answered_within_target_ratio",
    ),
    Area(
        "non_emergency",
        "101",
        "/#non_emergency",
        (
            "contact_101_answer_mean_seconds",
            "triage_abandoned_ratio",
            "post_triage_waiting_over_60_minutes_count",
            "post_triage_abandoned_ratio",
            "contact_101_answered_within_target_ratio",
        ),
        "contact_101_answer_mean_seconds",
    ),
    Area(
        "grade_1",
        "Grade 1",
        "/#attendance",
        (
            "grade_1_unresourced_over_2_minutes_count",
            "grade_1_unattended_over_15_minutes_count",
            "grade_1_opened_to_arrived_within_target_ratio",
        ),
        "grade_1_unresourced_over_2_minutes_count",
    ),
    Area(
        "grade_2",
        "Grade 2",
        "/#attendance",
        ("grade_2_unattended_over_2_hours_count", "grade_2_opened_to_arrived_within_target_ratio"),
        "grade_2_unattended_over_2_hours_count",
    ),
    Area(
        "custody",
        "Custody",
        "/custody",
        (
            *_CUSTODY,
            "custody_awaiting_over_60_minutes_count",
            "review_postponed_over_60_minutes_count",
            "custody_clock_paused_over_12_hours_count",
        ),
        "in_custody_count",
    ),
)
_FEEDS = Area("feeds", "Feeds", "/feeds")
_ALERTS = Area("alerts", "Alerts", "/alerts")


class StripItem(Struct, frozen=True):
    """One area of the strip.

    Attributes:
        name: the name of the area.
        word: the status: normal, watch, act or unknown.
        figure: the figure that decides it.
        label: what the figure counts, or why there is none.
        lasting: for how long, as a phrase such as `Watch for 40 min or more`; empty where that is not known or nothing is wrong.
    """

    name: str
    word: Word
    figure: str
    label: str
    lasting: str


class _Judged(NamedTuple):
    """One measure of an area with its status."""

    measure: Measure
    reading: Reading
    word: Word | None


def areas(view: View) -> list[Area]:
    """The areas that the force has feeds for, with alerts if there is an inbox."""
    measured = [each for each in _MEASURED if _measures(each, view)]
    return [*measured, _FEEDS, *([_ALERTS] if view.alerts else [])]


def read_strip(view: View) -> list[StripItem]:
    """The strip; blocking."""
    items = [_measured(area, view) for area in areas(view) if area.measures]
    items.append(_feeds(view))
    if view.alerts:
        items.append(alerts_item(view.alerts()))
    return items


def _measures(area: Area, view: View) -> list[Measure]:
    return [each for each in map(find, area.measures) if is_displayed(each, view)]


def _measured(area: Area, view: View) -> StripItem:
    figures = [
        _Judged(
            measure,
            reading,
            status_of(reading, measure, limit_of(measure, view.profile), view.background.band(measure)),
        )
        for measure in _measures(area, view)
        for reading in view.reader.read(measure, force=view.force)
    ]
    word = worst(each.word for each in figures)
    deciding = next((each for each in figures if each.word == word), None)
    if word == "normal" or deciding is None:
        headline = find(area.headline)
        (reading,) = view.reader.read(headline, force=view.force)
        return StripItem(area.name, word, text(reading, headline), _label(area, headline), "")
    if word == "unknown":
        since = deciding.reading.stale_since
        return StripItem(
            area.name, word, "", deciding.reading.reason, lasting_words(word, since, deciding.reading.as_of)
        )
    since = _since(deciding, view)
    lasting = f"{lasting_words(word, since, deciding.reading.as_of)} or more" if since else "in the last 60 min"
    return StripItem(area.name, word, text(deciding.reading, deciding.measure), _label(area, deciding.measure), lasting)


def _label(area: Area, measure: Measure) -> str:
    """A measure's title without the name of its area."""
    rest = measure.title.removeprefix(f"{area.title} ")
    return rest[0].lower() + rest[1:]


def lasting_words(word: Word, since: datetime | None, now: datetime) -> str:
    """How long a status has lasted; empty if that is not known, or it has only just begun."""
    seconds = (now - since).total_seconds() if since else 0.0
    return f"{word.capitalize()} for {rough_words(seconds)}" if seconds >= 1 else ""


def _since(deciding: _Judged, view: View) -> datetime | None:
    """The earliest time from which the data prove the status: by the open cases, or by the whole hours before."""
    limit = limit_of(deciding.measure, view.profile)
    least = limit and (limit.act if deciding.word == "act" else limit.watch)
    if isinstance(deciding.measure.statistic, OpenCount | OpenDue):
        listed = view.reader.listed(deciding.measure, force=view.force)
        return crossed_at([each.item for each in listed], deciding.measure, int(least or 0))
    return _hours_since(deciding, view)


def crossed_at(items: list[OpenItem], measure: Measure, above: int) -> datetime | None:
    """When the open items that a measure counts now became more than a number; None if they are not, or have no time.

    Items that have ended may have counted earlier, so this is the latest possible time.
    """
    times = sorted(time for each in items for time in _counted_from(each, measure))
    return instant(times[above]) if len(times) > above else None


def _counted_from(item: OpenItem, measure: Measure) -> Iterator[int]:
    match measure.statistic:
        case OpenCount(_, seconds):
            yield item.since + seconds * 1_000_000
        case OpenDue(_, seconds) if item.due is not None:
            yield item.due - seconds * 1_000_000


def _hours_since(deciding: _Judged, view: View) -> datetime | None:
    """The start of the unbroken run of whole hours, up to now, that had the same status or a worse one."""
    measure, since = deciding.measure, None
    limit = limit_of(measure, view.profile)
    wanted = ("act",) if deciding.word == "act" else ("act", "watch")
    for hour in reversed(view.background.last_day(measure)):
        if hour.value is None or judged(hour.value, hour.value, measure, limit) not in wanted:
            break
        since = hour.start
    return since


def _feeds(view: View) -> StripItem:
    feeds = view.reader.feeds(view.force)
    troubles = feed_troubles(view.reader, view.force)
    past = loading(feeds)
    if past:
        return StripItem("feeds", "unknown", "", past.words(view.reader.rules[view.force]), "")
    figure = f"{len(feeds) - len(troubles)} of {len(feeds)}"
    if not troubles:
        return StripItem("feeds", "normal", figure, "live", "")
    ends = [each.complete_to for each in feeds if each.feed in troubles]
    known = [each for each in ends if each is not None]
    since = instant(min(known)) if len(known) == len(ends) else None
    names = ", ".join(troubles)
    lasting = lasting_words("act", since, view.reader.present(view.force))
    return StripItem("feeds", "act", figure, f"live; not {names}", lasting)


def alerts_item(counts: AlertCounts | None) -> StripItem:
    """The area of the alerts: unknown if alerts are not monitored; unacknowledged alerts ask for attention."""
    if counts is None:
        return StripItem("alerts", "unknown", "", "the inbox does not answer", "")
    label = f"active, {counts.unacknowledged} unacknowledged"
    lasting = f"The oldest for {rough_words(counts.oldest_seconds)}" if counts.active else ""
    if counts.critical_unacknowledged:
        return StripItem("alerts", "act", str(counts.active), label, lasting)
    if not counts.is_monitored:
        return StripItem("alerts", "unknown", str(counts.active), f"{label}; not monitored", "")
    word: Word = "watch" if counts.critical or counts.unacknowledged else "normal"
    return StripItem("alerts", word, str(counts.active), label, lasting)
