"""Compresses the blocks of a worker's partitions that are at rest, a few at a time."""

from collections import deque
from collections.abc import Callable

from streams.ownership import Block, Owner
from streams.record import Place

ROUND_SECONDS = 1200.0
"""How often a round through all blocks begins; later, if the last one has not ended by then. A block that changed since the round before is left alone:
while older history arrives, the same days change again and again."""
_MOST_HASHES, _MOST_BLOCKS = 30, 20
"""A step ends with the block in which it reaches this number of compressed hashes, or after this number of blocks. It takes about 50 ms of
processor time at most. A block has a hash for each kind."""


class Compressor:
    """Goes through the blocks of a worker's partitions.

    Args:
        owner: owns the partitions.
        monotonic: a clock that never jumps, in seconds.
        first_after: how long to wait before the first round, in seconds.
    """

    def __init__(self, owner: Owner, monotonic: Callable[[], float], first_after: float = ROUND_SECONDS / 2) -> None:
        self._owner, self._monotonic = owner, monotonic
        self._next_round = monotonic() + first_after
        self._waiting: dict[Place, deque[Block]] = {}

    async def step(self) -> int:
        """Compress a few blocks, or begin a round if it is time; returns how many hashes were compressed.

        Raises:
            RedisError: the state server refused it, or its reply was lost. Nothing is lost; the block is tried in the next round.
        """
        if not self._waiting and self._monotonic() >= self._next_round:
            self._next_round = self._monotonic() + ROUND_SECONDS
            for place in list(self._owner.owned):
                self._waiting[place] = deque(await self._owner.blocks_at_rest(place))
        return await self._compress_some()

    async def _compress_some(self) -> int:
        """Compress the next blocks, one after the other, so that facts of the partition wait for one block at most."""
        compressed = looked_at = 0
        while self._waiting and compressed < _MOST_HASHES and looked_at < _MOST_BLOCKS:
            place, blocks = next(iter(self._waiting.items()))
            if not blocks:
                del self._waiting[place]
                continue
            compressed += await self._owner.compress(place, [blocks.popleft()])
            looked_at += 1
        return compressed
