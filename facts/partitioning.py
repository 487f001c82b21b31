"""Which partition of its topic a subject's facts belong on: Kafka's default partitioner, murmur2 of the subject's id."""

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
"""Subject ids whose partitions are published, so that a client can be checked: each length modulo 4, and the longest."""
EXAMPLE_COUNTS = (1, 4, 7, 12)
"""The numbers of partitions they are published for."""
_SEED, _FACTOR, _WORD = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


@lru_cache(maxsize=65_536)
def partition_of(subject_id: str, partitions: int) -> int:
    """The partition that every fact of a subject belongs on.

    Args:
        subject_id: of the subject; the force plays no part.
        partitions: how many the topic has.
    """
    return (murmur2(subject_id.encode()) & 0x7FFFFFFF) % partitions


def murmur2(key: bytes) -> int:
    """MurmurHash2 as Kafka's clients compute it, a signed number of 32 bits."""
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
