"""Damaged input of every kind, for a bounded time: it is refused or read, and never ends the program or hangs it."""

import random
import time
from pathlib import Path

import pytest

from tests.fuzz.targets import FOUND, TARGETS, refuses_or_reads

HOSTILE = [
    b"", b"\x00", b"\xff\xfe", b"null", b"[" * 2000, b'{"a":' * 500, b"1e999", b"-0", b"NaN", b'"\\ud800"', b"9" * 400,
    b"2024-12-31T23:59:60Z", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59.999999Z", b"=cmd()", "\u202e".encode(),
]  # fmt: skip
"""Pieces that have broken parsers before."""
SHORT, LONG, FEWEST = 0.25, 30.0, 20


def damaged(chance: random.Random, whole: bytes) -> bytes:
    """The input with one to four random changes."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randint(0, len(data)), chance.choice([0, 1, 1, 2, 8, 40])
        piece = chance.choice(
            [bytes(chance.randrange(256) for _ in range(length)), chance.choice(HOSTILE), data[:length]]
        )
        data[at : at + chance.choice([0, length])] = piece
    return bytes(data)


@pytest.mark.parametrize("seconds", [SHORT, pytest.param(LONG, marks=pytest.mark.faults)])
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_is_refused_or_read(name: str, seconds: float) -> None:
    """Damages samples at random for some processor time. `make fuzz` takes longer, and prefers input that reaches new branches."""
    target = TARGETS[name]
    samples = target.samples()
    seed = random.SystemRandom().randrange(10**6)
    chance, ends, read = random.Random(seed), time.process_time() + seconds, 0
    while read < FEWEST or time.process_time() < ends:
        data, began = damaged(chance, chance.choice(samples)), time.process_time()
        try:
            refuses_or_reads(target, data)
        except Exception as error:
            error.add_note(f"seed {seed}, input {data[:2000]!r}")
            raise
        assert time.process_time() - began < 5, f"seed {seed}: this took too long: {data[:2000]!r}"
        read += 1


@pytest.mark.parametrize("path", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_input_that_once_had_a_fault_is_refused_or_read(path: Path) -> None:
    refuses_or_reads(TARGETS[path.parent.name], path.read_bytes())
