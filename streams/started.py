"""Records each start of a process in the state, so that a process that keeps ending and starting is noticed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric
from redis import Redis
from redis.exceptions import RedisError

RECENT = timedelta(minutes=30)
"""Longer than several pauses of a supervisor, which waits up to five minutes before it starts a failing process again."""
_KNOWN = timedelta(days=1)
_KEPT = 1000
AGAIN_SECONDS = 5.0
_TRIES = 12


class Start(Struct, frozen=True, kw_only=True):
    """One start of a process.

    Attributes:
        service: what it is, such as `worker`.
        process: which one: the name of the worker, or of the machine.
        version: its version.
        build: its build; empty if it has none.
        at: when it started.
    """

    service: str
    process: str
    version: str
    build: str
    at: datetime


def record_start(redis: Redis, state_name: str, start: Start, pause: Callable[[float], object]) -> bool:
    """Record a start; returns whether it was recorded. A state server that does not answer is retried for a minute.

    Args:
        redis: a client of the state server.
        state_name: prefix of the state's keys.
        start: the start.
        pause: waits for a number of seconds.
    """
    for _ in range(_TRIES):
        try:
            with redis.pipeline() as pipe:
                pipe.lpush(_key(state_name), msgspec.json.encode(start))
                pipe.ltrim(_key(state_name), 0, _KEPT - 1)
                pipe.execute()
        except (RedisError, OSError):
            pause(AGAIN_SECONDS)
        else:
            return True
    return False


def starts(redis: Redis, state_name: str) -> list[Start]:
    """The last starts, newest first.

    Raises:
        RedisError: the state server cannot be read.
    """
    return [msgspec.json.decode(each, type=Start) for each in redis.lrange(_key(state_name), 0, -1)]


def latest(recorded: Iterable[Start]) -> dict[tuple[str, str], Start]:
    """The last start of each process, by service and process."""
    last: dict[tuple[str, str], Start] = {}
    for each in recorded:
        key = (each.service, each.process)
        last[key] = max(each, last.get(key, each), key=lambda one: one.at)
    return last


def start_families(recorded: Iterable[Start], now: datetime) -> Iterator[Metric]:
    """How often each process has started recently."""
    family = GaugeMetricFamily(
        "bluelamp_starts_recently", "How often a process has started in 30 min.", labels=["service", "process"]
    )
    known = [each for each in recorded if now - each.at <= _KNOWN]
    counted = Counter((each.service, each.process) for each in known if now - each.at <= RECENT)
    for key in {(each.service, each.process) for each in known}:  # 0 too: without a value the alert would not end
        family.add_metric(list(key), counted[key])
    yield family


def _key(state_name: str) -> str:
    return f"{state_name}:starts"
