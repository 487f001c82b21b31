"""Starts Blue Lamp's processes as forks of one that has already imported it, because imports take most of a worker's start.

Each process of pytest has one such parent. A fork has its own environment, output, memory and id, and ends like any other process.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from threading import Lock
from typing import IO, Any

_REQUEST_BYTES = 1 << 18
_POLL_SECONDS = 0.02
_IMPORTED = (
    "uvloop",
    "bluelamp.cli.main",
    "bluelamp.cli.worker",
    "bluelamp.services.worker",
    "bluelamp.wiring.clock_watch",
    "bluelamp.wiring.program",
    "bluelamp.embedded.broker.server",
    "streams.worker",
)


OWN_MODULES = ("bluelamp", "bluelamp.embedded.broker", "tests.integration.changed_worker")
"""What forks can run. Anything else, such as a program with another clock, needs a new process."""


def started(
    program: Sequence[str], *, env: Mapping[str, str], stdout: IO[Any], stderr: IO[Any]
) -> "ForkedProcess | subprocess.Popen[Any]":
    """A running program; it is a fork if it is one of Blue Lamp's own.

    Args:
        program: the words after `python`.
        env: its environment variables.
        stdout: where its output goes.
        stderr: where its errors go.
    """
    if program[0] == "-m" and program[1] in OWN_MODULES:
        return ForkedProcess(program[1:], env=env, stdout=stdout, stderr=stderr)
    return subprocess.Popen([sys.executable, *program], env=env, stdout=stdout, stderr=stderr)


class ForkedProcess:
    """A running fork, with what the tests use of `subprocess.Popen`.

    Args:
        arguments: the words after `python -m`: a module and its arguments.
        env: its environment variables.
        stdout: where its output goes.
        stderr: where its errors go.
    """

    def __init__(self, arguments: Sequence[str], *, env: Mapping[str, str], stdout: IO[Any], stderr: IO[Any]) -> None:
        self._parent = _parent()
        request = {"arguments": list(arguments), "env": dict(env)}
        self.pid: int = self._parent.ask(request, (stdout.fileno(), stderr.fileno()))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, negative for the signal that ended it; None while it runs."""
        if self.returncode is None:
            self.returncode = self._parent.ask({"pid": self.pid})
        return self.returncode

    def wait(self, seconds: float) -> int:
        """Wait until it has ended.

        Raises:
            TimeoutError: it still runs after that.
        """
        deadline = time.monotonic() + seconds
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} still runs after {seconds} s")
            time.sleep(_POLL_SECONDS)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class _Parent:
    """The process that forks, seen from a test; several threads may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _REQUEST_BYTES)
        command = [sys.executable, "-m", __name__, str(other.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[other.fileno()], stdin=subprocess.DEVNULL)
        other.close()

    def ask(self, request: Mapping[str, Any], files: Sequence[int] = ()) -> Any:
        """The answer to a request."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], files)
            return json.loads(self._socket.recv(_REQUEST_BYTES))


@cache
def _parent() -> _Parent:
    return _Parent()


def main(number: int) -> None:
    """Serve requests until the test's process has ended; in a fork, run what it asked for.

    Args:
        number: of the open socket to the test's process.
    """
    for name in _IMPORTED:
        import_module(name)
    with socket.socket(fileno=number) as connection:
        arguments = _serve(connection)
    if arguments:
        sys.argv = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _serve(connection: socket.socket) -> list[str]:
    """Answer requests. Returns in a fork, with its arguments, and at the end, with none."""
    while True:
        message, files, _, _ = socket.recv_fds(connection, _REQUEST_BYTES, 2)
        if not message:
            return []
        request = json.loads(message)
        if "pid" in request:
            connection.send(json.dumps(_status(request["pid"])).encode())
            continue
        pid = os.fork()
        if not pid:
            _become(request["env"], files)
            return list(request["arguments"])
        for file in files:
            os.close(file)
        connection.send(json.dumps(pid).encode())


def _status(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(environment: Mapping[str, str], files: Sequence[int]) -> None:
    """Use the environment and the output of the fork."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)


if __name__ == "__main__":
    main(int(sys.argv[1]))
