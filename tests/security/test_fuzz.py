"""Damaged input of every kind, for a bounded time: it is refused or read, and never ends the program or hangs it."""

import contextlib
import json
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from facts.batch import read
from facts.errors import BlueLampError, MappingError
from facts.union import TOPICS
from facts.wire import decode
from producers.adapters.webhook import Webhook
from producers.extract import read_extract
from producers.gateway.reading import read_facts
from producers.gateway.sent import CLOUDEVENT, CLOUDEVENTS, FORM, JSON, Sent
from producers.http.problem import ProblemError
from producers.packaged import mapping_names, packaged_mapping
from tests.support.batches import batch_of, checksummed, records_of
from tests.support.forces import shipped

ROOT = Path(__file__).parents[2]
NOW = datetime(2024, 12, 3, tzinfo=UTC)
EXAMPLES = [path.read_bytes() for path in sorted((ROOT / "facts" / "examples").glob("*.json"))]
MADE_UP = sorted((ROOT / "tests" / "producers" / "made_up").glob("*.csv"))
HOSTILE = [
    b"", b"\x00", b"\xff\xfe", b"null", b"[" * 2000, b'{"a":' * 500, b"1e999", b"-0", b"NaN", b'"\\ud800"', b"9" * 400,
    b"2024-12-31T23:59:60Z", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59.999999Z", b"=cmd()", "\u202e".encode(),
]  # fmt: skip
"""Pieces that have broken parsers before."""
SHORT, LONG = 0.3, 30.0
BOUNDED = pytest.mark.parametrize("seconds", [SHORT, pytest.param(LONG, marks=pytest.mark.faults)])


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


def fuzz(seconds: float, samples: Sequence[bytes], take: Callable[[random.Random, bytes], object]) -> None:
    """Damage samples for a time, and have them read; an error that is not one of ours fails the test, with the input that raised it."""
    seed = random.SystemRandom().randrange(10**6)
    chance, ends, taken = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        data, began = damaged(chance, chance.choice(samples)), time.process_time()
        try:
            take(chance, data)
        except (BlueLampError, ProblemError):
            pass
        except Exception as error:
            error.add_note(f"seed {seed}, input {data[:2000]!r}")
            raise
        assert time.process_time() - began < 5, f"seed {seed}: this took too long: {data[:2000]!r}"
        taken += 1
    assert taken > 10


@BOUNDED
def test_records_of_the_log(seconds: float) -> None:
    def take(chance: random.Random, data: bytes) -> None:
        decoded = decode(data, chance.choice(list(TOPICS)), NOW)
        assert decoded.facts or decoded.unreadable or data.strip() == b"[]"

    fuzz(seconds, [*EXAMPLES, b"[" + b",".join(EXAMPLES[:5]) + b"]"], take)


@BOUNDED
def test_batches_of_the_log(seconds: float) -> None:
    whole = batch_of(records_of(EXAMPLES[:6]), 6)

    def take(chance: random.Random, data: bytes) -> None:
        # The checksum of the damaged batch is right, so that its records are read.
        sound = checksummed(data) if len(data) > 61 and chance.random() < 0.7 else data
        list(read(bytes(sound), 0))

    fuzz(seconds, [whole, whole + whole], take)


@BOUNDED
def test_requests_to_the_gateway(seconds: float) -> None:
    forces = {"staffordshire": shipped("staffordshire")}
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": json.loads(EXAMPLES[0])}
    samples = [*EXAMPLES, json.dumps(event).encode(), json.dumps([event, event]).encode()]

    def take(chance: random.Random, data: bytes) -> None:
        sent = Sent(body=data, media_type=chance.choice([JSON, CLOUDEVENT, CLOUDEVENTS]))
        read_facts(sent, chance.choice(list(TOPICS)), forces, NOW, 1000)

    fuzz(seconds, samples, take)


@BOUNDED
def test_events_of_platforms(seconds: float) -> None:
    hooks: list[Webhook] = []
    for name in mapping_names():
        with contextlib.suppress(MappingError):  # not every mapping can be a webhook's
            hooks.append(Webhook(packaged_mapping(name), lambda: NOW, 1000))
    assert len(hooks) > 3
    samples = [*EXAMPLES, b"Timestamp=1733130000&EventType=task.created&TaskSid=a", b'{"EventType":"x","Timestamp":1}']

    def take(chance: random.Random, data: bytes) -> None:
        chance.choice(hooks).read(Sent(body=data, media_type=chance.choice([JSON, FORM, CLOUDEVENT, CLOUDEVENTS])))

    fuzz(seconds, samples, take)


@BOUNDED
def test_extracts(seconds: float, tmp_path: Path) -> None:
    by_content = {path.read_bytes(): packaged_mapping(path.stem) for path in MADE_UP}
    mappings = list(by_content.values())
    extract = tmp_path / "extract.csv"

    def take(chance: random.Random, data: bytes) -> None:
        extract.write_bytes(data)
        list(read_extract(extract, chance.choice(mappings), now=NOW).facts)

    fuzz(seconds, list(by_content), take)
