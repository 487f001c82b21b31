"""The broker: opens its directory, listens on loopback and runs two background tasks."""

import asyncio
import contextlib
import fcntl
import ipaddress
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from bluelamp.embedded.broker.catalog import Catalog
from bluelamp.embedded.broker.connection import Connection, peer_name
from bluelamp.embedded.broker.coordinator import Coordinator
from bluelamp.embedded.broker.errors import BrokerError, StartError
from bluelamp.embedded.broker.node import Node
from bluelamp.embedded.broker.offsets import CommittedOffsets
from bluelamp.embedded.broker.settings import MEBIBYTE, BrokerSettings
from bluelamp.embedded.broker.sync import Syncer, Writer
from bluelamp.wiring.clock import wall

log = logging.getLogger(__name__)

LIMITS = (
    "The embedded broker is a single node for one machine: no replicas, no transactions, no compaction, "
    "no authentication or encryption (loopback only), whole-file retention. Use Apache Kafka for more."
)


def wall_milliseconds() -> int:
    """The time now, in milliseconds since 1970."""
    return int(wall().timestamp() * 1000)


class Broker:
    """An embedded broker with Kafka's protocol and all its data in `directory`.

    `port` 0 chooses a free one; `clock` returns milliseconds since 1970. Everything runs on the event loop that calls `start`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        settings: BrokerSettings | None = None,
        clock: Callable[[], int] = wall_milliseconds,
    ) -> None:
        self.settings = settings or BrokerSettings()
        self._directory = directory
        self._host = host
        self._port = port
        self._clock = clock
        self._node: Node | None = None
        self._lock: int | None = None
        self._server: asyncio.Server | None = None
        self._background_tasks: list[asyncio.Task[None]] = []
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def bootstrap(self) -> str:
        """The address for clients, as host:port; ValueError before `start`."""
        if self._node is None:
            raise ValueError("The broker has no address until it is started")
        host = f"[{self._node.host}]" if ":" in self._node.host else self._node.host
        return f"{host}:{self._node.port}"

    async def start(self) -> int:
        """Open the directory and listen; returns the port. StartError says why it cannot, and what to do."""
        self._host = loopback_address(self._host)
        self._lock = _lock(self._directory)
        try:
            node = self._node = await asyncio.to_thread(self._open)
            self._server = await self._listen()
        except BaseException:
            self._close_files()
            raise
        node.port = self._server.sockets[0].getsockname()[1]
        self._background_tasks = [asyncio.create_task(node.syncer.run()), asyncio.create_task(self._retain(node))]
        log.info("%s", LIMITS)
        log.info("Listening on %s, log in %s, fsync=%s", self.bootstrap, self._directory, self._fsync_name)
        return node.port

    async def stop(self) -> None:
        """Close every connection, force all data to disk and close the files."""
        if self._server is not None:
            self._server.close()
            await _end([*self._background_tasks, *self._connections])
            await self._server.wait_closed()
            self._server = None
        if self._node is not None:
            await self._sync_all(self._node)
        self._close_files()

    @property
    def _fsync_name(self) -> str:
        every = f" of {self.settings.fsync_interval_seconds} s" if self.settings.fsync == "interval" else ""
        return self.settings.fsync + every

    def _open(self) -> Node:
        catalog = Catalog(self._directory, self.settings, self._clock)
        offsets = CommittedOffsets(self._directory / "committed-offsets")
        coordinator = Coordinator(self.settings, offsets)
        syncer = Syncer(self.settings.fsync, self.settings.fsync_interval_seconds)
        return Node(self.settings, catalog, coordinator, syncer, self._clock, self._host)

    async def _listen(self) -> asyncio.Server:
        try:
            return await asyncio.start_server(self._accept, self._host, self._port, limit=MEBIBYTE)
        except OSError as error:
            raise StartError(f"Cannot listen on {self._host} port {self._port}: {error}. Try another port") from error

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if self._node is None or task is None:
            return
        if len(self._connections) >= self.settings.connections:
            log.warning("Refused a connection from %s: %d are open", peer_name(writer), len(self._connections))
            writer.close()
            return
        self._connections.add(task)
        try:
            await Connection(self._node, reader, writer).serve()
        except asyncio.CancelledError:
            log.debug("Closing the connection from %s: the broker is stopping", peer_name(writer))
        finally:
            self._connections.discard(task)
            writer.close()

    async def _retain(self, node: Node) -> None:
        while True:
            await asyncio.sleep(self.settings.retention_check_seconds)
            try:
                node.catalog.retain()
            except OSError as error:
                log.error("Retention could not be applied: %s. It will be retried", error)  # noqa: TRY400 - one line

    async def _sync_all(self, node: Node) -> None:
        writers: list[Writer] = [*node.catalog.partitions(), node.coordinator.offsets]
        try:
            await node.syncer.finish(writers)
        except OSError as error:
            log.error("Some data could not be forced to disk: %s", error)  # noqa: TRY400 - one line

    def _close_files(self) -> None:
        if self._node is not None:
            self._node.coordinator.close()
            self._node.catalog.close()
            self._node = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def loopback_address(host: str) -> str:
    """The first address of `host`; StartError unless all are loopback, because the broker has no authentication."""
    try:
        addresses = [str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(host, None)]
    except OSError as error:
        raise StartError(f"{host} is not an address of this machine: {error}. Try 127.0.0.1") from error
    if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        reason = f"The embedded broker has no authentication, so it will not listen on {host}"
        raise StartError(f"{reason}. Try 127.0.0.1, or use Apache Kafka")
    return addresses[0]


def _lock(directory: Path) -> int:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"Cannot use {directory}: {error}. Give the broker a directory it may write to") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StartError(f"Another broker is using {directory}. Stop it, or give this one another directory") from error
    return descriptor


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(BrokerError):
        await asyncio.gather(*tasks, return_exceptions=True)
