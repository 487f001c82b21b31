"""The answer of the What if page: the outlook as it is, the outlook with a change, and the difference, as a table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dashboards.board.shared.takers import count_words
from dashboards.board.whatif.question import CLOSED, WhatIf
from dashboards.report.document import Column, DocumentCell, DocumentRow, Table
from facts.planned_event import PlannedEvent
from measures.display import number, short_words, span_words, words
from measures.measure import Unit
from producers.simulate.arrivals import HORIZON_SECONDS
from producers.simulate.parameters import Parameters
from producers.simulate.twin import (
    RUNS,
    Outlook,
    Present,
    QueueName,
    RunSpread,
    Twin,
    TwinChange,
    difference,
    outlook,
)

FORECAST = "FORECAST"
UNKNOWN = "unknown"
_QUEUES: Mapping[QueueName, str] = {"emergency": "999", "triage": "101 triage", "local": "101 after triage"}


class ComparedOutlooks(NamedTuple):
    """The outlook as it is and, if anything is changed, with the change, and the difference."""

    usual: Outlook
    changed: Outlook | None
    difference: Outlook | None


class _Row(NamedTuple):
    title: str
    unit: Unit
    measure: str
    of: Callable[[Outlook], RunSpread | None]


_ROWS = (
    _Row(
        "999 answered within target",
        "ratio",
        "contact_999_answered_within_target_ratio",
        lambda each: each.within_target,
    ),
    _Row(
        "Longest wait, 999",
        "seconds",
        "contact_999_longest_wait_seconds",
        lambda each: each.longest_seconds["emergency"],
    ),
    _Row("Abandoned, 999", "ratio", "contact_999_abandoned_ratio", lambda each: each.abandoned["emergency"]),
    _Row(
        "Longest wait, 101 triage",
        "seconds",
        "triage_longest_wait_seconds",
        lambda each: each.longest_seconds["triage"],
    ),
    _Row("Abandoned, 101 triage", "ratio", "triage_abandoned_ratio", lambda each: each.abandoned["triage"]),
    _Row(
        "Longest wait, 101 after triage",
        "seconds",
        "post_triage_longest_wait_seconds",
        lambda each: each.longest_seconds["local"],
    ),
    _Row("Abandoned, 101 after triage", "ratio", "post_triage_abandoned_ratio", lambda each: each.abandoned["local"]),
    _Row(
        "Grade 1 with no unit for 2 min, the most at one time",
        "count",
        "grade_1_unresourced_over_2_minutes_count",
        lambda each: each.unresourced,
    ),
)


def compared(
    parameters: Parameters,
    present: Present,
    question: WhatIf,
    pause: Callable[[], None] = lambda: None,
    horizon_seconds: int = HORIZON_SECONDS,
) -> ComparedOutlooks:
    """Run the twin as it is and, if anything is changed, with the change."""
    twin = Twin(parameters, present, pause=pause, horizon_seconds=horizon_seconds)
    usual = twin.runs()
    if not question.is_changed():
        return ComparedOutlooks(outlook(usual), None, None)
    changed = twin.runs(question.change)
    return ComparedOutlooks(outlook(usual), outlook(changed), difference(usual, changed))


def table(found: ComparedOutlooks) -> Table:
    """The outlook as a table: each figure with its median and range."""
    columns = [("If nothing changes", found.usual)]
    if found.changed is not None:
        columns.append(("With the change", found.changed))
    rows = tuple(
        DocumentRow(
            row.title,
            "",
            (*(_cell(row, each) for _, each in columns), *_difference(row, found)),
            measures=(row.measure,),
        )
        for row in _ROWS
    )
    titles = [title for title, _ in columns] + (["Difference"] if found.difference is not None else [])
    return Table(
        "Forecast of the next two hours", "Figure", tuple(Column(each, brief="forecast") for each in titles), rows
    )


def says(
    found: ComparedOutlooks, present: Present, question: WhatIf, events: Sequence[PlannedEvent] = ()
) -> Iterator[str]:
    """The answer for 999, and how to read the table, in sentences; `events` are those that the outlook takes into account."""
    waiting = sum(map(len, present.waiting.values()))
    yield f"{FORECAST} of the next {HORIZON_SECONDS // 3600} hours, not a live figure{_answer(found, present, question)}.{_worst(found)}"
    yield (
        f"It begins with the {number(waiting, 'caller')} waiting now. The first number is the median of {RUNS} runs; four runs in five "
        "are inside the range."
    )
    local, triage = (
        f"{count_words(count, count)} {'by the record' if given is None else 'as you say'}"
        for count, given in ((present.local, question.local), (present.triage, question.triage))
    )
    yield (
        f"Call takers on now, and not on a break, for 999 and 101 after triage: {local}. At triage: {triage}. The forecast assumes that as many as usual "
        "are on a call now, that nobody who could answer is free while somebody waits whose call is not ringing, and that nobody "
        "signs on or off."
    )
    yield from _of_events(events)
    yield _of_times(present)
    yield _of_units(present)
    if question.is_changed():
        yield (
            f"The change, from {_begins(question)} on: {_changed(question.change)}. Both columns have the same callers. All figures cover "
            "the whole two hours. The difference is worked out for each run, so its median need not equal the difference between the two medians."
        )
    if any(spread is None for spread in _of_calls(found)):
        yield "A figure of a queue is unknown if fewer than half of the runs have a call that counts."


def _answer(found: ComparedOutlooks, present: Present, question: WhatIf) -> str:
    """The share of 999 calls within the target, with and without the change; empty if it is not known."""
    usual = found.usual.within_target
    if usual is None or present.target is None:
        return ""
    what = f": 999 within {short_words(present.target.seconds)}"
    if found.changed is None:
        return f"{what} {_range(usual, 'ratio')}"
    changed = found.changed.within_target
    with_change = UNKNOWN if changed is None else _range(changed, "ratio")
    return f"{what} {with_change} with {_changed(question.change)} from {_begins(question)} on, and {_range(usual, 'ratio')} if nothing changes"


def _worst(found: ComparedOutlooks) -> str:
    """The longest wait of the queue whose longest wait would grow most; empty if none would grow."""
    if found.changed is None or found.difference is None:
        return ""
    longer = {
        queue: each.middle for queue, each in found.difference.longest_seconds.items() if each and each.middle >= 1
    }
    if not longer:
        return ""
    queue = max(longer, key=lambda each: longer[each])
    usual, changed = (each.longest_seconds[queue] for each in (found.usual, found.changed))
    if usual is None or changed is None:
        return ""
    return f" Longest wait, {_QUEUES[queue]}: {_range(changed, 'seconds')}, and {_range(usual, 'seconds')} if nothing changes."


def _of_calls(found: ComparedOutlooks) -> Iterator[RunSpread | None]:
    """The figures of calls in the table: those of Grade 1 are unknown for another reason."""
    for each in (found.usual, found.changed):
        if each is not None:
            yield from (each.within_target, *each.longest_seconds.values(), *each.abandoned.values())


def _begins(question: WhatIf) -> str:
    return f"{question.at:%H:%M}" if question.at and question.change.after_seconds else "now"


def _changed(change: TwinChange) -> str:
    parts = [
        _more(change.local, "for 999 and 101 after triage"),
        _more(change.triage, "at triage"),
        f"{abs(change.units)} {'more' if change.units > 0 else 'fewer'} units" if change.units else "",
        _share(change.busier, "calls and incidents"),
        _share(change.busier_101, "101 calls"),
        _closed(change.closed),
    ]
    return ", ".join(each for each in parts if each)


def _range(spread: RunSpread, unit: Unit) -> str:
    middle, low, high = (words(each, unit) for each in (spread.middle, spread.low, spread.high))
    return f"{middle} ({low} to {high})"


def _of_times(present: Present) -> str:
    times = [f"{_QUEUES[queue]} {span_words(seconds)}" for queue, seconds in present.handling_seconds.items()]
    if not times:
        return "Calls take as long as the simulator is calibrated for, because the record has too few handling times."
    return f"The mean time for which a call is forecast to keep a call taker: {', '.join(times)}."


def _of_units(present: Present) -> str:
    if present.incidents is None:
        return "Grade 1 is not forecast, because the record does not say how many units are on duty: give the number."
    return (
        f"Units on duty: {number(present.incidents.units, 'unit')}, as you say. Grade 1 incidents with no unit now: "
        f"{len(present.incidents.waiting)}. How busy the units are follows from those sent in the last six hours."
    )


def _of_events(events: Sequence[PlannedEvent]) -> Iterator[str]:
    if events:
        each = ", ".join(f"{each.name} ({each.line}, {each.percent}%)" for each in events)
        yield f"Planned events, with the percentage of the usual number that the forecast assumes: {each}. The ranges do not allow for wrong percentages."


def brief(
    found: ComparedOutlooks,
    present: Present,
    question: WhatIf,
    horizon_seconds: int,
    events: Sequence[PlannedEvent] = (),
) -> str:
    """The outlook of 999 as one sentence, for a page of live figures; empty if there is none."""
    usual, hours = found.usual.within_target, horizon_seconds // 3600
    if usual is None or present.target is None:
        return ""
    period = "hour" if hours == 1 else number(hours, "hour")
    sentence = f"Forecast, next {period}: 999 within {short_words(present.target.seconds)} {_range(usual, 'ratio')}"
    names = " and ".join(dict.fromkeys(each.name for each in events))
    allowing = f" It allows for {names}." if names else ""
    changed = found.changed.within_target if found.changed else None
    if changed is None:
        return f"{sentence}.{allowing}"
    return f"{sentence}; with {_more(question.change.local, 'on')}, {_range(changed, 'ratio')}.{allowing}"


def _closed(queues: frozenset[QueueName]) -> str:
    titles = [title for title, each in CLOSED.values() if each == queues and queues]
    return "".join(f"{title} closed to new callers" for title in titles)


def _more(count: int, where: str) -> str:
    return f"{abs(count)} {'more' if count > 0 else 'fewer'} call takers {where}" if count else ""


def _share(share: float, what: str) -> str:
    return f"{abs(share):.0%} {'more' if share > 0 else 'fewer'} {what}" if share else ""


def _cell(row: _Row, found: Outlook) -> DocumentCell:
    spread = row.of(found)
    if spread is None:
        return DocumentCell(UNKNOWN)
    return DocumentCell(_range(spread, row.unit))


def _difference(row: _Row, found: ComparedOutlooks) -> Iterator[DocumentCell]:
    if found.difference is None:
        return
    spread = row.of(found.difference)
    if spread is None:
        yield DocumentCell(UNKNOWN)
        return
    middle, low, high = (_signed(each, row.unit) for each in (spread.middle, spread.low, spread.high))
    yield DocumentCell(f"{middle} ({low} to {high})" + (" pp" if row.unit == "ratio" else ""))


def _signed(value: float, unit: Unit) -> str:
    if unit == "count":
        return f"{value:+.0f}" if value else "0"
    if unit == "ratio":
        return f"{value * 100:+.1f}" if round(value * 100, 1) else "0.0"
    shown = span_words(abs(value))
    return shown if shown == span_words(0) else ("+" if value > 0 else "-") + shown
