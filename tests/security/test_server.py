"""How services run over HTTP: foreign host names, slow senders and thousands of event streams."""

import asyncio
import http.client
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bluelamp.services import server as services
from bluelamp.services.server import server
from bluelamp.wiring.hosts import host_names
from bluelamp.wiring.settings import Settings
from producers.http.hosts import is_own_host
from producers.http.ready import Readiness
from streams import exporter
from tests.support.system import until

LIMIT_SECONDS = 0.4


def application() -> Starlette:
    """A service with /health, a form, and a stream that never ends."""

    async def health(request: Request) -> Response:
        await request.body()
        return PlainTextResponse("ok")

    async def events(_: Request) -> Response:
        async def forever() -> AsyncIterator[str]:
            while True:
                yield "data: 1\n\n"
                await asyncio.sleep(0.05)

        return StreamingResponse(forever(), media_type="text/event-stream")

    return Starlette(routes=[Route("/health", health, methods=["GET", "POST"]), Route("/events/now", events)])


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a running service with short time-outs and few streams."""
    monkeypatch.setattr(services, "HEADER_SECONDS", LIMIT_SECONDS)
    monkeypatch.setattr(services, "REQUEST_SECONDS", LIMIT_SECONDS)
    monkeypatch.setattr(services, "STREAMS_MAX", 3)
    running = server(application(), host_names(Settings(), "127.0.0.1"), 1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until(lambda: running.started, 60, "the server to start")
        yield listening.getsockname()[1]
        running.should_exit = True
        thread.join(10)


def status(port: int, host: str = "localhost", path: str = "/health") -> int:
    """The status of a request for a host name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host})
    found = connection.getresponse().status
    connection.close()
    return found


@contextmanager
def sender(port: int, text: bytes) -> Iterator[socket.socket]:
    """A connection on which the beginning of a request was sent."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(text)
        yield connection


def closes(connection: socket.socket) -> bool:
    """Whether the other side closes the connection, although something is sent on it again and again."""
    deadline = time.monotonic() + 10
    connection.settimeout(0.05)
    while time.monotonic() < deadline:
        try:
            connection.sendall(b"x")
            if not connection.recv(4096):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


FOREIGN = (
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example:8018",
    "1.2.3.4@evil.example",
)
OWN = ("localhost", "localhost:8018", "127.0.0.1", "127.0.0.1:8018", "[::1]", "[::1]:8018", "10.1.2.3:80")


def test_requests_for_foreign_host_names_are_refused(port: int) -> None:
    """DNS rebinding: a page of another site makes its own name lead to this machine."""
    names = host_names(Settings(board="http://board:8018", hosts="bluelamp.police.example"), "127.0.0.1")
    for host in (*FOREIGN, "127.0.0.1:80@evil.example"):
        assert not is_own_host(host, names), host
        assert status(port, host) == 400, host
    for host in (*OWN, "board:8018", "bluelamp.police.example", "BlueLamp.Police.example:443"):
        assert is_own_host(host, names), host
    assert {status(port, host) for host in OWN} == {200}
    assert {"one", "two"} <= set(host_names(Settings(inbox="http://one:8038, http://two:8038"), "127.0.0.1"))


HEAD = b"POST /health HTTP/1.1\r\nHost: localhost\r\n"


def test_senders_that_take_too_long_are_closed(port: int) -> None:
    """They send nothing, a head that never ends, a body that never ends, or that after a whole request."""
    for text in (
        b"",
        HEAD + b"X: ",
        HEAD + b"Content-Length: 100000\r\n\r\n",
        HEAD + b"Content-Length: 0\r\n\r\n" + HEAD + b"X: ",
        HEAD + b"Content-Length: 0\r\n\r\n" + HEAD + b"Content-Length: 100000\r\n\r\n",
    ):
        with sender(port, text) as connection:
            assert closes(connection), text
    assert status(port) == 200


def test_a_connection_may_wait_for_its_answer(port: int) -> None:
    """Only the request must arrive in time: a stream lasts."""
    with sender(port, b"GET /events/now HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        began = time.monotonic()
        while time.monotonic() - began < 3 * LIMIT_SECONDS:
            assert connection.recv(4096)


def test_event_streams_beyond_the_limit_are_refused_and_health_responds(port: int) -> None:
    streams = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(3)]
    for each in streams:
        each.sendall(b"GET /events/now HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in each.recv(4096)
    assert (status(port, path="/events/now"), status(port)) == (503, 200)
    for each in streams:
        each.close()
    until(lambda: _opens(port), 60, "a stream in the place of those that ended")


def _opens(port: int) -> bool:
    with sender(port, b"GET /events/now HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        return b" 200 " in connection.recv(4096)


def test_the_exporter_refuses_foreign_hosts_and_senders_that_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "_REQUEST_SECONDS", LIMIT_SECONDS)
    running, thread = exporter.serve({"/metrics": []}, 0, "127.0.0.1", ready=lambda: (False, b"{}"))
    port = running.server_port
    try:
        assert {status(port, host, "/metrics") for host in FOREIGN} == {400}
        assert {status(port, host, "/metrics") for host in OWN} == {200}
        assert status(port, path="/ready") == 503
        with sender(port, b"GET /metrics HTTP/1.1\r\nX: ") as connection:
            assert closes(connection)
    finally:
        running.shutdown()
        running.server_close()
        thread.join(10)


def test_ready_says_which_part_does_not_respond_and_checks_seldom() -> None:
    now, asked = [0.0], []

    def log() -> None:
        asked.append(now[0])
        if now[0] < 10:
            raise OSError

    ready = Readiness({"log": log, "figures": lambda: 7.5}, lambda: now[0])
    assert ready() == (False, b'{"ready":false,"parts":{"log":"bad","figures":"good"},"figures_age_seconds":7.5}')
    now[0] = 1.0
    ready()
    now[0] = 10.0
    assert ready() == (True, b'{"ready":true,"parts":{"log":"good","figures":"good"},"figures_age_seconds":7.5}')
    assert asked == [0.0, 10.0]
