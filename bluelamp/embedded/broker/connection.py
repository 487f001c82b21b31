"""One client's connection: handles requests in order, and closes on anything that is not a request."""

import asyncio
import logging
import re
import struct
from io import BytesIO
from typing import Any

from kafka.protocol.api_header import RequestHeader

from bluelamp.embedded.broker.api import API_VERSIONS_KEY, API_VERSIONS_REQUEST, API_VERSIONS_SPAN, APIS, VERSION_SPANS
from bluelamp.embedded.broker.cluster_handlers import api_versions
from bluelamp.embedded.broker.errors import BadRequestError, ErrorCode
from bluelamp.embedded.broker.node import Caller, Node

log = logging.getLogger(__name__)

_SIZE = struct.Struct(">i")
_HEAD = struct.Struct(">hhi")  # the API key, the version and the correlation id
_PRODUCE_KEY = 0

# A decoder reads a flexible length until a byte below 128; a valid one has at most 5 bytes.
_ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{128}")


class Connection:
    """Serves one client until it disconnects, is idle for too long, or sends something that cannot be decoded."""

    def __init__(self, node: Node, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._node = node
        self._reader = reader
        self._writer = writer
        self._peer = peer_name(writer)

    async def serve(self) -> None:
        """Handle one request after the other; returns when the connection should be closed."""
        try:
            while True:
                frame = await self._read_frame()
                answer = await self._answer(frame)
                if answer is not None:
                    await self._send(answer)
        except BadRequestError as error:
            log.warning("Closed the connection from %s: %s", self._peer, error)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            log.debug("The connection from %s has ended", self._peer)

    async def _read_frame(self) -> bytes:
        async with asyncio.timeout(self._node.settings.idle_seconds):
            size = _SIZE.unpack(await self._reader.readexactly(_SIZE.size))[0]
            if not _HEAD.size <= size <= self._node.settings.request_bytes:
                limit = self._node.settings.request_bytes
                raise BadRequestError(f"a request of {size} bytes; the size must be {_HEAD.size} to {limit} bytes")
            head = await self._reader.readexactly(_HEAD.size)
            limit = self._node.settings.other_request_bytes
            if size > limit and _HEAD.unpack(head)[0] != _PRODUCE_KEY:
                raise BadRequestError(f"a request of {size} bytes other than produce; the limit is {limit}")
            return head + await self._reader.readexactly(size - _HEAD.size)

    async def _answer(self, frame: bytes) -> bytearray | None:
        key, version, correlation_id = _HEAD.unpack_from(frame)
        if key == API_VERSIONS_KEY:
            return _versions(frame, version, correlation_id)
        api = APIS.get(key)
        if api is None or not api.oldest <= version <= api.newest:
            raise BadRequestError(f"request {key} in version {version}, which is not supported")
        client_id, request = _decode(api.request, frame, version)
        caller = Caller(client_id, "/" + self._peer.rpartition(":")[0], version)
        try:
            response = await api.answer(self._node, request, caller)
            return None if response is None else _encode(response, version, correlation_id)
        except (BadRequestError, ConnectionError):
            raise
        except Exception as error:
            log.debug("Handling %s", api.request.name, exc_info=True)
            raise BadRequestError(f"{api.request.name} could not be handled: {error!r}") from error

    async def _send(self, answer: bytearray) -> None:
        self._writer.write(answer)
        async with asyncio.timeout(self._node.settings.idle_seconds):
            await self._writer.drain()


def peer_name(writer: asyncio.StreamWriter) -> str:
    """The client's address, for the log."""
    address = writer.get_extra_info("peername")
    return f"{address[0]}:{address[1]}" if address else "an unknown address"


def _versions(frame: bytes, version: int, correlation_id: int) -> bytearray:
    """The supported versions; a request in an unknown version gets the oldest form, as the protocol requires."""
    oldest, newest = API_VERSIONS_SPAN
    if not oldest <= version <= newest:
        return _encode(api_versions(VERSION_SPANS, ErrorCode.UNSUPPORTED_VERSION), 0, correlation_id)
    _decode(API_VERSIONS_REQUEST, frame, version)
    return _encode(api_versions(VERSION_SPANS), version, correlation_id)


def _decode(request: Any, frame: bytes, version: int) -> tuple[str, Any]:
    flexible = request.flexible_version_q(version)
    stream = BytesIO(frame)
    try:
        header = RequestHeader.decode(stream, flexible=flexible)
        body = memoryview(frame)[stream.tell() :]
        if not (flexible and _ENDLESS_NUMBER.search(body)):
            return header.client_id or "", request.decode(body, version=version)
    except Exception as error:  # any error of a generated decoder means that the bytes are not a request
        raise BadRequestError(f"{request.name} in version {version} could not be decoded: {error!r}") from error
    raise BadRequestError(f"{request.name} in version {version} has an endless length")


def _encode(response: Any, version: int, correlation_id: int) -> bytearray:
    response.API_VERSION = version
    response.with_header(correlation_id)
    encoded: bytearray = response.encode(header=True, framed=True)
    return encoded
