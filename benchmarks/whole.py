"""A fact's path from end to end, measured on servers of its own: publisher, log, worker, state, reading."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from benchmarks.material import FORCE
from bluelamp.embedded.state import StateServer
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import Settings
from facts.union import AnyFact
from producers.publish import BACKFILL, connect
from streams.log import LogClient
from streams.readings import Reader
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing

_MEASURE = "opened_to_arrived_median_seconds"
_PATIENCE_SECONDS, _LONG_PATIENCE_SECONDS = 300.0, 3600.0


class Work(NamedTuple):
    """What some work took: seconds by the clock, and processor seconds."""

    seconds: float
    processor: float


@contextmanager
def parts(directory: Path, *, on_kafka: bool = False) -> Iterator[Settings]:
    """A log, embedded or Apache Kafka, and a state server; yields settings with their addresses."""
    with ExitStack() as ending:
        state = StateServer(directory / "state")
        state.start()
        ending.callback(state.stop)
        log = _kafka(directory / "log") if on_kafka else _embedded(directory / "log")
        yield Settings(kafka=ending.enter_context(log), redis=state.url, data=str(directory), force=FORCE)


@contextmanager
def _embedded(directory: Path) -> Iterator[str]:
    module = [sys.executable, "-m", "bluelamp.embedded.broker", "--directory", str(directory), "--port", "0"]
    with subprocess.Popen(module, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as broker:
        try:
            yield (broker.stdout.readline() if broker.stdout else "").removeprefix("ready ").strip()
        finally:
            broker.terminate()


@contextmanager
def _kafka(directory: Path) -> Iterator[str]:
    if reason := missing("kafka"):
        raise SystemExit(f"Apache Kafka cannot be measured: {reason}")
    broker = KafkaServer(directory)
    broker.start()
    try:
        yield broker.bootstrap
    finally:
        broker.stop()


def publish(settings: Settings, facts: list[AnyFact]) -> float:
    """Seconds until the log has acknowledged every fact."""
    with LogClient(settings.log()) as log:
        log.ensure_topics()
    start = time.perf_counter()
    with connect(settings.log(), BACKFILL, now=wall, monotonic=time.monotonic) as publisher:
        for fact in facts:
            publisher.publish(fact)
    return time.perf_counter() - start


def simulate(settings: Settings, days: int) -> tuple[int, float]:
    """The number of facts of simulated days that the log acknowledged, and the processor seconds that this took."""
    command = [sys.executable, "-m", "bluelamp", "simulate", "--from", "2024-01-01", "--days", str(days), "--json"]
    environment = {**os.environ, **settings.environment(), "BLUELAMP_FORCE": "staffordshire"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as simulation:
        summary = msgspec.json.decode(simulation.stdout.read() if simulation.stdout else b"")
        _, simulation.returncode, used = os.wait4(simulation.pid, 0)
    return int(summary["facts"]), used.ru_utime + used.ru_stime


@contextmanager
def process(settings: Settings, *command: str, variables: Mapping[str, str] = MappingProxyType({})) -> Iterator[int]:
    """A process of Blue Lamp, which ends afterwards; yields its id."""
    environment = {**os.environ, **settings.environment(), **variables}
    program = [sys.executable, "-m", "bluelamp", *command]
    with subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        try:
            yield started.pid
        finally:
            started.terminate()


def work(settings: Settings, facts: int, workers: int = 1) -> Work:
    """What the workers need to fold a number of facts into the state, their start not included."""
    with ExitStack() as ending:
        started = [ending.enter_context(process(settings, "worker")) for _ in range(workers)]
        source = reader(settings)
        await_that(lambda: _facts(source) > 0)
        start, before, used = time.perf_counter(), _facts(source), sum(map(processor_seconds, started))
        await_that(lambda: _facts(source) >= facts, _LONG_PATIENCE_SECONDS)
        share = facts / (facts - before)
        cost = time.perf_counter() - start
        return Work(cost * share, (sum(map(processor_seconds, started)) - used) * share)


def costs(settings: Settings, counts: Sequence[int]) -> Iterator[tuple[int, float]]:
    """The processor seconds of a worker for one more fact, at each number of facts in the state: over the tenth before it."""
    with process(settings, "worker") as worker:
        source = reader(settings)
        for count in counts:
            marks = []
            for wanted in (count - count // 10, count):
                await_that(lambda wanted=wanted: _facts(source) >= wanted, _LONG_PATIENCE_SECONDS)  # type: ignore[misc]
                marks.append((_facts(source), processor_seconds(worker)))
            (before, used), (after, used_after) = marks
            if after > before:  # a small number may have been folded before anybody looked
                yield count, (used_after - used) / (after - before)


def processor_seconds(pid: int) -> float:
    """The processor seconds that a process has used."""
    times = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int | str = "self") -> float:
    """The memory of a process that is in physical memory (RSS), in MB; by default, of this one."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def _facts(source: Reader) -> int:
    source.refresh()
    return sum(counts.get("facts", 0) + counts.get("duplicates", 0) for counts in source.counts().values())


def await_that(is_so: Callable[[], bool], patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until a condition holds; end the measurement with a message if it does not."""
    deadline = time.monotonic() + patience_seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(f"Nothing happened within {patience_seconds:g} s; `bluelamp check` may say why.")
        time.sleep(0.02)


def read(settings: Settings, window: str, as_of: datetime) -> tuple[float, float]:
    """Seconds for one reading over a window: with an empty cache, and once more."""
    source = reader(settings)
    return _seconds(source, window, as_of), _seconds(source, window, as_of)


def _seconds(source: Reader, window: str, as_of: datetime) -> float:
    start = time.perf_counter()
    source.read(_MEASURE, window, as_of=as_of, force=FORCE)
    return time.perf_counter() - start
