"""The audit: every figure of a period from the log by the independent path, against the state, with the facts behind what differs.

Report figures are taken from counts (outcomes of one kind, day, words and value) and from what stands open. All of those are
held against the log, so that no figure of any window of whole days in the period can differ unseen; and beside them every
figure of every measure itself, whole and by each dimension, of the period and of each month in it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec
from msgspec import Struct

from bluelamp.comparison import Comparison, Difference, Query, Taken, compare, read_one, told_numbers
from bluelamp.recount.listing import Slot
from bluelamp.recount.recount import Recount
from bluelamp.recount.subject import Subject
from facts.errors import IncompleteError
from facts.force import Force
from facts.union import TOPICS, Topic
from measures.measure import External, Measure
from measures.outcome import KINDS, Open, instant
from measures.pane import Pane
from measures.rules import Rules
from measures.window import resolve
from streams.readings import Reader

_SUBJECTS_TOLD = 20
"""Of each difference so many subjects are told with their facts."""


class Behind(Struct, frozen=True, kw_only=True):
    """One subject behind a difference.

    Attributes:
        subject_id: as the force's systems tell it.
        facts: every fact that was told of it, as canonical JSON, in order.
    """

    subject_id: str
    facts: tuple[msgspec.Raw, ...]


class Cell(Struct, frozen=True, kw_only=True):
    """One count, or one matter that stands open, of which the state and the log hold different numbers.

    Attributes:
        kind: a key of `measures.outcome.KINDS`.
        day: the local day on which its subjects began.
        words: of the kind's dimensions.
        value: in the kind's whole units; of what stands open since when, in words.
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
        standing: how many matters that stand open.
        behind: records of the log that were not in the state yet, and are in neither.
        differing_figures: those that differ.
        differing_counts: those that differ.
        differing_standing: those that differ.
    """

    force: str
    start: date
    end: date
    as_of: datetime
    figures: int
    counts: int
    standing: int
    behind: int
    differing_figures: tuple[Difference, ...]
    differing_counts: tuple[Cell, ...]
    differing_standing: tuple[Cell, ...]

    def is_clean(self) -> bool:
        """Whether nothing differs."""
        return not (self.differing_figures or self.differing_counts or self.differing_standing)


class Held(Struct, frozen=True):
    """What the state holds of a period, at one place of the log.

    Attributes:
        taken: every figure.
        panes: the day panes, by topic.
        standing: what stands open, by kind.
    """

    taken: Taken
    panes: Mapping[Topic, Sequence[tuple[int, Pane]]]
    standing: Mapping[str, Sequence[Open]]


def hold(
    reader: Reader,
    force: Force,
    start: date,
    end: date,
    as_of: datetime,
    measures: Iterable[Measure],
) -> Held:
    """Take everything that the state holds of a period, also while it moves on.

    Args:
        reader: of the state.
        force: whose.
        start: the first local day.
        end: the first day after it.
        as_of: the force's present.
        measures: whose figures are taken. Counts and open matters are always taken, every one.

    Raises:
        QuestionError: there is no such period, or its days are kept no more.
    """
    window = resolve(f"{start}/{end}", as_of, force)
    queries = list(_queries(force, start, end, measures))

    def held() -> Held:
        answers = [(query, read_one(reader, force.name, query, as_of)) for query in queries]
        panes = {topic: reader.days(force.name, topic, window) for topic in TOPICS}
        standing = {kind: reader.standing(force.name, kind) for kind in KINDS}
        return Held(Taken(force.name, as_of, reader.fences(), answers), panes, standing)

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


def audit(held: Held, recount: Recount, rules: Rules, start: date, end: date) -> Audit:
    """Hold what the state holds against a recount of the log up to the same place.

    Args:
        held: of the state.
        recount: of the log, with its facts kept.
        rules: of the force.
        start: the first local day.
        end: the first day after it.

    Raises:
        IncompleteError: the log no longer reaches back to its beginning, so that nothing can be held against it.
    """
    if recount.loaded.missing_before:
        places = ", ".join(
            f"{topic}/{number} before {first}" for (topic, number), first in recount.loaded.missing_before.items()
        )
        hint = "Audit with an archive that holds the rest (BLUELAMP_ARCHIVE)."
        raise IncompleteError("The log does not reach back to its beginning.", where=places, hint=hint)
    force = rules.force.name
    compared: Comparison = compare(held.taken, recount)
    counted, counts = 0, list[_Differing]()
    for topic, panes in held.panes.items():
        for first, after in _months(start, end):
            some, found = _counts(panes, recount, force, topic, (first, after))
            counted += some
            counts += found
    stood, standing = _standing(held.standing, recount, rules, (start, end))
    told = recount.subjects(
        sorted({number for each in (*counts, *standing) for number in each.subjects[:_SUBJECTS_TOLD]})
    )
    return Audit(
        force=force,
        start=start,
        end=end,
        as_of=held.taken.as_of,
        figures=compared.cells,
        counts=counted,
        standing=stood,
        behind=compared.behind,
        differing_figures=tuple(compared.differences),
        differing_counts=tuple(_cell(each, told) for each in counts),
        differing_standing=tuple(_cell(each, told) for each in standing),
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
    differing = sorted((each for each in ours | theirs if ours[each] != theirs.get(each, 0)), key=repr)
    found = [
        _Differing(
            each.kind,
            each.day,
            each.words,
            each.value,
            ours[each],
            theirs.get(each, 0),
            recount.subjects_of(force, each),
        )
        for each in differing
    ]
    return len(ours | theirs), found


def _standing(
    held: Mapping[str, Sequence[Open]], recount: Recount, rules: Rules, days: tuple[date, date]
) -> tuple[int, list[_Differing]]:
    """How many matters of subjects that began in the period stand open, and those that differ."""
    force, count, found = rules.force.name, 0, list[_Differing]()
    for kind, matters in held.items():
        ours = Counter(matters)
        theirs = Counter(
            Open(kind, each.since, each.began, each.due, each.dimensions)
            for each in recount.open(kind)
            if each.force == force
        )
        for each in sorted(ours | theirs, key=repr):
            day = date.fromordinal(rules.local_day(each.began))
            if not days[0] <= day < days[1]:
                continue
            count += 1
            if ours[each] != theirs[each]:
                since = f"open since {instant(each.since).isoformat()}" + (
                    f", due {instant(each.due).isoformat()}" if each.due is not None else ""
                )
                behind = recount.subjects_standing(force, kind, each.since, each.began)
                found.append(_Differing(kind, day, each.dimensions, since, ours[each], theirs[each], behind))
    return count, found


def _cell(differing: _Differing, told: Mapping[int, Subject]) -> Cell:
    subjects = [told[number] for number in differing.subjects[:_SUBJECTS_TOLD]]
    return Cell(
        kind=differing.kind,
        day=differing.day,
        words=dict(zip(KINDS[differing.kind].dimensions, differing.words, strict=True)),
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
    for name, cells in (("count", found.differing_counts), ("standing", found.differing_standing)):
        for cell in cells:
            yield from _cell_lines(name, cell)
    differing = len(found.differing_figures), len(found.differing_counts), len(found.differing_standing)
    compared = found.figures, found.counts, found.standing
    for name, all_of, some in zip(("figures", "counts", "matters that stand open"), compared, differing, strict=True):
        yield f"{all_of:,} {name} compared, {some:,} differ."
    if found.behind:
        yield f"Records of the log that are not in the state yet, and in neither: {found.behind:,}."


def _cell_lines(name: str, cell: Cell) -> Iterator[str]:
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
