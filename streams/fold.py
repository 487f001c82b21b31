"""The pure core of a worker: it turns the records of one partition into the change to its state."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, cast

from msgspec import Struct, field

from facts.batch import SkippedOffsets
from facts.contact import ContactOffered
from facts.fact import SubjectFact
from facts.feed import FeedHeartbeat
from facts.heartbeat_run import HeartbeatRun
from facts.union import AnyFact, Topic
from facts.wire import Unreadable, decode, encode, refuse
from measures.outcome import SECOND, Outcomes, microseconds
from measures.outcomes import outcomes_of
from measures.pane import EVERY_PANE, GRAINS, Deltas, FirstKept, Grain, difference
from measures.reading import SKEW_MICROSECONDS
from measures.rules import Rules
from measures.timeline import MOST_FACTS, Timeline, add, is_full_for
from measures.window import first_kept, kept_from
from streams.codec import subject_key
from streams.feeds import (
    Event,
    EventSpan,
    Feeds,
    FeedState,
    after_heartbeat,
    believed,
    filling_before,
    settled_mark,
    watermark,
    with_events,
)
from streams.heartbeats import fold_run
from streams.moving import Misplaced, Moved, OwnPartition, moved_batches
from streams.record import Record, record_of
from streams.subject_cache import CachedSubject, SubjectCache

FAR_AHEAD = 60 * SECOND
"""A worker's clock may be seconds behind the log's. A time further ahead than this comes from a wrong clock."""


class Quarantined(Struct, frozen=True):
    """Something that cannot be counted, and its place in the log.

    Attributes:
        offset: the offset of its record, or the first offset of an unreadable batch.
        last_offset: the same, or the last offset of that batch.
        refusal: what is wrong with it.
        fact: the fact itself if it could be read, so that it is not lost when the log deletes it.
    """

    offset: int
    last_offset: int
    refusal: Unreadable
    fact: str | None = None


class Change(Struct):
    """What a batch does to the state of its partition.

    Attributes:
        panes: by force, the counts to add to each pane.
        timelines: the timelines that changed.
        open: the outcomes of the subjects whose open items changed.
        closed: those of the changed timelines whose subjects have no open items.
        feeds: the feeds that changed, by force and feed.
        events: event times by force.
        drop_before: by force and grain, the first slot still kept; earlier ones are dropped.
        counts: the number of times each thing happened, for the worker's own figures.
        quarantined: what cannot be counted.
        moved: facts that belong on another partition, to be sent there.
    """

    panes: dict[str, Deltas] = field(default_factory=dict)
    timelines: dict[str, Timeline] = field(default_factory=dict)
    open: dict[str, Outcomes] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    feeds: Feeds = field(default_factory=dict)
    events: dict[str, EventSpan] = field(default_factory=dict)
    drop_before: dict[tuple[str, Grain], int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)

    def count(self, name: str, times: int = 1) -> None:
        """Count something that happened."""
        self.counts[name] = self.counts.get(name, 0) + times


class FactOfRecord(NamedTuple):
    """A fact, the record that it came in, and its place among the facts of that record."""

    fact: SubjectFact
    record: Record
    place: int


class Admitted(NamedTuple):
    """The facts of a batch that count unless their subject is full, by subject and in the log's order, and the change so far."""

    facts: dict[str, list[FactOfRecord]]
    change: Change


class Marks(NamedTuple):
    """The times of one force, in microseconds, by which its facts are judged; None while nothing is known.

    Attributes:
        watermark: nothing older than this is expected.
        settled: the same for what is settled.
        kept_from: older facts are too late.
        filling_before: feeds are still sending their history before this time, so older facts are not late.
        kept: the first pane of each grain that is kept.
    """

    watermark: int | None
    settled: int | None
    kept_from: int | None
    filling_before: int | None = None
    kept: FirstKept = EVERY_PANE

    def is_late(self, at: int) -> bool:
        """Whether a fact is older than the watermark."""
        is_history = self.filling_before is not None and at < self.filling_before
        return self.watermark is not None and at < self.watermark and not is_history

    def is_too_late(self, at: int) -> bool:
        """Whether a fact is older than everything that is kept."""
        return self.kept_from is not None and at < self.kept_from


def kept_panes(feeds: Feeds, rules: Rules, topic: Topic) -> FirstKept:
    """The first pane of each grain that a partition keeps of a force, by what its feeds have settled."""
    settled = settled_mark(feeds, rules.force, topic)
    if settled is None:
        return EVERY_PANE
    return FirstKept(**{grain: first_kept(grain, settled, rules) for grain in GRAINS})


class PartitionFold:
    """A worker's memory of one partition it owns; the state holds the same and more.

    Args:
        topic: the partition's topic.
        own_partition: which of the topic's partitions it is.
        rules: the rules, by force.
        feeds: as stored.
        events: as stored.
        dropped_before: by force, panes that will be dropped later on in the log, so that counting in them would be in vain.
    """

    def __init__(
        self,
        topic: Topic,
        own_partition: OwnPartition,
        rules: Mapping[str, Rules],
        feeds: Feeds | None = None,
        events: dict[str, EventSpan] | None = None,
        dropped_before: Mapping[str, FirstKept] = MappingProxyType({}),
    ) -> None:
        self.topic, self.own_partition, self.rules = topic, own_partition, rules
        self.feeds, self.events, self._dropped_before = feeds or {}, events or {}, dropped_before
        self._furthest = max((state.furthest() for state in self.feeds.values()), default=0)
        self._marks: dict[str, Marks] = {}
        self.subjects = SubjectCache()
        self._dropped: dict[tuple[str, Grain], int] = {}

    def watermark(self, force: str) -> int | None:
        """Nothing older than this is expected of a force; None until all of its feeds have sent a heartbeat."""
        return self._marks_of(force).watermark

    def _marks_of(self, force: str) -> Marks:
        """The marks of a force. Only a change of its feeds moves them."""
        marks = self._marks.get(force)
        if marks is None:
            feeds, rules, topic = self.feeds, self.rules[force], self.topic
            settled = settled_mark(feeds, rules.force, topic)
            marks = Marks(
                watermark(feeds, rules.force, topic),
                settled,
                None if settled is None else kept_from("day", settled),
                filling_before(feeds, rules.force, topic),
                self._kept(force),
            )
            self._marks[force] = marks
        return marks

    def _kept(self, force: str) -> FirstKept:
        kept = kept_panes(self.feeds, self.rules[force], self.topic)
        return FirstKept(*map(max, kept, self._dropped_before.get(force, EVERY_PANE)))

    def has_dropped_what_it_left_out(self) -> bool:
        """Whether the log has come as far as `dropped_before` said, so that no pane that is kept lacks a count."""
        return all(
            kept_panes(self.feeds, self.rules[force], self.topic) == self._kept(force) for force in self._dropped_before
        )

    def settled(self, force: str) -> int | None:
        """Everything of a force up to this time was certainly sent; None if nothing is settled."""
        return self._marks_of(force).settled

    def _set_feed(self, key: tuple[str, str], state: FeedState, change: Change) -> None:
        self.feeds[key] = change.feeds[key] = state
        self._furthest = max(self._furthest, state.furthest())
        self._marks.pop(key[0], None)

    def disprove(self, now: int) -> Change:
        """Doubt the feeds that claim a time far ahead of this worker's clock; the change is empty if none does.

        Args:
            now: the wall clock, in microseconds.
        """
        change = Change()
        if self._furthest > now + FAR_AHEAD:
            self._disprove(now, change)
        return change

    def admit(self, records: Iterable[Record]) -> Admitted:
        """Decode records, in the log's order; each heartbeat takes effect at its place in it."""
        facts: dict[str, list[FactOfRecord]] = {}
        change = Change()
        for record in records:
            if record.skipped:
                _skip(change, record, record.skipped)
            elif record.run:
                self._admit_run(record.run, facts, change)
            else:
                self._admit(record, facts, change)
        return Admitted(facts, change)

    def _admit(self, record: Record, facts: dict[str, list[FactOfRecord]], change: Change) -> None:
        decoded = decode(record.value, self.topic, record.received_at)
        change.count("records")
        if record.is_by_log:
            self._disprove(microseconds(record.received_at), change)
        else:
            change.count("producer_stamped")
        for refusal in decoded.unreadable:
            _quarantine(change, record, refusal)
        self._admit_facts(record, decoded.facts, facts, change)

    def _admit_run(self, run: HeartbeatRun, facts: dict[str, list[FactOfRecord]], change: Change) -> None:
        noted = fold_run(
            run,
            known=lambda key: self.feeds.get(key) if key[0] in self.rules else None,
            furthest=lambda: self._furthest,
            set_feed=lambda key, state: self._set_feed(key, state, change),
            admit=lambda place: self._admit(record_of(run.record(place)), facts, change),
        )
        change.count("records", noted)
        change.count("heartbeats", noted)

    def _admit_facts(
        self,
        record: Record,
        decoded: Sequence[tuple[int, AnyFact]],
        facts: dict[str, list[FactOfRecord]],
        change: Change,
    ) -> None:
        misplaced: Misplaced = {}
        events: dict[str, list[Event]] = {}
        for index, fact in decoded:
            if fact.force not in self.rules:
                _quarantine(change, record, refuse("unlisted_force", "No profile names this force.", index, "$.force"))
                continue
            if isinstance(fact, FeedHeartbeat):
                self._add_heartbeat(fact, record, change)
                continue
            at, marks = microseconds(fact.at), self._marks_of(fact.force)
            if record.moved_from is None and marks.is_too_late(at):
                # For a moved fact, the partition that first received it has decided this.
                refusal = refuse("too_late", "It happened before everything that is still kept.", index, "$.at")
                _quarantine(change, record, refusal, fact)
            elif not self.own_partition.is_own(fact):
                self.own_partition.add_misplaced(fact, index, misplaced)
            else:
                if marks.is_late(at):
                    change.count("late")
                line = fact.line if isinstance(fact, ContactOffered) else None
                events.setdefault(fact.force, []).append((at, line))
                facts.setdefault(subject_key(fact.force, fact.subject_id), []).append(FactOfRecord(fact, record, index))
        self._note_events(record, events, change)
        for moved in moved_batches(record, self.own_partition.number, misplaced):
            change.count("moved", len(moved.facts))
            change.moved.append(moved)

    def _disprove(self, now: int, change: Change) -> None:
        if self._furthest <= now + SKEW_MICROSECONDS:
            return
        for key, state in self.feeds.items():
            credible = believed(state, now)
            if credible != state:
                self._set_feed(key, credible, change)
        self._furthest = max((state.furthest() for state in self.feeds.values()), default=0)

    def _add_heartbeat(self, heartbeat: FeedHeartbeat, record: Record, change: Change) -> None:
        key = (heartbeat.force, heartbeat.feed)
        at = microseconds(record.received_at)
        state = after_heartbeat(self.feeds.get(key), heartbeat, at, is_by_log=record.is_by_log)
        self._set_feed(key, state, change)
        change.count("heartbeats")

    def _note_events(self, record: Record, events: Mapping[str, Sequence[Event]], change: Change) -> None:
        """Record when the facts of a record that count here happened."""
        received_at = microseconds(record.received_at)
        for force, happened in events.items():
            before = self.events.get(force)
            span = with_events(before, happened, received_at, is_by_log=record.is_by_log)
            if span != before:
                self.events[force] = change.events[force] = span

    def uncached(self, admitted: Admitted) -> list[str]:
        """The subjects that must be read from the state before the batch can be folded."""
        return [key for key in admitted.facts if key not in self.subjects]

    def cache_subject(self, key: str, timeline: Timeline) -> None:
        """Cache a subject as stored; an empty timeline means a new subject."""
        outcomes = self._outcomes(key, timeline) if timeline else Outcomes([], [])
        self.subjects.put(key, CachedSubject(timeline, outcomes))

    def fold(self, admitted: Admitted) -> Change:
        """Add the facts to their timelines; the change to the figures is the new outcomes less the old ones."""
        facts_by_subject, change = admitted
        for key, arrived in facts_by_subject.items():
            self._fold_subject(key, arrived, change)
        self._drop_old(change)
        self.subjects.forget()
        return change

    def _fold_subject(self, key: str, arrived: list[FactOfRecord], change: Change) -> None:
        subject = self.subjects.pop(key)
        facts, added = 0, 0
        for fact, record, place in arrived:
            if is_full_for(subject.timeline, fact):
                what = f"Its subject has {MOST_FACTS:,} facts already."
                _quarantine(change, record, refuse("too_many_facts", what, place, "$.subject_id"), fact)
                continue
            facts += 1
            added += add(subject.timeline, fact)
        self.subjects.put(key, subject)
        change.count("facts", added)
        change.count("duplicates", facts - added)
        if not added:
            return
        before, subject.outcomes = subject.outcomes, self._outcomes(key, subject.timeline)
        force = arrived[0].fact.force
        deltas = change.panes.setdefault(force, {})
        difference(before.finished, subject.outcomes.finished, self.rules[force], deltas, self._marks_of(force).kept)
        change.timelines[key] = subject.timeline
        if not subject.outcomes.open:
            change.closed.add(key)
        if before.open != subject.outcomes.open:
            change.open[key] = subject.outcomes

    def _outcomes(self, key: str, timeline: Timeline) -> Outcomes:
        return outcomes_of(self.topic, timeline, self.rules[key.partition("|")[0]])

    def _drop_old(self, change: Change) -> None:
        """List the panes that are no longer kept, if that has changed."""
        for force in {*change.panes, *(force for force, _ in change.feeds)}:
            marks = self._marks_of(force)
            for grain, slot in zip(GRAINS, marks.kept, strict=True) if marks.settled is not None else ():
                if self._dropped.get((force, grain)) != slot:
                    self._dropped[force, grain] = change.drop_before[force, grain] = slot


def _quarantine(change: Change, record: Record, refusal: Unreadable, fact: SubjectFact | None = None) -> None:
    text = encode([cast(AnyFact, fact)]).decode() if fact is not None else None
    change.quarantined.append(Quarantined(record.offset, record.after - 1, refusal, text))
    change.count("quarantined")
    change.count(f"quarantined_{refusal.reason}")


def _skip(change: Change, record: Record, skipped: SkippedOffsets) -> None:
    """Skip offsets without a record; quarantine them if they are a batch that cannot be read."""
    if skipped.why:
        what = f"The batch of offsets {skipped.first} to {skipped.last} cannot be read: {skipped.why}."
        _quarantine(change, record, refuse("unreadable_batch", what))
