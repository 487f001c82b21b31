"""Delivers the gateway's facts to the log, and reports for each request whether the log has them."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from facts.errors import BlueLampError
from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.errors import PublishError
from producers.gateway.limits import Limits
from producers.repeated import RepeatedLines
from producers.sink import Sink

_logger = logging.getLogger("bluelamp.gateway")
_HINT = "Send it again: a fact sent twice counts once."


class GatewaySink(Sink, Protocol):
    """A sink whose waits have a limit, and which can be closed."""

    def flush(self, within_seconds: float | None = None) -> None:
        """Return once the log has everything accepted so far."""

    def close(self, within_seconds: float | None = None) -> None:
        """Flush, then close."""


class _WaitingFacts(NamedTuple):
    topic: Topic
    facts: Sequence[AnyFact]
    delivered: "Future[None]"


class DeliveryQueue:
    """One thread that publishes all waiting facts together and completes each request separately.

    If the log does not acknowledge in time, the publisher is closed with everything it holds and the next facts get a new
    one. The waiting requests are answered that their facts may not have arrived.

    Args:
        open_publisher: connects a publisher to the log; this call blocks.
        limits: how many facts may wait, and for how long.
    """

    def __init__(self, open_publisher: Callable[[], GatewaySink], limits: Limits) -> None:
        self._open_publisher, self._limits = open_publisher, limits
        self._failures = RepeatedLines(_logger.warning, time.monotonic)
        self._changed = threading.Condition()
        self._waiting: list[_WaitingFacts] = []
        self._is_closed = False
        self._publisher: GatewaySink | None = None
        self._thread = threading.Thread(target=self._run, name="bluelamp-gateway-delivery", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Deliver what still waits, then end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    async def deliver(self, topic: Topic, facts: Sequence[AnyFact]) -> None:
        """Return once the log has the facts.

        Raises:
            BlueLampError: the delivery failed; the facts may have arrived anyway.
            TimeoutError: the log did not acknowledge them in time; they may have arrived anyway.
        """
        delivered = self._enqueue(topic, facts)
        async with asyncio.timeout(self._limits.delivery_seconds):
            await asyncio.wrap_future(delivered)

    def _enqueue(self, topic: Topic, facts: Sequence[AnyFact]) -> "Future[None]":
        batch = _WaitingFacts(topic, facts, Future())
        with self._changed:
            waiting = sum(len(each.facts) for each in self._waiting)
            if self._is_closed or waiting + len(facts) > self._limits.waiting_facts:
                what = (
                    "The gateway is shutting down."
                    if self._is_closed
                    else f"{waiting:,} facts already wait for the log."
                )
                raise PublishError(what, where="gateway", hint=_HINT)
            self._waiting.append(batch)
            self._changed.notify_all()
        return batch.delivered

    # These methods run in the delivery thread.

    def _run(self) -> None:
        while batches := self._next_batches():
            try:
                self._publish(batches)
            except Exception as error:  # noqa: BLE001 - every waiting request must get an answer
                self._drop_publisher(error)
                for batch in batches:
                    batch.delivered.set_exception(error)
            else:
                self._failures.end()
                for batch in batches:
                    batch.delivered.set_result(None)
        if self._publisher:
            self._publisher.close(within_seconds=self._limits.delivery_seconds)

    def _next_batches(self) -> list[_WaitingFacts]:
        """Wait for batches and return all of them; an empty list once the queue is closed."""
        with self._changed:
            while True:
                batches = [batch for batch in self._waiting if batch.delivered.set_running_or_notify_cancel()]
                self._waiting.clear()
                if batches or self._is_closed:
                    return batches
                self._changed.wait()

    def _publish(self, batches: Sequence[_WaitingFacts]) -> None:
        publisher = self._publisher = self._publisher or self._open_publisher()
        for batch in batches:
            for fact in batch.facts:
                if isinstance(fact, FeedHeartbeat):
                    publisher.heartbeat(fact, batch.topic)
                else:
                    publisher.publish(fact, batch.topic)
        publisher.flush(self._limits.delivery_seconds)

    def _drop_publisher(self, error: Exception) -> None:
        if self._failures.add(type(error).__name__, f"facts could not be delivered: {error}"):
            _logger.debug("facts could not be delivered", exc_info=error)
        publisher, self._publisher = self._publisher, None
        if publisher:
            try:
                publisher.close(within_seconds=0.1)
            except BlueLampError:
                _logger.debug("the publisher was closed with facts unsent")
