"""Faust as runner only: an app whose consumer goes on from our applied offsets, and that keeps nothing itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from facts.union import TOPICS
from streams.fetching import READ_COMMITTED, read_by_entries
from streams.settings import WorkerSettings

_METADATA_MAX_AGE_MS = 5_000
_FOREVER_SECONDS = 10.0 * 365 * 24 * 3600
ClaimPartitions = Callable[[set[TP]], Awaitable[dict[TP, int]]]
"""Claims partitions just assigned; answers with the offset each goes on from."""


def applied_offset_app(settings: WorkerSettings, claim_partitions: ClaimPartitions) -> faust.App:
    """A Faust app whose consumer seeks to our applied offsets, and that keeps nothing itself."""
    read_by_entries()

    class CommittedThread(driver.AIOKafkaConsumerThread):
        """Faust's thread that reads the log, reading nothing of transactions that are open or were aborted."""

        def _create_worker_consumer(self, transport: driver.Transport) -> Any:
            consumer = super()._create_worker_consumer(transport)
            # Faust reads so only with its own exactly-once, which needs its own transactions.
            consumer._isolation_level = READ_COMMITTED  # noqa: SLF001
            return consumer

    class AppliedOffsetConsumer(driver.Consumer):
        """Goes on from the applied offset of each partition; Kafka's own committed offsets are for lag displays only."""

        def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
            return CommittedThread(self, loop=self.loop, beacon=self.beacon)

        async def seek_to_committed(self) -> Mapping[TP, int]:
            places = {place for place in self.assignment() if place.topic in TOPICS}
            offsets = await claim_partitions(places)
            await self.seek_wait(offsets)
            return offsets

    class AppliedOffsetTransport(driver.Transport):
        """Faust's Kafka transport with our consumer."""

        Consumer = AppliedOffsetConsumer

    class App(faust.App):
        """Faust's app with our transport."""

        def _new_transport(self) -> driver.Transport:
            return AppliedOffsetTransport(self.conf.broker_consumer, self)

    return App(
        settings.state_name,
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
        store="memory://",
        table_standby_replicas=0,  # else Faust's own assignor is used, which may leave a worker without partitions
        datadir=settings.data_directory,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        # A worker that joins before it has heard of the topics is given none of them, until it looks again.
        consumer_metadata_max_age_ms=_METADATA_MAX_AGE_MS,
        consumer_group_instance_id=settings.worker_name,
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.session_timeout_seconds / 4,
        # A batch may wait for the state server for as long as it takes; of that Faust would write ten lines a second.
        stream_processing_timeout=_FOREVER_SECONDS,
        broker_commit_livelock_soft_timeout=_FOREVER_SECONDS,
        stream_wait_empty=False,
        stream_buffer_maxsize=8192,
        consumer_max_fetch_size=4 * 1024 * 1024,
        loghandlers=[],
    )
