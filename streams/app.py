"""The Faust app of a worker: it only runs agents, starts at our applied offsets and stores nothing itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import faust
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from facts.union import TOPICS
from producers.kafka import Kafka, kafka_at
from streams.async_fetching import read_by_entries
from streams.fetching import READ_COMMITTED
from streams.settings import WorkerSettings

_METADATA_MAX_AGE_MS = 5_000
_FOREVER_SECONDS = 10.0 * 365 * 24 * 3600
ClaimPartitions = Callable[[set[TP]], Awaitable[dict[TP, int]]]
"""Claims partitions just assigned; returns the offset at which to start each."""


def applied_offset_app(settings: WorkerSettings, claim_partitions: ClaimPartitions) -> faust.App:
    """A Faust app whose consumer starts each partition at its applied offset, and that stores nothing itself."""
    read_by_entries()
    kafka = kafka_at(settings.kafka)

    class CommittedThread(driver.AIOKafkaConsumerThread):
        """Faust's reading thread, which skips the records of open and aborted transactions."""

        def _create_worker_consumer(self, transport: driver.Transport) -> Any:
            consumer = super()._create_worker_consumer(transport)
            # Faust reads only committed records with its own exactly-once alone, which needs its own transactions.
            consumer._isolation_level = READ_COMMITTED  # noqa: SLF001
            return consumer

    class AppliedOffsetConsumer(driver.Consumer):
        """Starts each partition at its applied offset; Kafka's committed offsets only feed displays of consumer lag."""

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
        broker=[f"kafka://{address}" for address in kafka.addresses],
        broker_credentials=_credentials(kafka),
        store="memory://",
        table_standby_replicas=0,  # otherwise Faust uses its own assignor, which may leave a worker without partitions
        datadir=settings.data_directory,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        # A worker that joins before it knows of the topics gets no partitions until it refreshes its metadata.
        consumer_metadata_max_age_ms=_METADATA_MAX_AGE_MS,
        consumer_group_instance_id=settings.worker_name,
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.session_timeout_seconds / 4,
        # A batch may wait for the state server for any length of time, and Faust would log ten lines a second meanwhile.
        stream_processing_timeout=_FOREVER_SECONDS,
        broker_commit_livelock_soft_timeout=_FOREVER_SECONDS,
        stream_wait_empty=False,
        stream_buffer_maxsize=8192,
        consumer_max_fetch_size=4 * 1024 * 1024,
        loghandlers=[],
    )


def _credentials(kafka: Kafka) -> Credentials | None:
    """Kafka's sign-in and encryption, as Faust passes them to aiokafka; None without either."""
    context = kafka.tls()
    if kafka.has_sasl:
        return SASLCredentials(
            username=kafka.user, password=kafka.password.reveal(), mechanism=kafka.mechanism, ssl_context=context
        )
    return SSLCredentials(context) if context else None
