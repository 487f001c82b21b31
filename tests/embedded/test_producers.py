"""Idempotent producers: repeated, next and missing batches; the contract tests show the same on the wire."""

from bluelamp.embedded.broker.batch import place
from bluelamp.embedded.broker.producers import Appended, Producers
from facts.batch import Header, read_header
from tests.contract.wire import record_batch


def batch_at(offset: int, base_sequence: int, epoch: int = 0) -> Header:
    batch = record_batch(b"a", b"b", producer_id=7, producer_epoch=epoch, base_sequence=base_sequence)
    return read_header(place(batch, offset, None)[0])


def test_sequence_starts_again_at_zero_after_the_largest() -> None:
    producers = Producers()
    producers.note(batch_at(0, 2**31 - 2), 0)
    assert producers.repeated(batch_at(0, 0)) is None


def test_a_snapshot_is_restored() -> None:
    producers, restored = Producers(), Producers()
    for index in range(8):
        producers.note(batch_at(2 * index, 2 * index), 0)
    restored.restore(producers.snapshot(), 0)
    assert restored.repeated(batch_at(0, 14)) == Appended(14, -1, 14, 15)
    assert restored.repeated(batch_at(0, 6)) == Appended(6, -1, 6, 7)


def test_idle_producer_is_forgotten() -> None:
    producers = Producers()
    producers.note(batch_at(0, 0), 1_000)
    producers.forget_before(1_000)
    assert len(producers) == 1
    producers.forget_before(1_001)
    assert len(producers) == 0
