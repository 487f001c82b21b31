"""Which daily figures have changed since they were first shown, by how much, and because of which facts.

A day's figures are first shown when the day is closed: at the first place in the log of each partition from which on nothing
older than the day's end is expected. So what was shown is a function of the log like every other figure, and is folded from the
log up to there; nothing has to be kept of it, and nothing of it can be lost or be told twice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple, cast

import msgspec
from msgspec import Struct

from facts.fact import FactWithdrawn, SubjectFact
from facts.incident import IncidentReclassified, IncidentRegraded
from facts.union import Topic
from facts.wire import canonical
from measures.measure import External, Measure, Unit
from measures.outcome import OpenItem, Outcomes, instant, microseconds
from measures.outcomes import outcomes_of
from measures.pane import Field, Grain, Pane, apply
from measures.reading import Figure, Question, check, read
from measures.rules import Rules
from measures.timeline import Timeline, add
from measures.window import Window, resolve
from streams.fold import PartitionFold
from streams.logreader import RecordSource
from streams.moving import OwnPartition
from streams.record import Record, received, record_of
from streams.stall import Place

Cause = Literal["withdrawn", "corrected", "regraded", "reclassified", "late", "afterwards", "fell due"]
IN_COURSE: frozenset[Cause] = frozenset(("afterwards", "fell due"))
"""What was still open when the day ended, and ended or fell due since: no restatement, though the figure has changed."""


class Because(Struct, frozen=True, kw_only=True):
    """One fact that was told after the day's figures were first shown.

    Attributes:
        cause: what kind of change it is.
        subject_id: as the force's systems tell it.
        received_at: when the log received it.
        fact: its canonical JSON; None where no fact was told, and a matter that stood open fell due.
    """

    cause: Cause
    subject_id: str
    received_at: datetime | None = None
    fact: msgspec.Raw | None = None


class Restatement(Struct, frozen=True, kw_only=True):
    """One figure of one day that is not what it was when it was first shown.

    Attributes:
        day: the local day on which its subjects began.
        measure: its name.
        words: of the breakdown, by dimension.
        unit: of the values.
        first: what it was.
        first_n: how many it was taken from.
        now: what it is.
        now_n: how many it is taken from.
        causes: to the number of subjects they are of.
        because: the facts, subject by subject.
    """

    day: date
    measure: str
    words: dict[str, str]
    unit: Unit
    first: float | None
    first_n: int
    now: float | None
    now_n: int
    causes: dict[Cause, int]
    because: tuple[Because, ...]

    def is_restated(self) -> bool:
        """Whether anything but the ordinary course of what was open is behind it."""
        return not is_in_course(self.because)


def is_in_course(because: Iterable[Because]) -> bool:
    """Whether only the ordinary course of what was open is behind a change."""
    return IN_COURSE.issuperset(each.cause for each in because)


class CountedFact(NamedTuple):
    """A fact that counts, at its place in the log.

    Attributes:
        number: of the partition on which it first counted; another than its own when the topic was given more since.
        offset: its place there.
        received_at: when the log first received it.
        fact: the fact.
    """

    number: int
    offset: int
    received_at: datetime
    fact: SubjectFact


Closings = Mapping[Place, Mapping[int, int]]
"""The offset up to which a day's figures were first shown, by partition and the day's ordinal."""


class Closing(NamedTuple):
    """Where a day's figures were first shown on a partition: up to which offset, and when the log received the heartbeat."""

    offset: int
    at: datetime


class PartitionFacts(Struct):
    """What was kept of one partition: the subjects that a day of the period may hold, and where each day was closed.

    Attributes:
        place: the partition.
        told: the facts of each subject in order of the log.
        held: a day's ordinal to the subjects that it may hold: those with a fact of that day.
        closed: a day's ordinal to where its figures were first shown; without it the day is not closed.
        began: when the log received its first record; None while it has none.
    """

    place: Place
    told: dict[str, list[CountedFact]]
    held: dict[int, set[str]]
    closed: dict[int, Closing]
    began: datetime | None


def keep(
    source: RecordSource, place: Place, partitions: int, reach: tuple[int, int], rules: Rules, days: Sequence[date]
) -> PartitionFacts:
    """Read a partition twice: which subjects have facts on any of the days, then all facts of these.

    Args:
        source: the log.
        place: the partition.
        partitions: how many its topic has.
        reach: its first offset, and the one after its last.
        rules: of the force.
        days: the local days.
    """
    ends = {day.toordinal(): microseconds(_window(day, rules).end) for day in days}
    first, last = microseconds(_window(days[0], rules).start), max(ends.values())
    held: dict[int, set[str]] = {}
    closed: dict[int, Closing] = {}
    began: datetime | None = None
    before = None
    for told, record, mark in _admitted(source, place, partitions, reach, rules):
        began = began or record.received_at
        for each in told:
            if first <= (at := microseconds(each.fact.at)) < last:
                held.setdefault(rules.local_day(at), set()).add(each.fact.subject_id)
        if mark != before:
            # A wrong clock may take the watermark past a day that is not over: once it is put back, the day is open again.
            before, over = mark, {day for day, end in ends.items() if mark is not None and end <= mark}
            closing = Closing(record.after, record.received_at)
            closed = {day: closed.get(day, closing) for day in over}
    kept, wanted = PartitionFacts(place, {}, held, closed, began), set().union(*held.values())
    for told, _, _ in _admitted(source, place, partitions, reach, rules):
        for each in told:
            if each.fact.subject_id in wanted:
                kept.told.setdefault(each.fact.subject_id, []).append(each)
    return kept


def _window(day: date, rules: Rules) -> Window:
    return resolve(f"{day}/{day + timedelta(days=1)}", instant(0), rules.force)


def _admitted(
    source: RecordSource, place: Place, partitions: int, reach: tuple[int, int], rules: Rules
) -> Iterator[tuple[list[CountedFact], Record, int | None]]:
    """The facts of the force that count, record by record, with the record and the watermark after it."""
    name = rules.force.name
    partition = PartitionFold(cast(Topic, place[0]), OwnPartition(place[1], partitions), {name: rules})
    for some in source.read(place, *reach):
        for record in map(record_of, some):
            admitted = partition.admit([record])
            told = [_told(record, place[1], fact) for facts in admitted.facts.values() for fact in facts]
            yield told, record, partition.watermark(name)


def _told(record: Record, number: int, fact: SubjectFact) -> CountedFact:
    origin = record.moved_from
    if origin is None:
        return CountedFact(number, record.offset, record.received_at, fact)
    received_at = received(origin.received_at)
    if origin.counted_on is None or origin.counted_at is None:
        return CountedFact(number, record.offset, received_at, fact)
    return CountedFact(origin.counted_on, origin.counted_at, received_at, fact)


# A day, as it was and as it is.

_Cells = dict[tuple[str, ...], Figure]
"""The cells of an answer by their words."""


class _Since(NamedTuple):
    """A fact that was told after a day was first shown, and what its subject's outcomes of the day would be without it."""

    told: CountedFact
    without: Outcomes


class _Subject(NamedTuple):
    """One subject's outcomes of a day, when it was first shown and now, and what was told of it since."""

    subject_id: str
    first: Outcomes
    now: Outcomes
    since: list[_Since]


class _Day:
    """Outcomes of one day as a source of readings."""

    def __init__(self, day: int, outcomes: Iterable[Outcomes]) -> None:
        counts: Counter[Field] = Counter()
        self._open: dict[str, list[OpenItem]] = {}
        for each in outcomes:
            counts.update((one.kind, one.dimensions, one.value) for one in each.finished)
            for matter in each.open:
                self._open.setdefault(matter.kind, []).append(matter)
        self._day, self._pane = day, cast(Pane, {})
        apply(self._pane, dict(counts))

    def panes(self, grain: Grain, first: int, last: int) -> Iterable[tuple[int, Pane]]:
        return [(self._day, self._pane)] if grain == "day" and first <= self._day < last else []

    def open(self, kind: str) -> Iterable[OpenItem]:
        return self._open.get(kind, [])


def restated(
    kept: Sequence[PartitionFacts],
    rules: Rules,
    days: Sequence[date],
    measures: Iterable[Measure],
    by: tuple[str, ...],
    as_of: datetime,
) -> Iterator[Restatement]:
    """Every figure of closed days that has changed since it was first shown, day by day.

    Args:
        kept: of every partition.
        rules: of the force.
        days: the local days; those not yet closed everywhere are left out of the measures they concern.
        measures: those asked about; what stands open now has no day.
        by: the dimensions to break them down by; measures that lack one are left out.
        as_of: the force's present, at which figures are taken now.
    """
    asked = [
        each
        for each in measures
        if each.feeds(rules.force)
        and not each.is_open()
        and not isinstance(each.statistic, External)
        and set(by) <= set(each.dimensions())
    ]
    closings = {each.place: _closings(each, kept) for each in kept}
    for day in days:
        subjects = {each.place: list(_subjects(each, closings, rules, day.toordinal())) for each in kept}
        for measure in asked:
            parts = [each for each in kept if each.place[0] in measure.topics()]
            if parts and all(day.toordinal() in each.closed for each in parts):
                of = sorted((one for each in parts for one in subjects[each.place]), key=_name)
                yield from _of_day(measure, day, of, rules, by, as_of)


def _closings(kept: PartitionFacts, every: Sequence[PartitionFacts]) -> Mapping[int, int]:
    """Up to which offset each day was first shown: of a partition that was added later, none of what was over by then."""
    others = [each for each in every if each.place[0] == kept.place[0]]
    return {day: 0 if _was_over(day, kept, others) else closing.offset for day, closing in kept.closed.items()}


def _was_over(day: int, kept: PartitionFacts, others: Sequence[PartitionFacts]) -> bool:
    """Whether a day was closed on every partition there was then, before this one began."""
    first = min(each.closed[day].at for each in others if day in each.closed)
    closed = [each.closed.get(day) for each in others if each.began is not None and each.began <= first]
    began = kept.began or first
    return began > first and all(each is not None and each.at <= began for each in closed)


def _name(subject: _Subject) -> str:
    return subject.subject_id


def open_days(kept: Iterable[PartitionFacts], days: Iterable[date]) -> dict[date, list[str]]:
    """The days that are not closed, each with the topics of which it is not: these were never shown as whole days."""
    found: dict[date, list[str]] = {}
    every = list(kept)
    for day in days:
        topics = sorted({each.place[0] for each in every if day.toordinal() not in each.closed})
        if topics:
            found[day] = topics
    return found


def _subjects(kept: PartitionFacts, closings: Closings, rules: Rules, day: int) -> Iterator[_Subject]:
    """The subjects that have, or had, an outcome on a day."""
    if day not in kept.closed:
        return
    topic = cast(Topic, kept.place[0])
    for subject_id in sorted(kept.held.get(day, ())):
        told = kept.told[subject_id]
        shown = [each for each in told if each.offset < closings[topic, each.number].get(day, 0)]
        first = _of(day, topic, shown, rules)
        if len(shown) == len(told):
            yield _Subject(subject_id, first, first, [])
            continue
        now = _of(day, topic, told, rules)
        since = [
            _Since(each, _of(day, topic, [one for one in told if one.fact != each.fact], rules))
            for each in _new(shown, told)
        ]
        yield _Subject(subject_id, first, now, since)


def _new(shown: Iterable[CountedFact], told: Iterable[CountedFact]) -> list[CountedFact]:
    """The facts that are not among those shown first: one told twice is one."""
    timeline: Timeline = {}
    for each in shown:
        add(timeline, each.fact)
    return [each for each in told if add(timeline, each.fact)]


def _of(day: int, topic: Topic, told: Iterable[CountedFact], rules: Rules) -> Outcomes:
    """The outcomes of a subject that began on a day."""
    timeline: Timeline = {}
    for each in told:
        add(timeline, each.fact)
    finished, matters = outcomes_of(topic, timeline, rules) if timeline else Outcomes([], [])
    return Outcomes(
        [each for each in finished if rules.local_day(each.began) == day],
        [each for each in matters if rules.local_day(each.began) == day],
    )


def _of_day(
    measure: Measure, day: date, subjects: Sequence[_Subject], rules: Rules, by: tuple[str, ...], as_of: datetime
) -> Iterator[Restatement]:
    """What has changed of a measure on a day; it was first shown as of the day's end."""
    window = _window(day, rules)
    then, today = (Question(measure, window, moment, by, {}, is_now=False) for moment in (window.end, as_of))
    check(today, rules)

    def told(question: Question, outcomes: Iterable[Outcomes]) -> _Cells:
        found = read(question, _Day(day.toordinal(), outcomes), rules)
        return {tuple(each.dimensions.values()): each for each in found}

    first, now = told(then, (each.first for each in subjects)), told(today, (each.now for each in subjects))
    changed = [words for words in sorted(first.keys() | now.keys()) if _differs(first, now, words)]
    if not changed:
        return
    # A subject is behind a cell when the cell of that subject alone has changed; a fact, when without it that would be another.
    moved = [each for each in subjects if each.first != each.now or each.first.open]
    own = [(each, told(then, [each.first]), told(today, [each.now])) for each in moved]
    for words in changed:
        because: list[Because] = []
        for each, before, after in own:
            if _differs(before, after, words):
                needed = [one.told for one in each.since if _differs(told(today, [one.without]), after, words)]
                because += _because(each, needed or [one.told for one in each.since], microseconds(window.end))
        yield _restatement(measure, day, first.get(words), now.get(words), because)


def _differs(one: _Cells, other: _Cells, words: tuple[str, ...]) -> bool:
    """Whether a cell shows another figure in the one than in the other; how its spans are spread is not shown of a day."""
    numbers = [(cell.value, cell.n, cell.met) if cell else None for cell in (one.get(words), other.get(words))]
    return numbers[0] != numbers[1]


def _restatement(
    measure: Measure, day: date, first: Figure | None, now: Figure | None, because: Sequence[Because]
) -> Restatement:
    causes = Counter(cause for cause, _ in {(each.cause, each.subject_id) for each in because})
    known = first or now
    return Restatement(
        day=day,
        measure=measure.name,
        words=known.dimensions if known else {},
        unit=measure.unit,
        first=first.value if first else None,
        first_n=first.n if first else 0,
        now=now.value if now else None,
        now_n=now.n if now else 0,
        causes=dict(sorted(causes.items())),
        because=tuple(because),
    )


def _because(subject: _Subject, facts: Iterable[CountedFact], end: int) -> list[Because]:
    """The facts behind a change of one subject; without any, time has gone by."""
    return [
        Because(
            cause=cause_of(each.fact, end),
            subject_id=subject.subject_id,
            received_at=each.received_at,
            fact=msgspec.Raw(canonical(each.fact)),
        )
        for each in facts
    ] or [Because(cause="fell due", subject_id=subject.subject_id)]


def cause_of(fact: SubjectFact, end: int) -> Cause:
    """What kind of change a fact is that was told after a day's figures were first shown.

    Args:
        fact: the fact.
        end: of the day, in microseconds.
    """
    if isinstance(fact, FactWithdrawn):
        return "withdrawn"
    if fact.corrects is not None:
        return "corrected"
    if isinstance(fact, IncidentRegraded):
        return "regraded"
    if isinstance(fact, IncidentReclassified):
        return "reclassified"
    return "late" if microseconds(fact.at) < end else "afterwards"
