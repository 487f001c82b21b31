"""A running Blue Lamp for tests: workers as processes on a log and a state server, and ways to wait for their work."""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast

from kafka.admin import KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError

from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings, load_forces
from measures.rules import Rules
from producers.kafka import KafkaAddress
from producers.publish import Publisher, PublisherSettings, connect
from streams.keys import Names
from streams.log import LogClient
from streams.readings import Reader
from streams.settings import RESTART_ME
from streams.state_address import blocking_client
from streams.version import number_of, pointer, prefix_of
from tests.support.forked import ForkedProcess, started
from tests.support.pauses import Pauses


def until(is_so: Callable[[], object], seconds: float = 60.0, what: str = "a condition", every: float = 0.1) -> None:
    """Wait until a condition holds.

    Args:
        is_so: the condition; a service that does not answer yet counts as "not yet".
        seconds: how long to wait before failing.
        what: names the condition if it never holds.
        every: the seconds between two checks; more for a condition that is costly to check.
    """
    deadline = time.monotonic() + seconds
    error: Exception | None = None
    while True:
        try:
            if is_so():
                return
        except (OSError, HTTPException) as silence:
            error = silence
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}") from error
        time.sleep(every)


_LAST_WORDS = 3_000
"""How much of a worker's log a failing test prints."""
_COSTLY_SECONDS = 0.2
"""Between two checks of a condition that needs an answer from Kafka."""


_OWN = ("-m", "bluelamp")


class WorkerProcess:
    """One `bluelamp worker`, restarted as a supervisor would.

    Args:
        name: the name of the worker.
        environment: its environment variables.
        directory: where its output is written.
        program: a program to run instead of the product's own, such as one broken on purpose.
    """

    def __init__(self, name: str, environment: dict[str, str], directory: Path, program: tuple[str, ...] = ()) -> None:
        self.name, self.directory = name, directory
        self.environment = {**environment, "BLUELAMP_WORKER_NAME": name}
        self.program: Sequence[str] = (*(program or _OWN), "worker")
        self.output = directory / f"{name}.log"
        self.statuses: list[int] = []
        self._process: ForkedProcess | subprocess.Popen[Any] | None = None
        self._lock = threading.RLock()  # a test and its supervisor may both find that it has ended

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    def become(self, *program: str, **variables: str) -> None:
        """Restart it as another program, or as the product's own, with these variables changed."""
        self.program = (*(program or _OWN), "worker")
        self.environment |= variables
        self.start()

    def start(self) -> None:
        """Start it, if it is not running."""
        with self._lock, self.output.open("ab") as output:
            if not self.is_running():
                self._process = started(self.program, env=self.environment, stdout=output, stderr=output)

    def is_running(self) -> bool:
        """Whether its process is running; if it has ended, its exit status is recorded."""
        with self._lock:
            if self._process is None:
                return False
            status = self._process.poll()
            if status is not None:
                self.statuses.append(status)
                self._process = None
            return status is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its process."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it with -9, and wait until it has ended."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self) -> None:
        """Stop it cleanly."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        self.wait()

    def wait(self, seconds: float = 30.0) -> int:
        """Wait until it has ended; returns its exit status."""
        until(lambda: not self.is_running(), seconds, f"{self.name} to end")
        return self.statuses[-1] if self.statuses else 0

    def said(self) -> str:
        """Its output."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def restarts_wanted(self) -> int:
        """How often it has exited for a restart."""
        return self.statuses.count(RESTART_ME)


def restart(workers: Iterable[WorkerProcess]) -> None:
    """Restart each worker that has exited for a restart."""
    for worker in list(workers):
        if not worker.is_running() and worker.statuses[-1:] == [RESTART_ME]:
            worker.start()


class Supervisor(threading.Thread):
    """Restarts each worker that exits for a restart: on a busy machine a worker may lose its group at any time."""

    def __init__(self, workers: list[WorkerProcess]) -> None:
        super().__init__(name="supervisor", daemon=True)
        self._workers, self._ended = workers, threading.Event()

    def run(self) -> None:
        """Check twice a second."""
        while not self._ended.wait(0.5):
            restart(self._workers)

    def stop(self) -> None:
        """Stop checking."""
        self._ended.set()
        self.join()


class System:
    """A log, a state server, and workers between them.

    Args:
        kafka: the address of the log.
        redis_url: the address of the state server.
        directory: where the workers' output is written.
        state_name: the prefix of the state, which keeps tests apart.
        force: the force whose figures are read.
        settings: settings that differ from the tests' defaults.

    Attributes:
        for_workers: additional environment variables for workers, such as the address of a proxy.
    """

    def __init__(
        self, kafka: str, redis_url: str, directory: Path, state_name: str, force: str, **settings: Any
    ) -> None:
        defaults = {"session_timeout_seconds": 6.0, "stall_seconds": 20.0}
        self.settings = Settings(
            kafka=kafka,
            redis=redis_url,
            state_name=state_name,
            data=str(directory),
            force=force,
            **defaults | settings,
        )
        self.directory = directory
        self.redis = blocking_client(self.settings.state_server())
        self.rules: dict[str, Rules] = load_forces(self.settings)
        self.workers: list[WorkerProcess] = []
        self.for_workers: dict[str, str] = {}
        self._supervisor: Supervisor | None = None
        self._places: list[tuple[str, int]] = []

    def environment(self, **changed: str) -> dict[str, str]:
        """The environment variables of a process of this system."""
        return {**os.environ, **self.settings.environment(), **changed}

    def start_workers(self, count: int, program: tuple[str, ...] = ()) -> None:
        """Start more workers."""
        for _ in range(count):
            name = f"{self.settings.state_name}-worker-{len(self.workers) + 1}"
            worker = WorkerProcess(name, self.environment(**self.for_workers), self.directory, program)
            self.workers.append(worker)
            worker.start()

    def supervise(self) -> None:
        """From now on restart each worker that exits for a restart, as `bluelamp up` and Docker do."""
        self._supervisor = Supervisor(self.workers)
        self._supervisor.start()

    def stop(self) -> None:
        """Stop every worker, close every connection, and print what the workers logged last, which pytest shows for a failure."""
        if self._supervisor:
            self._supervisor.stop()
        for worker in self.workers:
            worker.stop()
            print(f"{worker.name}: {worker.said()[-_LAST_WORDS:]}")  # noqa: T201
        self.redis.close()

    def reader(self) -> Reader:
        """A new reader of the state."""
        return Reader(self.redis, self.settings.state_name, self.rules, wall)

    def publisher(self, settings: PublisherSettings | None = None) -> Publisher:
        """A publisher to the log; the topics exist."""
        return connected(self.settings.log(), settings or PublisherSettings())

    def applied_offsets(self) -> dict[tuple[str, int], int]:
        """The applied offset of each partition; -1 where there is no state."""
        return self._applied_offsets(self._known_places())

    def _known_places(self) -> Collection[tuple[str, int]]:
        """Every partition, as the log had them when it was last asked: asking takes longer than everything else."""
        if not self._places:
            self.ends()
        return self._places

    def _applied_offsets(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return {place: self._applied_offset(*place) for place in places}

    def _applied_offset(self, topic: str, partition: int) -> int:
        stored = self.redis.hget(Names(self._prefix(), topic, partition).control, "applied_offset")
        return int(str(stored)) if stored is not None else -1

    def _prefix(self) -> str:
        """The prefix of the state version that is shown."""
        shown = cast("str | None", self.redis.get(pointer(self.settings.state_name)))
        return prefix_of(self.settings.state_name, number_of(shown))

    def ends(self) -> dict[tuple[str, int], int]:
        """The end of the log of each partition."""
        with LogClient(self.settings.log()) as log:
            found = _ends(log, _places(log))
        self._places = list(found)
        return found

    def settle(
        self, seconds: float = 90.0, supervise: Callable[[Iterable[WorkerProcess]], object] | None = None
    ) -> None:
        """Wait until everything in the log is applied.

        Args:
            seconds: how long to wait before failing.
            supervise: called before each check; by default, it restarts each worker that has exited for a restart.
        """
        with LogClient(self.settings.log()) as log:
            self._places = places = _places(log)

            def is_settled() -> bool:
                (supervise or restart)(self.workers)
                return self._applied_offsets(places) == _ends(log, places)

            until(is_settled, seconds, "the applied offsets to reach the end of the log", every=_COSTLY_SECONDS)

    def pauses(self) -> Pauses:
        """A context that measures pauses of the work while it is entered."""
        with LogClient(self.settings.log()) as log:
            return Pauses(self.settings.log(), self.settings.redis, self._prefix(), log.ensure_topics())

    def members(self) -> int:
        """The number of workers that share the partitions; 0 while they have not agreed on that."""
        logging.getLogger("kafka.admin").setLevel(logging.ERROR)  # it logs long warnings about metadata it cannot read
        admin = KafkaAdminClient(**self.settings.log().options())
        try:
            group = admin.describe_groups([self.settings.state_name])[self.settings.state_name]
        except CoordinatorNotAvailableError:
            return 0  # a new Kafka creates its coordinator when the first group asks for it
        finally:
            admin.close()
        return len(group["members"]) if group["group_state"] == "Stable" else 0

    def count(self, name: str) -> int:
        """One of the workers' counters, summed over the partitions."""
        names = (Names(self._prefix(), *place).control for place in self._known_places())
        return sum(int(str(self.redis.hget(control, name) or 0)) for control in names)


def _places(log: LogClient) -> list[tuple[str, int]]:
    """Every partition of facts; the topics exist afterwards."""
    return [(topic, number) for topic, partitions in log.ensure_topics().items() for number in range(partitions)]


def _ends(log: LogClient, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    return {place: end.readable for place, end in log.ends(places).items()}


def connected(kafka: KafkaAddress, settings: PublisherSettings) -> Publisher:
    """A publisher to a log; the topics exist."""
    with LogClient(kafka) as log:
        log.ensure_topics()
    return connect(kafka, settings, now=wall, monotonic=time.monotonic)


@contextmanager
def running(system: System, workers: int = 1) -> Iterator[System]:
    """A system with workers, stopped afterwards."""
    try:
        system.start_workers(workers)
        system.supervise()
        yield system
    finally:
        system.stop()


def local(text: str, rules: Rules) -> datetime:
    """A local time of a force, with its time zone."""
    return datetime.fromisoformat(text).replace(tzinfo=rules.force.zone())
