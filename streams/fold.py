"""The pure heart of a worker: records of one partition in, the change to its state out."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from facts.batch import Entry, Passed
from facts.fact import SubjectFact
from facts.feed import FeedHeartbeat
from facts.moved import Origin, origin_of
from facts.partitioning import partition_of
from facts.union import AnyFact, Topic
from facts.wire import Unreadable, decode, encode, refuse
from measures.outcome import Outcomes, instant, microseconds
from measures.outcomes import outcomes_of
from measures.pane import GRAINS, Deltas, Grain, difference
from measures.rules import Rules
from measures.timeline import Timeline, add
from measures.window import first_kept, kept_from
from streams.codec import subject_key
from streams.feeds import EventSpan, Feeds, FeedState, watermark

SUBJECTS_REMEMBERED = 20_000
MOVED_FACTS = 100
"""The most facts moved in one record: some hundred kilobytes, well below what any topic takes."""


class Share(NamedTuple):
    """One partition of so many: which subjects are its own follows from that.

    Attributes:
        number: of the partition.
        of: how many its topic has.
        before: how many it had when the version of the state before this one was built; the same unless some were added.
    """

    number: int
    of: int
    before: int = 0

    def is_own(self, fact: SubjectFact) -> bool:
        """Whether a fact belongs here."""
        return partition_of(fact.subject_id, self.of) == self.number

    def was_own(self, fact: SubjectFact) -> bool:
        """Whether it belonged here before the topic was given more partitions."""
        return 0 < self.before < self.of and partition_of(fact.subject_id, self.before) == self.number


Elsewhere = dict[tuple[int, bool], list[tuple[int, SubjectFact]]]
"""Facts that do not belong here: by where they do and whether they did, each with its position in its record."""


class Record(NamedTuple):
    """One record of the log.

    Attributes:
        offset: its place in the partition.
        received_at: when the log received it.
        value: its bytes.
        moved_from: where its facts were first received; None when that was here.
        passed: the offsets that hold nothing to be read, where it stands for such and is no record.
    """

    offset: int
    received_at: datetime
    value: bytes | None
    moved_from: Origin | None = None
    passed: Passed | None = None

    @property
    def after(self) -> int:
        """The offset that follows it."""
        return self.passed.last + 1 if self.passed else self.offset + 1


class Quarantined(Struct, frozen=True):
    """Something that may not be counted, and where it lies in the log.

    Attributes:
        offset: of its record, or the first of its batch.
        last_offset: the same, or the last of its batch.
        refusal: what is wrong with it.
        fact: the fact itself when it could be read, so that it is not lost when the log forgets it.
    """

    offset: int
    last_offset: int
    refusal: Unreadable
    fact: str | None = None


class Moved(NamedTuple):
    """Facts of one record that are not of this partition's subjects.

    Attributes:
        partition: where they belong.
        origin: where they were first received.
        facts: in the order of their record, a parcel at most.
    """

    partition: int
    origin: Origin
    facts: list[SubjectFact]


class Subject(Struct):
    """A subject as the partition remembers it."""

    timeline: Timeline
    outcomes: Outcomes


class Change(Struct):
    """What a batch does to the state of its partition.

    Attributes:
        panes: by force, what is added to each pane.
        timelines: the timelines that changed.
        open: what stands open of the subjects for which that changed.
        feeds: feeds that were heard, by force and feed.
        events: event times by force.
        drop_before: by force and grain, the first slot still kept; what lies before is dropped.
        counts: what happened, for the worker's figures.
        quarantined: what may not be counted.
        moved: facts that do not count here and are to be sent to the partition they belong on.
    """

    panes: dict[str, Deltas] = field(default_factory=dict)
    timelines: dict[str, Timeline] = field(default_factory=dict)
    open: dict[str, Outcomes] = field(default_factory=dict)
    feeds: Feeds = field(default_factory=dict)
    events: dict[str, EventSpan] = field(default_factory=dict)
    drop_before: dict[tuple[str, Grain], int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)

    def count(self, name: str, times: int = 1) -> None:
        """Count something that happened."""
        self.counts[name] = self.counts.get(name, 0) + times


class Admitted(NamedTuple):
    """The facts of a batch that count, by subject in order of the log, and the change so far."""

    facts: dict[str, list[SubjectFact]]
    change: Change


class Partition:
    """What a worker remembers of one partition it owns; the state holds the same and more.

    Args:
        topic: the partition's topic.
        share: which of the topic's partitions it is.
        rules: by force.
        feeds: as the state has them.
        events: as the state has them.
    """

    def __init__(
        self,
        topic: Topic,
        share: Share,
        rules: Mapping[str, Rules],
        feeds: Feeds | None = None,
        events: dict[str, EventSpan] | None = None,
    ) -> None:
        self.topic, self.share, self.rules = topic, share, rules
        self.feeds, self.events = feeds or {}, events or {}
        self.subjects: dict[str, Subject] = {}
        self._dropped: dict[tuple[str, Grain], int] = {}

    def watermark(self, force: str) -> int | None:
        """Nothing older than this is expected of a force; None until all of its feeds have been heard."""
        return watermark(self.feeds, self.rules[force].force, self.topic)

    def admit(self, records: Iterable[Record]) -> Admitted:
        """Read records, in the order of the log; heartbeats take effect where they stand."""
        facts: dict[str, list[SubjectFact]] = {}
        change = Change()
        for record in records:
            if record.passed:
                _pass(change, record, record.passed)
                continue
            parcel = decode(record.value, self.topic, record.received_at)
            change.count("records")
            for refusal in parcel.unreadable:
                _quarantine(change, record, refusal)
            elsewhere: Elsewhere = {}
            for index, fact in parcel.facts:
                self._admit_fact(record, index, fact, facts, elsewhere, change)
            for (partition, was_own), misplaced in elsewhere.items():
                change.count("moved", len(misplaced))
                change.moved += _parcels(record, self.share.number, partition, misplaced, was_own=was_own)
        return Admitted(facts, change)

    def _admit_fact(
        self,
        record: Record,
        index: int,
        fact: AnyFact,
        facts: dict[str, list[SubjectFact]],
        elsewhere: Elsewhere,
        change: Change,
    ) -> None:
        if fact.force not in self.rules:
            _quarantine(change, record, refuse("unlisted_force", "No profile names this force.", index, "$.force"))
        elif isinstance(fact, FeedHeartbeat):
            self._hear(fact, record, change)
        elif record.moved_from is None and self._is_too_late(fact):
            # Of a moved fact this was judged where it was first received.
            refusal = refuse("too_late", "It happened before everything that is still kept.", index, "$.at")
            _quarantine(change, record, refusal, fact)
        elif not self.share.is_own(fact):
            own = partition_of(fact.subject_id, self.share.of)
            elsewhere.setdefault((own, self.share.was_own(fact)), []).append((index, fact))
        else:
            self._see(fact, change)
            facts.setdefault(subject_key(fact.force, fact.subject_id), []).append(fact)

    def _hear(self, heartbeat: FeedHeartbeat, record: Record, change: Change) -> None:
        key = (heartbeat.force, heartbeat.feed)
        known = self.feeds.get(key)
        complete_to = microseconds(heartbeat.complete_to)
        is_simulated = heartbeat.simulated
        if known:
            complete_to = max(complete_to, known.complete_to)
            is_simulated = is_simulated or known.is_simulated
        self.feeds[key] = change.feeds[key] = FeedState(
            complete_to=complete_to,
            heard_at=microseconds(record.received_at),
            seq=heartbeat.seq,
            is_replay=heartbeat.replay,
            is_simulated=is_simulated,
            history_to=microseconds(heartbeat.history_to) if heartbeat.history_to else None,
        )
        change.count("heartbeats")

    def _is_too_late(self, fact: SubjectFact) -> bool:
        mark = self.watermark(fact.force)
        return mark is not None and microseconds(fact.at) < kept_from("day", mark)

    def _see(self, fact: SubjectFact, change: Change) -> None:
        """Note when a fact that counts here happened, and whether it is late."""
        force, at = fact.force, microseconds(fact.at)
        mark = self.watermark(force)
        if mark is not None and at < mark:
            change.count("late")
        span = self.events.get(force)
        if span is None or not span.first <= at <= span.last:
            span = EventSpan(min(at, span.first), max(at, span.last)) if span else EventSpan(at, at)
            self.events[force] = change.events[force] = span

    def unknown(self, admitted: Admitted) -> list[str]:
        """The subjects that must be fetched from the state before the batch can be folded."""
        return [key for key in admitted.facts if key not in self.subjects]

    def remember(self, key: str, timeline: Timeline) -> None:
        """Take up a subject as the state has it; an empty timeline is a new one."""
        self.subjects[key] = Subject(timeline, self._outcomes(key, timeline))

    def fold(self, admitted: Admitted) -> Change:
        """Add the facts to their timelines; the change to the figures is the outcomes after less those before."""
        facts, change = admitted
        for key, told in facts.items():
            self._fold_subject(key, told, change)
        self._drop_old(change)
        self._forget()
        return change

    def _fold_subject(self, key: str, told: list[SubjectFact], change: Change) -> None:
        subject = self.subjects.pop(key)
        self.subjects[key] = subject  # the one used last is forgotten last
        added = sum([add(subject.timeline, fact) for fact in told])
        change.count("facts", added)
        change.count("duplicates", len(told) - added)
        if not added:
            return
        before, subject.outcomes = subject.outcomes, self._outcomes(key, subject.timeline)
        force = told[0].force
        deltas = change.panes.setdefault(force, {})
        difference(before.finished, subject.outcomes.finished, self.rules[force], deltas)
        change.timelines[key] = subject.timeline
        if before.open != subject.outcomes.open:
            change.open[key] = subject.outcomes

    def _outcomes(self, key: str, timeline: Timeline) -> Outcomes:
        return outcomes_of(self.topic, timeline, self.rules[key.partition("|")[0]])

    def _drop_old(self, change: Change) -> None:
        """Leave out what falls into panes no longer kept, and say which panes to drop."""
        for force in {*change.panes, *(force for force, _ in change.feeds)}:
            mark = self.watermark(force)
            if mark is None:
                continue
            kept = {grain: first_kept(grain, mark, self.rules[force]) for grain in GRAINS}
            deltas = change.panes.get(force, {})
            change.panes[force] = {slot: counts for slot, counts in deltas.items() if slot[1] >= kept[slot[0]]}
            for grain, slot in kept.items():
                if self._dropped.get((force, grain)) != slot:
                    self._dropped[force, grain] = change.drop_before[force, grain] = slot

    def _forget(self) -> None:
        for key in list(self.subjects)[: max(0, len(self.subjects) - SUBJECTS_REMEMBERED)]:
            del self.subjects[key]


def _quarantine(change: Change, record: Record, refusal: Unreadable, fact: AnyFact | None = None) -> None:
    text = encode([fact]).decode() if fact is not None else None
    change.quarantined.append(Quarantined(record.offset, record.after - 1, refusal, text))
    change.count("quarantined")
    change.count(f"quarantined_{refusal.reason}")


def _pass(change: Change, record: Record, passed: Passed) -> None:
    """Offsets without a record: nothing, unless a batch lies there that cannot be read."""
    if passed.why:
        what = f"The batch of offsets {passed.first} to {passed.last} cannot be read: {passed.why}."
        _quarantine(change, record, refuse("unreadable_batch", what))


def record_of(entry: Entry) -> Record:
    """An entry of the log as it is folded."""
    if isinstance(entry, Passed):
        return Record(entry.first, received(entry.timestamp), None, passed=entry)
    return Record(entry.offset, received(entry.timestamp), entry.value, origin_of(entry.headers))


def _parcels(
    record: Record, number: int, partition: int, misplaced: list[tuple[int, SubjectFact]], *, was_own: bool
) -> Iterator[Moved]:
    """Facts of one record that belong on one other partition, as they are sent there."""
    for start in range(0, len(misplaced), MOVED_FACTS):
        some = misplaced[start : start + MOVED_FACTS]
        yield Moved(
            partition,
            _origin(record, number, [index for index, _ in some], was_own=was_own),
            [fact for _, fact in some],
        )


def _origin(record: Record, number: int, indexes: list[int], *, was_own: bool) -> Origin:
    """Where facts of a record were first received: of a copy that is moved again, where its own were."""
    known = record.moved_from if record.moved_from and len(record.moved_from.indexes) > max(indexes) else None
    first = known or Origin(
        partition=number,
        offset=record.offset,
        indexes=tuple(range(max(indexes) + 1)),
        received_at=microseconds(record.received_at) // 1000,
    )
    origin = replace(first, indexes=tuple(first.indexes[each] for each in indexes))
    if was_own and first.counted_on is None:
        return replace(origin, why="partitions_changed", counted_on=number, counted_at=record.offset)
    return origin


def received(timestamp_milliseconds: int) -> datetime:
    """The time the log gives a record, as an instant."""
    return instant(timestamp_milliseconds * 1000)
