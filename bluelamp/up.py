"""`bluelamp up`: everything on this machine in one command - log, state, workers, exporter, board, and a replay."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from bluelamp.children import Child, until
from bluelamp.embedded.state import StateServer, StateServerError
from bluelamp.settings import RUNNING_FILE, Settings, load
from facts.errors import PartMissingError

PROMISE = (
    "The embedded default is one broker and one state server on this machine, open to it alone: no copies, no\n"
    "passwords. The log is kept until you delete it; the last second before a loss of power may be lost.\n"
    "For a force's own service run Apache Kafka and Redis instead: docker-compose.yml."
)
_PROGRESS_SECONDS = 2.0
_PROGRESS = b" facts told, "
_MODULE = [sys.executable, "-m", "bluelamp"]


class Plan(Struct, frozen=True, kw_only=True):
    """What `bluelamp up` is asked for.

    Attributes:
        workers: how many worker processes.
        replay: arguments of `bluelamp replay`; empty for none.
        simulate: arguments of `bluelamp simulate`; empty for none.
        is_fresh: forget what an earlier run kept.
    """

    workers: int = 1
    replay: tuple[str, ...] = ()
    simulate: tuple[str, ...] = ()
    is_fresh: bool = False


class Up:
    """Everything that runs, and how it is ended.

    Args:
        settings: of this run.
        plan: what is asked for.
        say: tells the person at the terminal.
    """

    def __init__(self, settings: Settings, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan, self.say = plan, say
        self.directory = Path(settings.data).resolve()
        self.settings = settings
        self.state = StateServer(self.directory / "state")
        self.children: list[Child] = []
        self._guard: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Start everything, say where it is, and end it all on Ctrl-C or SIGTERM."""
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        _check_ports(self.settings)
        try:
            starting = asyncio.create_task(self._start())
            stopped = asyncio.create_task(stopping.wait())
            await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopped
        finally:
            self.say("Stopping.")
            await self._stop()

    async def _start(self) -> None:
        self._prepare_directory()
        self.say(PROMISE)
        self.say(f"Everything is kept in {self.directory}")
        try:
            await asyncio.to_thread(self.state.start)
        except StateServerError as error:
            hint = "Its own words are in the directory above."
            raise PartMissingError(str(error), where=str(self.directory / "state"), hint=hint) from error
        self._guard = asyncio.create_task(self._guard_state())
        kafka = await self._start_broker()
        self.settings = load(os.environ, **_given(self.settings, kafka=kafka, redis=self.state.url))
        self._note_running()
        for number in range(1, self.plan.workers + 1):
            self._keep(f"worker-{number}", "worker", BLUELAMP_WORKER_NAME=f"worker-{number}")
        self._keep("exporter", "exporter")
        self._keep("board", "board")
        await self._wait_for_board()
        if self.plan.replay:
            self._keep("replay", "replay", *self.plan.replay, is_once=True)
        if self.plan.simulate:
            self._keep("simulate", "simulate", *self.plan.simulate, is_once=True)
            self._watching = asyncio.create_task(self._tell_progress())
        self.say(f"Figures for Prometheus: http://127.0.0.1:{self.settings.exporter_port}/metrics")
        self.say(f"The board:              http://127.0.0.1:{self.settings.board_port}/")
        self.say("Ctrl-C ends everything.")

    def _prepare_directory(self) -> None:
        if self.plan.is_fresh:
            for name in ("log", "state", "output"):
                shutil.rmtree(self.directory / name, ignore_errors=True)
        (self.directory / "output").mkdir(parents=True, exist_ok=True)

    async def _start_broker(self) -> str:
        """Start the broker on a port of its own; the same one again if it must be started again."""
        port = _free_port()
        log = self.directory / "log"
        arguments = [sys.executable, "-m", "bluelamp.embedded.broker", "--directory", str(log), "--port", str(port)]
        self._add(Child("broker", [*arguments, "--until-input-ends"], os.environ, self._output(), self.say))
        if not await until(lambda: _answers(port), seconds=30):
            hint = "Its own words say why."
            raise PartMissingError("The broker does not start.", where=str(self._output() / "broker.log"), hint=hint)
        return f"127.0.0.1:{port}"

    async def _guard_state(self) -> None:
        """Start the state server again if it dies; its data are on the disk, and what is missing is in the log."""
        while True:
            await asyncio.sleep(1)
            if not self.state.is_running():
                self.say("The state server has died; starting it again.")
                await asyncio.to_thread(self.state.start)

    def _keep(self, name: str, *arguments: str, is_once: bool = False, **variables: str) -> None:
        environment = {**os.environ, **self.settings.environment(), **variables}
        command = [*_MODULE, *arguments]
        self._add(Child(name, command, environment, self._output(), self.say, is_once=is_once))

    async def _tell_progress(self) -> None:
        """Tell at the terminal how far the history has come, which the simulation writes to its output."""
        path, read_bytes = self._output() / "simulate.log", 0
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            lines = path.read_bytes()[read_bytes:].splitlines(keepends=True) if path.exists() else []
            whole = [line for line in lines if line.endswith(b"\n")]
            read_bytes += sum(map(len, whole))
            told = [line for line in whole if _PROGRESS in line]
            if told:
                self.say(f"simulate: {told[-1].decode().strip()}")

    def _add(self, child: Child) -> None:
        self.children.append(child)
        child.start()

    def _output(self) -> Path:
        return self.directory / "output"

    async def _wait_for_board(self) -> None:
        if not await until(lambda: _answers(self.settings.board_port), seconds=60):
            where = str(self._output() / "board.log")
            raise PartMissingError("The board does not start.", where=where, hint="Its own words say why.")

    def _note_running(self) -> None:
        told = {name: getattr(self.settings, name) for name in ("kafka", "redis", "state_name", "force")}
        text = json.dumps({**told, "pid": os.getpid()})
        (self.directory / RUNNING_FILE).write_text(text)

    async def _stop(self) -> None:
        for child in reversed(self.children):
            await child.stop()
        for task in (self._guard, self._watching):
            if task:
                task.cancel()
        await asyncio.to_thread(self.state.stop)
        (self.directory / RUNNING_FILE).unlink(missing_ok=True)


def _given(settings: Settings, **changed: str) -> dict[str, object]:
    return {name: changed.get(name, getattr(settings, name)) for name in settings.__struct_fields__}


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _check_ports(settings: Settings) -> None:
    """Two boards on one port would be told as a board that will not start: better to say it at once."""
    for port, variable in (
        (settings.board_port, "BLUELAMP_BOARD_PORT"),
        (settings.exporter_port, "BLUELAMP_EXPORTER_PORT"),
    ):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                hint = f"End what uses it (another `bluelamp up`?), or set {variable} to a free one."
                raise PartMissingError(f"Port {port} is in use.", where="127.0.0.1", hint=hint) from None
