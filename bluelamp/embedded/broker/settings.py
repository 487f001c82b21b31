"""The broker's settings: each one declared once, with its unit in its name and what it is for."""

from dataclasses import dataclass
from typing import Annotated, Literal

FsyncPolicy = Literal["never", "interval", "always"]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """What may be chosen when the broker starts, each with what it is for; the defaults suit one machine."""

    fsync: Annotated[FsyncPolicy, "when written records are forced to the disk: never, interval, always"] = "interval"
    fsync_interval_seconds: Annotated[float, "the most that a loss of power can take, with fsync=interval"] = 1.0
    segment_bytes: Annotated[int, "the size at which a new log file is begun"] = 32 * MEBIBYTE
    index_interval_bytes: Annotated[int, "how far apart the offsets stand that are indexed in memory"] = 32 * 1024
    retention_milliseconds: Annotated[int, "default of a topic's retention.ms; -1 keeps for ever"] = 7 * 24 * 3_600_000
    retention_bytes: Annotated[int, "default of a topic's retention.bytes, per partition; -1 is no limit"] = -1
    retention_check_seconds: Annotated[float, "how often what is past its retention is looked for"] = 30.0
    message_bytes: Annotated[int, "default of a topic's max.message.bytes: the largest record batch"] = MEBIBYTE + 12
    auto_create_topics: Annotated[bool, "whether asking for an unknown topic creates it"] = False
    default_partitions: Annotated[int, "partitions of a topic created without saying how many"] = 1
    request_bytes: Annotated[int, "the largest produce request that is read"] = 64 * MEBIBYTE
    other_request_bytes: Annotated[int, "the largest request of any other kind that is read"] = MEBIBYTE
    fetch_bytes: Annotated[int, "the most that one fetch is given, one whole batch always"] = 8 * MEBIBYTE
    connections: Annotated[int, "connections open at once; further ones are closed at once"] = 512
    idle_seconds: Annotated[float, "how long a connection may be silent or unread before it is closed"] = 600.0
    partitions: Annotated[int, "partitions of all topics together"] = 1000
    groups: Annotated[int, "consumer groups known at once"] = 1000
    group_members: Annotated[int, "members of one consumer group"] = 100
    group_initial_delay_seconds: Annotated[float, "how long a new group waits for more members"] = 0.1
    session_minimum_seconds: Annotated[float, "the shortest session timeout a group member may ask for"] = 0.5
    session_maximum_seconds: Annotated[float, "the longest session timeout a group member may ask for"] = 1800.0
    producer_idle_seconds: Annotated[float, "how long a silent idempotent producer is remembered"] = 86_400.0
