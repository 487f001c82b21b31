"""`python -m benchmarks.comparison`: the same facts through a plain consumer, Blue Lamp and other engines, in one run.

Writes build/benchmark.json and build/benchmark.md. Machines differ and are never idle: compare the ratios.
"""

import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import duckdb
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from msgspec import Struct

from benchmarks.peers.question import FinishedWait, last_hour
from benchmarks.whole import Work, parts, work
from bluelamp.recount.load import LogRecord, from_records
from bluelamp.wiring.settings import Settings, load_forces
from facts.partitioning import partition_of
from facts.union import AnyFact, Topic, topic_of
from facts.wire import encode
from measures.catalogue import find
from producers.simulate.parameters import packaged
from producers.simulate.scenario import load_scenario
from producers.simulate.simulation import Simulation
from streams.log import LogClient

_FORCE = "staffordshire"
_FIRST = date(2024, 12, 2)
_BATCH_FACTS, _PARTITIONS, _OTHER_PARTITIONS = 100, 2, (1, 4, 8)
_PEERS = Path(__file__).parent / "peers"
_BUILD = Path("build")
_PEER_PACKAGES = ("bytewax==0.21.1", "confluent-kafka==2.12.2", "quixstreams==3.28.1")
"""For their own virtual environment: the project does not depend on them."""
_TOPICS: tuple[Topic, ...] = ("contacts", "incidents")
Answer = dict[str, list[float]]
"""By key: number, median in seconds, share within the limit."""


class ComparedEngine(Struct, frozen=True, kw_only=True):
    """One engine on one log.

    Attributes:
        engine: its name.
        log: `singles` or `batches` of facts in a record.
        facts: the number of facts.
        seconds: by the clock.
        processor: processor seconds of its own processes; the log and Redis are not included.
        answer: `the recount's`, how many figures differ from the recount, or empty if it answers no question.
    """

    engine: str
    log: str
    facts: int
    seconds: float
    processor: float
    answer: str = ""

    def cells(self, floor: float) -> list[str]:
        """The row of the table; `floor` is the processor time of a fact in the limit."""
        per_fact = self.processor / self.facts
        rates = [f"{self.facts / self.seconds:,.0f}", f"{self.facts / self.processor:,.0f}"]
        return [self.engine, self.log, *rates, f"{per_fact / floor:.1f}", self.answer]


@click.command()
@click.option("--days", default=7, show_default=True, help="Days to simulate.")
def main(days: int) -> None:
    """Measure, compare the answers, print and write."""
    end = datetime(_FIRST.year, _FIRST.month, _FIRST.day, 20, tzinfo=UTC) + timedelta(days=days - 1)
    facts = _facts(end)
    expected = _recounted(facts, end)
    rows = [
        row
        for log, size in (("batches", _BATCH_FACTS), ("singles", 1))
        for row in _measured(facts, log, size, end, expected)
    ]
    rows.append(_duckdb(facts, end, expected))
    _BUILD.mkdir(exist_ok=True)
    (_BUILD / "benchmark.json").write_bytes(
        msgspec.json.format(msgspec.json.encode({"machine": _machine(), "rows": rows}))
    )
    text = _table(rows)
    (_BUILD / "benchmark.md").write_text(text, encoding="utf-8")
    print(text)


def _facts(end: datetime) -> list[AnyFact]:
    """The contacts and incidents that a simulated force reports until `end`: once, in time and uncorrected, so that every engine can count them."""
    reporting = {"late_share": 0.0, "duplicated_share": 0.0, "corrected_share": 0.0, "withdrawn_share": 0.0}
    scenario = msgspec.structs.replace(load_scenario("normal"), reporting=reporting)
    force = load_forces(Settings())[_FORCE].force
    simulation = Simulation(force=force, parameters=packaged(), scenario=scenario, seed=41, start=_FIRST)
    reported = simulation.reported_before(end.timestamp())
    return [each.fact for each in reported if each.topic in _TOPICS]


def _recounted(facts: list[AnyFact], end: datetime) -> Answer:
    """The answer by the recount."""
    records = [LogRecord(_topic(fact), 0, place, end, encode([fact])) for place, fact in enumerate(facts)]
    answer: Answer = {}
    with from_records(records, [load_forces(Settings())[_FORCE].force]) as recount:
        for name, by, limit in (
            ("contact_999_answer_median_seconds", (), 10),
            ("grade_1_opened_to_arrived_median_seconds", ("area",), 900),
        ):
            for cell in recount.answer(find(name), _FORCE, "60m", end, by):
                if cell.n and cell.spread:
                    answer[cell.dimensions.get("area", "999")] = [cell.n, cell.spread.median, cell.spread.within[limit]]
    return answer


def _topic(fact: AnyFact) -> Topic:
    topic = topic_of(type(fact))
    assert topic is not None  # noqa: S101 - there are no heartbeats here
    return topic


def _measured(facts: list[AnyFact], log: str, size: int, end: datetime, expected: Answer) -> Iterator[ComparedEngine]:
    count = len(facts)
    for workers in (1, 2):
        with _log(facts, size) as settings:
            if workers == 1:
                yield _row("limit: aiokafka and msgspec", log, count, asyncio.run(_limit(settings, count)))
            name = f"Blue Lamp, {workers} worker{'s' * (workers > 1)}, the whole catalogue"
            yield _row(name, log, count, work(settings, count, workers))
    with _log(facts, size, on_kafka=True) as settings:
        yield _row("Blue Lamp, 2 workers, on Apache Kafka", log, count, work(settings, count, 2))
    if size > 1:
        yield from _by_partitions(facts, log, size)
        return
    with _log(facts, size, partitions=1) as settings:
        for name, program in (
            ("Faust tables", [sys.executable, str(_PEERS / "faust_tables.py")]),
            ("Bytewax", [_peer_python(), str(_PEERS / "bytewax_flow.py")]),
            ("Quix Streams", [_peer_python(), str(_PEERS / "quix_streams.py")]),
        ):
            yield _peer(name, program, settings, end, count, expected)
    with _log(facts, size, partitions=1, on_kafka=True) as settings:
        yield _peer("Kafka Streams on Apache Kafka", _kafka_streams(), settings, end, count, expected)


def _by_partitions(facts: list[AnyFact], log: str, size: int) -> Iterator[ComparedEngine]:
    """Two workers with each number of partitions; with one partition, only one worker has work."""
    for partitions in _OTHER_PARTITIONS:
        with _log(facts, size, partitions) as settings:
            name = f"Blue Lamp, 2 workers, {partitions} partition{'s' * (partitions > 1)}"
            yield _row(name, log, len(facts), work(settings, len(facts), 2))


def _row(engine: str, log: str, facts: int, cost: Work, answer: str = "") -> ComparedEngine:
    print(f"{engine}, {log}: {facts / cost.seconds:,.0f} facts/s", file=sys.stderr)
    return ComparedEngine(
        engine=engine, log=log, facts=facts, seconds=cost.seconds, processor=cost.processor, answer=answer
    )


@contextmanager
def _log(
    facts: list[AnyFact], size: int, partitions: int = _PARTITIONS, *, on_kafka: bool = False
) -> Iterator[Settings]:
    """A log that holds the facts in records of a size, and an empty state."""
    with tempfile.TemporaryDirectory() as directory, parts(Path(directory), on_kafka=on_kafka) as given:
        settings = msgspec.structs.replace(given, force=_FORCE)
        with LogClient(settings.log()) as log:
            log.ensure_topics(partitions)
        asyncio.run(_publish(settings.kafka, facts, size, partitions))
        yield settings


async def _publish(address: str, facts: list[AnyFact], size: int, partitions: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=5)
    await producer.start()
    for topic, partition, batch in _batches(facts, size, partitions):
        key = batch[0].subject_id.encode() if size == 1 else None  # type: ignore[union-attr]
        await producer.send(topic, encode(batch), key=key, partition=partition)
    await producer.stop()


def _batches(facts: list[AnyFact], size: int, partitions: int) -> Iterator[tuple[Topic, int, list[AnyFact]]]:
    waiting: dict[tuple[Topic, int], list[AnyFact]] = {}
    for fact in facts:
        place = _topic(fact), partition_of(fact.subject_id, partitions)  # type: ignore[union-attr]
        batch = waiting.setdefault(place, [])
        batch.append(fact)
        if len(batch) == size:
            yield *place, waiting.pop(place)
    for place, batch in waiting.items():
        yield *place, batch


async def _limit(settings: Settings, facts: int) -> Work:
    """The least that any consumer in Python does: fetch the records and decode them."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, enable_auto_commit=False, max_partition_fetch_bytes=4 << 20
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, number) for topic in _TOPICS for number in range(_PARTITIONS)])
    await consumer.seek_to_beginning()
    start, used, seen = time.perf_counter(), time.process_time(), 0
    while seen < facts:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            for record in records:
                found = msgspec.json.decode(record.value)
                seen += len(found) if isinstance(found, list) else 1
    cost = Work(time.perf_counter() - start, time.process_time() - used)
    await consumer.stop()
    return cost


def _peer_python() -> str:
    """A virtual environment with the other engines, which the project itself does not install."""
    directory = _BUILD / "peers"
    python = directory / "bin" / "python"
    if not python.exists():
        venv.create(directory, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *_PEER_PACKAGES], check=True)
    return str(python)


def _kafka_streams() -> list[str]:
    """The command of the Kafka Streams program, compiled here."""
    libraries, classes = _BUILD / "peers" / "streams", _BUILD / "peers" / "classes"
    every = f"{libraries}/*"
    if not libraries.exists():
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={libraries.resolve()}"]
        subprocess.run(["mvn", "-B", "-q", "-f", str(_PEERS / "pom.xml"), *copy], check=True)
    source = str(_PEERS / "KafkaStreamsPeer.java")
    subprocess.run(["javac", "-nowarn", "-cp", every, "-d", str(classes), source], check=True)
    return ["java", "-cp", f"{classes}:{every}", "KafkaStreamsPeer"]


def _peer(
    name: str, program: list[str], settings: Settings, end: datetime, facts: int, expected: Answer
) -> ComparedEngine:
    """Run another engine's program. It prints its answer, or every pane: the key, the minute and the waits that ended in it."""
    command = [*program, settings.kafka, end.isoformat(), str(facts)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=600)
    found: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    waits = (FinishedWait(key, minute, wait) for key, minute, pane in found.get("panes", ()) for wait in pane)
    answer = found.get("answer") or last_hour(waits, end.isoformat())
    cost = Work(found["seconds"], found["processor"])
    return _row(f"{name}, this question", "singles", facts, cost, _compared(answer, expected))


def _compared(found: Answer, expected: Answer) -> str:
    differing = sum(not _is_same(found.get(key), expected.get(key)) for key in found.keys() | expected)
    return "the recount's" if not differing else f"{differing} of {len(expected)} keys differ"


def _is_same(one: list[float] | None, other: list[float] | None) -> bool:
    return one is not None and other is not None and all(abs(a - b) < 1e-9 for a, b in zip(one, other, strict=True))  # noqa: PLR2004


def _duckdb(facts: list[AnyFact], end: datetime, expected: Answer) -> ComparedEngine:
    """The question to DuckDB over a file of the facts: no stream, each reading scans them all."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "facts.jsonl"
        path.write_bytes(b"\n".join(encode([fact]) for fact in facts))
        start, used = time.perf_counter(), time.process_time()
        with duckdb.connect() as database:
            sql = (_PEERS / "question.sql").read_text(encoding="utf-8")
            found = database.execute(sql, {"path": str(path), "end": end}).fetchall()
        cost = Work(time.perf_counter() - start, time.process_time() - used)
    answer = {str(key): [float(each) for each in figures] for key, *figures in found}
    return _row("DuckDB, one reading of this question", "file", len(facts), cost, _compared(answer, expected))


def _machine() -> str:
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({cpu or platform.machine()}), Python {platform.python_version()}, load {load:.1f} at the end"


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _table(rows: list[ComparedEngine]) -> str:
    floors = {row.log: row.processor / row.facts for row in rows if row.engine.startswith("limit")}
    head = ["engine", "log", "facts/s", "facts per processor second", "processor time, limit = 1", "answer"]
    lines = [head, ["---"] * len(head), *(row.cells(floors.get(row.log, floors["singles"])) for row in rows)]
    return "\n".join([_machine(), "", *("| " + " | ".join(line) + " |" for line in lines), ""])


if __name__ == "__main__":
    main()
