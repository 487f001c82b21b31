"""A reader's copy of one partition: its panes and open items at one applied offset, updated by reading what changed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from msgspec import Struct, field
from redis import Redis
from redis.client import Pipeline

from measures.outcome import OpenItem
from measures.pane import BLOCK, Counts, Grain
from streams.codec import decode_open
from streams.compressed_block import loaded_block
from streams.feeds import EventSpan, Feeds, decode_feeds
from streams.keys import Names
from streams.number_set import NumberSet
from streams.store import kinds_of, reading_state

T = TypeVar("T")
Series = tuple[str, Grain, str]
"""One kind in all panes of a partition: force, grain, kind."""
Key = tuple[str, Grain, str, int]
"""One kind in a block of panes of a partition: force, grain, kind, block."""
Block = Mapping[int, Counts]
"""The counts of one kind in each pane of a block that has any, by slot."""
Decode = Callable[[Mapping[str, str], Grain, int], Mapping[Any, Any]]
"""Makes a block of what is stored of one kind: stored names and numbers, grain and block."""
Run = tuple[str, Grain, str, int, int]
"""One kind in consecutive panes: force, grain, kind, first slot, and the slot after the last one."""
_CHUNK = 500
MANY_BLOCKS = 256
"""Before reading this many blocks or more, a cache asks which of them exist: most kinds have no counts on most days."""
ASKED_TOGETHER = 32
"""How many blocks one such question covers: if none of them exists, none is read."""
_RUNS = 64
"""For how many runs of a series the panes with counts are kept. There is a limit because the windows of the present give new runs every minute."""
_ROUNDS = 4
"""How many times the state may change during a read before everything is read in one transaction."""


class NotLoadedError(RuntimeError):
    """A kind of a block was read before it was loaded: a fault in this program, which must never become a count of zero."""


class Touched(NamedTuple):
    """The kinds of blocks and the subjects that changed between two applied offsets."""

    panes: AbstractSet[Key]
    subjects: AbstractSet[str]


class _OnePane(Mapping[int, Counts]):
    """A block with one pane. A year has tens of thousands, and a dictionary for each would take a tenth of an exporter's memory."""

    __slots__ = ("_counts", "_slot")

    def __init__(self, slot: int, counts: Counts) -> None:
        self._slot, self._counts = slot, counts

    def __getitem__(self, slot: int) -> Counts:
        if slot != self._slot:
            raise KeyError(slot)
        return self._counts

    def __iter__(self) -> Iterator[int]:
        return iter((self._slot,))

    def __len__(self) -> int:
        return 1


_EMPTY: Block = {}
_NO_PANES: tuple[tuple[int, Counts], ...] = ()
_NOTHING = Touched(frozenset(), frozenset())


class _Answer(NamedTuple):
    """The state server's replies in one transaction."""

    control: Mapping[str, str]
    feeds: dict[str, str]
    changes: list[Any]
    panes: list[Mapping[str, str]]
    open: Mapping[str, str | None]

    def applied_offset(self) -> int | None:
        """The partition's applied offset at that moment."""
        return int(self.control["applied_offset"]) if "applied_offset" in self.control else None


class _Draft(Struct):
    """What has been read for a new applied offset; it is used only when all of it is at that offset."""

    applied_offset: int | None
    last_change: str
    panes: dict[Key, Block] = field(default_factory=dict)
    open: dict[str, str | None] = field(default_factory=dict)

    def add(self, keys: Sequence[Key], answer: _Answer, decode: Decode) -> Touched | None:
        """Add replies; returns what changed since the previous ones and is still to be read, or None if unknown."""
        applied_offset = answer.applied_offset()
        touched = touched_between(self.applied_offset, applied_offset, answer.changes)
        self.applied_offset = applied_offset
        self.last_change = answer.changes[-1][0] if answer.changes else self.last_change
        self.panes |= {
            key: (decode(counts, key[1], key[3]) if counts else None) or _EMPTY
            for key, counts in zip(keys, answer.panes, strict=True)
        }
        self.open |= answer.open
        if touched is None:
            return None
        return Touched(touched.panes - set(keys), touched.subjects - answer.open.keys())


class PartitionCache:
    """One partition at one applied offset.

    Only the kinds that somebody asked for are loaded. What is loaded has either not changed by that applied offset or was read again
    at it. So all of it is consistent, although it was not read at once. What is not loaded cannot be read: it is never zero. If
    reading fails midway, nothing changes.

    Args:
        redis: a blocking client that decodes replies to text.
        names: the names of the partition's keys.
        check: raises an error if the state's control hash shows that this program must not read it.
        decode: makes a block of what is stored; by default, the counts of each pane.

    Attributes:
        applied_offset: the applied offset of everything in this cache; None before the first refresh, and while there is no state.
        identity: the identity of the log that the state was folded from; empty while there is no state.
    """

    def __init__(
        self,
        redis: Redis,
        names: Names,
        check: Callable[[Names, Mapping[str, str]], None] | None = None,
        decode: Decode = loaded_block,
    ) -> None:
        self.redis, self.names, self._check, self._decode = redis, names, check, decode
        self.applied_offset: int | None = None
        self.identity = ""
        self._version = self._all_changed_at = 0
        self._changed_at: dict[tuple[str, str], int] = {}
        self._force_changed_at: dict[str, int] = {}
        self.last_change = "0-0"
        self.feeds: Feeds = {}
        self.events: dict[str, EventSpan] = {}
        self.counts: dict[str, int] = {}
        self._loaded: dict[Series, NumberSet] = {}
        self._panes: dict[Series, dict[int, Block]] = {}
        self._filled: dict[Series, dict[tuple[int, int], Sequence[tuple[int, Counts]]]] = {}
        self._open: dict[str, list[OpenItem]] = {}
        self._open_by_kind: dict[tuple[str, str], list[tuple[str, OpenItem]]] | None = None
        self._items_by_kind: dict[tuple[str, str], list[OpenItem]] = {}

    def version_of(self, force: str, kind: str) -> int:
        """A number that increases whenever panes or open items of a force and kind change; a heartbeat changes neither."""
        return max(self._all_changed_at, self._changed_at.get((force, kind), 0))

    def version_of_force(self, force: str) -> int:
        """A number that increases whenever any pane or open item of a force changes."""
        return max(self._all_changed_at, self._force_changed_at.get(force, 0))

    def block(self, key: Key) -> Block:
        """The loaded counts of one kind in a block.

        Raises:
            NotLoadedError: they are not loaded.
        """
        if not self._has(key):
            raise NotLoadedError(f"block {key} of {self.names} is not loaded")
        return self._panes[key[:3]].get(key[3], _EMPTY)

    def is_loaded(self, run: Run) -> bool:
        """Whether `filled` already has this run."""
        return run[3:] in self._filled.get(run[:3], ())

    def filled(self, run: Run) -> Sequence[tuple[int, Counts]]:
        """The panes of a run that have counts, each with its slot. They are searched for once and kept, because several measures need them.

        Raises:
            NotLoadedError: one of its blocks is not loaded.
        """
        of_series = self._filled.setdefault(run[:3], {})
        found = of_series.get(run[3:])
        if found is None:
            blocks = (self.block(key) for key in keys_of(run))
            panes = (each for block in blocks if block for each in sorted(block.items()))
            # The same empty object for all: most kinds have no counts in most runs.
            found = [each for each in panes if run[3] <= each[0] < run[4]] or _NO_PANES
            if len(of_series) >= _RUNS:
                of_series.clear()
            of_series[run[3:]] = found
        return found

    def missing(self, keys: Iterable[Key]) -> set[Key]:
        """The keys among these that are not loaded."""
        return {key for key in keys if not self._has(key)}

    def _has(self, key: Key) -> bool:
        return key[3] in self._loaded.get(key[:3], ())

    def open(self, force: str, kind: str) -> Iterable[OpenItem]:
        """The open items of a force and kind; the same object until an open item changes."""
        subjects = self.open_subjects(force, kind)
        found = self._items_by_kind.get((force, kind))
        if found is None:
            found = self._items_by_kind[force, kind] = [each for _, each in subjects]
        return found

    def open_subjects(self, force: str, kind: str) -> Sequence[tuple[str, OpenItem]]:
        """The open items of a force and kind, each with the id of its subject."""
        if self._open_by_kind is None:
            self._open_by_kind, self._items_by_kind = {}, {}
            for key, open_items in self._open.items():
                owner, _, subject_id = key.partition("|")
                for each in open_items:
                    self._open_by_kind.setdefault((owner, each.kind), []).append((subject_id, each))
        return self._open_by_kind.get((force, kind), ())

    def open_items(self) -> Mapping[str, Sequence[OpenItem]]:
        """All open items, by subject."""
        return self._open

    def index(self, force: str, grain: Grain) -> set[Key]:
        """What the state may now hold for a force: each block, with every kind that this program counts or the state records."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.zrange(self.names.index(force, grain), 0, -1)
        pipe.hget(self.names.control, "kinds")
        with reading_state(self.names):
            blocks, recorded = pipe.execute()
            kinds = kinds_of(self.names.topic, recorded)
            return {(force, grain, kind, int(block)) for block in blocks for kind in kinds}

    def load(self, keys: Iterable[Key]) -> bool:
        """Load kinds of blocks at the partition's present applied offset, and update the loaded ones; returns whether that offset moved.

        Raises:
            UnreadableError: the state is damaged.
        """
        missing = self.missing(keys)
        with reading_state(self.names):
            return self._follow(_Draft(self.applied_offset, self.last_change), _NOTHING, missing) if missing else False

    def forget(self, force: str, grain: Grain, before: int) -> None:
        """Remove the blocks before that of a slot: the state no longer keeps them."""
        for series in [series for series in self._panes if series[:2] == (force, grain)]:
            blocks, first = self._panes[series], before // BLOCK[grain]
            self._loaded[series].remove_before(first)
            for block in [block for block in blocks if block < first]:
                del blocks[block]
            self._filled.pop(series, None)

    def look(self, pipe: Pipeline) -> None:
        """Queue the two commands whose replies `catch_up` needs, in a pipeline shared with other partitions."""
        pipe.hget(self.names.control, "applied_offset")
        pipe.xrange(self.names.changes, f"({self.last_change}", "+")

    def catch_up(self, stored: str | None, changes: list[Any]) -> bool:
        """Move to the partition's present applied offset, from the replies to `look`; returns whether anything changed.

        Raises:
            UnreadableError: the state is damaged.
        """
        with reading_state(self.names):
            applied_offset = int(stored) if stored is not None else None
            if applied_offset == self.applied_offset and not changes:
                return False
            touched = touched_between(self.applied_offset, applied_offset, changes)
            return self._follow(_Draft(applied_offset, changes[-1][0] if changes else self.last_change), touched, set())

    def refresh(self) -> bool:
        """Move to the partition's present applied offset; returns whether anything changed.

        Raises:
            UnreadableError: the state is damaged.
        """
        pipe = self.redis.pipeline(transaction=True)
        self.look(pipe)
        with reading_state(self.names):
            return self.catch_up(*pipe.execute())

    def _follow(self, draft: _Draft, touched: Touched | None, missing: set[Key]) -> bool:
        """Read what has changed or is missing, one transaction at a time, until everything is at one applied offset.

        Args:
            draft: how far the changes are known.
            touched: what changed since this cache's applied offset; None if unknown.
            missing: what to load.
        """
        keys: AbstractSet[Key] = set()
        subjects: AbstractSet[str] = set()
        if touched is not None:
            # What is added to an empty block from here on is in the changes after those of the draft, so it is read in the next round.
            empty = self._empty(missing)
            draft.panes |= dict.fromkeys(empty, _EMPTY)
            keys, subjects = self._wanted(touched, missing) | missing - empty, touched.subjects
        for _ in range(_ROUNDS if touched is not None else 0):
            answer = self._ask(list(keys), list(subjects), draft.last_change)
            touched = draft.add(list(keys), answer, self._decode)
            if touched is None:
                break
            keys, subjects = self._wanted(touched, missing), touched.subjects
            if not keys and not subjects:
                return self._settle(draft, answer)
        return self._read_all(
            missing | {(*series, block) for series, blocks in self._loaded.items() for block in blocks}
        )

    def _empty(self, keys: AbstractSet[Key]) -> set[Key]:
        """Some of the blocks that have no counts: those of each group in which none exists. Nothing if there are only a few blocks."""
        if len(keys) < MANY_BLOCKS:
            return set()
        chunks = list(_chunks(sorted(keys), ASKED_TOGETHER))
        pipe = self.redis.pipeline(transaction=False)
        for chunk in chunks:
            pipe.exists(*map(self._name, chunk))
        counts = pipe.execute()
        return {key for chunk, count in zip(chunks, counts, strict=True) if count == 0 for key in chunk}

    def _wanted(self, touched: Touched, missing: AbstractSet[Key]) -> set[Key]:
        """What has changed of what is loaded, or is being loaded."""
        return {key for key in touched.panes if key in missing or self._has(key)}

    def _ask(self, keys: Sequence[Key], subjects: Sequence[str], last_change: str) -> _Answer:
        """Read panes, open items and the changes after a given one, in one transaction."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.hgetall(self.names.control)
        pipe.hgetall(self.names.feeds)
        pipe.xrange(self.names.changes, f"({last_change}", "+")
        for key in keys:
            pipe.hgetall(self._name(key))
        for chunk in _chunks(subjects):
            pipe.hmget(self.names.open, list(chunk))
        control, feeds, changes, *rest = pipe.execute()
        texts = [text for chunk in rest[len(keys) :] for text in chunk]
        return _Answer(control, feeds, changes, rest[: len(keys)], dict(zip(subjects, texts, strict=True)))

    def _name(self, key: Key) -> str:
        force, grain, kind, block = key
        return self.names.panes_of(force, grain, block, kind)

    def _read_all(self, keys: AbstractSet[Key]) -> bool:
        """Read everything again in one transaction, because it is unknown what has changed."""
        ordered = list(keys)
        pipe = self.redis.pipeline(transaction=True)
        pipe.hgetall(self.names.control)
        pipe.hgetall(self.names.feeds)
        pipe.hgetall(self.names.open)
        pipe.xrevrange(self.names.changes, count=1)
        for key in ordered:
            pipe.hgetall(self._name(key))
        control, feeds, open_, last, *panes = pipe.execute()
        answer = _Answer(control, feeds, last, panes, open_)
        draft = _Draft(None, "0-0")
        draft.add(ordered, answer, self._decode)
        self._loaded, self._panes, self._open, self._open_by_kind = {}, {}, {}, None
        self._filled.clear()
        return self._settle(draft, answer)

    def _settle(self, draft: _Draft, answer: _Answer) -> bool:
        """Put what was read into this cache; nothing else changes it."""
        if self._check:
            self._check(self.names, answer.control)
        has_moved = draft.applied_offset != self.applied_offset
        self._version += 1
        if not self._loaded:
            self._all_changed_at = self._version
        for key, block in draft.panes.items():
            self._keep_block(key, block)
        self._keep_open(draft.open)
        self.applied_offset, self.last_change = draft.applied_offset, draft.last_change
        self.identity = answer.control.get("identity", "")
        self.feeds, self.events = decode_feeds(answer.feeds)
        self.counts = {name: int(text) for name, text in answer.control.items() if text.isdigit()}
        return has_moved

    def _keep_block(self, key: Key, block: Block) -> None:
        """Keep what was read of a block. A pane that has not changed stays the same object, so that others notice."""
        series, number = key[:3], key[3]
        of_series, loaded = self._panes.setdefault(series, {}), self._loaded.setdefault(series, NumberSet())
        if number in loaded:
            self._note_change(series[0], series[2])
            before = of_series.pop(number, _EMPTY)
            block = {slot: _unchanged(before.get(slot), counts) for slot, counts in block.items()}
        loaded.add(number)
        if block:
            of_series[number] = _OnePane(*next(iter(block.items()))) if len(block) == 1 else block
        size, runs = BLOCK[series[1]], self._filled.get(series, {})
        for run in [run for run in runs if run[0] < (number + 1) * size and number * size < run[1]]:
            del runs[run]

    def _note_change(self, force: str, kind: str) -> None:
        self._changed_at[force, kind] = self._force_changed_at[force] = self._version

    def _keep_open(self, texts: Mapping[str, str | None]) -> None:
        if texts:
            self._open_by_kind = None
        for subject, text in texts.items():
            before, after = self._open.get(subject, ()), decode_open(text) if text else []
            for each in (*before, *after):
                self._note_change(subject.partition("|")[0], each.kind)
            if after:
                self._open[subject] = after
            else:
                self._open.pop(subject, None)


def _unchanged(before: Counts | None, after: Counts) -> Counts:
    """The counts of a pane as they were, if they have not changed."""
    return before if before is not None and before == after else after


def touched_between(before: int | None, after: int | None, changes: Sequence[Any]) -> Touched | None:
    """What a series of changes touched; None if they have a gap or do not lead from one applied offset to the other.

    A partition that nothing was applied to stays empty: to read all of it again for each question would take seconds.

    Args:
        before: the applied offset of the cache.
        after: the applied offset of the state.
        changes: entries of the change stream, oldest first.
    """
    if before is None and after is None and not changes:
        return _NOTHING
    applied_offsets = [before, *(int(entry["to"]) for _, entry in changes)]
    starts = [int(entry["from"]) for _, entry in changes]
    if before is None or applied_offsets[:-1] != starts or applied_offsets[-1] != after:
        return None
    panes: set[Key] = set()
    subjects: set[str] = set()
    for _, entry in changes:
        if entry["touched"] == "*":
            return None
        series, keys = msgspec.json.decode(entry["touched"], type=tuple[list[tuple[str, list[int]]], list[str]])
        panes.update(key for name, blocks in series for key in _keys(name, blocks))
        subjects.update(keys)
    return Touched(panes, subjects)


def keys_of(run: Run) -> Iterator[Key]:
    """The blocks with the panes of a run."""
    force, grain, kind, first, after = run
    size = BLOCK[grain]
    return ((force, grain, kind, block) for block in range(first // size, -(-after // size)))


def _keys(name: str, blocks: Iterable[int]) -> Iterator[Key]:
    force, grain, kind = name.split(":")
    return ((force, cast(Grain, grain), kind, block) for block in blocks)


def _chunks(items: Sequence[T], size: int = _CHUNK) -> Iterable[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))
