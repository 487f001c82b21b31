"""Runs the checks of a feed on what has arrived in the last hour, from a thread, for the page Trust."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, cast

from bluelamp.feeding.feed_check.checks import examine
from bluelamp.feeding.feed_check.finding import TITLES, Check, Finding
from bluelamp.feeding.feed_check.personal import PersonalData
from bluelamp.feeding.feed_check.sample import Arrival, FeedSample
from bluelamp.feeding.feed_check.sources import Received, Source, received_from, texts_of
from facts.batch import BatchRecord
from facts.errors import BlueLampError
from facts.glimpse import glimpses
from facts.union import TOPICS, AnyFact, Topic
from measures.outcome import instant, microseconds
from measures.pane import MINUTE
from measures.rules import Rules
from measures.trust import CheckedTopic, LiveFinding
from producers.kafka import KafkaAddress
from producers.kafka_probe import check_reachable
from streams.logreader import LogReader
from streams.record import Place
from streams.repeated_errors import RepeatedErrors

_EVERY_SECONDS = 30.0
_SPAN = timedelta(hours=1)
_FACTS_MOST = 20_000
"""The largest number of facts of a topic to check at once: the latest ones."""
_RECORDS_MOST = 5_000
"""The largest number of records of a partition to read at once: the latest ones."""
_OLD = timedelta(days=1)
"""Facts that arrive this long after they happened come from a replay or a backlog, and say nothing about the live feed."""
_LIVE: tuple[Check, ...] = ("rows", "clock", "duplicates", "order", "words", "personal data")
"""The checks that an hour of a live feed can answer: the others need the whole of each subject, or days."""
_logger = logging.getLogger("bluelamp.feed_watch")


OldFacts = Counter[tuple[str, int]]
"""The number of old facts, by force and by the minute in which the log received them, since 1970."""


class Arrived(NamedTuple):
    """What has arrived since the last look.

    Attributes:
        received: the facts of each topic, and what could not be read.
        ends: the offset after the last record that was read, of each partition.
        old: the number of old facts of each topic that are not in `received`.
    """

    received: dict[Topic, list[Received]]
    ends: dict[Place, int]
    old: Mapping[Topic, OldFacts] = MappingProxyType({})


Look = Callable[[dict[Place, int]], Arrived]
"""Reads what has arrived since these offsets; partitions without an offset are read from a little way back."""


class FeedWatch:
    """Keeps the last hour of each topic, and what the checks find in it.

    Args:
        look: reads what has arrived.
        rules: the rules of the force.
        now: the wall clock.
        every_seconds: how often.
    """

    def __init__(
        self, look: Look, rules: Rules, now: Callable[[], datetime], every_seconds: float = _EVERY_SECONDS
    ) -> None:
        self._look, self._rules, self._now, self._every_seconds = look, rules, now, every_seconds
        self._topics = [topic for topic in TOPICS if any(feed.topic == topic for feed in rules.force.feeds)]
        self._kept: dict[Topic, deque[Received]] = {topic: deque(maxlen=_FACTS_MOST) for topic in self._topics}
        self._old: dict[Topic, OldFacts] = {topic: Counter() for topic in self._topics}
        self._ends: dict[Place, int] = {}
        self._checked: Sequence[CheckedTopic] | None = None
        self._errors = RepeatedErrors(_logger.warning, time.monotonic)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="feed-watch", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def checked(self) -> Sequence[CheckedTopic] | None:
        """What the checks found when the log was last read; None while it cannot be read."""
        return self._checked

    def look(self) -> None:
        """Look once."""
        try:
            arrived = self._look(self._ends)
            self._ends = arrived.ends
            for topic, kept in self._kept.items():
                self._old[topic].update(arrived.old.get(topic, {}))
                kept.extend(without_old(arrived.received.get(topic, ()), self._old[topic]))
            self._checked = [self._check(topic) for topic in self._topics]
            self._errors.end()
        except (BlueLampError, OSError) as error:
            self._errors.add_error(error)
            self._checked = None
        except Exception:
            self._checked = None
            _logger.exception("cannot check what has arrived")

    def _watch(self) -> None:
        while not self._stop.wait(0):
            self.look()
            self._stop.wait(self._every_seconds)

    def _check(self, topic: Topic) -> CheckedTopic:
        since = microseconds(self._now() - _SPAN)
        kept = self._kept[topic]
        while kept and kept[0].received < since:
            kept.popleft()
        live = [each for each in kept if each.fact is None or each.fact.force == self._rules.force.name]
        findings = [*_findings(live, topic, self._rules)] if live else []
        return CheckedTopic(
            topic=topic,
            feeds=tuple(feed.name for feed in self._rules.force.feeds if feed.topic == topic),
            facts=sum(each.fact is not None for each in live),
            old=self._count_old(self._old[topic], since // MINUTE),
            findings=tuple(LiveFinding(TITLES[each.check], each.state, each.says, each.effect) for each in findings),
        )

    def _count_old(self, old: OldFacts, first: int) -> int:
        """The number of the force's old facts from a minute on; those of earlier minutes are forgotten."""
        for each in [each for each in old if each[1] < first]:
            del old[each]
        return sum(number for (force, _), number in old.items() if force == self._rules.force.name)


def without_old(received: Iterable[Received], old: OldFacts) -> Iterator[Received]:
    """What says something about the live feed. Old facts are only counted: a history of weeks would take much memory."""
    for each in received:
        if each.fact is None or _is_live(each):
            yield each
        else:
            old[each.fact.force, each.received // MINUTE] += 1


def may_be_live(old: OldFacts, record: BatchRecord) -> bool:
    """Whether a record has a heartbeat, a fact of the last day, or something that a first look cannot read.

    The others are only counted. Checking all the facts of a history would take a tenth of the time in which it is filled in.
    """
    seen, received = glimpses(record.value), instant(record.timestamp * 1000)
    if not seen or any(not each.subject_id or received - each.at < _OLD for each in seen):
        return True
    old.update((each.force, microseconds(received) // MINUTE) for each in seen)
    return False


def _is_live(received: Received) -> bool:
    return not received.is_history and received.received - _at(received) < _OLD // timedelta(microseconds=1)


def _at(received: Received) -> int:
    return microseconds(received.fact.at) if received.fact else received.received


def _findings(live: Sequence[Received], topic: Topic, rules: Rules) -> Iterator[Finding]:
    facts = [each.fact for each in live if each.fact is not None]
    if not facts:
        says = f"None of {len(live):,} facts can be read."
        yield Finding(check="rows", state="bad", says=says, effect="Every figure of this feed lacks them.")
        return
    personal = PersonalData()
    for fact in facts:
        personal.add(texts_of(fact))
    arrivals = [Arrival(_at(each), each.received) for each in live if each.fact is not None]
    suspects = personal.found()
    sample = FeedSample(
        topic,
        rules,
        cast(list[AnyFact], facts),
        suspects=suspects,
        used=frozenset(suspects),
        arrivals=sorted(arrivals, key=lambda each: each.received),
        unreadable=len(live) - len(facts),
    )
    yield from (each for each in examine(sample) if each.check in _LIVE)


def looking_at(kafka: KafkaAddress) -> Look:
    """A function that reads what arrives in a log.

    Args:
        kafka: Kafka's addresses, and how to connect.
    """
    loading: dict[Place, dict[Source, bool]] = {}

    def look(ends: dict[Place, int]) -> Arrived:
        check_reachable(kafka)
        received, old = dict[Topic, list[Received]](), dict[Topic, OldFacts]()
        with LogReader(kafka) as log:
            reach = log.reach(log.identities(TOPICS))
            for place, (first, after) in reach.items():
                begin = max(first, ends.get(place, 0), after - _RECORDS_MOST)
                topic = next(each for each in TOPICS if each == place[0])
                if begin < after:
                    known = loading.setdefault(place, {})
                    passed = old.setdefault(topic, Counter())
                    arrived = received_from(log, place, begin, after, topic, known, partial(may_be_live, passed))
                    received.setdefault(topic, []).extend(without_old(arrived, passed))
        for each in received.values():
            each.sort(key=lambda one: one.received)
        return Arrived(received, {place: after for place, (_, after) in reach.items()}, old)

    return look
