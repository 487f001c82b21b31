"""The audit: compares the counts, open items and report figures of a period with a recount, and lists the facts behind differences.

Report figures come from counts (outcomes of one kind, day, labels and value) and from open items. Comparing all of them with the
recount covers every figure of every window of whole days in the period. The audit also compares the figures themselves: every
measure, whole and by each dimension, for the period and for each month in it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec
from msgspec import Struct

from bluelamp.recount.cell import RecountOpenItem
from bluelamp.recount.listing import Slot
from bluelamp.recount.recount import Recount
from bluelamp.recount.subject import RecountSubject
from bluelamp.verify.compare import Difference, Query, StateReadings, compare, difference_line, read_one, readings_of
from bluelamp.verify.sides import counts, differing
from bluelamp.verify.words import STATE_EMPTY, dimension_words, named, not_compared, open_words, totals
from facts.force import Force
from facts.union import TOPICS, Topic
from measures.display import number
from measures.measure import External, Measure
from measures.outcome import KINDS, OpenItem
from measures.pane import Counts
from measures.rules import Rules
from measures.window import resolve
from streams.readings import Reader

_SUBJECTS_LISTED = 20
"""The number of subjects that are listed with their facts for each difference."""
_NOT_COMPARED = ("Not compared: live windows and figures of open items. `bluelamp audit --window` compares those.",)


class SubjectFacts(Struct, frozen=True, kw_only=True):
    """A subject behind a difference.

    Attributes:
        subject_id: the subject's id in the force's system.
        facts: every fact of the subject, as canonical JSON, in order.
    """

    subject_id: str
    facts: tuple[msgspec.Raw, ...]


class AuditDifference(Struct, frozen=True, kw_only=True):
    """A count or an open item that differs between the state and the log.

    Attributes:
        kind: a key of `measures.outcome.KINDS`, or an unknown kind that another program wrote.
        day: the local day on which its subjects began.
        words: the label of each of the kind's dimensions.
        value: for a count, the value in the kind's whole units; for an open item, the text "open since TIME".
        state: the number in the state.
        log: the number in the recount.
        subjects: the number of subjects in the recount that it counts.
        behind: the first of these subjects, with their facts.
    """

    kind: str
    day: date
    words: dict[str, str]
    value: int | str
    state: int
    log: int
    subjects: int
    behind: tuple[SubjectFacts, ...]

    def line(self) -> str:
        """The difference for a person to read, without the facts behind it."""
        value = f"value {self.value}" if isinstance(self.value, int) else self.value
        parts = (self.kind, str(self.day), dimension_words(self.words), value, f"state {self.state}, log {self.log}")
        return "  ".join(filter(None, parts))


class Audit(Struct, frozen=True, kw_only=True):
    """The result of an audit.

    Attributes:
        force: the force.
        start: the first day.
        end: the day after the last.
        as_of: the time of the figures.
        figures: the number of figures compared.
        counts: the number of counts compared.
        open_items: the number of open items compared.
        records: the number of log records that were compared.
        behind: the number of log records that are not yet in the state and were not compared.
        left_out: the number of facts and unreadable records that count in no figure, by reason.
        differing_figures: the figures that differ.
        differing_counts: the counts that differ.
        differing_open: the open items that differ.
    """

    force: str
    start: date
    end: date
    as_of: datetime
    figures: int
    counts: int
    open_items: int
    records: int
    behind: int
    left_out: dict[str, int]
    differing_figures: tuple[Difference, ...]
    differing_counts: tuple[AuditDifference, ...]
    differing_open: tuple[AuditDifference, ...]

    def is_clean(self) -> bool:
        """Whether something was compared, and nothing differs."""
        is_compared = (self.figures or self.counts or self.open_items) and (self.records or not self.behind)
        return bool(is_compared) and not (self.differing_figures or self.differing_counts or self.differing_open)


class AuditedState(Struct, frozen=True):
    """The contents of the state for a period, all at the same applied offsets.

    Attributes:
        readings: the figures.
        panes: by topic, the counts of each day and kind, with the ordinal of the day.
        open_items: the open items, by kind.
    """

    readings: StateReadings
    panes: Mapping[Topic, Sequence[tuple[int, str, Counts]]]
    open_items: Mapping[str, Sequence[OpenItem]]


def read_period(
    reader: Reader,
    force: Force,
    start: date,
    end: date,
    as_of: datetime,
    measures: Iterable[Measure],
    topics: Collection[Topic] = TOPICS,
) -> AuditedState:
    """Read the figures, counts and open items of a period at one moment, while workers keep writing.

    Args:
        reader: reads the state.
        force: the force.
        start: the first local day.
        end: the day after the last.
        as_of: the force's present.
        measures: the measures to read. All counts and open items of the topics are read.
        topics: the topics.

    Raises:
        QuestionError: the period is not valid, or its days are no longer kept.
    """
    window = resolve(f"{start}/{end}", as_of, force)
    queries = list(_queries(force, start, end, measures))

    def read() -> AuditedState:
        results = [(query, read_one(reader, force.name, query, as_of)) for query in queries]
        panes = {topic: reader.days(force.name, topic, window) for topic in topics}
        open_items = {name: reader.open_items(force.name, name) for name, kind in KINDS.items() if kind.topic in topics}
        return AuditedState(readings_of(reader, force.name, as_of, results), panes, open_items)

    return reader.at_one_moment(read)


def _queries(force: Force, start: date, end: date, measures: Iterable[Measure]) -> Iterator[Query]:
    """Every measure that has a window: whole and by each dimension, for the period and for each month in it."""
    window = f"{start}/{end}"
    in_months = [(), *([("month",)] if (start.year, start.month) != _month_of_last(end) else [])]
    for measure in measures:
        if measure.feeds(force) and not measure.is_open() and not isinstance(measure.statistic, External):
            for by in ((), *((name,) for name in measure.dimensions())):
                for month in in_months:
                    yield Query(measure=measure, window=window, by=(*by, *month))


def _month_of_last(end: date) -> tuple[int, int]:
    last = end - timedelta(days=1)
    return last.year, last.month


def audit(state: AuditedState, recount: Recount, rules: Rules, start: date, end: date) -> Audit:
    """Compare the state of a period with a recount of the log up to the same applied offsets.

    Args:
        state: the state.
        recount: the recount, with its facts kept.
        rules: the rules of the force.
        start: the first local day.
        end: the day after the last.

    Raises:
        IncompleteError: the log does not contain every record that the state was built from.
    """
    compared = compare(state.readings, recount)
    force = rules.force.name
    count_total, differing_counts = 0, list[_Differing]()
    for topic, panes in state.panes.items():
        for first, after in _months(start, end):
            total, found = _counts(panes, recount, force, topic, (first, after))
            count_total += total
            differing_counts += found
    open_total, differing_open = _open_items(state.open_items, recount, rules, (start, end))
    listed = {subject for each in (*differing_counts, *differing_open) for subject in each.subjects[:_SUBJECTS_LISTED]}
    subjects = recount.subjects(sorted(listed))
    return Audit(
        force=force,
        start=start,
        end=end,
        as_of=state.readings.as_of,
        figures=compared.cells,
        counts=count_total,
        open_items=open_total,
        records=compared.records,
        behind=compared.behind,
        left_out=compared.left_out,
        differing_figures=tuple(compared.differences),
        differing_counts=tuple(_cell(each, subjects) for each in differing_counts),
        differing_open=tuple(_cell(each, subjects) for each in differing_open),
    )


class _Differing(Struct, frozen=True):
    """A count or an open item that differs, before its facts are looked up; `value` is as in `AuditDifference`."""

    kind: str
    day: date
    words: tuple[str, ...]
    value: int | str
    state: int
    log: int
    subjects: list[int]


def _months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """The period in parts of at most a month, to limit the memory used at once."""
    starts = [start]
    while (following := (starts[-1].replace(day=1) + timedelta(days=31)).replace(day=1)) < end:
        starts.append(following)
    return pairwise([*starts, end])


def _counts(
    panes: Iterable[tuple[int, str, Counts]], recount: Recount, force: str, topic: Topic, days: tuple[date, date]
) -> tuple[int, list[_Differing]]:
    """The number of counts on these days, and the counts that differ."""
    ours: Counter[Slot] = Counter()
    for ordinal, kind, groups in panes:
        day = date.fromordinal(ordinal)
        if days[0] <= day < days[1]:
            for (_, words, value), count in counts(kind, groups).items():
                ours[Slot(kind, day, words, value)] += count
    total, found = differing(ours, recount.slots(topic, force, *days))
    return total, [
        _Differing(
            each.kind, each.day, each.words, each.value, state, log, recount.subjects_of(force, each) if log else []
        )
        for each, state, log in found
    ]


def _open_items(
    open_items: Mapping[str, Sequence[OpenItem]], recount: Recount, rules: Rules, days: tuple[date, date]
) -> tuple[int, list[_Differing]]:
    """The number of open items whose subjects began in the period, and the open items that differ."""
    force, count, listed = rules.force.name, 0, list[_Differing]()

    def day_of(each: RecountOpenItem) -> date:
        return date.fromordinal(rules.local_day(each.began))

    def in_period(items: Iterable[RecountOpenItem]) -> Counter[RecountOpenItem]:
        return Counter(each for each in items if each.force == force and days[0] <= day_of(each) < days[1])

    for kind, items in open_items.items():
        total, found = differing(in_period(_as_recounted(each, force) for each in items), in_period(recount.open(kind)))
        count += total
        for each, state, log in found:
            subjects = recount.subjects_open(each) if log else []
            listed.append(_Differing(kind, day_of(each), each.dimensions, open_words(each), state, log, subjects))
    return count, listed


def _as_recounted(each: OpenItem, force: str) -> RecountOpenItem:
    return RecountOpenItem(
        kind=each.kind,
        force=force,
        since=each.since,
        began=each.began,
        due=each.due,
        unrecorded_from=each.unrecorded_from,
        dimensions=each.dimensions,
    )


def _cell(differing: _Differing, found: Mapping[int, RecountSubject]) -> AuditDifference:
    subjects = [found[subject] for subject in differing.subjects[:_SUBJECTS_LISTED]]
    return AuditDifference(
        kind=differing.kind,
        day=differing.day,
        words=named(differing.kind, differing.words),
        value=differing.value,
        state=differing.state,
        log=differing.log,
        subjects=len(differing.subjects),
        behind=tuple(
            SubjectFacts(subject_id=each.subject_id, facts=tuple(msgspec.Raw(one.fact) for one in each.facts))
            for each in subjects
        ),
    )


def lines(result: Audit) -> Iterator[str]:
    """The result for a person to read: each difference with the facts behind it, then the totals."""
    yield from (f"figure  {difference_line(each)}" for each in result.differing_figures)
    for name, cells in (("count", result.differing_counts), ("open item", result.differing_open)):
        for cell in cells:
            yield from _cell_lines(name, cell)
    if result.behind and not result.records:
        yield STATE_EMPTY
    else:
        yield from _totals(result)
    yield from not_compared(result.behind, result.left_out)
    yield from _NOT_COMPARED


def _totals(result: Audit) -> Iterator[str]:
    nothing = "neither the state nor the log has any in this period"
    yield _total(
        "figure", result.figures, len(result.differing_figures), "none of the chosen measures has a figure for a period"
    )
    yield _total("count", result.counts, len(result.differing_counts), nothing)
    yield _total("open item", result.open_items, len(result.differing_open), nothing)


def _total(noun: str, compared: int, differing: int, why_none: str) -> str:
    return totals(compared, noun, differing) if compared else f"No {noun}s compared: {why_none}."


def _cell_lines(name: str, cell: AuditDifference) -> Iterator[str]:
    yield f"{name}  {cell.line()}"
    if not cell.subjects:
        yield "    The log has no facts for it."
    for subject in cell.behind:
        yield f"    {subject.subject_id}"
        yield from (f"      {bytes(fact).decode()}" for fact in subject.facts)
    if cell.subjects > len(cell.behind):
        yield f"    and {number(cell.subjects - len(cell.behind), 'more subject')}: `bluelamp explain` lists all."
