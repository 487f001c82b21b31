"""Carries what the gateway was told to the log, and says when the log has it, or that it is not known to."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

from facts.errors import BlueLampError
from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.errors import PublishError
from producers.gateway.limits import Limits

_logger = logging.getLogger("bluelamp.gateway")
_HINT = "Send it again: a fact that is told twice counts once."


class GatewaySink(Protocol):
    """What takes facts to the log: a publisher."""

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Take a fact."""

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Take a heartbeat, after the facts before it."""

    def flush(self, within_seconds: float | None = None) -> None:
        """Return when the log has everything taken."""

    def close(self, within_seconds: float | None = None) -> None:
        """Flush, and end."""


class _Batch(NamedTuple):
    topic: Topic
    facts: Sequence[AnyFact]
    arrived: "Future[None]"


class DeliveryQueue:
    """One thread that takes everything that waits to the log at once, and answers each request by itself.

    Where the log does not acknowledge in time, the publisher is given up with all it held, and the next batch gets a
    new one: whoever waited is told that it is not known to have arrived.

    Args:
        open_outlet: connects a publisher to the log; blocking.
        limits: how much may wait, and how long.
    """

    def __init__(self, open_publisher: Callable[[], GatewaySink], limits: Limits) -> None:
        self._open_outlet, self._limits = open_publisher, limits
        self._changed = threading.Condition()
        self._waiting: list[_Batch] = []
        self._is_closed = False
        self._publisher: GatewaySink | None = None
        self._thread = threading.Thread(target=self._run, name="bluelamp-gateway-courier", daemon=True)

    def start(self) -> None:
        """Start carrying."""
        self._thread.start()

    def close(self) -> None:
        """Carry what still waits, and end."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    async def deliver(self, topic: Topic, facts: Sequence[AnyFact]) -> None:
        """Return when the log has the facts.

        Raises:
            BlueLampError: they are not known to have arrived; they may have.
            TimeoutError: the same, in the time a request may take.
        """
        arrived = self._enqueue(topic, facts)
        async with asyncio.timeout(self._limits.delivery_seconds):
            await asyncio.wrap_future(arrived)

    def _enqueue(self, topic: Topic, facts: Sequence[AnyFact]) -> "Future[None]":
        batch = _Batch(topic, facts, Future())
        with self._changed:
            waiting = sum(len(each.facts) for each in self._waiting)
            if self._is_closed or waiting + len(facts) > self._limits.waiting_facts:
                what = "The gateway is ending." if self._is_closed else f"{waiting:,} facts wait for the log already."
                raise PublishError(what, where="gateway", hint=_HINT)
            self._waiting.append(batch)
            self._changed.notify_all()
        return batch.arrived

    # What follows runs in the courier's own thread.

    def _run(self) -> None:
        while batches := self._take():
            try:
                self._carry(batches)
            except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it was
                self._give_up(error)
                for batch in batches:
                    batch.arrived.set_exception(error)
            else:
                for batch in batches:
                    batch.arrived.set_result(None)
        if self._publisher:
            self._publisher.close(within_seconds=self._limits.delivery_seconds)

    def _take(self) -> list[_Batch]:
        """All that waits, once something does; nothing when there will be no more."""
        with self._changed:
            while True:
                taken = [batch for batch in self._waiting if batch.arrived.set_running_or_notify_cancel()]
                self._waiting.clear()
                if taken or self._is_closed:
                    return taken
                self._changed.wait()

    def _carry(self, batches: Sequence[_Batch]) -> None:
        outlet = self._publisher = self._publisher or self._open_outlet()
        for batch in batches:
            for fact in batch.facts:
                if isinstance(fact, FeedHeartbeat):
                    outlet.heartbeat(fact, batch.topic)
                else:
                    outlet.publish(fact, batch.topic)
        outlet.flush(self._limits.delivery_seconds)

    def _give_up(self, error: Exception) -> None:
        _logger.warning("the log did not take what was told: %s", error, exc_info=not isinstance(error, BlueLampError))
        outlet, self._publisher = self._publisher, None
        if outlet:
            try:
                outlet.close(within_seconds=0.1)
            except BlueLampError:
                _logger.debug("given up with something unsent")
