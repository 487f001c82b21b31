"""The partition of a subject's facts, calculated by the recount itself from Kafka's published hash (semantics section 1)."""

from functools import lru_cache

_BITS = 2**32


@lru_cache(maxsize=65_536)
def recounted_partition(subject_id: str, partitions: int) -> int:
    """The partition of a subject on a topic with this number of partitions."""
    # Drop the sign bit, as Kafka's clients do, so that the number is not negative.
    return _hash(subject_id.encode()) % 2**31 % partitions


def _hash(key: bytes) -> int:
    """MurmurHash2 by Austin Appleby, 32 bits, with the seed of Kafka's clients."""
    state = 0x9747B28C ^ len(key)
    end = len(key) - len(key) % 4
    for start in range(0, end, 4):
        word = int.from_bytes(key[start : start + 4], "little")
        word = word * 0x5BD1E995 % _BITS
        word ^= word // 2**24
        word = word * 0x5BD1E995 % _BITS
        state = state * 0x5BD1E995 % _BITS ^ word
    if end < len(key):
        for place, byte in enumerate(key[end:]):
            state ^= byte << 8 * place
        state = state * 0x5BD1E995 % _BITS
    state ^= state // 2**13
    state = state * 0x5BD1E995 % _BITS
    return state ^ state // 2**15
