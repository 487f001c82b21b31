"""The audit: every figure of a period from the log by the independent path, against the state, with the facts behind what differs.

Report figures are taken from counts (outcomes of one kind, day, words and value) and from open items. All of those are
held against the log, so that no figure of any window of whole days in the period can differ unseen; and besides them every
figure of every measure itself, whole and by each dimension, of the period and of each month in it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec
from msgspec import Struct

from bluelamp.recount.cell import RecountOpenItem
from bluelamp.recount.listing import Slot
from bluelamp.recount.recount import Recount
from bluelamp.recount.subject import RecountSubject
from bluelamp.verify.compare import (
    Difference,
    Query,
    StateReadings,
    compare,
    not_compared,
    read_one,
    taken_of,
    told_numbers,
)
from bluelamp.verify.state_diff import named
from facts.force import Force
from facts.union import TOPICS, Topic
from measures.measure import External, Measure
from measures.outcome import KINDS, OpenItem, instant
from measures.pane import Pane
from measures.rules import Rules
from measures.window import resolve
from streams.readings import Reader

_SUBJECTS_LISTED = 20
"""How many subjects of each difference are listed with their facts."""
_NOT_COMPARED = ("Not compared: live windows, and what is open now; `bluelamp recount --compare` compares those.",)


class Behind(Struct, frozen=True, kw_only=True):
    """One subject behind a difference.

    Attributes:
        subject_id: as the force's systems tell it.
        facts: every fact that was told of it, as canonical JSON, in order.
    """

    subject_id: str
    facts: tuple[msgspec.Raw, ...]


class AuditDifference(Struct, frozen=True, kw_only=True):
    """One count, or one open item, of which the state and the log hold different numbers.

    Attributes:
        kind: a key of `measures.outcome.KINDS`; of a count that somebody else has written, whatever that says.
        day: the local day on which its subjects began.
        words: of the kind's dimensions.
        value: in the kind's whole units; of an open item since when it is open, in words.
        state: how many the state holds.
        log: how many the log comes to.
        subjects: how many subjects of the log are behind it.
        behind: the first of them, with their facts.
    """

    kind: str
    day: date
    words: dict[str, str]
    value: int | str
    state: int
    log: int
    subjects: int
    behind: tuple[Behind, ...]


class Audit(Struct, frozen=True, kw_only=True):
    """What came of an audit.

    Attributes:
        force: whose figures.
        start: the first day.
        end: the first day after it.
        as_of: the instant at which figures were taken.
        figures: how many figures were compared.
        counts: how many counts.
        open_items: how many open items.
        records: records of the log that both are of.
        behind: records of the log that are not in the state yet, and are in neither.
        left_out: reason to the number of facts, or of whole unreadable records, that count in neither.
        differing_figures: those that differ.
        differing_counts: those that differ.
        differing_open: those that differ.
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
    """What the state holds of a period, at one place of the log.

    Attributes:
        taken: every figure.
        panes: the day panes, by topic.
        open_items: by kind.
    """

    taken: StateReadings
    panes: Mapping[Topic, Sequence[tuple[int, Pane]]]
    open_items: Mapping[str, Sequence[OpenItem]]


def hold(
    reader: Reader,
    force: Force,
    start: date,
    end: date,
    as_of: datetime,
    measures: Iterable[Measure],
) -> AuditedState:
    """Take everything that the state holds of a period, also while it moves on.

    Args:
        reader: of the state.
        force: whose.
        start: the first local day.
        end: the first day after it.
        as_of: the force's present.
        measures: whose figures are taken. Counts and open items are always taken, every one.

    Raises:
        QuestionError: there is no such period, or its days are kept no more.
    """
    window = resolve(f"{start}/{end}", as_of, force)
    queries = list(_queries(force, start, end, measures))

    def held() -> AuditedState:
        answers = [(query, read_one(reader, force.name, query, as_of)) for query in queries]
        panes = {topic: reader.days(force.name, topic, window) for topic in TOPICS}
        open_items = {kind: reader.open_items(force.name, kind) for kind in KINDS}
        return AuditedState(taken_of(reader, force.name, as_of, answers), panes, open_items)

    return reader.at_one_moment(held)


def _queries(force: Force, start: date, end: date, measures: Iterable[Measure]) -> Iterator[Query]:
    """Every measure that has a window, whole and by each dimension, for the period and for each month in it."""
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


def audit(held: AuditedState, recount: Recount, rules: Rules, start: date, end: date) -> Audit:
    """Hold what the state holds against a recount of the log up to the same place.

    Args:
        held: of the state.
        recount: of the log, with its facts kept.
        rules: of the force.
        start: the first local day.
        end: the first day after it.

    Raises:
        IncompleteError: the log does not hold everything that the state was folded from.
    """
    compared = compare(held.taken, recount)
    force = rules.force.name
    counted, counts = 0, list[_Differing]()
    for topic, panes in held.panes.items():
        for first, after in _months(start, end):
            some, found = _counts(panes, recount, force, topic, (first, after))
            counted += some
            counts += found
    held_open, differing_open = _open_items(held.open_items, recount, rules, (start, end))
    listed = {number for each in (*counts, *differing_open) for number in each.subjects[:_SUBJECTS_LISTED]}
    subjects = recount.subjects(sorted(listed))
    return Audit(
        force=force,
        start=start,
        end=end,
        as_of=held.taken.as_of,
        figures=compared.cells,
        counts=counted,
        open_items=held_open,
        records=compared.records,
        behind=compared.behind,
        left_out=compared.left_out,
        differing_figures=tuple(compared.differences),
        differing_counts=tuple(_cell(each, subjects) for each in counts),
        differing_open=tuple(_cell(each, subjects) for each in differing_open),
    )


class _Differing(Struct, frozen=True):
    """A count that differs, before its facts are known; `value` as in `Cell`."""

    kind: str
    day: date
    words: tuple[str, ...]
    value: int | str
    state: int
    log: int
    subjects: list[int]


def _months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """The period in parts, none longer than a month: so much is held at once."""
    starts = [start]
    while (following := (starts[-1].replace(day=1) + timedelta(days=31)).replace(day=1)) < end:
        starts.append(following)
    return pairwise([*starts, end])


def _counts(
    panes: Iterable[tuple[int, Pane]], recount: Recount, force: str, topic: Topic, days: tuple[date, date]
) -> tuple[int, list[_Differing]]:
    """How many counts of some days there are, and those that differ."""
    ours: Counter[Slot] = Counter()
    for ordinal, pane in panes:
        day = date.fromordinal(ordinal)
        if days[0] <= day < days[1]:
            for kind, groups in pane.items():
                for words, histogram in groups.items():
                    for value, count in histogram.items():
                        ours[Slot(kind, day, words, value)] += count
    theirs = recount.slots(topic, force, *days)
    found = []
    for each in sorted((each for each in ours | theirs if ours[each] != theirs.get(each, 0)), key=repr):
        log = theirs.get(each, 0)
        subjects = recount.subjects_of(force, each) if log else []
        found.append(_Differing(each.kind, each.day, each.words, each.value, ours[each], log, subjects))
    return len(ours | theirs), found


def _open_items(
    held: Mapping[str, Sequence[OpenItem]], recount: Recount, rules: Rules, days: tuple[date, date]
) -> tuple[int, list[_Differing]]:
    """How many open items of subjects that began in the period there are, and those that differ."""
    force, count, found = rules.force.name, 0, list[_Differing]()
    for kind, items in held.items():
        ours = Counter(_as_recounted(each, force) for each in items)
        theirs = Counter(each for each in recount.open(kind) if each.force == force)
        for each in sorted(ours | theirs, key=repr):
            day = date.fromordinal(rules.local_day(each.began))
            if not days[0] <= day < days[1]:
                continue
            count += 1
            if ours[each] != theirs[each]:
                subjects = recount.subjects_open(each) if theirs[each] else []
                found.append(_Differing(kind, day, each.dimensions, _since(each), ours[each], theirs[each], subjects))
    return count, found


def _as_recounted(each: OpenItem, force: str) -> RecountOpenItem:
    return RecountOpenItem(
        kind=each.kind, force=force, since=each.since, began=each.began, due=each.due, dimensions=each.dimensions
    )


def _since(each: RecountOpenItem) -> str:
    due = f", due {instant(each.due).isoformat()}" if each.due is not None else ""
    return f"open since {instant(each.since).isoformat()}{due}"


def _cell(differing: _Differing, known: Mapping[int, RecountSubject]) -> AuditDifference:
    subjects = [known[number] for number in differing.subjects[:_SUBJECTS_LISTED]]
    return AuditDifference(
        kind=differing.kind,
        day=differing.day,
        words=named(differing.kind, differing.words),
        value=differing.value,
        state=differing.state,
        log=differing.log,
        subjects=len(differing.subjects),
        behind=tuple(
            Behind(subject_id=each.subject_id, facts=tuple(msgspec.Raw(one.fact) for one in each.facts))
            for each in subjects
        ),
    )


def lines(found: Audit) -> Iterator[str]:
    """What a person reads: every difference with the facts behind it, then what was compared."""
    for each in found.differing_figures:
        words = " ".join(f"{name}={word}" for name, word in each.dimensions.items())
        place = "  ".join(part for part in (each.measure, each.window, words) if part)
        yield f"figure  {place}  state {told_numbers(each.read)}, log {told_numbers(each.recounted)}"
    for name, cells in (("count", found.differing_counts), ("open item", found.differing_open)):
        for cell in cells:
            yield from _cell_lines(name, cell)
    if found.behind and not found.records:
        yield "Nothing was compared: the state holds no record of the log yet."
    else:
        yield from _verdicts(found)
    yield from not_compared(found.behind, found.left_out)
    yield from _NOT_COMPARED


def _verdicts(found: Audit) -> Iterator[str]:
    nothing = "neither the state nor the log holds any of this period"
    yield _verdict("figures", found.figures, len(found.differing_figures), "no measure asked for has one of a period")
    yield _verdict("counts", found.counts, len(found.differing_counts), nothing)
    yield _verdict("open items", found.open_items, len(found.differing_open), nothing)


def _verdict(name: str, compared: int, differing: int, why_none: str) -> str:
    return f"{compared:,} {name} compared, {differing:,} differ." if compared else f"No {name} compared: {why_none}."


def _cell_lines(name: str, cell: AuditDifference) -> Iterator[str]:
    words = " ".join(f"{dimension}={word}" for dimension, word in cell.words.items())
    value = f"value {cell.value}" if isinstance(cell.value, int) else cell.value
    yield "  ".join(part for part in (name, cell.kind, str(cell.day), words, value) if part) + (
        f"  state {cell.state}, log {cell.log}"
    )
    if not cell.subjects:
        yield "    No fact of the log makes it."
    for subject in cell.behind:
        yield f"    {subject.subject_id}"
        yield from (f"      {bytes(fact).decode()}" for fact in subject.facts)
    if cell.subjects > len(cell.behind):
        yield f"    and {cell.subjects - len(cell.behind):,} subjects more: `bluelamp explain` lists them."
