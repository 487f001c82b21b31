"""The state and the workers that keep it: is it durable, does it hold the whole log, does it move, and who works on it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, cast

from redis import Redis
from redis.exceptions import ResponseError

from bluelamp.verify.checks.finding import Finding
from bluelamp.verify.state_and_log import PartitionStatus, partitions
from bluelamp.wiring.settings import Settings
from measures.rules import Rules
from streams.log import ConsumerGroup, LogClient
from streams.probe import Probe
from streams.stall import Place
from streams.store import check_reach

Pause = Callable[[], object]
"""Waits a moment between two looks."""
LOOKS = 6
_PAUSE_SECONDS = 1.0
_DURABLE = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
_SHARED = "Stable"
_FORMING = ("PreparingRebalance", "CompletingRebalance")


def a_second() -> None:
    """The usual pause."""
    time.sleep(_PAUSE_SECONDS)


def state_server(redis: Redis) -> Iterator[Finding]:
    """Whether the state server keeps every write."""
    redis.ping()
    try:
        present = cast(dict[str, str], redis.config_get(*_DURABLE))
    except ResponseError:
        hint = "It must append every write to a file and evict nothing: ask whoever runs it."
        yield Finding("state server", "unknown", "It answers, but does not say how it keeps its data.", "Redis", hint)
        return
    wrong = [f"{name} is {present.get(name)}" for name, wanted in _DURABLE.items() if present.get(name) != wanted]
    written = cast(dict[str, str], redis.info("persistence"))
    failed = [
        name for name in ("aof_last_write_status", "aof_last_bgrewrite_status") if written.get(name, "ok") != "ok"
    ]
    if wrong:
        hint = "Set " + " and ".join(f"{name} {wanted}" for name, wanted in _DURABLE.items()) + " in its configuration."
        yield Finding("state server", "bad", f"It may lose what it holds: {', '.join(wrong)}.", "Redis", hint)
    elif failed:
        hint = "Is its disk full, or broken? Its log says more."
        yield Finding("state server", "bad", f"It cannot write its file: {', '.join(failed)}.", "Redis", hint)
    else:
        yield Finding("state server", "good", "It answers, appends every write to a file and evicts nothing.")


def write_findings(redis: Redis, state_name: str) -> Iterator[Finding]:
    """Whether the state server takes what workers write, as far as whoever asks may try it or a worker has reported."""
    if refusal := Probe(redis, state_name)():
        yield Finding("writes", "bad", refusal.sentence(), "BLUELAMP_REDIS", refusal.advice())


class ProgressSamples(NamedTuple):
    """What some looks at log, state and workers have shown.

    Attributes:
        goal: where each partition of the log ended at the first look.
        before: the offset up to which the state held each at the first look.
        applied: the same at the last look.
        ends: where each partition of the log ended at the last look, as far as it may be read.
        held_back: how many records lay behind a transaction that was still open at the last look.
        group: of the workers, at the last look.
        seconds: between the first look and the last.
    """

    goal: Mapping[Place, int]
    before: Mapping[Place, int]
    applied: Mapping[Place, int]
    ends: Mapping[Place, int]
    held_back: int
    group: ConsumerGroup
    seconds: float

    def late(self) -> dict[Place, int]:
        """How many records that the log held at the first look are not applied yet, of the partitions that have some."""
        wanted = {place: min(end, self.ends[place]) for place, end in self.goal.items()}
        return {place: end - self.applied[place] for place, end in wanted.items() if end > self.applied[place]}

    def newer(self) -> int:
        """How many records have come since the first look and are not applied yet."""
        return sum(max(0, end - max(self.applied[place], self.goal[place])) for place, end in self.ends.items())

    def unread(self) -> list[Place]:
        """The partitions that no worker reads."""
        return sorted(set(self.goal) - {place for some in self.group.members.values() for place in some})

    def has_nobody(self) -> bool:
        """Whether no worker is there, nor about to be."""
        return not self.group.members and self.group.state not in _FORMING

    def is_settled(self) -> bool:
        """Whether another look would show nothing else."""
        is_shared = self.group.state == _SHARED and not self.unread()
        return self.has_nobody() or (is_shared and not self.late())


def look(settings: Settings, rules: Mapping[str, Rules], redis: Redis, pause: Pause = a_second) -> ProgressSamples:
    """Look until everything that the log held at first is applied, or it has been looked often enough.

    Args:
        settings: name log and state.
        rules: of every force.
        redis: of the state server.
        pause: waits between two looks.

    Raises:
        IncompleteError: the state was not folded from this log, or the log no longer reaches back to it.
    """
    with LogClient(settings.kafka) as log:
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
    """How far each partition may be read, and how many records of all of them may not be read yet."""
    found = log.ends(places)
    return {place: end.readable for place, end in found.items()}, sum(end.held_back for end in found.values())


def _applied(each: PartitionStatus) -> int:
    """Where a state that is not there yet would begin counts as where it is."""
    return each.first if each.applied is None else each.applied


def _now_applied(redis: Redis, each: PartitionStatus) -> int:
    stored = cast("str | None", redis.hget(each.names.control, "applied_offset"))
    return int(stored) if stored is not None else each.first


def state_findings(seen: ProgressSamples) -> Iterator[Finding]:
    """Whether the state holds the whole log, and whether there are workers that keep it so."""
    yield _workers(seen)
    yield _state(seen)


def _state(seen: ProgressSamples) -> Finding:
    late, newer = seen.late(), seen.newer()
    if not late and seen.held_back:
        what = (
            f"It holds all that may be read. {seen.held_back:,} records wait behind a transaction that is still open."
        )
        hint = "Look again. If it does not end, look at the program that began it: Kafka aborts it after that program's own time limit."
        return Finding("state", "warning", what, "the log", hint)
    if not late:
        just_now = f" {newer:,} records have arrived since the first look." if newer else ""
        return Finding("state", "good", f"It holds the whole log.{just_now}")
    waiting = f"Records of the log that are not in it yet: {sum(late.values()):,}"
    if seen.has_nobody():
        hint = "Start a worker: until they are applied, figures are stale."
        return Finding("state", "bad", f"{waiting}; no worker is there to apply them.", _places(late), hint)
    stuck = {place for place in late if seen.applied[place] == seen.before[place]}
    if not stuck:
        applied = sum(seen.applied[place] - seen.before[place] for place in late)
        hint = "Nothing, while this number falls: look again. Until it is 0, figures are not of now."
        return Finding(
            "state", "warning", f"{waiting}; {applied:,} were applied in {seen.seconds:.0f} s.", _places(late), hint
        )
    some = "" if len(stuck) == len(late) else "in some partitions "
    what = f"{waiting}; {some}none was applied in {seen.seconds:.0f} s."
    if seen.group.state in _FORMING:
        hint = "Workers are only just sharing the partitions out: look again."
        return Finding("state", "unknown", what, _places(stuck), hint)
    hint = "Figures are stale until they are applied. Read the workers' output, and start them again."
    return Finding("state", "bad", what, _places(stuck), hint)


def _places(some: set[Place] | Mapping[Place, int]) -> str:
    return ", ".join(f"{topic}:{number}" for topic, number in sorted(some))


def _workers(seen: ProgressSamples) -> Finding:
    group, unread = seen.group, seen.unread()
    where = f"consumer group {group.name}"
    if group.state in _FORMING:
        hint = "They do so when one starts or ends: look again in a moment."
        return Finding("workers", "unknown", "They are sharing the partitions out.", where, hint)
    if seen.has_nobody():
        hint = (
            "Start one: `bluelamp worker`; `bluelamp up` starts everything itself. Nothing new is counted until then."
        )
        return Finding("workers", "bad", "No worker is running.", where, hint)
    if not seen.goal:
        return Finding(
            "workers", "unknown", f"{len(group.members)} running, and no topic to read yet.", where, "Look again."
        )
    if unread:
        hint = "Read the workers' output, and start them again."
        return Finding("workers", "bad", f"No worker reads {_places(set(unread))}.", where, hint)
    return Finding("workers", "good", f"{len(group.members)} running, which read every partition.")
