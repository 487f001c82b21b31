"""The embedded broker in a process of its own, as the product runs it, for tests that kill it."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from tests.support.forked import ForkedProcess, started

_PROGRAM = ("-m", "bluelamp.embedded.broker")


class BrokerProcess:
    """A broker process: `start` after `kill` restarts it on the same port and directory.

    Args:
        directory: of its log.
        options: of its command.
        program: what Python runs, in place of the product's own.
    """

    def __init__(self, directory: Path, *options: str, program: Sequence[str] = _PROGRAM) -> None:
        self.directory, self._program = directory, program
        self.port = 0
        self._options = options
        self._process: ForkedProcess | subprocess.Popen[Any] | None = None
        self._output: IO[str] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients, as host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        assert self._process is not None, "the broker is not running"
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """The log of all its runs."""
        return self.directory.with_name(self.directory.name + ".err")

    def logged(self) -> str:
        """The whole log so far."""
        return self.log_path.read_text()

    def start(self) -> None:
        """Start it and wait for its ready line."""
        place = ["--directory", str(self.directory), "--port", str(self.port)]
        reading, writing = os.pipe()
        self._output = os.fdopen(reading)
        with os.fdopen(writing, "wb") as output, self.log_path.open("a") as log_file:
            program = [*self._program, *place, *self._options]
            self._process = started(program, env=os.environ, stdout=output, stderr=log_file)
        ready = self._output.readline()
        if not ready.startswith("ready "):
            self.kill()
            raise RuntimeError(f"the broker did not start: {self.logged()}")
        self.port = int(ready.rpartition(":")[2])

    def stop(self) -> int:
        """Stop it with SIGTERM; returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Kill it with kill -9; returns its exit code."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        code = self._process.wait(30)
        if self._output is not None:
            self._output.close()
        self._process = None
        return code
