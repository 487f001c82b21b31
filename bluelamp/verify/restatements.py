"""Restatements: the daily figures that have changed since they were first published, by how much, and because of which facts.

A day's figures are first published when the day is closed: on each partition, at the first offset where the watermark has passed
the end of the day. The first published figures are therefore a function of the log, like every other figure: they are computed
again from the log up to that offset, and need not be stored.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple, cast

import msgspec
from msgspec import Struct

from facts.fact import EndedByHand, FactWithdrawn, SubjectFact
from facts.incident import IncidentReclassified, IncidentRegraded
from facts.union import Topic
from facts.wire import canonical
from measures.measure import External, Measure, Unit
from measures.outcome import OpenItem, Outcomes, instant, microseconds
from measures.outcomes import outcomes_of
from measures.pane import Counts, Grain, OpenPane, apply, name_of
from measures.reading import Figure, Question, check, read
from measures.rules import Rules
from measures.timeline import MOST_FACTS, Timeline, add, is_full_for
from measures.window import Window, resolve
from streams.fold import PartitionFold
from streams.logreader import RecordSource
from streams.moving import OwnPartition
from streams.record import Place, Record, received, record_of

Cause = Literal[
    "withdrawn",
    "corrected",
    "regraded",
    "reclassified",
    "late",
    "ended by hand",
    "unrecorded",
    "afterwards",
    "fell due",
]
BY_TIME_ALONE: frozenset[Cause] = frozenset(("afterwards", "fell due"))
"""Causes that do not count as restatements: an open item of the day ended, or fell due, after the day was published."""


class ChangedBy(Struct, frozen=True, kw_only=True):
    """A fact, received after the day's figures were first published, that changed a figure.

    Attributes:
        cause: the kind of change.
        subject_id: the subject's id in the force's system.
        received_at: when the log received the fact.
        fact: its canonical JSON; None where no fact arrived, and an open item fell due or its end came to count as unrecorded.
    """

    cause: Cause
    subject_id: str
    received_at: datetime | None = None
    fact: msgspec.Raw | None = None


class Restatement(Struct, frozen=True, kw_only=True):
    """A figure of a day that has changed since it was first published.

    Attributes:
        day: the local day on which its subjects began.
        measure: the name of its measure.
        words: the label of each dimension of the breakdown.
        unit: the unit of the values.
        first: the first published value.
        first_n: its n.
        now: the value now.
        now_n: its n.
        causes: the number of subjects of each cause.
        because: the facts that changed it, subject by subject.
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
    because: tuple[ChangedBy, ...]

    def is_restated(self) -> bool:
        """Whether it changed for any reason other than open items that ended or fell due."""
        return not is_by_time_alone(self.because)


def is_by_time_alone(because: Iterable[ChangedBy]) -> bool:
    """Whether a change comes only from open items that ended or fell due."""
    return BY_TIME_ALONE.issuperset(each.cause for each in because)


class CountedFact(NamedTuple):
    """A fact that counts, with its first position in the log.

    Attributes:
        number: the partition on which it first counted; not its current one if partitions were added to the topic since.
        offset: its offset there.
        received_at: when the log first received it.
        fact: the fact.
    """

    number: int
    offset: int
    received_at: datetime
    fact: SubjectFact


Closings = Mapping[Place, Mapping[int, int]]
"""The offset up to which a day's figures were first published, by partition and by the day's ordinal."""


class Closing(NamedTuple):
    """Where a day was closed on a partition: the offset, and when the log received the heartbeat that closed it."""

    offset: int
    at: datetime


class PartitionFacts(Struct):
    """The facts of a partition that a period needs, and where each day was closed.

    Attributes:
        place: the partition.
        facts: the facts of each subject, in order of the log.
        subjects: for a day's ordinal, the subjects with a fact on that day.
        closed: for a day's ordinal, where it was closed; a day that is missing is still open.
        began: when the log received the first record; None while there is none.
    """

    place: Place
    facts: dict[str, list[CountedFact]]
    subjects: dict[int, set[str]]
    closed: dict[int, Closing]
    began: datetime | None


def read_partition(
    source: RecordSource, place: Place, partitions: int, reach: tuple[int, int], rules: Rules, days: Sequence[date]
) -> PartitionFacts:
    """Read a partition twice: first to find the subjects with a fact on any of the days, then to read all their facts.

    Args:
        source: the log.
        place: the partition.
        partitions: the number of partitions of its topic.
        reach: its first offset, and the offset after its last.
        rules: the rules of the force.
        days: the local days.
    """
    ends = {day.toordinal(): microseconds(_window(day, rules).end) for day in days}
    first, last = microseconds(_window(days[0], rules).start), max(ends.values())
    subjects: dict[int, set[str]] = {}
    closed: dict[int, Closing] = {}
    began: datetime | None = None
    before = None
    for facts, record, mark in _admitted(source, place, partitions, reach, rules):
        began = began or record.received_at
        for each in facts:
            if first <= (at := microseconds(each.fact.at)) < last:
                subjects.setdefault(rules.local_day(at), set()).add(each.fact.subject_id)
        if mark != before:
            # A wrong clock can move the watermark past a day that is not over. When it moves back, the day is open again.
            before, over = mark, {day for day, end in ends.items() if mark is not None and end <= mark}
            closing = Closing(record.after, record.received_at)
            closed = {day: closed.get(day, closing) for day in over}
    result, wanted = PartitionFacts(place, {}, subjects, closed, began), set().union(*subjects.values())
    for facts, _, _ in _admitted(source, place, partitions, reach, rules):
        for each in facts:
            if each.fact.subject_id in wanted:
                result.facts.setdefault(each.fact.subject_id, []).append(each)
    result.facts = {subject_id: _within_most(facts) for subject_id, facts in result.facts.items()}
    return result


def _within_most(facts: list[CountedFact]) -> list[CountedFact]:
    """The facts of a subject that count, although it may have been sent more than one may have."""
    if len(facts) <= MOST_FACTS:
        return facts
    timeline: Timeline = {}
    kept = []
    for each in facts:
        if not is_full_for(timeline, each.fact):
            add(timeline, each.fact)
            kept.append(each)
    return kept


def _window(day: date, rules: Rules) -> Window:
    return resolve(f"{day}/{day + timedelta(days=1)}", instant(0), rules.force)


def _admitted(
    source: RecordSource, place: Place, partitions: int, reach: tuple[int, int], rules: Rules
) -> Iterator[tuple[list[CountedFact], Record, int | None]]:
    """For each record: the facts of the force that count, the record, and the watermark after it."""
    name = rules.force.name
    partition = PartitionFold(cast(Topic, place[0]), OwnPartition(place[1], partitions), {name: rules})
    for batch in source.read(place, *reach):
        for record in map(record_of, batch):
            admitted = partition.admit([record])
            counted = [_counted(record, place[1], fact) for each in admitted.facts.values() for fact, _, _ in each]
            yield counted, record, partition.watermark(name)


def _counted(record: Record, number: int, fact: SubjectFact) -> CountedFact:
    origin = record.moved_from
    if origin is None:
        return CountedFact(number, record.offset, record.received_at, fact)
    received_at = received(origin.received_at)
    if origin.counted_on is None or origin.counted_at is None:
        return CountedFact(number, record.offset, received_at, fact)
    return CountedFact(origin.counted_on, origin.counted_at, received_at, fact)


# A day as it was first published, and as it is now.

_Cells = dict[tuple[str, ...], Figure]
"""Figures by their labels."""


class _Since(NamedTuple):
    """A fact received after a day was first published.

    Attributes:
        counted: the fact.
        without: the outcomes of its subject on that day without it.
        is_again: whether a fact with its id was published with the day, so that it is a later record of that fact.
    """

    counted: CountedFact
    without: Outcomes
    is_again: bool


class _Subject(NamedTuple):
    """A subject's outcomes on a day, as first published and now, and the facts received in between."""

    subject_id: str
    first: Outcomes
    now: Outcomes
    since: list[_Since]


class _Day:
    """Outcomes of one day as a source of readings."""

    def __init__(self, day: int, outcomes: Iterable[Outcomes]) -> None:
        counts: dict[str, Counter[str]] = {}
        self._open: dict[str, list[OpenItem]] = {}
        for each in outcomes:
            for one in each.finished:
                counts.setdefault(one.kind, Counter())[name_of(one.dimensions, one.value)] += 1
            for item in each.open:
                self._open.setdefault(item.kind, []).append(item)
        self._day, self._pane = day, cast(OpenPane, {})
        for kind, of_kind in counts.items():
            apply(self._pane, kind, of_kind)

    def panes(self, kind: str, grain: Grain, first: int, last: int) -> Iterable[tuple[int, Counts]]:
        is_inside = grain == "day" and first <= self._day < last
        return [(self._day, self._pane[kind])] if is_inside and kind in self._pane else []

    def open(self, kind: str) -> Iterable[OpenItem]:
        return self._open.get(kind, [])


def restated(
    parts: Sequence[PartitionFacts],
    rules: Rules,
    days: Sequence[date],
    measures: Iterable[Measure],
    by: tuple[str, ...],
    as_of: datetime,
) -> Iterator[Restatement]:
    """Every figure of closed days that has changed since it was first published, day by day.

    Args:
        parts: the facts of every partition.
        rules: the rules of the force.
        days: the local days. A measure leaves out the days that are still open on one of its topics.
        measures: the measures to check. Measures of open items are left out, because they have no day.
        by: the dimensions to break them down by. Measures that lack one are left out.
        as_of: the force's present, which is the time of the current figures.
    """
    chosen = [
        each
        for each in measures
        if each.feeds(rules.force)
        and not each.is_open()
        and not isinstance(each.statistic, External)
        and set(by) <= set(each.dimensions())
    ]
    closings = {each.place: _closings(each, parts) for each in parts}
    for day in days:
        subjects = {each.place: list(_subjects(each, closings, rules, day.toordinal())) for each in parts}
        for measure in chosen:
            its_parts = [each for each in parts if each.place[0] in measure.topics()]
            if its_parts and all(day.toordinal() in each.closed for each in its_parts):
                of = sorted((one for each in its_parts for one in subjects[each.place]), key=_name)
                yield from _of_day(measure, day, of, rules, by, as_of)


def _closings(part: PartitionFacts, every: Sequence[PartitionFacts]) -> Mapping[int, int]:
    """The offset at which each day was first published; 0 for days published before a later partition was added."""
    others = [each for each in every if each.place[0] == part.place[0]]
    return {day: 0 if _was_over(day, part, others) else closing.offset for day, closing in part.closed.items()}


def _was_over(day: int, part: PartitionFacts, others: Sequence[PartitionFacts]) -> bool:
    """Whether every partition that existed at the time had closed the day before this partition began."""
    first = min(each.closed[day].at for each in others if day in each.closed)
    closed = [each.closed.get(day) for each in others if each.began is not None and each.began <= first]
    began = part.began or first
    return began > first and all(each is not None and each.at <= began for each in closed)


def _name(subject: _Subject) -> str:
    return subject.subject_id


def open_days(parts: Iterable[PartitionFacts], days: Iterable[date]) -> dict[date, list[str]]:
    """The days that are not published yet, each with the topics on which it is still open."""
    found: dict[date, list[str]] = {}
    every = list(parts)
    for day in days:
        topics = sorted({each.place[0] for each in every if day.toordinal() not in each.closed})
        if topics:
            found[day] = topics
    return found


def _subjects(part: PartitionFacts, closings: Closings, rules: Rules, day: int) -> Iterator[_Subject]:
    """The subjects that have, or had, an outcome on a day."""
    if day not in part.closed:
        return
    topic = cast(Topic, part.place[0])
    for subject_id in sorted(part.subjects.get(day, ())):
        facts = part.facts[subject_id]
        published = [each for each in facts if each.offset < closings[topic, each.number].get(day, 0)]
        first = _of(day, topic, published, rules)
        if len(published) == len(facts):
            yield _Subject(subject_id, first, first, [])
            continue
        now = _of(day, topic, facts, rules)
        known = {each.fact.fact_id for each in published}
        since = [
            _Since(
                each,
                _of(day, topic, [one for one in facts if one.fact != each.fact], rules),
                is_again=each.fact.fact_id in known,
            )
            for each in _new(published, facts)
        ]
        yield _Subject(subject_id, first, now, since)


def _new(published: Iterable[CountedFact], facts: Iterable[CountedFact]) -> list[CountedFact]:
    """The facts received after the first publication. A fact that repeats a published one is not new."""
    timeline: Timeline = {}
    for each in published:
        add(timeline, each.fact)
    return [each for each in facts if add(timeline, each.fact)]


def _of(day: int, topic: Topic, facts: Iterable[CountedFact], rules: Rules) -> Outcomes:
    """The outcomes on a day of a subject with these facts."""
    timeline: Timeline = {}
    for each in facts:
        add(timeline, each.fact)
    finished, open_items = outcomes_of(topic, timeline, rules) if timeline else Outcomes([], [])
    return Outcomes(
        [each for each in finished if rules.local_day(each.began) == day],
        [each for each in open_items if rules.local_day(each.began) == day],
    )


def _of_day(
    measure: Measure, day: date, subjects: Sequence[_Subject], rules: Rules, by: tuple[str, ...], as_of: datetime
) -> Iterator[Restatement]:
    """The figures of a measure on a day that have changed. They were first published as of the end of the day."""
    window = _window(day, rules)
    then, today = (Question(measure, window, moment, by, {}, is_now=False) for moment in (window.end, as_of))
    check(today, rules)

    def cells(question: Question, outcomes: Iterable[Outcomes]) -> _Cells:
        figures = read(question, _Day(day.toordinal(), outcomes), rules)
        return {tuple(each.dimensions.values()): each for each in figures}

    first, now = cells(then, (each.first for each in subjects)), cells(today, (each.now for each in subjects))
    changed = [words for words in sorted(first.keys() | now.keys()) if _differs(first, now, words)]
    if not changed:
        return
    # A subject is behind a change if the figure of that subject alone has changed; a fact is, if that figure depends on it.
    moved = [each for each in subjects if each.first != each.now or each.first.open]
    own = [(each, cells(then, [each.first]), cells(today, [each.now])) for each in moved]
    for words in changed:
        because: list[ChangedBy] = []
        for each, before, after in own:
            if _differs(before, after, words):
                needed = [one for one in each.since if _differs(cells(today, [one.without]), after, words)]
                because += _because(each, needed or each.since, microseconds(window.end), microseconds(as_of))
        yield _restatement(measure, day, first.get(words), now.get(words), because)


def _differs(one: _Cells, other: _Cells, words: tuple[str, ...]) -> bool:
    """Whether a figure differs. Spreads are ignored, because daily figures have none."""
    numbers = [(cell.value, cell.n, cell.met) if cell else None for cell in (one.get(words), other.get(words))]
    return numbers[0] != numbers[1]


def _restatement(
    measure: Measure, day: date, first: Figure | None, now: Figure | None, because: Sequence[ChangedBy]
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


def _because(subject: _Subject, since: Iterable[_Since], end: int, as_of: int) -> list[ChangedBy]:
    """The facts behind a change of one subject; without any fact, time has passed for an open item."""
    is_unrecorded = any(each.is_unrecorded(as_of) and not each.is_unrecorded(end) for each in subject.now.open)
    return [
        ChangedBy(
            cause="corrected" if each.is_again else cause_of(each.counted.fact, end),
            subject_id=subject.subject_id,
            received_at=each.counted.received_at,
            fact=msgspec.Raw(canonical(each.counted.fact)),
        )
        for each in since
    ] or [ChangedBy(cause="unrecorded" if is_unrecorded else "fell due", subject_id=subject.subject_id)]


def cause_of(fact: SubjectFact, end: int) -> Cause:
    """The kind of change that a fact makes to the published figures of a day.

    Args:
        fact: the fact, received after the day's figures were first published.
        end: the end of the day, in microseconds since 1970.
    """
    if isinstance(fact, FactWithdrawn):
        return "withdrawn"
    if isinstance(fact, EndedByHand):
        return "ended by hand"
    if fact.corrects is not None:
        return "corrected"
    if isinstance(fact, IncidentRegraded):
        return "regraded"
    if isinstance(fact, IncidentReclassified):
        return "reclassified"
    return "late" if microseconds(fact.at) < end else "afterwards"
