"""Processes that `bluelamp up` keeps: started, watched, started again, and ended in order."""

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
"""Whatever has run for so long had been running well."""
_DONE = (0, 1, 2)
"""How a child that has one thing to do ends by itself: done, done with something to say, or not possible."""


class ManagedProcess:
    """One process, kept running until it is told to stop.

    Its standard input is a pipe that ends with us, however we end; a child of ours takes that as its own end.

    Args:
        name: of the child, and of its file of output.
        arguments: the program and what it is told.
        environment: its variables.
        directory: of its file of output.
        say: tells the person at the terminal.
        is_once: it has one thing to do, and is done when it ends by itself.
        person_seconds: when it has ended because a person must decide, how long before it is started again, to see whether
            one has.
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
        """How often it has ended."""
        self.status: int | None = None
        """How it ended last."""
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._task = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def _keep(self) -> None:
        pause_seconds, was_said = 0.5, False
        while True:
            started = asyncio.get_running_loop().time()
            status = await self._run()
            self.ends, self.status = self.ends + 1, status
            if status in _DONE and self.is_once:
                self._say_done(status)
                return
            if asyncio.get_running_loop().time() - started > _WELL_SECONDS:
                pause_seconds, was_said = 0.5, False
            if status == PERSON_NEEDED:
                if not was_said:
                    self._say_person_needed()
                was_said = True
                await asyncio.sleep(self._person_seconds)
                continue
            self.say(f"{self.name} ended with status {status}; starting it again (its words: {self.output})")
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
                start_new_session=True,  # a Ctrl-C in the terminal is ours to handle, in our order
            )
            return await self._process.wait()

    def _say_done(self, status: int) -> None:
        if status == 0:
            self.say(f"{self.name} is done.")
        else:
            ending = "is done" if status == 1 else "has stopped and needs a person"
            self.say(f"{self.name} {ending}; its last words:\n{self.last_words()}")

    def _say_person_needed(self) -> None:
        self.say(
            f"{self.name} has stopped and needs a person; its last words:\n{self.last_words()}\n"
            f"It is started again every {self._person_seconds:.0f} s, and goes on once this is settled."
        )

    def last_words(self) -> str:
        """The end of its output, indented."""
        lines = self.output.read_text(errors="replace").splitlines() if self.output.exists() else []
        return "\n".join(f"  {line}" for line in lines[-_LAST_LINES:])

    async def stop(self) -> None:
        """End it cleanly; one that does not end in time is killed."""
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
    """Wait until a condition holds; say whether it came to hold in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await is_so():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(every_seconds)
    return True


def end_with_parent(within_seconds: float = _ORPHAN_SECONDS) -> None:
    """In a child: end when the parent does, even one that was killed; its pipe to us then closes.

    Args:
        within_seconds: how long a clean end may take.
    """
    if PARENT_VARIABLE in os.environ:
        threading.Thread(target=_wait_for_parent, args=(within_seconds,), name="parent", daemon=True).start()


def _wait_for_parent(within_seconds: float) -> None:
    # Not through sys.stdin: a thread that waits within it aborts the interpreter at its end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(within_seconds)
    # A clean end can wait for parts that are gone as well, and nobody is left to kill us.
    os._exit(1)
