"""The settings of a worker."""

from msgspec import Struct

from producers.kafka import KafkaAddress
from streams.state_address import StateAddress

PARTITIONS = 4
"""The default number of partitions of a topic."""
CACHED_FACTS = 160_000
"""The default number of facts that a worker caches: enough for all partitions of one force, at about 1 kB a fact."""


RESTART_ME = 10
"""Exit status of a worker: restart it. Nothing is lost; it continues at its applied offsets."""
PERSON_NEEDED = 11
"""Exit status of a worker: a person must decide. Until then a restarted worker changes nothing and exits the same way."""


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """The settings of a worker.

    Attributes:
        kafka: Kafka's addresses, and how to connect.
        redis: the state server's address, and how to connect.
        state_name: prefix of the state's keys, and name of the consumer group.
        worker_name: a lasting name for this worker: restarted under it, it gets its partitions back at once.
        data_directory: where Faust stores its own files.
        partitions: the number of partitions of a new topic.
        is_first_start: whether a new state may begin with a log whose first offsets are gone.
        session_timeout_seconds: heartbeat timeout before a worker's partitions are reassigned.
        batch_wait_seconds: the longest a record waits for others to join its batch.
        batch_records: the most records in a batch.
        redis_start_seconds: how long a starting worker waits for a state server that refuses; a batch waits indefinitely.
        cached_facts: the most facts that the worker keeps in memory, shared equally by its partitions.
        stall_seconds: how long the state may stay unchanged while the log is ahead of it.
    """

    kafka: KafkaAddress
    redis: StateAddress
    state_name: str = "bluelamp"
    worker_name: str | None = None
    data_directory: str = ".bluelamp"
    partitions: int = PARTITIONS
    is_first_start: bool = False
    session_timeout_seconds: float = 10.0
    batch_wait_seconds: float = 0.05
    batch_records: int = 200
    redis_start_seconds: float = 10.0
    cached_facts: int = CACHED_FACTS
    stall_seconds: float = 60.0
