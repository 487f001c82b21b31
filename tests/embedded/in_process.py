"""The embedded broker inside the test's own process, for tests that give it a clock or a failing disk."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bluelamp.embedded.broker import Broker, BrokerSettings
from bluelamp.embedded.broker.server import wall_milliseconds


@contextmanager
def running_broker(
    directory: Path, settings: BrokerSettings | None = None, clock: Callable[[], int] = wall_milliseconds
) -> Iterator[Broker]:
    """A broker on an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    broker = Broker(directory, settings=settings, clock=clock)
    try:
        asyncio.run_coroutine_threadsafe(broker.start(), loop).result(30)
        yield broker
    finally:
        asyncio.run_coroutine_threadsafe(broker.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
