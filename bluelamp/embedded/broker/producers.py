"""A partition's memory of its idempotent producers, so that a repeated batch is stored once. Pure."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bluelamp.embedded.broker.batch import SEQUENCES, is_idempotent, last_sequence
from bluelamp.embedded.broker.errors import BrokerError, ErrorCode
from facts.batch import Header

CACHED_BATCHES = 5  # the most that a client may have in flight


class Appended(NamedTuple):
    """Where a batch was stored; `append_milliseconds` is -1 if the records have the producer's time."""

    base_offset: int
    append_milliseconds: int
    base_sequence: int = -1
    last_sequence: int = -1


@dataclass(slots=True)
class _Producer:
    epoch: int
    last_seen_milliseconds: int
    recent: deque[Appended] = field(default_factory=lambda: deque(maxlen=CACHED_BATCHES))


class Producers:
    """The last batches of each idempotent producer of one partition."""

    def __init__(self) -> None:
        self._producers: dict[int, _Producer] = {}

    def __len__(self) -> int:
        return len(self._producers)

    def repeated(self, header: Header) -> Appended | None:
        """Where this batch is already stored; None if it is the next one.

        BrokerError with OUT_OF_ORDER_SEQUENCE_NUMBER if an earlier batch is missing, and with INVALID_PRODUCER_EPOCH if a later
        instance of the producer has written since.
        """
        known = self._producers.get(header.producer_id)
        if known is None:  # it is new, or its state has expired: any batch may be its first
            return None
        if header.producer_epoch != known.epoch:
            _check_epoch(header, known.epoch)
            return None
        for earlier in known.recent:
            if (earlier.base_sequence, earlier.last_sequence) == (header.base_sequence, last_sequence(header)):
                return earlier
        _check_sequence(header, known.recent[-1].last_sequence)
        return None

    def note(self, header: Header, now_milliseconds: int) -> Appended:
        """Record that a batch is stored at its base offset."""
        append_milliseconds = header.newest_milliseconds if header.has_append_time else -1
        appended = Appended(header.base_offset, append_milliseconds, header.base_sequence, last_sequence(header))
        if is_idempotent(header):
            known = self._producers.get(header.producer_id)
            if known is None or known.epoch != header.producer_epoch:
                known = self._producers[header.producer_id] = _Producer(header.producer_epoch, now_milliseconds)
            known.last_seen_milliseconds = now_milliseconds
            known.recent.append(appended)
        return appended

    def forget_before(self, milliseconds: int) -> None:
        """Forget producers that have written nothing since a time."""
        silent = [key for key, known in self._producers.items() if known.last_seen_milliseconds < milliseconds]
        for key in silent:
            del self._producers[key]

    def snapshot(self) -> list[Any]:
        """The whole memory as plain lists, for `restore`."""
        return [[key, known.epoch, [list(one) for one in known.recent]] for key, known in self._producers.items()]

    def restore(self, snapshot: list[Any], now_milliseconds: int) -> None:
        """Restore the result of `snapshot`."""
        for key, epoch, recent in snapshot:
            known = self._producers[key] = _Producer(epoch, now_milliseconds)
            known.recent.extend(Appended(*one) for one in recent)


def _check_epoch(header: Header, epoch: int) -> None:
    if header.producer_epoch < epoch:
        raise BrokerError(
            ErrorCode.INVALID_PRODUCER_EPOCH, f"epoch {header.producer_epoch} is over; the present one is {epoch}"
        )
    if header.base_sequence != 0:
        raise BrokerError(
            ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
            f"a new epoch must begin with sequence 0, not {header.base_sequence}",
        )


def _check_sequence(header: Header, last_sequence: int) -> None:
    expected = (last_sequence + 1) % SEQUENCES
    if header.base_sequence != expected:
        raise BrokerError(
            ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, f"sequence {header.base_sequence} instead of {expected}"
        )
