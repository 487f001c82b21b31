"""`bluelamp up`: starts, watches and stops every part of Blue Lamp on this machine."""

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
from bluelamp.local.directory import LOG, OUTPUT, ROSTERS, SIMULATION, STATE, clear, is_free, locked
from bluelamp.local.saved_simulation import PlannedSimulation, save_simulation
from bluelamp.local.terminal import Terminal
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.processes import ManagedProcess, until
from bluelamp.wiring.settings import GATEWAY_TOKENS, NO_PART, RUNNING_FILE, Settings, load_forces, secret_in, variable
from facts.errors import BlueLampError, PartMissingError, SettingError
from measures.outcome import instant, microseconds
from measures.reading import Filling, Loading, filling, loading
from producers.files import replace_file
from streams.probe import Probe
from streams.readings import Reader
from streams.repeated_errors import RepeatedErrors
from streams.settings import PERSON_NEEDED

PROMISE = (
    "This runs one embedded Kafka broker and one state server, which only this machine can reach. There are no\n"
    "replicas and no passwords. The log is kept until you delete it. A power failure may lose the last second.\n"
    "To run a force's service, use Apache Kafka and Redis instead: see docker-compose.yml."
)
_NONE: Mapping[str, str] = {}
_PARTS = ("broker", "state")
_SAVED = ("kafka", "redis", "state_name", "force", "inbox", "board_port", "exporter_port", "gateway_port", "prometheus")
"""The settings saved in the running file, with which other commands find the running parts."""
_PART_SECONDS = 120.0
_BOARD_SECONDS = 60.0
_EARLIER_RUN_SECONDS = 20.0
_STARTS_MAX = 3
_LOOK_SECONDS = 1.0


class RunPlan(Struct, frozen=True, kw_only=True):
    """What a run of `bluelamp up` starts.

    Attributes:
        workers: the number of worker processes.
        replay: arguments of `bluelamp replay`; empty for no replay.
        replay_words: the line that describes the replay at the terminal.
        simulation: the simulation to run; None for none.
        is_fresh: delete the data of an earlier run first.
        is_prometheus: Prometheus evaluates the alert rules, and Alertmanager sends the alerts.
        is_repaired: repair the state's files before starting.
    """

    workers: int = 1
    replay: tuple[str, ...] = ()
    replay_words: str = ""
    simulation: PlannedSimulation | None = None
    is_fresh: bool = False
    is_prometheus: bool = False
    is_repaired: bool = False


class Up:
    """One run of `bluelamp up`.

    Args:
        settings: the settings of this run.
        plan: what to start.
        terminal: prints progress.
    """

    def __init__(self, settings: Settings, plan: RunPlan, terminal: Terminal) -> None:
        self.plan, self.terminal, self.say = plan, terminal, terminal.say
        self.directory = Path(settings.data).resolve()
        self.alarm = AlertSetup(os.environ, is_prometheus=plan.is_prometheus)
        self.settings = self.alarm.settings(settings)
        self.processes: list[ManagedProcess] = []
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Start everything, print the addresses, and stop everything on Ctrl-C or SIGTERM.

        Raises:
            BlueLampError: a part did not start; the parts that did have been stopped.
        """
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        title = _title(self.settings)
        with locked(self.directory):
            await self._wait_for_earlier_run()
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
        self.say(f"Data directory: {self.directory}")
        find_binary()
        if self.plan.is_fresh:
            await asyncio.to_thread(clear, self.directory)
        if self.plan.simulation:
            # Saved before the log is created: a log without this file holds facts from real feeds.
            save_simulation(self.directory / SIMULATION, self.plan.simulation.saved)
            self._write_roster(self.plan.simulation)
        await self._start_parts()
        programs = self.alarm.programs(self.settings, self.directory)
        self._save_running()
        for number in range(1, self.plan.workers + 1):
            self._keep(f"worker-{number}", "worker", variables={variable("worker_name"): f"worker-{number}"})
        self._keep("exporter", "exporter", variables=self.alarm.engine())
        self._keep("inbox", "inbox", "serve", variables={**self.alarm.engine(), **self.alarm.people()})
        for each in programs:
            self._add(ManagedProcess(each.name, each.arguments, os.environ, self.directory / OUTPUT, self.say))
        board = self._keep("board", "board", variables=self.alarm.people())
        await self._wait_for(board, lambda: _accepts_connections(self.settings.board_port), _BOARD_SECONDS)
        if _has_senders():
            self._keep("gateway", "gateway")
        if self.plan.replay:
            self._keep("replay", "replay", *self.plan.replay, is_once=True)
        if self.plan.simulation:
            self._keep("simulate", "simulate", *self.plan.simulation.arguments, is_once=True)
            if self.plan.simulation.older_arguments:
                self._keep("history", "simulate", *self.plan.simulation.older_arguments, is_once=True)
        self._print_addresses(title)
        self._watching = asyncio.create_task(self._watch_state())

    def _write_roster(self, simulation: PlannedSimulation) -> None:
        """Give the board the simulated force's roster, unless a person has set another."""
        if not self.settings.rosters:
            rosters = self.directory / ROSTERS
            rosters.mkdir(exist_ok=True)
            replace_file(rosters / f"{simulation.saved.force}.csv", simulation.roster.encode())
            self.settings = replace(self.settings, rosters=str(rosters))

    async def _wait_for_earlier_run(self) -> None:
        """Wait until the processes of a killed run have ended: they take a moment to notice that it is gone."""
        was_killed = (self.directory / RUNNING_FILE).exists()

        async def has_ended() -> bool:
            return is_free(self.directory) and not (was_killed and _ports_in_use(self.settings))

        await until(has_ended, _EARLIER_RUN_SECONDS)
        if not is_free(self.directory):
            what = "Processes from an earlier run are still running."
            hint = "Stop them: `ps` lists them with this directory."
            raise PartMissingError(what, where=str(self.directory), hint=hint)
        await asyncio.to_thread(end_left_behind, self.directory / STATE)

    async def _start_parts(self) -> None:
        """Start the broker and the state server on free ports. A restarted part keeps its port."""
        if self.plan.is_repaired:
            await self._repair()
        log_port, state_port = free_ports(2)
        broker = self._part("broker", LOG, log_port, "--until-input-ends")
        state = self._part("state", STATE, state_port)
        await self._wait_for(broker, lambda: _accepts_connections(log_port), _PART_SECONDS)
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
        """Print how much of a history is loaded, and every write that the state server refuses."""
        source, was_loading, was_filling = reader(self.settings), False, False
        probe, complaints = Probe(source.redis, self.settings.state_name), RepeatedErrors(self.say, time.monotonic)
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                (history, older), refusal = await asyncio.to_thread(lambda: (self._progress(source), probe()))
            except (RedisError, OSError, BlueLampError) as error:
                complaints.add_error(error)
                continue
            if refusal:
                complaints.add(refusal.cause, refusal.words())
            else:
                complaints.end()
            if history:
                self._print_history(history, source)
            elif was_loading:
                self.say("History loaded.")
            elif older:
                self.terminal.move(older.ratio(microseconds(wall())), older.words(source.rules[self.settings.force]))
            elif was_filling:
                self.say("The older history is complete.")
            was_loading, was_filling = history is not None, older is not None

    def _progress(self, source: Reader) -> tuple[Loading | None, Filling | None]:
        """The history that is loading before the present, and the older history that is filled in behind it."""
        source.refresh()
        feeds = source.feeds(self.settings.force)
        return loading(feeds), filling(feeds)

    def _print_history(self, history: Loading, source: Reader) -> None:
        moment = instant(history.at).astimezone(source.rules[self.settings.force].force.zone())
        words = f"Loading history: {history.ratio():.0%}. The board shows {moment:%d %B %Y, %H:%M}."
        self.terminal.move(history.ratio(), words)

    def _add(self, process: ManagedProcess) -> ManagedProcess:
        self.processes.append(process)
        process.start()
        return process

    async def _wait_for(self, process: ManagedProcess, is_up: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Wait until a process is up. One that needs a person, or has ended too often, will not come up.

        Raises:
            PartMissingError: it did not come up.
        """

        async def is_over() -> bool:
            return has_failed() or await is_up()

        def has_failed() -> bool:
            return process.ends >= _STARTS_MAX or process.status == PERSON_NEEDED

        if not await until(is_over, seconds) or has_failed():
            what = f"The {process.name} did not start. Its last output:\n{process.last_lines()}"
            raise PartMissingError(what, where=str(process.output), hint=self._advice(process))

    def _advice(self, process: ManagedProcess) -> str:
        """What to do about a process that does not start."""
        if process.name == "state" and process.status == PERSON_NEEDED:
            options = f"--data {shlex.quote(str(self.settings.data))} --repair-state"
            return (
                f"Run `{_program()} up {options}` with your usual options. It moves the broken files aside, keeps the part of "
                "them that can be read, and applies the rest again from the log."
            )
        return "Fix the problem that its output describes, and start again."

    def _save_running(self) -> None:
        settings = {name: getattr(self.settings, name) for name in _SAVED}
        gateway = self.settings.address("gateway", has_senders=_has_senders()) or NO_PART
        text = json.dumps({**settings, "gateway": gateway, "pid": os.getpid()})
        (self.directory / RUNNING_FILE).write_text(text)

    def _print_addresses(self, title: str) -> None:
        self.say(f"Force: {title}.")
        if self.plan.replay_words:
            self.say(self.plan.replay_words)
        if self.plan.simulation:
            self.say(self.plan.simulation.words)
        self.say(f"Board:                  http://127.0.0.1:{self.settings.board_port}/")
        self.say(f"Prometheus metrics:     http://127.0.0.1:{self.settings.exporter_port}/metrics")
        for line in self.alarm.sign_in_lines(self.settings):
            self.say(line)
        if _has_senders():
            self.say(f"Gateway:                http://127.0.0.1:{self.settings.gateway_port}/")
        self.say(f"Read a figure:          BLUELAMP_DATA={self.settings.data} {_program()} read incident_count")
        self.say("Press Ctrl-C to stop everything.")

    async def _stop(self) -> None:
        """Stop everything that uses the log and the state, then those two."""
        if self._watching:
            self._watching.cancel()
        for is_part in (False, True):
            await asyncio.gather(*(each.stop() for each in self.processes if (each.name in _PARTS) == is_part))
        (self.directory / RUNNING_FILE).unlink(missing_ok=True)


def _title(settings: Settings) -> str:
    """The title of the force in the settings.

    Raises:
        SettingError: it has no profile.
    """
    forces = load_forces(settings)
    if settings.force not in forces:
        hint = f"Choose one of {', '.join(forces)}."
        raise SettingError(f"There is no force {settings.force!r}.", where="--force or BLUELAMP_FORCE", hint=hint)
    return forces[settings.force].force.title


def _has_senders() -> bool:
    """Whether anybody may send facts over HTTP, so that a gateway is needed."""
    return bool(secret_in(os.environ, GATEWAY_TOKENS))


def _program() -> str:
    """This command as the person typed it."""
    return sys.argv[0] if Path(sys.argv[0]).name == "bluelamp" else "bluelamp"


async def _accepts_connections(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _check_ports(settings: Settings) -> None:
    """Refuse to start when a port is in use. Otherwise the error would only be that a part did not start.

    Raises:
        PartMissingError: names the port and its setting.
    """
    for port, name in _ports_in_use(settings):
        hint = f"Stop the program that uses it (perhaps another `bluelamp up`), or set {name} to a free port."
        raise PartMissingError(f"Port {port} is already in use.", where=f"{name}={port}", hint=hint)


def _ports_in_use(settings: Settings) -> list[tuple[int, str]]:
    """The ports that another program listens on, each with its setting."""
    ports = {settings.board_port: "BLUELAMP_BOARD_PORT", settings.exporter_port: "BLUELAMP_EXPORTER_PORT"}
    ports |= {settings.gateway_port: "BLUELAMP_GATEWAY_PORT"} if _has_senders() else {}
    return [(port, variable) for port, variable in ports.items() if not _is_port_free(port)]


def _is_port_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
