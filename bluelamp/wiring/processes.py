"""The processes that `bluelamp up` manages: it starts, watches, restarts and stops them."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from streams.settings import PERSON_NEEDED

PARENT_VARIABLE = "BLUELAMP_ENDS_WITH_PARENT"
_STOP_SECONDS = 15.0
_LOG_LIMIT_BYTES = 4_000_000
_LAST_LINES = 12
_ORPHAN_SECONDS = 3.0
_PERSON_SECONDS = 60.0
_WELL_SECONDS = 30.0
"""A process that has run for this long had started well."""
_DONE = (0, 1, 2)
"""Exit statuses of a process that runs once: done, done with something to report, or impossible."""


class ManagedProcess:
    """One process, restarted whenever it ends, until it is stopped.

    Its standard input is a pipe that closes when this process ends for any reason; the child process then ends too.

    Args:
        name: the name of the process and of its log file.
        arguments: the program and its arguments.
        environment: its environment variables.
        directory: the directory of its log file.
        say: prints a line at the terminal.
        is_once: whether it runs once and is not restarted when it has finished.
        person_seconds: how long to wait before restarting a process that needs a person's decision.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str],
        directory: Path,
        say: Callable[[str], None],
        *,
        is_once: bool = False,
        person_seconds: float = _PERSON_SECONDS,
    ) -> None:
        self.name, self.arguments, self.say, self.is_once = name, arguments, say, is_once
        self._person_seconds = person_seconds
        self.environment = {**environment, PARENT_VARIABLE: "yes"}
        self.output = directory / f"{name}.log"
        self.ends = 0
        """The number of times it has ended."""
        self.status: int | None = None
        """Its last exit status."""
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and restart it whenever it ends."""
        self._task = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def _keep(self) -> None:
        pause_seconds, is_reported = 0.5, False
        while True:
            started = asyncio.get_running_loop().time()
            status = await self._run()
            self.ends, self.status = self.ends + 1, status
            if status in _DONE and self.is_once:
                self._report_done(status)
                return
            if asyncio.get_running_loop().time() - started > _WELL_SECONDS:
                pause_seconds, is_reported = 0.5, False
            if status == PERSON_NEEDED:
                if not is_reported:
                    self._report_person_needed()
                is_reported = True
                await asyncio.sleep(self._person_seconds)
                continue
            self.say(f"{self.name} ended with status {status}; restarting it (log: {self.output})")
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, 10.0)

    async def _run(self) -> int:
        if self.output.exists() and self.output.stat().st_size > _LOG_LIMIT_BYTES:
            self.output.replace(self.output.with_suffix(".previous.log"))
        with self.output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.arguments,
                env=self.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal must reach only us, so that we stop everything in order
            )
            return await self._process.wait()

    def _report_done(self, status: int) -> None:
        if status == 0:
            self.say(f"{self.name} has finished.")
        else:
            ending = "has finished" if status == 1 else "has stopped and needs a decision"
            self.say(f"{self.name} {ending}. Its last output:\n{self.last_lines()}")

    def _report_person_needed(self) -> None:
        self.say(
            f"{self.name} has stopped and needs a decision. Its last output:\n{self.last_lines()}\n"
            f"It is restarted every {self._person_seconds:.0f} s, and continues once the problem is solved."
        )

    def last_lines(self) -> str:
        """The end of its output, indented."""
        lines = self.output.read_text(errors="replace").splitlines() if self.output.exists() else []
        return "\n".join(f"  {line}" for line in lines[-_LAST_LINES:])

    async def stop(self) -> None:
        """Stop it cleanly; it is killed if it does not stop in time."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float, every_seconds: float = 0.1) -> bool:
    """Wait until a condition is true; returns whether it was in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await is_so():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(every_seconds)
    return True


def end_with_parent(within_seconds: float = _ORPHAN_SECONDS) -> None:
    """In a child process: end when the parent does, even if it was killed; standard input then closes.

    Args:
        within_seconds: how long a clean shutdown may take.
    """
    if PARENT_VARIABLE in os.environ:
        threading.Thread(target=_wait_for_parent, args=(within_seconds,), name="parent", daemon=True).start()


def _wait_for_parent(within_seconds: float) -> None:
    # Not through sys.stdin: a thread that waits in it aborts the interpreter at exit.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(within_seconds)
    # A clean shutdown may wait for parts that are gone too, and nobody is left to kill this process.
    os._exit(1)
