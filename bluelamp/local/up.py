"""`bluelamp up`: everything on this machine in one command - log, state, workers, exporter, board, and a replay."""

import asyncio
import json
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from redis.exceptions import RedisError

from bluelamp.embedded.repair import repair
from bluelamp.embedded.state import StateServer, end_left_behind, find_binary, is_ready
from bluelamp.local.alert_engine import AlertSetup
from bluelamp.local.directory import LOG, OUTPUT, SIMULATION, STATE, forget, held, is_left
from bluelamp.local.saved_simulation import PlannedSimulation, save_simulation
from bluelamp.local.terminal import Terminal
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.processes import ManagedProcess, until
from bluelamp.wiring.settings import GATEWAY_TOKENS, NO_PART, RUNNING_FILE, Settings, load_forces, variable
from facts.errors import BlueLampError, PartMissingError, SettingError
from measures.outcome import instant
from measures.reading import Loading, loading
from streams.probe import Probe
from streams.readings import Reader
from streams.repeated_errors import RepeatedErrors
from streams.settings import PERSON_NEEDED

PROMISE = (
    "The embedded default is one broker and one state server on this machine, open to it alone: no copies, no\n"
    "passwords. The log is kept until you delete it; the last second before a loss of power may be lost.\n"
    "For a force's own service run Apache Kafka and Redis instead: docker-compose.yml."
)
_NONE: Mapping[str, str] = {}
_PARTS = ("broker", "state")
_NOTED = ("kafka", "redis", "state_name", "force", "inbox", "board_port", "exporter_port", "gateway_port", "prometheus")
"""The settings that other commands on this directory need to find what runs."""
_PART_SECONDS = 120.0
_BOARD_SECONDS = 60.0
_LEFT_SECONDS = 20.0
_TRIES = 3
_LOOK_SECONDS = 1.0


class RunPlan(Struct, frozen=True, kw_only=True):
    """What `bluelamp up` is asked for.

    Attributes:
        workers: how many worker processes.
        replay: arguments of `bluelamp replay`; empty for none.
        replay_words: what a person is told of it.
        simulation: what is simulated; None for nothing.
        is_fresh: forget what an earlier run kept.
        is_prometheus: Prometheus evaluates the alert rules, and Alertmanager tells of them.
        is_repaired: a state whose files are broken is brought back to where they can be read.
    """

    workers: int = 1
    replay: tuple[str, ...] = ()
    replay_words: str = ""
    simulation: PlannedSimulation | None = None
    is_fresh: bool = False
    is_prometheus: bool = False
    is_repaired: bool = False


class Up:
    """Everything that runs, and how it is ended.

    Args:
        settings: of this run.
        plan: what is asked for.
        terminal: of the person who has started it.
    """

    def __init__(self, settings: Settings, plan: RunPlan, terminal: Terminal) -> None:
        self.plan, self.terminal, self.say = plan, terminal, terminal.say
        self.directory = Path(settings.data).resolve()
        self.alarm = AlertSetup(os.environ, is_prometheus=plan.is_prometheus)
        self.settings = self.alarm.settings(settings)
        self.children: list[ManagedProcess] = []
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Start everything, say where it is, and end it all on Ctrl-C or SIGTERM.

        Raises:
            BlueLampError: something does not start; what was started has ended.
        """
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        title = _title(self.settings)
        with held(self.directory):
            await self._see_off()
            _check_ports(self.settings)
            try:
                await self._run(title, stopping)
            finally:
                self.say("Stopping.")
                await self._stop()

    async def _run(self, title: str, stopping: asyncio.Event) -> None:
        starting = asyncio.create_task(self._start(title))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            await stopped
        else:
            starting.cancel()
            await asyncio.wait([starting])

    async def _start(self, title: str) -> None:
        self.say(PROMISE)
        self.say(f"Everything is kept in {self.directory}")
        find_binary()
        if self.plan.is_fresh:
            await asyncio.to_thread(forget, self.directory)
        if self.plan.simulation:
            # Before the log is there: a directory with a log and without this holds what feeds have told.
            save_simulation(self.directory / SIMULATION, self.plan.simulation.saved)
        await self._start_parts()
        programs = self.alarm.programs(self.settings, self.directory)
        self._note_running()
        for number in range(1, self.plan.workers + 1):
            self._keep(f"worker-{number}", "worker", variables={variable("worker_name"): f"worker-{number}"})
        self._keep("exporter", "exporter", variables=self.alarm.engine())
        self._keep("inbox", "inbox", "serve", variables={**self.alarm.engine(), **self.alarm.people()})
        for each in programs:
            self._add(ManagedProcess(each.name, each.arguments, os.environ, self.directory / OUTPUT, self.say))
        board = self._keep("board", "board", variables=self.alarm.people())
        await self._wait_for(board, lambda: _answers(self.settings.board_port), _BOARD_SECONDS)
        if _has_senders():
            self._keep("gateway", "gateway")
        if self.plan.replay:
            self._keep("replay", "replay", *self.plan.replay, is_once=True)
        if self.plan.simulation:
            self._keep("simulate", "simulate", *self.plan.simulation.arguments, is_once=True)
        self._tell(title)
        self._watching = asyncio.create_task(self._watch_state())

    async def _see_off(self) -> None:
        """Wait for the end of what a killed run has left behind: its parts take a moment to notice."""
        was_killed = (self.directory / RUNNING_FILE).exists()

        async def is_over() -> bool:
            return is_left(self.directory) and not (was_killed and _taken(self.settings))

        await until(is_over, _LEFT_SECONDS)
        if not is_left(self.directory):
            hint = "End them: `ps` shows them with this directory."
            raise PartMissingError("Parts of an earlier run do not end.", where=str(self.directory), hint=hint)
        await asyncio.to_thread(end_left_behind, self.directory / STATE)

    async def _start_parts(self) -> None:
        """Start the log and the state, each on a port of its own: the same one again if it must be started again."""
        if self.plan.is_repaired:
            await self._repair()
        log_port, state_port = free_ports(2)
        broker = self._part("broker", LOG, log_port, "--until-input-ends")
        state = self._part("state", STATE, state_port)
        await self._wait_for(broker, lambda: _answers(log_port), _PART_SECONDS)
        await self._wait_for(state, lambda: asyncio.to_thread(is_ready, state_port), _PART_SECONDS)
        kafka, redis = f"127.0.0.1:{log_port}", f"redis://127.0.0.1:{state_port}/0"
        self.settings = replace(self.settings, kafka=kafka, redis=redis)

    async def _repair(self) -> None:
        self.say("Reading the state's files.")
        repaired = await asyncio.to_thread(repair, StateServer(self.directory / STATE), wall())
        for line in repaired.lines():
            self.say(line)

    def _part(self, name: str, folder: str, port: int, *options: str) -> ManagedProcess:
        module = [sys.executable, "-m", f"bluelamp.embedded.{name}"]
        arguments = [*module, "--directory", str(self.directory / folder), "--port", str(port), *options]
        return self._add(ManagedProcess(name, arguments, os.environ, self.directory / OUTPUT, self.say))

    def _keep(
        self, name: str, *arguments: str, is_once: bool = False, variables: Mapping[str, str] = _NONE
    ) -> ManagedProcess:
        environment = {**os.environ, **self.settings.environment(), **variables}
        command = [sys.executable, "-m", "bluelamp", *arguments]
        return self._add(ManagedProcess(name, command, environment, self.directory / OUTPUT, self.say, is_once=is_once))

    async def _watch_state(self) -> None:
        """Say at the terminal how far a history is loaded, and what the state server refuses."""
        source, was_loading = reader(self.settings), False
        probe, complaints = Probe(source.redis, self.settings.state_name), RepeatedErrors(self.say, time.monotonic)
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                past, refusal = await asyncio.to_thread(lambda: (_past(source, self.settings.force), probe()))
            except (RedisError, OSError, BlueLampError) as error:
                complaints.add_error(error)
                continue
            if refusal:
                complaints.add(refusal.cause, refusal.words())
            else:
                complaints.end()
            if past:
                self._show_history(past, source)
            elif was_loading:
                self.say("The history is loaded.")
            was_loading = past is not None

    def _show_history(self, past: Loading, source: Reader) -> None:
        moment = instant(past.at).astimezone(source.rules[self.settings.force].force.zone())
        words = f"History: {past.ratio():.0%}, up to {moment:%d %B %Y, %H:%M}. The board shows that moment."
        self.terminal.move(past.ratio(), words)

    def _add(self, child: ManagedProcess) -> ManagedProcess:
        self.children.append(child)
        child.start()
        return child

    async def _wait_for(self, child: ManagedProcess, answers: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Wait until a child answers; one that ends again and again never will."""

        async def is_over() -> bool:
            return has_failed() or await answers()

        def has_failed() -> bool:
            return child.ends >= _TRIES or child.status == PERSON_NEEDED

        if not await until(is_over, seconds) or has_failed():
            what = f"The {child.name} does not start. Its last words:\n{child.last_lines()}"
            raise PartMissingError(what, where=str(child.output), hint=self._way_out(child))

    def _way_out(self, child: ManagedProcess) -> str:
        """What to do about a part that does not start."""
        if child.name == "state" and child.status == PERSON_NEEDED:
            options = f"--data {shlex.quote(str(self.settings.data))} --repair-state"
            return (
                f"`{_program()} up {options}`, besides what you start it with, sets the broken files aside, keeps what can be read of "
                "them, and has the rest folded again from the log."
            )
        return "Mend what they say, and start again."

    def _note_running(self) -> None:
        told = {name: getattr(self.settings, name) for name in _NOTED}
        gateway = self.settings.address("gateway", has_senders=_has_senders()) or NO_PART
        text = json.dumps({**told, "gateway": gateway, "pid": os.getpid()})
        (self.directory / RUNNING_FILE).write_text(text)

    def _tell(self, title: str) -> None:
        self.say(f"Shown is {title}.")
        if self.plan.replay_words:
            self.say(self.plan.replay_words)
        if self.plan.simulation:
            self.say(self.plan.simulation.words)
        self.say(f"The board:              http://127.0.0.1:{self.settings.board_port}/")
        self.say(f"Figures for Prometheus: http://127.0.0.1:{self.settings.exporter_port}/metrics")
        for line in self.alarm.sign_in_lines(self.settings):
            self.say(line)
        if _has_senders():
            self.say(f"The gateway:            http://127.0.0.1:{self.settings.gateway_port}/")
        self.say(f"One figure:             BLUELAMP_DATA={self.settings.data} {_program()} read incident_count")
        self.say("Ctrl-C ends everything.")

    async def _stop(self) -> None:
        """End what uses the log and the state first, then those two."""
        if self._watching:
            self._watching.cancel()
        for is_part in (False, True):
            await asyncio.gather(*(each.stop() for each in self.children if (each.name in _PARTS) == is_part))
        (self.directory / RUNNING_FILE).unlink(missing_ok=True)


def _title(settings: Settings) -> str:
    """The title of the force whose figures are shown.

    Raises:
        SettingError: no profile names it.
    """
    forces = load_forces(settings)
    if settings.force not in forces:
        hint = f"Name one of {', '.join(forces)}."
        raise SettingError(f"There is no force {settings.force!r}.", where="--force, or BLUELAMP_FORCE", hint=hint)
    return forces[settings.force].force.title


def _past(source: Reader, force: str) -> Loading | None:
    """The history that is being loaded, as the state has it."""
    source.refresh()
    return loading(source.feeds(force))


def _has_senders() -> bool:
    """Whether somebody may tell facts by HTTP, so that there is something for a gateway to do."""
    return bool(os.environ.get(GATEWAY_TOKENS))


def _program() -> str:
    """Our own command as the person has called it."""
    return sys.argv[0] if Path(sys.argv[0]).name == "bluelamp" else "bluelamp"


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _check_ports(settings: Settings) -> None:
    """Two boards on one port would be told as a board that will not start: better to say it at once."""
    for port, name in _taken(settings):
        hint = f"End what uses it (another `bluelamp up`?), or set {name} to a free one."
        raise PartMissingError(f"Port {port} is in use.", where="127.0.0.1", hint=hint)


def _taken(settings: Settings) -> list[tuple[int, str]]:
    """The ports that something else listens on, each with its variable."""
    ports = {settings.board_port: "BLUELAMP_BOARD_PORT", settings.exporter_port: "BLUELAMP_EXPORTER_PORT"}
    ports |= {settings.gateway_port: "BLUELAMP_GATEWAY_PORT"} if _has_senders() else {}
    return [(port, variable) for port, variable in ports.items() if not _is_free(port)]


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
