"""What a reader remembers of one partition, brought up to date by reading again only what was touched."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from redis import Redis
from redis.client import Pipeline

from measures.outcome import Open
from measures.pane import Grain, Pane, apply
from streams.codec import decode_field, decode_open
from streams.feeds import EventSpan, Feeds, decode_feeds
from streams.store import Names

Key = tuple[str, Grain, int]
"""A pane of one partition: force, grain, slot."""
_CHUNK = 500


class Touched(NamedTuple):
    """What changed between two fences."""

    panes: set[Key]
    subjects: set[str]


class Cache:
    """One partition as of one fence.

    A pane is either untouched since that fence, or was read again at it; so whatever is remembered together belongs
    together, although it was not all read at once. `version` counts how often panes or what stands open have changed; a
    heartbeat changes neither.

    Args:
        redis: a blocking client that decodes its answers to text.
        names: of the partition's keys.
    """

    def __init__(self, redis: Redis, names: Names) -> None:
        self.redis, self.names = redis, names
        self.fence: int | None = None
        self.version = 0
        self.last_change = "0-0"
        self.panes: dict[Key, Pane] = {}
        self.feeds: Feeds = {}
        self.events: dict[str, EventSpan] = {}
        self.counts: dict[str, int] = {}
        self._open: dict[str, list[Open]] = {}
        self._open_by_kind: dict[tuple[str, str], list[tuple[str, Open]]] | None = None

    def open(self, force: str, kind: str) -> Iterable[Open]:
        """What stands open of a force and kind."""
        return (each for _, each in self.open_subjects(force, kind))

    def open_subjects(self, force: str, kind: str) -> Sequence[tuple[str, Open]]:
        """What stands open of a force and kind, each with the id of its subject."""
        if self._open_by_kind is None:
            self._open_by_kind = {}
            for key, matters in self._open.items():
                owner, _, subject_id = key.partition("|")
                for each in matters:
                    self._open_by_kind.setdefault((owner, each.kind), []).append((subject_id, each))
        return self._open_by_kind.get((force, kind), ())

    def matters(self) -> Mapping[str, Sequence[Open]]:
        """What stands open, by subject."""
        return self._open

    def index(self, force: str, grain: Grain) -> set[Key]:
        """The panes that hold anything of a force, as the state has them now."""
        slots = cast(list[str], self.redis.zrange(self.names.index(force, grain), 0, -1))
        return {(force, grain, int(slot)) for slot in slots}

    def load(self, keys: Iterable[Key]) -> bool:
        """Read panes not yet remembered; if it answers that there were any, `refresh` must follow before their use."""
        missing = [key for key in keys if key not in self.panes]
        for chunk in _chunks(missing):
            pipe = self.redis.pipeline(transaction=False)
            for key in chunk:
                pipe.hgetall(self.names.pane(*key))
            self._keep(chunk, pipe.execute())
        return bool(missing)

    def look(self, pipe: Pipeline) -> None:
        """Ask, in a pipe shared with other partitions, where the state stands: two answers, for `take_up`."""
        pipe.hget(self.names.control, "fence")
        pipe.xrange(self.names.changes, f"({self.last_change}", "+")

    def take_up(self, stored: str | None, changes: list[Any]) -> bool:
        """Go on to the partition's present fence, from the answers to `look`; say whether anything had changed."""
        fence = int(stored) if stored is not None else None
        if fence == self.fence and not changes:
            return False
        touched = touched_between(self.fence, fence, changes)
        while touched is not None:
            before, later = self._read_again(touched, changes)
            if not later:
                return True
            # More was applied between the look and the reading: what it touched is not yet as of the same fence.
            more, changes = touched_between(before, self.fence, later), later
            touched = None if more is None else Touched(touched.panes | more.panes, touched.subjects | more.subjects)
        self._start_anew()
        return True

    def refresh(self) -> bool:
        """Go on to the partition's present fence; say whether anything had changed."""
        pipe = self.redis.pipeline(transaction=True)
        self.look(pipe)
        return self.take_up(*pipe.execute())

    def _read_again(self, touched: Touched, seen: list[Any]) -> tuple[int | None, list[Any]]:
        """Read what was touched in one step; answer with the fence of `seen`, and what was applied after that."""
        panes = [key for key in touched.panes if key in self.panes]
        subjects = list(touched.subjects)
        self.version += bool(panes or subjects)
        last_seen = seen[-1][0] if seen else self.last_change
        pipe = self.redis.pipeline(transaction=True)
        pipe.hgetall(self.names.control)
        pipe.hgetall(self.names.feeds)
        pipe.xrange(self.names.changes, f"({last_seen}", "+")
        for key in panes:
            pipe.hgetall(self.names.pane(*key))
        for chunk in _chunks(subjects):
            pipe.hmget(self.names.open, list(chunk))
        control, feeds, later, *rest = pipe.execute()
        self._keep(panes, rest[: len(panes)])
        self._keep_open(dict(zip(subjects, [text for chunk in rest[len(panes) :] for text in chunk], strict=True)))
        self._settle(control, feeds, last_seen)
        return (int(seen[-1][1]["to"]) if seen else self.fence), later

    def _start_anew(self) -> None:
        """Forget everything and begin with what is always remembered; panes are read when they are asked for."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.hgetall(self.names.control)
        pipe.hgetall(self.names.feeds)
        pipe.hgetall(self.names.open)
        pipe.xrevrange(self.names.changes, count=1)
        control, feeds, matters, last = pipe.execute()
        self.panes, self._open = {}, {}
        self.version += 1
        self._keep_open(matters)
        self._settle(control, feeds, last[0][0] if last else "0-0")

    def _settle(self, control: Mapping[str, str], feeds: dict[str, str], last_change: str) -> None:
        self.fence = int(control["fence"]) if "fence" in control else None
        self.last_change = last_change
        self.feeds, self.events = decode_feeds(feeds)
        self.counts = {name: int(text) for name, text in control.items() if text.isdigit()}

    def _keep(self, keys: Sequence[Key], stored: Sequence[Mapping[str, str]]) -> None:
        for key, counts in zip(keys, stored, strict=True):
            pane: Pane = {}
            apply(pane, {decode_field(name): int(count) for name, count in counts.items()})
            self.panes[key] = pane

    def _keep_open(self, texts: Mapping[str, str | None]) -> None:
        self._open_by_kind = None
        for subject, text in texts.items():
            if text:
                self._open[subject] = decode_open(text)
            else:
                self._open.pop(subject, None)


def touched_between(before: int | None, after: int | None, changes: Sequence[Any]) -> Touched | None:
    """What a run of changes touched; None when they do not lead without a gap from one fence to the other.

    Args:
        before: the fence that is remembered.
        after: the fence that the state stands at.
        changes: entries of the change stream, oldest first.
    """
    fences = [before, *(int(entry["to"]) for _, entry in changes)]
    starts = [int(entry["from"]) for _, entry in changes]
    if before is None or fences[:-1] != starts or fences[-1] != after:
        return None
    touched = Touched(set(), set())
    for _, entry in changes:
        if entry["touched"] == "*":
            return None
        panes, subjects = msgspec.json.decode(entry["touched"], type=tuple[list[str], list[str]])
        touched.panes.update(_key(name) for name in panes)
        touched.subjects.update(subjects)
    return touched


def _key(name: str) -> Key:
    force, grain, slot = name.split(":")
    return force, cast(Grain, grain), int(slot)


def _chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[first : first + _CHUNK] for first in range(0, len(items), _CHUNK))
