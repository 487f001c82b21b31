"""A TCP proxy on loopback whose connections a test can delay, reset, silence and cut."""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from bluelamp.wiring.ports import free_ports

HOST = "127.0.0.1"
_CHUNK_BYTES = 64 * 1024


class Proxy:
    """Forwards connections to a port of this machine, in its own thread.

    What is silenced is not lost: `heal` delivers it late, like a network that recovers.

    Args:
        target: the port to forward to.
        port: the proxy's own port.

    Attributes:
        fired: how often each fault affected a connection: chunks delayed or held back, connections reset or refused.
    """

    def __init__(self, target: int, port: int = 0) -> None:
        self.target, self.port = target, port or free_ports(1)[0]
        self.fired: Counter[str] = Counter()
        self._delay_seconds = 0.0
        self._is_resetting = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # The faults. Each lasts until `heal`.

    def delay(self, seconds: float) -> None:
        """Delay every chunk by this much, in both directions."""
        self._delay_seconds = seconds

    def reset(self, *, also_new: bool = False) -> None:
        """Reset every connection; with `also_new`, every new one too, immediately."""
        self._is_resetting = also_new
        self._do(self._abort)

    def silence(self) -> None:
        """Half-open: connections stay, and new ones are accepted, but nothing passes."""
        self._do(self._hold)

    def cut(self) -> None:
        """Partition: connections are gone, and new ones are refused."""
        self._do(self._stop_listening)
        self._do(self._abort)

    def heal(self) -> None:
        """End every fault, and deliver what was held back."""
        self._delay_seconds, self._is_resetting = 0.0, False
        self._do(self._listen)
        self._do(self._release)

    # Everything below runs in the proxy's thread.

    def _do(self, work: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._connect, HOST, self.port, reuse_address=True)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()  # do not wait: that would last until every connection has ended
            self._server = None

    async def _hold(self) -> None:
        self._passing.clear()

    async def _release(self) -> None:
        self._passing.set()

    async def _abort(self) -> None:
        for writer in list(self._writers):
            _abort(writer)
        self.fired["reset"] += len(self._writers)

    async def _end(self) -> None:
        await self._stop_listening()
        await self._abort()
        self._passing.set()
        # The task of a closed connection ends by itself.
        await asyncio.gather(*(asyncio.all_tasks(self._loop) - {asyncio.current_task()}), return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_resetting:
            self.fired["refused"] += 1
            _abort(writer)
            return
        try:
            there, onward = await asyncio.open_connection(HOST, self.target)
        except OSError:
            _abort(writer)
            return
        both = {writer, onward}
        self._writers |= both
        try:
            await asyncio.gather(self._pass(reader, onward), self._pass(there, writer))
        finally:
            self._writers -= both

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if not self._passing.is_set():
                    self.fired["held"] += 1
                    await self._passing.wait()
                if self._delay_seconds:
                    self.fired["delayed"] += 1
                    await asyncio.sleep(self._delay_seconds)
                writer.write(chunk)
                await writer.drain()
        with suppress(OSError):
            writer.close()


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with a reset instead of an orderly end."""
    connection: Any = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
