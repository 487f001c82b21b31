"""The whole journey of the 101 calls of a day: every call that came in ends in one row, and the rows add up to all of them.

The calls of a day are those that came in on it, wherever they are now: one denominator. Each row counts stays in a queue
from the state's own day panes, or from what stands open. A call that is sent on, or called back, has another stay later: its
end is counted there, and while it has none yet it is on its way. Whatever the record does not explain is a row of its own.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from msgspec import Struct

from dashboards.board.page import View
from measures.measure import Bands, Count, DeclaredWhere, Measure, Selection
from measures.outcome import KindName

_LINE: DeclaredWhere = {"line": ("101",)}
_BAND_MINUTES = (0, 20, 40, 60)
_QUEUES = ("triage", "local")
_RESULTS = {
    "resolved": "Resolved at triage",
    "transferred": "Transferred elsewhere",
    "to_999": "Sent to 999",
    "other": "Ended otherwise",
}


class JourneyRow(Struct, frozen=True):
    """One row: where calls are or ended, how many, and their share of all."""

    stage: str
    name: str
    count: int
    share: str


class Journey(Struct, frozen=True):
    """The calls of one day.

    Attributes:
        state: of the feed.
        says: why nothing is shown when it is not live.
        day: in words.
        offered: how many came in.
        stages: where the steps are, each with what is said of it.
        steps: they add up to it.
    """

    state: str
    says: str
    day: str
    offered: int
    stages: dict[str, str]
    steps: list[JourneyRow]


def _counted(kind: KindName) -> Measure:
    """Stays of 101 calls in a queue, by what became of them: an account of the record, not a measure of its own."""
    return Measure(
        name=f"journey_{kind}",
        title=kind,
        question=f"How many 101 calls of the period have {kind}?",
        population="101 calls that came in in the period.",
        statistic=Count(Selection(kind)),
        unit="count",
        where=_LINE,
    )


def _banded(kind: KindName) -> Measure:
    local: DeclaredWhere = {**_LINE, "queue": ("local",)}
    edges = tuple(minutes * 60 for minutes in _BAND_MINUTES)
    return Measure(
        name=f"journey_{kind}_bands",
        title=kind,
        question=f"How long had the 101 calls of the period waited, by bands, that have {kind} in the local queue?",
        population="101 calls that came in in the period and went on to the local queue.",
        statistic=Bands(Selection(kind), edges),
        unit="count",
        where=local,
    )


_KINDS: tuple[KindName, ...] = ("leg_offered", "leg_answered", "leg_abandoned", "leg_abandoned_short", "leg_left")
_COUNTED = {kind: _counted(kind) for kind in _KINDS}
_CONCLUDED = _counted("leg_concluded")
_BANDED = {kind: _banded(kind) for kind in ("leg_answered", "leg_abandoned")}


def take_journey(view: View, days_back: int = 0) -> Journey:
    """The calls of today, or of an earlier day."""
    today = view.reader.present(view.force).astimezone(view.profile.zone()).date()
    day = today - timedelta(days=days_back)
    window = f"{day.isoformat()}/{(day + timedelta(days=1)).isoformat()}"
    words = "Today" if not days_back else f"{day:%A} {day.day} {day:%B}"
    reading = view.reader.read("contact_101_offered_count", window, force=view.force)[0]
    if reading.state != "live":
        return Journey(reading.state, reading.reason, words, 0, {}, [])
    offered = int(reading.value or 0)
    stays: dict[str, dict[str, int]] = {kind: _by(measure, window, "queue", view) for kind, measure in _COUNTED.items()}
    results = {queue: _by(_CONCLUDED, window, "result", view, queue=queue) for queue in _QUEUES}
    rows = _rows(view, window, day, stays, results["triage"])
    on_their_way = _on_their_way(stays["leg_offered"], results, offered)
    rows.append(("local", "Sent on or to be called back, and in no queue yet", on_their_way))
    rows.append(("other", "Not explained by the record", offered - sum(count for _, _, count in rows)))
    steps = [JourneyRow(stage, name, count, _share(count, offered)) for stage, name, count in rows]
    return Journey("live", "", words, offered, _stages(results), steps)


def _on_their_way(stays: Mapping[str, int], results: Mapping[str, Mapping[str, int]], offered: int) -> int:
    """Those told to go on, less the stays that were more than the first of a call."""
    told = sum(result["to_local"] + result["callback"] for result in results.values())
    return max(0, told - (sum(stays.values()) - offered))


def _stages(results: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    sent, called = (sum(result[name] for result in results.values()) for name in ("to_local", "callback"))
    return {
        "triage": "Ended at triage, or there now",
        "local": f"Beyond triage: {sent:,} sent on to the local queue, {called:,} to be called back",
        "other": "Neither",
    }


def _share(count: int, offered: int) -> str:
    return f"{count * 100 / offered:.1f} %" if offered else "-"


def _rows(
    view: View, window: str, day: date, stays: Mapping[str, Mapping[str, int]], results: Mapping[str, int]
) -> list[tuple[str, str, int]]:
    waiting = _waiting(view, day)
    helped = stays["leg_answered"]["triage"] + stays["leg_left"]["triage"] - sum(results.values())
    gave_up = stays["leg_abandoned"]["triage"] + stays["leg_abandoned_short"]["triage"]
    return [
        ("triage", "Waiting for triage now", waiting["triage"]),
        ("triage", "Gave up before triage answered", gave_up),
        ("triage", "With a call taker now, or no result told", helped),
        *(("triage", name, results[result]) for result, name in _RESULTS.items()),
        ("local", "Waiting in the local queue now", waiting["local"]),
        *_in_bands("leg_answered", "Answered after", window, view),
        *_in_bands("leg_abandoned", "Gave up after", window, view),
        ("local", "Gave up at once", stays["leg_abandoned_short"]["local"]),
        ("local", "Left the local queue otherwise", stays["leg_left"]["local"]),
    ]


def _by(measure: Measure, window: str, dimension: str, view: View, **where: str) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    limits = {name: (word,) for name, word in where.items()}
    for each in view.reader.read(measure, window, by=(dimension,), where=limits, force=view.force):
        found[each.dimensions[dimension]] += int(each.value or 0)
    return found


def _in_bands(kind: str, words: str, window: str, view: View) -> list[tuple[str, str, int]]:
    readings = view.reader.read(_BANDED[kind], window, force=view.force)
    counts = {each.dimensions.get("band", ""): int(each.value or 0) for each in readings}
    rows = []
    for index, lower in enumerate(_BAND_MINUTES):
        is_last = index + 1 == len(_BAND_MINUTES)
        upper = "" if is_last else f"{_BAND_MINUTES[index + 1] * 60:05}"
        said = f"{lower} min or more" if is_last else f"{lower} to {_BAND_MINUTES[index + 1]} min"
        rows.append(("local", f"{words} {said}", counts.get(f"{lower * 60:05}-{upper}", 0)))
    return rows


def _waiting(view: View, day: date) -> dict[str, int]:
    """Of the calls that came in on a day, how many stand in each queue now."""
    found: dict[str, int] = defaultdict(int)
    rules = view.reader.rules[view.force]
    for _, each in view.reader.open_subjects(view.force, "leg_waiting"):
        line, queue, _ = each.dimensions
        if line == "101" and rules.local_day(each.began) == day.toordinal():
            found[queue] += 1
    return found
