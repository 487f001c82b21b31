"""What a worker needs to know, each setting once."""

from msgspec import Struct

PARTITIONS = 4
"""How many partitions a topic gets unless it is told otherwise."""


RESTART_ME = 10
"""Exit status of a worker: start it again; nothing is lost, it goes on at its applied offsets."""
PERSON_NEEDED = 11
"""Exit status of a worker: a person must decide; started again before, it changes nothing and ends so again."""


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """What a worker needs to know.

    Attributes:
        kafka: addresses, `host:port` separated by commas.
        redis: URL of the state server.
        state_name: prefix of the state's keys, and name of the consumer group.
        worker_name: this worker's own name, if it has a lasting one: restarted under it, it takes its partitions back at once.
        data_directory: where Faust may keep its own files.
        partitions: how many a topic gets when it is created.
        is_first_start: begin at the start of a log that no longer begins at 0.
        session_timeout_seconds: after so long without a heartbeat a worker's partitions go to others.
        batch_wait_seconds: the longest a record waits for others to share its batch.
        batch_records: the most records in a batch.
        redis_patience_seconds: how long a start waits for a state server that refuses; a batch waits for as long as it takes.
        stall_seconds: with the log ahead of the state, how long nothing may move.
    """

    kafka: str
    redis: str
    state_name: str = "bluelamp"
    worker_name: str | None = None
    data_directory: str = ".bluelamp"
    partitions: int = PARTITIONS
    is_first_start: bool = False
    session_timeout_seconds: float = 10.0
    batch_wait_seconds: float = 0.05
    batch_records: int = 200
    redis_start_seconds: float = 10.0
    stall_seconds: float = 60.0
