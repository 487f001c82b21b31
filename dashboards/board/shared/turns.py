"""Runs long readings in a few threads of their own, so that short ones never wait for them, and ends those that nobody waits for."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

_THREADS = 2
_Answer = TypeVar("_Answer")


class AbandonedError(Exception):
    """Nobody waits for the answer any more."""


class Turns:
    """Runs long readings, a few at a time.

    Args:
        threads: how many run at once; further ones wait for their turn.
    """

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[], _Answer]) -> _Answer:
        """The result of blocking work, once it has had its turn."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="long-readings")
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


class Client:
    """The browser or program that waits for an answer."""

    def __init__(self) -> None:
        self._has_gone = threading.Event()

    def check(self) -> None:
        """Check that it is still waiting.

        Raises:
            AbandonedError: it has closed the connection.
        """
        if self._has_gone.is_set():
            raise AbandonedError

    async def follow(self, request: Request) -> None:
        """Wait until it closes the connection."""
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._has_gone.set()


@contextlib.asynccontextmanager
async def client_of(request: Request) -> AsyncIterator[Client]:
    """The client of a request without a body, watched until the response is ready."""
    client = Client()
    following = asyncio.create_task(client.follow(request))
    try:
        yield client
    finally:
        following.cancel()
