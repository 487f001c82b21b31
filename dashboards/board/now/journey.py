"""The journey of a day's 101 calls: every call received is counted in exactly one row, and the rows add up to all of them.

The denominator is the calls received on the day, wherever they are now. Each row counts legs from the state's day panes, or
from open items. A call that is transferred or called back has another leg later and is counted in that leg; until then it
is counted as in transit. Calls that the data do not explain have a row of their own.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from msgspec import Struct

from dashboards.board.shared.page import View
from facts.force import LOCAL, TRIAGE
from measures.measure import Bands, Count, DeclaredWhere, Measure, Selection
from measures.outcome import KindName

_LINE: DeclaredWhere = {"line": ("101",)}
_BAND_MINUTES = (0, 20, 40, 60)
_QUEUES = (TRIAGE, LOCAL)
_RESULTS = {
    "resolved": "Resolved at triage",
    "transferred": "Transferred elsewhere",
    "to_999": "Sent to 999",
    "other": "Other outcome",
}


class JourneyRow(Struct, frozen=True):
    """One row: where calls are or how they ended, the number of them, and their share of all."""

    stage: str
    name: str
    count: int
    share: str


class Journey(Struct, frozen=True):
    """The calls of one day.

    Attributes:
        state: the state of the day's figure.
        says: why there are no rows; empty if it is live.
        day: in words.
        offered: the number of calls received.
        stages: the title of each stage.
        steps: the rows, which add up to `offered`.
    """

    state: str
    says: str
    day: str
    offered: int
    stages: dict[str, str]
    steps: list[JourneyRow]


def _counted(kind: KindName) -> Measure:
    """Counts the legs of 101 calls that ended in one way; only used to explain the day's calls, so not in the catalogue."""
    return Measure(
        name=f"journey_{kind}",
        title=kind,
        question=f"How many legs of the period's 101 calls count as {kind}?",
        population="101 calls received in the period.",
        statistic=Count(Selection(kind)),
        unit="count",
        where=_LINE,
    )


def _banded(kind: KindName) -> Measure:
    local: DeclaredWhere = {**_LINE, "queue": (LOCAL,)}
    edges = tuple(minutes * 60 for minutes in _BAND_MINUTES)
    return Measure(
        name=f"journey_{kind}_bands",
        title=kind,
        question=f"How long did the period's 101 calls wait in the local queue until they count as {kind}, in bands?",
        population="101 calls received in the period that reached the local queue.",
        statistic=Bands(Selection(kind), edges),
        unit="count",
        where=local,
    )


_KINDS: tuple[KindName, ...] = ("leg_offered", "leg_answered", "leg_abandoned", "leg_abandoned_short", "leg_left")
_COUNTED = {kind: _counted(kind) for kind in _KINDS}
_CONCLUDED = _counted("leg_concluded")
_BANDED = {kind: _banded(kind) for kind in ("leg_answered", "leg_abandoned")}


def read_journey(view: View, days_back: int = 0) -> Journey:
    """The calls of today, or of an earlier day; blocking."""
    today = view.reader.present(view.force).astimezone(view.profile.zone()).date()
    day = today - timedelta(days=days_back)
    window = f"{day.isoformat()}/{(day + timedelta(days=1)).isoformat()}"
    words = "Today" if not days_back else f"{day:%A} {day.day} {day:%B}"
    reading = view.reader.read("contact_101_offered_count", window, force=view.force)[0]
    if reading.state != "live":
        return Journey(reading.state, reading.reason, words, 0, {}, [])
    offered = int(reading.value or 0)
    legs: dict[str, dict[str, int]] = {kind: _by(measure, window, "queue", view) for kind, measure in _COUNTED.items()}
    results = {queue: _by(_CONCLUDED, window, "result", view, queue=queue) for queue in _QUEUES}
    rows = _rows(view, window, day, legs, results["triage"])
    in_transit = _in_transit(legs["leg_offered"], results, offered)
    rows.append(("local", "Being transferred, or awaiting a callback", in_transit))
    rows.append(("other", "Not explained by the data", offered - sum(count for _, _, count in rows)))
    steps = [JourneyRow(stage, name, count, _share(count, offered)) for stage, name, count in rows]
    return Journey("live", "", words, offered, _stages(results), steps)


def _in_transit(legs: Mapping[str, int], results: Mapping[str, Mapping[str, int]], offered: int) -> int:
    """Calls that have been transferred or promised a callback, less those whose further leg has begun."""
    sent = sum(result["to_local"] + result["callback"] for result in results.values())
    return max(0, sent - (sum(legs.values()) - offered))


def _stages(results: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    sent, called = (sum(result[name] for result in results.values()) for name in ("to_local", "callback"))
    return {
        "triage": "Triage",
        "local": f"After triage: {sent:,} sent to the local queue, {called:,} to be called back",
        "other": "Other",
    }


def _share(count: int, offered: int) -> str:
    return f"{count * 100 / offered:.1f}%" if offered else "-"


def _rows(
    view: View, window: str, day: date, legs: Mapping[str, Mapping[str, int]], results: Mapping[str, int]
) -> list[tuple[str, str, int]]:
    waiting = _waiting(view, day)
    with_call_taker = legs["leg_answered"]["triage"] + legs["leg_left"]["triage"] - sum(results.values())
    abandoned = legs["leg_abandoned"]["triage"] + legs["leg_abandoned_short"]["triage"]
    return [
        ("triage", "Waiting for triage now", waiting["triage"]),
        ("triage", "Abandoned before triage answered", abandoned),
        ("triage", "With a call taker now, or no result recorded", with_call_taker),
        *(("triage", name, results[result]) for result, name in _RESULTS.items()),
        ("local", "Waiting in the local queue now", waiting["local"]),
        *_in_bands("leg_answered", "Answered after", window, view),
        *_in_bands("leg_abandoned", "Abandoned after", window, view),
        ("local", "Abandoned at once", legs["leg_abandoned_short"]["local"]),
        ("local", "Left the local queue in another way", legs["leg_left"]["local"]),
    ]


def _by(measure: Measure, window: str, dimension: str, view: View, **where: str) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    filters = {name: (word,) for name, word in where.items()}
    for each in view.reader.read(measure, window, by=(dimension,), where=filters, force=view.force):
        counts[each.dimensions[dimension]] += int(each.value or 0)
    return counts


def _in_bands(kind: str, words: str, window: str, view: View) -> list[tuple[str, str, int]]:
    readings = view.reader.read(_BANDED[kind], window, force=view.force)
    counts = {each.dimensions.get("band", ""): int(each.value or 0) for each in readings}
    rows = []
    for index, lower in enumerate(_BAND_MINUTES):
        is_last = index + 1 == len(_BAND_MINUTES)
        upper = "" if is_last else f"{_BAND_MINUTES[index + 1] * 60:05}"
        band = f"{lower} min or more" if is_last else f"{lower} to {_BAND_MINUTES[index + 1]} min"
        rows.append(("local", f"{words} {band}", counts.get(f"{lower * 60:05}-{upper}", 0)))
    return rows


def _waiting(view: View, day: date) -> dict[str, int]:
    """The number of a day's calls that are waiting in each queue now."""
    counts: dict[str, int] = defaultdict(int)
    rules = view.reader.rules[view.force]
    for _, each in view.reader.open_subjects(view.force, "leg_waiting"):
        line, queue, _ = each.dimensions
        if line == "101" and rules.local_day(each.began) == day.toordinal():
            counts[queue] += 1
    return counts
