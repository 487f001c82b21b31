"""Where a feed check reads its facts: the files of an extract, or a topic of the log that is listened to for a while."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from bluelamp.feeding.feed_check.checks import OPENINGS, examine
from bluelamp.feeding.feed_check.figures import figures
from bluelamp.feeding.feed_check.finding import verdict
from bluelamp.feeding.feed_check.hours import by_hour, usual_hours
from bluelamp.feeding.feed_check.page import FeedCheck
from bluelamp.feeding.feed_check.personal import PersonalData
from bluelamp.feeding.feed_check.sample import Arrival, FeedSample
from bluelamp.feeding.replay import file_errors, mapping_of, paths_of
from facts.batch import BatchRecord
from facts.errors import MappingError, QuestionError
from facts.fact import SubjectFact
from facts.feed import FeedHeartbeat
from facts.union import TOPICS, AnyFact, Topic
from facts.wire import decode
from measures.outcome import instant, microseconds
from measures.rules import Rules
from producers.declaration import Mapping as Declared
from producers.declaration import columns_of, columns_used
from producers.extract import read_extracts
from producers.kafka import KafkaAddress
from producers.rows import Row, read_rows
from streams.logreader import LogReader
from streams.record import Place

_NEVER_PERSONAL = {"fact", "fact_id", "force", "at", "corrects", "withdraws", "recorded_at"}


def check_extract(forces: Mapping[str, Rules], files: Sequence[str], mapping: str | None, now: datetime) -> FeedCheck:
    """Check the files of an extract, without connecting to anything.

    Args:
        forces: the rules of every force that has a profile.
        files: the extract's files, or `sample`.
        mapping: the mapping's file, or the name of a supplied mapping.
        now: the present.

    Raises:
        MappingError: the mapping is missing or invalid, or its force has no profile.
    """
    declared = mapping_of(files, mapping)
    if declared.force not in forces:
        hint = f"Set `force` to one that has a profile ({', '.join(forces)}), or write a profile for this force."
        raise MappingError(f"The force {declared.force!r} has no profile.", where=f"{declared.name}, force", hint=hint)
    with file_errors():
        paths = paths_of(files)
        extract = read_extracts(paths, declared, now=now)
        personal = PersonalData()
        for cells in _cells(paths, declared):
            personal.add(cells)
    sample = FeedSample(
        declared.topic,
        forces[declared.force],
        extract.facts,
        suspects=personal.found(),
        used=frozenset(_becoming(declared)),
        extract=extract,
    )
    return _result(sample, ", ".join(path.name for path in paths), declared.name, declared.feeds, now)


def _cells(paths: Iterable[Path | Traversable], mapping: Declared) -> Iterator[Mapping[str, str]]:
    for path in paths:
        with path.open("rb") as stream:
            for row in read_rows(stream, mapping.source, frozenset(columns_used(mapping)), path.name):
                if isinstance(row, Row):
                    yield row.cells


def _becoming(mapping: Declared) -> Iterator[str]:
    """The columns whose text becomes part of a fact: keys that are not digested, and fields without a list of values."""
    if not mapping.subject.digest:
        yield from mapping.subject.columns
    for declared in mapping.facts:
        for field in declared.fields.values():
            if not field.values:
                yield from columns_of(field.column)


def check_topic(
    rules: Rules,
    kafka: KafkaAddress,
    topic: str,
    seconds: float,
    *,
    wait: Callable[[float], object],
    now: Callable[[], datetime],
) -> FeedCheck:
    """Listen to a topic for a while, and check what arrives.

    Args:
        rules: the rules of the force.
        kafka: Kafka's addresses, and how to connect.
        topic: the topic.
        seconds: how long to listen.
        wait: waits for a number of seconds.
        now: the wall clock.

    Raises:
        QuestionError: there is no such topic.
        PartMissingError: Kafka does not answer.
    """
    if topic not in TOPICS:
        raise QuestionError(
            f"There is no topic {topic!r}.", where="--topic", hint=f"Choose one of {', '.join(TOPICS)}."
        )
    with LogReader(kafka) as log:
        identities = log.identities([topic])
        before = {place: after for place, (_, after) in log.reach(identities).items()}
        began = now()
        wait(seconds)
        ends = {place: after for place, (_, after) in log.reach(identities).items()}
        facts, arrivals, unreadable, personal = _listened(log, before, ends, topic, rules.force.name)
    own = tuple(feed.name for feed in rules.force.feeds if feed.topic == topic)
    sample = FeedSample(
        topic,
        rules,
        cast(list[AnyFact], facts),
        suspects=personal.found(),
        used=frozenset(personal.found()),
        arrivals=arrivals,
        unreadable=unreadable,
    )
    return _result(sample, f"{topic}, for {seconds:g} s from {began:%H:%M:%S}", "", own, now())


class Received(NamedTuple):
    """One fact of the log.

    Attributes:
        fact: the fact; None if it cannot be read.
        received: when the log received it, in microseconds since 1970.
        is_history: a feed that may have sent it was loading its history then.
    """

    fact: SubjectFact | None
    received: int
    is_history: bool = False


Source = tuple[str, str]
"""A force and one of its feeds."""


def every_record(_: BatchRecord) -> bool:
    """Whether a record is to be read: always."""
    return True


def received_from(
    log: LogReader,
    place: Place,
    first: int,
    after: int,
    topic: Topic,
    loading: dict[Source, bool] | None = None,
    is_wanted: Callable[[BatchRecord], bool] = every_record,
) -> Iterator[Received]:
    """The facts of a partition from offset `first` up to but excluding `after`, without heartbeats.

    Args:
        log: the log.
        place: the topic and partition.
        first: the first offset.
        after: the offset after the last.
        topic: the topic.
        loading: whether each feed was loading its history when it last sent a heartbeat to the partition; updated. Facts
            before the first heartbeat follow that heartbeat.
        is_wanted: whether a record is to be read; one with a heartbeat must be.
    """
    loading = {} if loading is None else loading
    early: list[Received] = []
    for each in _entries_of(log, place, first, after, topic, is_wanted):
        if isinstance(each, FeedHeartbeat):
            loading[each.force, each.feed] = each.history_to is not None and each.complete_to < each.history_to
            yield from (_marked(one, loading) for one in early)
            early.clear()
        elif loading:
            yield _marked(each, loading)
        else:
            early.append(each)
    yield from early


def _entries_of(
    log: LogReader, place: Place, first: int, after: int, topic: Topic, is_wanted: Callable[[BatchRecord], bool]
) -> Iterator[Received | FeedHeartbeat]:
    for entries in log.read(place, first, after):
        for entry in entries:
            if not isinstance(entry, BatchRecord) or not is_wanted(entry):
                continue
            received = instant(entry.timestamp * 1000)
            read = decode(entry.value, topic, received + timedelta(days=1))
            yield from (Received(None, microseconds(received)) for _ in read.unreadable)
            for _, fact in read.facts:
                if isinstance(fact, FeedHeartbeat):
                    yield fact
                elif isinstance(fact, SubjectFact):
                    yield Received(fact, microseconds(received))


def _marked(received: Received, loading: Mapping[Source, bool]) -> Received:
    """A fact, marked as history if a feed of its force is loading."""
    fact = received.fact
    if fact is None:
        return received
    return received._replace(is_history=any(each for (force, _), each in loading.items() if force == fact.force))


def _listened(
    log: LogReader, before: Mapping[Place, int], ends: Mapping[Place, int], topic: Topic, force: str
) -> tuple[list[SubjectFact], list[Arrival], int, PersonalData]:
    facts: list[SubjectFact] = []
    arrivals: list[Arrival] = []
    unreadable, personal = 0, PersonalData()
    for place, after in ends.items():
        first = before.get(place, after)
        for fact, received, _ in received_from(log, place, first, after, topic) if first < after else ():
            unreadable += fact is None
            if fact is not None and fact.force == force:
                facts.append(fact)
                arrivals.append(Arrival(microseconds(fact.at), received))
                personal.add(texts_of(fact))
    return facts, sorted(arrivals, key=lambda each: each.received), unreadable, personal


def texts_of(fact: SubjectFact) -> dict[str, str]:
    """The fields of a fact whose text a person or system chose freely."""
    values = msgspec.to_builtins(fact)
    return {name: value for name, value in values.items() if isinstance(value, str) and name not in _NEVER_PERSONAL}


def _result(sample: FeedSample, source: str, mapping: str, feeds: Sequence[str], now: datetime) -> FeedCheck:
    findings, zone = examine(sample), sample.rules.force.zone()
    times = [instant(at).astimezone(zone) for at in (sample.times[:1] + sample.times[-1:])]
    opened = (microseconds(each.at) for each in sample.facts if type(each).__name__ in OPENINGS[sample.topic])
    return FeedCheck(
        source=source,
        mapping=mapping,
        force=sample.rules.force.name,
        topic=sample.topic,
        feeds=tuple(feeds),
        checked_at=now.astimezone(UTC).astimezone(zone),
        first=times[0] if times else None,
        last=times[-1] if times else None,
        facts=len(sample.facts),
        subjects=len(sample.timelines),
        verdict=verdict(findings),
        findings=findings,
        figures=figures(sample),
        hours=usual_hours(by_hour(opened, zone)),
    )
