"""The broker's settings, each with its unit in its name and its help text."""

from dataclasses import dataclass
from typing import Annotated, Literal

FsyncPolicy = Literal["never", "interval", "always"]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The settings of a broker at its start; the defaults suit one machine."""

    fsync: Annotated[FsyncPolicy, "when to force written records to disk: never, interval or always"] = "interval"
    fsync_interval_seconds: Annotated[
        float, "with fsync=interval, the longest time of writes that a power failure can lose"
    ] = 1.0
    segment_bytes: Annotated[int, "the size at which to begin a new log file"] = 32 * MEBIBYTE
    index_interval_bytes: Annotated[int, "the distance between offsets in the index in memory"] = 32 * 1024
    retention_milliseconds: Annotated[int, "default of a topic's retention.ms; -1 keeps records for ever"] = (
        7 * 24 * 3_600_000
    )
    retention_bytes: Annotated[int, "default of a topic's retention.bytes, per partition; -1 means no limit"] = -1
    retention_check_seconds: Annotated[float, "how often to delete records past their retention"] = 30.0
    message_bytes: Annotated[int, "default of a topic's max.message.bytes, the largest record batch"] = MEBIBYTE + 12
    auto_create_topics: Annotated[bool, "whether a request for an unknown topic creates it"] = False
    default_partitions: Annotated[int, "the number of partitions of a topic created without one"] = 1
    request_bytes: Annotated[int, "the largest produce request that is accepted"] = 64 * MEBIBYTE
    other_request_bytes: Annotated[int, "the largest request of any other kind that is accepted"] = MEBIBYTE
    fetch_bytes: Annotated[int, "the most data in one fetch response, but always one whole batch"] = 8 * MEBIBYTE
    connections: Annotated[int, "the most open connections; further ones are closed immediately"] = 512
    idle_seconds: Annotated[float, "how long a connection may be idle before it is closed"] = 600.0
    partitions: Annotated[int, "the most partitions of all topics together"] = 1000
    groups: Annotated[int, "the most consumer groups"] = 1000
    group_members: Annotated[int, "the most members of one consumer group"] = 100
    group_initial_delay_seconds: Annotated[float, "how long a new group waits for more members"] = 0.1
    session_minimum_seconds: Annotated[float, "the shortest session timeout that a group member may request"] = 0.5
    session_maximum_seconds: Annotated[float, "the longest session timeout that a group member may request"] = 1800.0
    producer_idle_seconds: Annotated[float, "how long an idle idempotent producer is remembered"] = 86_400.0
