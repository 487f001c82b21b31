"""A gateway for tests: in this process with the test's own sink, or the product's as a process."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import uvicorn
from msgspec import Struct
from starlette.applications import Starlette

from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.errors import PublishError
from tests.support.forked import ForkedProcess, started
from tests.support.system import until

TOKEN = "a-token-for-tests-of-forty-characters-00"
SENDERS = f"telephony:{TOKEN} control:another-token-for-tests-of-letters"


class Answer(Struct, frozen=True):
    """A response of the gateway."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Caller:
    """Sends requests to a gateway.

    Args:
        address: the address, as in `http://127.0.0.1:8028/`.
        token: the sender's token; None to send none.
    """

    def __init__(self, address: str, token: str | None = TOKEN) -> None:
        parts = urlsplit(address)
        self.address = address
        self.host, self.port, self.token = str(parts.hostname), int(parts.port or 0), token

    def send(self, topic: str, body: object, **headers: str) -> Answer:
        """Post a body: bytes unchanged, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", f"/v1/{topic}", content, {"Content-Type": "application/json", **headers})

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request."""
        own = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, path, body, {**own, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        received = {name.lower(): value for name, value in answer.getheaders()}
        is_json = "json" in received.get("content-type", "")
        return Answer(answer.status, received, json.loads(text) if is_json else text.decode())


@contextmanager
def served(application: Starlette) -> Iterator[str]:
    """Serve an application from a thread on a free port of loopback; yields its address."""
    config = uvicorn.Config(application, log_config=None, access_log=False, loop="asyncio")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until(lambda: server.started, 60, "the server to start")
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


class Tape:
    """A sink that records facts and acknowledges them once allowed to."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Topic | None, AnyFact]] = []
        self.may_acknowledge = threading.Event()
        self.may_acknowledge.set()
        self.flushes = self.closed = 0

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Record a fact."""
        self.recorded.append((topic, fact))

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Record a heartbeat."""
        self.recorded.append((topic, heartbeat))

    def flush(self, within_seconds: float | None = None) -> None:
        """Acknowledge, once allowed to."""
        self.flushes += 1
        if not self.may_acknowledge.wait(within_seconds):
            raise PublishError("Not acknowledged.", where="tape", hint="Wait.")

    def close(self, within_seconds: float | None = None) -> None:
        """Count that it was closed."""
        self.closed += 1


class GatewayProcess:
    """`bluelamp gateway` on a free port; a restart after `kill` uses the same port.

    Args:
        environment: its environment variables.
        directory: where its output is written.
        arguments: additional arguments.
        program: a program to run instead of the product's own, such as one broken on purpose.
    """

    def __init__(
        self, environment: Mapping[str, str], directory: Path, *arguments: str, program: tuple[str, ...] = ()
    ) -> None:
        self.program = program or ("-m", "bluelamp")
        self.environment = {"BLUELAMP_GATEWAY_TOKENS": SENDERS, **environment}
        self.output, self.arguments, self.address = directory / "gateway.log", arguments, ""
        self._process: ForkedProcess | subprocess.Popen[Any] | None = None
        self._said: IO[str] | None = None

    def start(self) -> Caller:
        """Start it and wait until it listens."""
        port = str(urlsplit(self.address).port or 0)
        words = [*self.program, "gateway", "--port", port, *self.arguments]
        reading, writing = os.pipe()
        with self.output.open("a") as log, os.fdopen(writing, "w") as said:
            self._process = started(words, env=self.environment, stdout=said, stderr=log)
        self._said = os.fdopen(reading)
        ready = self._said.readline()
        assert ready.startswith("ready "), self.logged()
        self.address = ready.split()[1]
        return Caller(self.address)

    def kill(self) -> int:
        """Kill it with -9; returns its exit status."""
        return self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stop it cleanly; returns its exit status."""
        return self._end(signal.SIGTERM)

    def logged(self) -> str:
        """Its log."""
        return self.output.read_text()

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(30)
        self._process = None
        if self._said:
            self._said.close()
        return status
