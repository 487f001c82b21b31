"""The two forms of a block's counts in the state: a field for each count, or one compressed text while the block is at rest."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple, cast

import msgspec
from redis.asyncio import Redis

from measures.pane import Grain
from streams.compressed_block import FIELD, compressed, decompressed
from streams.keys import Names

SCRIPT = files("streams").joinpath("rewrite.lua").read_text()
FEWEST_COUNTS = 16
"""A hash with fewer counts is smaller as it is."""


class ExpectedState(NamedTuple):
    """A partition, and where its state must still be for a change to be made.

    Attributes:
        names: the names of its keys.
        epoch: the epoch of the owner.
        applied_offset: the owner's applied offset.
    """

    names: Names
    epoch: int
    applied_offset: int


class BlockForms:
    """Changes the form of blocks; no figure changes by it, so readers need not read anything again.

    Args:
        redis: a client of the state server that decodes replies to text.
        fewest: a hash with fewer counts is left as it is.
    """

    def __init__(self, redis: Redis, fewest: int = FEWEST_COUNTS) -> None:
        self._redis, self._fewest, self._rewrite = redis, fewest, redis.register_script(SCRIPT)

    async def compress(self, state: ExpectedState, keys: Sequence[str]) -> int:
        """Compress hashes of panes that have enough counts; returns how many.

        Args:
            state: the partition.
            keys: the hashes.

        Raises:
            RedisError: the state server refused it, or its reply was lost.
        """
        done = 0
        for key in await self._large(keys):
            counts = cast(dict[str, str], await self._redis.hgetall(key))
            if text := _compressed(counts, _grain_of(state.names, key)):
                done += await self._store(state, key, counts, {FIELD: text})
        return done

    async def _large(self, keys: Sequence[str]) -> list[str]:
        """The hashes among these that have enough counts."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for key in keys:
                pipe.hlen(key)
            lengths = await pipe.execute()
        return [key for key, length in zip(keys, lengths, strict=True) if length >= self._fewest]

    async def decompress(self, state: ExpectedState, keys: Iterable[str]) -> str:
        """Store compressed hashes as fields again, so that counts can be added to them; returns what is damaged.

        Raises:
            RedisError: as `compress`.
        """
        for key in keys:
            stored = cast(dict[str, str], await self._redis.hgetall(key))
            if FIELD in stored:
                try:
                    counts = decompressed(stored[FIELD], _grain_of(state.names, key))
                except ValueError as error:
                    return f"{key}: {error}"
                if len(stored) > 1:
                    return f"{key}: it has compressed counts and others"
                await self._store(state, key, stored, counts)
        return ""

    async def _store(self, state: ExpectedState, key: str, before: Mapping[str, str], after: Mapping[str, str]) -> int:
        """Put fields in place of others, if the owner still owns the state and the hash has the same fields; returns 1 if it was done."""
        pairs = [part for pair in after.items() for part in pair]
        fields = msgspec.msgpack.encode([list(before), pairs])
        keys = [state.names.control, key, state.names.rewritten]
        return int(await self._rewrite(keys=keys, args=[state.applied_offset, state.epoch, fields]))


def _compressed(counts: Mapping[str, str], grain: Grain) -> str | None:
    """Counts as one text; None if they are damaged, because whoever reads them says so."""
    try:
        return compressed(counts, grain)
    except ValueError:
        return None


def _grain_of(names: Names, key: str) -> Grain:
    """The grain of a hash of panes."""
    return cast(Grain, key.removeprefix(f"{names.base}pane:").split(":")[1])
