"""The cost of the fold has a limit: as a multiple of parsing the same facts in the same run, never in seconds."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec
import pytest

from facts.union import TOPICS, AnyFact, Topic
from facts.wire import decode, encode
from measures.outcome import instant
from measures.rules import Rules
from streams.fold import PartitionFold
from streams.keys import Names
from streams.moving import OwnPartition
from streams.record import Record
from streams.store import encode_change
from tests.simulate.worlds import simulation

_BATCH_FACTS, _BATCH_RECORDS, _ROUNDS_MAX = 100, 20, 12
_WORLD = simulation()
_CHECKING, _FOLDING = 5.3, 60.0
"""The most that it may cost to check a fact, and to fold it and encode the change, as multiples of parsing its JSON. On a quiet
machine they are 4.3 and 40, and on one with twice as many busy processes as cores up to 55; before decision 61 they were 5.6 and 70."""


@pytest.fixture(scope="module")
def log() -> dict[Topic, list[Record]]:
    """A simulated day in batches."""
    facts: dict[Topic, list[AnyFact]] = {topic: [] for topic in TOPICS}
    end = _WORLD.end_of(1)
    for reported in _WORLD.reported_before(end):
        facts[reported.topic].append(reported.fact)
    received_at = instant(int(end * 1_000_000)) + timedelta(hours=1)
    return {
        topic: [Record(place, received_at, encode(batch)) for place, batch in enumerate(_batches(found))]
        for topic, found in facts.items()
    }


def _batches(facts: list[AnyFact]) -> Iterator[list[AnyFact]]:
    return (facts[start : start + _BATCH_FACTS] for start in range(0, len(facts), _BATCH_FACTS))


def test_checking_and_folding_cost_no_more_than_multiples_of_parsing(log: dict[Topic, list[Record]]) -> None:
    """The three alternate, and the fastest round of each counts: a disturbance can only make a round slower."""
    rounds: list[tuple[float, float, float]] = []
    for _ in range(_ROUNDS_MAX):
        rounds.append((_seconds(_parse, log), _seconds(_check, log), _seconds(_fold, log)))
        parsing, checking, folding = (min(each) for each in zip(*rounds, strict=True))
        if checking < _CHECKING * parsing and folding < _FOLDING * parsing:
            return
    pytest.fail(f"checking costs {checking / parsing:.1f} times parsing, folding {folding / parsing:.1f} times")


def _seconds(work: Callable[[Topic, list[Record]], None], log: dict[Topic, list[Record]]) -> float:
    start = time.process_time()
    for topic, records in log.items():
        work(topic, records)
    return time.process_time() - start


def _parse(_topic: Topic, records: list[Record]) -> None:
    for record in records:
        msgspec.json.decode(record.value or b"")


def _check(topic: Topic, records: list[Record]) -> None:
    for record in records:
        decode(record.value, topic, record.received_at)


def _fold(topic: Topic, records: list[Record]) -> None:
    fold = PartitionFold(topic, OwnPartition(0, 1), {_WORLD.force.name: Rules(_WORLD.force)})
    for start in range(0, len(records), _BATCH_RECORDS):
        admitted = fold.admit(records[start : start + _BATCH_RECORDS])
        for key in fold.uncached(admitted):
            fold.cache_subject(key, {})
        encode_change(Names("memory", topic, 0), fold.fold(admitted))
