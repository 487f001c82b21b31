"""Chooses the partition of a subject's facts with Kafka's default partitioner: murmur2 of the subject's id."""

import struct
from functools import lru_cache

EXAMPLES = (
    "21",
    "call-0081",
    "foobar",
    "STF-20241201-000417",
    "urn:force:incident:2024.12.01:7",
    "a-little-bit-long-string",
    "0b9f7f8e-6a53-4c0e-9c0a-5d2b7f1e8a44",
    "x" * 64,
)
"""Subject ids whose partitions the docs give, to check a client against: every length modulo 4, and the longest id."""
EXAMPLE_COUNTS = (1, 4, 7, 12)
"""The numbers of partitions that the published examples cover."""
_SEED, _FACTOR, _WORD = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


@lru_cache(maxsize=65_536)
def partition_of(subject_id: str, partitions: int) -> int:
    """The partition of all facts of a subject.

    Args:
        subject_id: the subject's id; the force is not used.
        partitions: the topic's number of partitions.
    """
    return (murmur2(subject_id.encode()) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """MurmurHash2 as Kafka's clients compute it: a signed 32-bit number."""
    mixed = _SEED ^ len(key)
    whole = len(key) // 4
    for part in struct.unpack_from(f"<{whole}I", key):
        scrambled = part * _FACTOR & _WORD
        mixed = (mixed * _FACTOR & _WORD) ^ ((scrambled ^ scrambled >> 24) * _FACTOR & _WORD)
    if rest := key[4 * whole :]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * _FACTOR & _WORD
    mixed = (mixed ^ mixed >> 13) * _FACTOR & _WORD
    mixed ^= mixed >> 15
    return mixed - (1 << 32) if mixed >> 31 else mixed
