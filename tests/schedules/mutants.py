"""Faults put into the product on purpose, each of which the schedules must find."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec

from bluelamp.rebuild.rebuild import Rebuild
from bluelamp.rebuild.repartition import Mover
from streams.fold import Change
from streams.keys import Names
from streams.moving import OwnPartition
from streams.ownership import Owner
from streams.partition_cache import PartitionCache, keys_of
from streams.readings import Reader
from streams.refusal import Refusal
from streams.store import Applied, StateStore
from tests.schedules.server import Server


def _block_or_nothing(self: Any, key: Any) -> Any:
    return self._panes.get(key[:3], {}).get(key[3], {})


def _forgets(self: Any, keys: Any) -> bool:
    """Lose everything that was loaded, without reporting it."""
    del keys
    _READ_ALL(self, set())
    return False


_READ_ALL, _FOLLOW = PartitionCache._read_all, PartitionCache._follow  # noqa: SLF001
_APPLY, _STORE_APPLY = Server.apply, StateStore.apply


def _never_moved(self: Any, caches: Any, segments: Any, force: str, kinds: Any) -> None:
    runs = ((force, each.grain, kind, each.first, each.last) for each in segments for kind in kinds)
    keys = [key for run in runs for key in keys_of(run)]
    for cache in caches:
        cache.load(keys)


def _settles_early(self: Any, draft: Any, touched: Any, missing: Any) -> bool:
    """Use the applied offset of the look, before the changed panes have been read."""
    self.applied_offset, self.last_change = draft.applied_offset, draft.last_change
    return bool(_FOLLOW(self, draft, touched, missing))


def _empty_for_good(self: Any, draft: Any, touched: Any, missing: Any) -> bool:
    """Keep a block as empty although counts were added after it was asked for."""
    empty = self._empty(missing)
    has_moved = bool(_FOLLOW(self, draft, touched, missing - empty))
    for key in empty:
        self._keep_block(key, {})
    return has_moved


def _forgets_open(self: Any, texts: Any) -> None:
    """Keep open items that have ended."""
    self._open_by_kind = None
    from streams.codec import decode_open  # noqa: PLC0415

    self._open |= {subject: decode_open(text) for subject, text in texts.items() if text}


def _without_check(self: Any, keys: list[str], args: list[Any]) -> Any:
    stored = self.hmget(keys[0], ["applied_offset", "epoch"])
    return _APPLY(self, keys, [stored[0], stored[1], *args[2:]])


async def _offset_first(
    self: StateStore, names: Names, epoch: int, applied_offset: int, after: int, change: Change
) -> Applied:
    """Move the offset first, and apply the batch afterwards."""
    await self.redis.hset(names.control, "applied_offset", str(after))
    return await _STORE_APPLY(self, names, epoch, after, after, change)


def _add_to_compressed(self: Any, change: Any) -> list[Any]:
    """Add counts to a compressed hash as if it had none."""
    hidden = {key: fields.pop("z") for key, fields in self.keys.items() if isinstance(fields, dict) and "z" in fields}
    try:
        return _REFUSAL(self, change)
    finally:
        for key, text in hidden.items():
            self.keys[key]["z"] = text


def _rewrite_unchecked(self: Any, keys: list[str], args: list[Any]) -> Any:
    """Store a block in another form without a check of what it holds."""
    _, new = msgspec.msgpack.decode(args[2])
    self.keys[keys[1]] = dict(zip(new[::2], new[1::2], strict=True))
    return 1


_FOLD, _REFUSAL = Owner._fold, Server._refusal  # noqa: SLF001


async def _moves_last(self: Any, place: Any, owned: Any, records: Any) -> None:
    """Apply a batch before its misplaced facts have been moved."""
    moves, later = self._move, list[Any]()

    async def keep(place: Any, moved: Any) -> None:
        later.append((place, moved))

    self._move = keep
    try:
        await _FOLD(self, place, owned, records)
    finally:
        self._move = moves
    for each in later:
        await moves(*each)


async def _remember_unchecked(self: Any, owned: Any, keys: Any) -> None:
    """Use timelines without checking that they are at the owner's applied offset."""
    _, known = await self._retry(lambda: self.store.timelines(owned.names, keys))
    for key, timeline in known.items():
        owned.partition.cache_subject(key, timeline)


async def _moves_nothing(*_: Any) -> None:
    """Leave misplaced facts where a rebuild finds them."""


async def _no_gap_check(*_: Any) -> None:
    """Ignore missing records."""


MUTANTS: dict[str, Callable[[], Any]] = {
    "a reader that forgets": lambda: [
        patch.object(PartitionCache, "_read_all", _forgets), patch.object(PartitionCache, "block", _block_or_nothing)
    ],
    "a page of two moments": lambda: [patch.object(Reader, "_load", _never_moved)],
    "an applied offset used before its panes are read": lambda: [patch.object(PartitionCache, "_follow", _settles_early)],
    "open items that stay": lambda: [patch.object(PartitionCache, "_keep_open", _forgets_open)],
    "the offset before the state": lambda: [patch.object(StateStore, "apply", _offset_first)],
    "no applied-offset check": lambda: [patch.object(Server, "apply", _without_check)],
    "counts added to a compressed block": lambda: [patch.object(Server, "_refusal", _add_to_compressed)],
    "no partition check": lambda: [patch.object(OwnPartition, "is_own", lambda *_: True)],
    "no gap check": lambda: [patch.object(Owner, "_check_gaps", _no_gap_check)],
    "a refusal that ends a worker": lambda: [patch.object(Refusal, "heals", lambda _: False)],
    "a time in the future that proves life": lambda: [
        patch("measures.reading.doubt_words", lambda *_: ""),
        *(patch(f"streams.{module}.believed", lambda state, _: state) for module in ("feeds", "fold")),
    ],
    "a restored state shown as live": lambda: [patch.object(Reader, "_has_gone_back", lambda *_: False)],
    "a rebuild that leaves facts where they are": lambda: [patch.object(Mover, "move", _moves_nothing)],
    "a fact moved after its batch": lambda: [patch.object(Owner, "_fold", _moves_last)],
    "timelines of another place": lambda: [patch.object(Owner, "_load_timelines", _remember_unchecked)],
    "a block compressed at another offset": lambda: [patch.object(Server, "rewrite", _rewrite_unchecked)],
    "a switch to a version that was lost": lambda: [patch.object(Rebuild, "_check_is_kept", lambda *_: None)],
    "empty blocks that are never read again": lambda: [patch.object(PartitionCache, "_follow", _empty_for_good)],
}  # fmt: skip
"""The patches that bring each fault back, by name."""


QUICK = (*tuple(MUTANTS)[:11], "a rebuild that leaves facts where they are", "a fact moved after its batch")
"""The faults that a few seconds of schedules find."""


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """The product with a fault brought back."""
    patches = MUTANTS[name]()
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in reversed(patches):
            each.stop()
