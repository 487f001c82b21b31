"""The partition of a subject's facts, calculated by the recount itself from Kafka's published hash (semantics section 1)."""

from functools import lru_cache
from struct import unpack_from

_FACTOR, _MASK = 0x5BD1E995, 2**32 - 1


@lru_cache(maxsize=65_536)
def recounted_partition(subject_id: str, partitions: int) -> int:
    """The partition of a subject on a topic with this number of partitions."""
    # Drop the sign bit, as Kafka's clients do, so that the number is not negative.
    return _hash(subject_id.encode()) % 2**31 % partitions


def _hash(key: bytes) -> int:
    """MurmurHash2 by Austin Appleby, 32 bits, with the seed of Kafka's clients."""
    state = 0x9747B28C ^ len(key)
    whole = len(key) // 4
    for word in unpack_from(f"<{whole}I", key):
        mixed = word * _FACTOR & _MASK
        state = state * _FACTOR & _MASK ^ (mixed ^ mixed >> 24) * _FACTOR & _MASK
    if rest := key[4 * whole :]:
        state = (state ^ int.from_bytes(rest, "little")) * _FACTOR & _MASK
    state = (state ^ state >> 13) * _FACTOR & _MASK
    return state ^ state >> 15
