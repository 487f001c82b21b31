"""Makes kafka-python decode what it fetches with our own batch reader, which returns committed records only.

The library stops for good at a batch that it cannot read. Here such a batch becomes an entry at its own offset.
"""

from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import ConsumerRecord, Fetcher

from facts.heartbeat_run import read_in_runs, span_of
from producers.kafka import Kafka

READ_COMMITTED = "read_committed"


def committed_consumer(kafka: Kafka, **settings: Any) -> KafkaConsumer:
    """A kafka-python consumer: the value of each of its records is an entry of `facts.heartbeat_run.read_in_runs`.

    Args:
        kafka: how to connect.
        settings: further settings of the library.
    """
    consumer = KafkaConsumer(
        **kafka.options(),
        group_id=None,
        enable_auto_commit=False,
        # A record that is gone must not be skipped silently.
        auto_offset_reset="none",
        isolation_level=READ_COMMITTED,
        **settings,
    )
    consumer._fetcher.PartitionRecords = _Entries  # noqa: SLF001 - the library has no other place for it
    return consumer


class _Entries(Fetcher.PartitionRecords):  # type: ignore[misc]
    """The entries of a fetch, in place of kafka-python's own records."""

    def _unpack_records(self, tp: Any, records: Any, *_: Any) -> Iterator[ConsumerRecord]:
        aborted = [(each.producer_id, each.first_offset) for each in self.aborted_transactions]
        for entry in read_in_runs(records._buffer, self.fetch_offset, aborted):  # noqa: SLF001 - the bytes as they were fetched
            first, after = span_of(entry)
            self.next_fetch_offset = after
            yield ConsumerRecord(*tp, -1, first, entry.timestamp, 0, None, entry, (), None, 0, 0, 0)
        self.drain()
