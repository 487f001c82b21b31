"""The steps from bytes to facts to outcomes, each measured on its own in this process."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from benchmarks.material import FORCE, TOPIC
from facts.wire import decode
from measures.rules import Rules
from streams.fold import PartitionFold
from streams.moving import OwnPartition
from streams.record import Record

_RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH_RECORDS = 20


def parse(records: list[bytes]) -> None:
    """JSON to plain dictionaries: the least work that any reader in Python must do."""
    for record in records:
        msgspec.json.decode(record)


def read(records: list[bytes]) -> None:
    """JSON to checked facts."""
    for record in records:
        decode(record, TOPIC, _RECEIVED)


def fold(records: list[bytes], rules: Rules) -> None:
    """JSON to the changes of a state, in batches, as in a worker."""
    partition = PartitionFold(TOPIC, OwnPartition(0, 1), {FORCE: rules})
    for batch in _batches(records):
        admitted = partition.admit(batch)
        for key in partition.uncached(admitted):
            partition.cache_subject(key, {})
        partition.fold(admitted)


def _batches(records: list[bytes]) -> Iterator[list[Record]]:
    numbered = [Record(offset, _RECEIVED, value) for offset, value in enumerate(records)]
    return (numbered[start : start + _BATCH_RECORDS] for start in range(0, len(numbered), _BATCH_RECORDS))
