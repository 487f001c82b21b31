"""Checks of the state and the workers: is the state durable and up to date, and do workers read every partition."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, cast

from redis import Redis
from redis.exceptions import ResponseError

from bluelamp.verify.checks.result import CheckResult
from bluelamp.verify.state_and_log import PartitionStatus, partitions
from bluelamp.wiring.settings import Settings
from measures.display import number
from measures.rules import Rules
from streams.log import ConsumerGroup, LogClient
from streams.probe import Probe
from streams.record import Place
from streams.state_address import StateAddress, check_address, servers_of
from streams.store import check_reach

Pause = Callable[[], object]
"""Waits a moment between two looks at the workers' progress."""
LOOKS = 6
_PAUSE_SECONDS = 1.0
_DURABLE = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
_SHARED = "Stable"
_FORMING = ("PreparingRebalance", "CompletingRebalance")


def a_second() -> None:
    """Pause for a second."""
    time.sleep(_PAUSE_SECONDS)


def state_server(redis: Redis, address: StateAddress) -> Iterator[CheckResult]:
    """Whether the state server keeps every write; in a cluster, whether each of its nodes does."""
    redis.ping()
    check_address(address, redis.info("cluster"))
    found = [_durable(name, each) for name, each in servers_of(redis)]
    wrong = [each for each in found if each.state != "good"]
    yield from wrong or found[:1]


def _durable(name: str, redis: Redis) -> CheckResult:
    """Whether one server keeps every write."""
    try:
        present = cast(dict[str, str], redis.config_get(*_DURABLE))
    except ResponseError:
        hint = "Ask its administrator: it must have appendonly yes and maxmemory-policy noeviction."
        what = "It responds, but does not allow its configuration to be read."
        return CheckResult("state server", "unknown", what, name, hint)
    wrong = [f"{key} is {present.get(key)}" for key, wanted in _DURABLE.items() if present.get(key) != wanted]
    written = cast(dict[str, str], redis.info("persistence"))
    failed = [key for key in ("aof_last_write_status", "aof_last_bgrewrite_status") if written.get(key, "ok") != "ok"]
    if wrong:
        hint = "Set " + " and ".join(f"{key} {wanted}" for key, wanted in _DURABLE.items()) + " in its configuration."
        return CheckResult("state server", "bad", f"It may lose data: {', '.join(wrong)}.", name, hint)
    if failed:
        hint = "Check whether its disk is full or damaged, and read its log."
        return CheckResult("state server", "bad", f"It cannot write its file: {', '.join(failed)}.", name, hint)
    return CheckResult("state server", "good", "It responds, saves every write to a file and evicts nothing.")


def write_results(redis: Redis, state_name: str) -> Iterator[CheckResult]:
    """Whether the state server accepts writes: from a test write, or from what a worker has reported."""
    if refusal := Probe(redis, state_name)():
        yield CheckResult("writes", "bad", refusal.sentence(), "BLUELAMP_REDIS", refusal.advice())


class ProgressSamples(NamedTuple):
    """The progress of the workers between a first and a last look.

    Attributes:
        goal: the end of each partition of the log at the first look.
        before: the applied offset of each partition at the first look.
        applied: the applied offset at the last look.
        ends: the end of the readable part of each partition at the last look.
        held_back: the number of records behind a transaction that was still open at the last look.
        group: the workers' consumer group at the last look.
        seconds: the time between the two looks.
    """

    goal: Mapping[Place, int]
    before: Mapping[Place, int]
    applied: Mapping[Place, int]
    ends: Mapping[Place, int]
    held_back: int
    group: ConsumerGroup
    seconds: float

    def late(self) -> dict[Place, int]:
        """The number of records of the first look that are still not applied, by partition; partitions with none are left out."""
        wanted = {place: min(end, self.ends[place]) for place, end in self.goal.items()}
        return {place: end - self.applied[place] for place, end in wanted.items() if end > self.applied[place]}

    def newer(self) -> int:
        """The number of records that arrived after the first look and are not applied yet."""
        return sum(max(0, end - max(self.applied[place], self.goal[place])) for place, end in self.ends.items())

    def unread(self) -> list[Place]:
        """The partitions that no worker reads."""
        return sorted(set(self.goal) - {place for places in self.group.members.values() for place in places})

    def has_nobody(self) -> bool:
        """Whether no worker is running or starting."""
        return not self.group.members and self.group.state not in _FORMING

    def is_settled(self) -> bool:
        """Whether another look would change nothing."""
        is_shared = self.group.state == _SHARED and not self.unread()
        return self.has_nobody() or (is_shared and not self.late())


def look(settings: Settings, rules: Mapping[str, Rules], redis: Redis, pause: Pause = a_second) -> ProgressSamples:
    """Look until every record of the first look is applied, at most LOOKS times.

    Args:
        settings: these name the log and the state.
        rules: the rules of every force.
        redis: the state server.
        pause: waits between two looks.

    Raises:
        IncompleteError: the state was not built from this log, or records that it still needs have been deleted from the log.
    """
    with LogClient(settings.log()) as log:
        began = time.monotonic()
        first = list(partitions(settings, rules, redis, log))
        for each in first:
            check_reach(each.names, _applied(each), each.first, each.end)
        before = {each.place(): _applied(each) for each in first}
        seen = ProgressSamples({}, before, before, *_ends(log, before), log.group(settings.state_name), 0.0)
        seen = seen._replace(goal=seen.ends)
        for _ in range(LOOKS):
            if seen.is_settled():
                break
            pause()
            applied = {each.place(): _now_applied(redis, each) for each in first}
            ends, held_back = _ends(log, applied)
            seen = seen._replace(
                applied=applied,
                ends=ends,
                held_back=held_back,
                group=log.group(settings.state_name),
                seconds=time.monotonic() - began,
            )
    return seen


def _ends(log: LogClient, places: Iterable[Place]) -> tuple[dict[Place, int], int]:
    """The readable end of each partition, and the number of records that cannot be read yet."""
    ends = log.ends(places)
    return {place: end.readable for place, end in ends.items()}, sum(end.held_back for end in ends.values())


def _applied(each: PartitionStatus) -> int:
    """The applied offset; without a state, the first offset of the log, where a worker would begin."""
    return each.first if each.applied is None else each.applied


def _now_applied(redis: Redis, each: PartitionStatus) -> int:
    stored = cast("str | None", redis.hget(each.names.control, "applied_offset"))
    return int(stored) if stored is not None else each.first


def state_results(seen: ProgressSamples) -> Iterator[CheckResult]:
    """Whether the state is up to date with the log, and whether workers keep it so."""
    yield _workers(seen)
    yield _state(seen)


def _state(seen: ProgressSamples) -> CheckResult:
    late, newer = seen.late(), seen.newer()
    if not late and seen.held_back:
        what = (
            f"It is up to date, but {number(seen.held_back, 'record')} cannot be read until an open transaction ends."
        )
        hint = "Check again. Kafka aborts the transaction after its timeout; if it stays open, check the program that began it."
        return CheckResult("state", "warning", what, "the log", hint)
    if not late:
        just_now = f" {number(newer, 'record')} arrived during the check." if newer else ""
        return CheckResult("state", "good", f"It is up to date with the log.{just_now}")
    waiting = f"{number(sum(late.values()), 'log record')} not applied yet"
    if seen.has_nobody():
        hint = "Start a worker. Figures are stale until the records are applied."
        return CheckResult("state", "bad", f"{waiting}, and no worker is running.", _places(late), hint)
    stuck = {place for place in late if seen.applied[place] == seen.before[place]}
    if not stuck:
        applied = sum(seen.applied[place] - seen.before[place] for place in late)
        hint = "Check again: the number should fall. Figures are out of date until it is 0."
        return CheckResult(
            "state", "warning", f"{waiting}; {applied:,} applied in {seen.seconds:.0f} s.", _places(late), hint
        )
    where = "" if len(stuck) == len(late) else " on some partitions"
    what = f"{waiting}; none applied{where} in {seen.seconds:.0f} s."
    if seen.group.state in _FORMING:
        hint = "Workers are still being assigned partitions. Check again."
        return CheckResult("state", "unknown", what, _places(stuck), hint)
    hint = "Read the workers' output and restart them. Figures are stale until the records are applied."
    return CheckResult("state", "bad", what, _places(stuck), hint)


def _places(places: set[Place] | Mapping[Place, int]) -> str:
    return ", ".join(f"{topic}:{number}" for topic, number in sorted(places))


def _workers(seen: ProgressSamples) -> CheckResult:
    group, unread = seen.group, seen.unread()
    where = f"consumer group {group.name}"
    if group.state in _FORMING:
        hint = "This happens when a worker starts or stops. Check again in a moment."
        return CheckResult("workers", "unknown", "Partitions are being assigned to them.", where, hint)
    if seen.has_nobody():
        hint = "Start `bluelamp worker`, or `bluelamp up` for everything. Until then, nothing new is counted."
        return CheckResult("workers", "bad", "No worker is running.", where, hint)
    if not seen.goal:
        return CheckResult(
            "workers", "unknown", f"{len(group.members)} running, but there is no topic yet.", where, "Check again."
        )
    if unread:
        hint = "Read the workers' output and restart them."
        return CheckResult("workers", "bad", f"No worker reads {_places(set(unread))}.", where, hint)
    return CheckResult("workers", "good", f"{len(group.members)} running; every partition is read.")
