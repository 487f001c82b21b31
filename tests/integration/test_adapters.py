"""Kills every adapter with -9 repeatedly while its source keeps sending: no fact is lost or counted twice, no figure differs."""

import http.client
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition

from bluelamp.recount.log import from_log
from bluelamp.verify.compare import Difference, compare, every_query, read_state
from bluelamp.wiring.clock import wall
from facts import wire
from facts.fact import SubjectFact
from facts.union import AnyFact, Topic
from producers.adapters.webhook import Webhook
from producers.extract import read_extract
from producers.gateway.sent import Sent
from producers.packaged import packaged_mapping, packaged_sample
from tests.integration.conftest import EMBEDDED, Parts
from tests.support.calls import calls, events, queue_log
from tests.support.facts import heartbeat
from tests.support.gateway import Caller, GatewayProcess
from tests.support.system import System, until

FIRE, POLICE = "san_francisco_fire", "staffordshire"
WINDOWS = {FIRE: ("2016-12-31/2017-01-08",), POLICE: ("2024-12-01/2024-12-02", "60m")}
ENDS = {FIRE: datetime(2017, 1, 9, 8, tzinfo=UTC), POLICE: datetime(2024, 12, 1, 13, tzinfo=UTC)}
KILLS = 2
ROWS = 500
CALLS = 200
_numbers = count(1)


class TailProcess:
    """`bluelamp tail`, restarted as a service manager would.

    Args:
        system: the system whose log it writes to.
        path: path of the file it follows.
        mapping: the name of its mapping.
        program: a program to run instead, such as one broken on purpose.
    """

    def __init__(self, system: System, path: Path, mapping: str, program: tuple[str, ...] = ()) -> None:
        self.environment, self.output = system.environment(), path.with_suffix(".out")
        arguments = ["tail", str(path), "--mapping", mapping, "--late-seconds", "3600"]
        self.command = [sys.executable, *(program or ("-m", "bluelamp")), *arguments]
        self.kills = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._begun_before = 0

    def start(self) -> None:
        """Start it."""
        self._begun_before = self._begun()
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(self.command, env=self.environment, stdout=output, stderr=output)

    def kill(self) -> None:
        """Kill it with -9, and check that it was still running."""
        assert self._process
        assert self._process.poll() is None, self.output.read_text()
        self._process.kill()
        assert self._process.wait(30) == -signal.SIGKILL
        self.kills += 1

    def _begun(self) -> int:
        """How often it has begun to follow its file."""
        return self.output.read_text().count("following ") if self.output.exists() else 0

    def stop(self) -> None:
        """End it cleanly, once it has begun: while Python starts, a signal ends it as any process."""
        if self._process and self._process.poll() is None:
            until(lambda: self._begun() > self._begun_before, 60, "the adapter to begin")
            self._process.terminate()
            assert self._process.wait(30) == 0, self.output.read_text()


class HookProcess(GatewayProcess):
    """`bluelamp gateway` with a webhook, restarted as a service manager would."""

    def __init__(self, system: System, directory: Path, program: tuple[str, ...] = ()) -> None:
        super().__init__(
            system.environment(BLUELAMP_GATEWAY_FACTS_PER_SECOND="1000000"),
            directory,
            "--webhook",
            "contact_centre_webhook",
            program=program,
        )
        self.kills = 0

    def kill(self) -> int:
        """Kill -9."""
        status = super().kill()
        assert status == -signal.SIGKILL, self.logged()
        self.kills += 1
        return status


class Writing(threading.Thread):
    """Adds lines to a file steadily, in pieces that may end within a line.

    Args:
        path: path of the file.
        lines: the lines.
        seconds: how long writing lasts.
        seed: seed for the lengths of the pieces.
    """

    def __init__(self, path: Path, lines: list[str], seconds: float, seed: int) -> None:
        super().__init__(name=f"writing-{path.name}")
        self.path, self.text, self.rng = path, "".join(lines).encode(), random.Random(seed)
        self.pause, self.hurry = seconds * 200 / len(self.text), threading.Event()

    def run(self) -> None:
        """Write everything."""
        with self.path.open("ab", buffering=0) as file:
            place = 0
            while place < len(self.text):
                step = self.rng.randint(1, 400)
                file.write(self.text[place : place + step])
                place += step
                self.hurry.wait(self.pause)


class Pushing(threading.Thread):
    """Pushes events as a platform does, sending each again until it is answered with 202.

    Args:
        caller: sends requests to the gateway.
        events: the events, in order.
        seconds: how long pushing lasts.
    """

    def __init__(self, caller: Caller, events: list[dict[str, Any]], seconds: float) -> None:
        super().__init__(name="pushing")
        self.caller, self.events, self.pause = caller, events, seconds / len(events) * 3
        self.hurry = threading.Event()
        self.again = 0
        self.refused: list[Any] = []

    def run(self) -> None:
        """Push everything."""
        for first in range(0, len(self.events), 3):
            while not self._is_accepted(self.events[first : first + 3]):
                self.again += 1
                time.sleep(0.05)
            self.hurry.wait(self.pause)

    def _is_accepted(self, events: list[dict[str, Any]]) -> bool:
        try:
            answer = self.caller.send("webhooks/contact_centre_webhook", events)
        except (OSError, http.client.HTTPException):
            return False
        if answer.status not in (202, 503):
            self.refused.append(answer)
        return answer.status != 503


@pytest.fixture
def police(parts: Parts, tmp_path: Path) -> Iterator[System]:
    """A system on an empty log, for the police force and the fire department at once."""
    parts.forget_topics()
    made = System(parts.broker.bootstrap, parts.state.url, tmp_path, f"adapters-{next(_numbers)}", POLICE)
    made.publisher().close()
    yield made
    made.stop()


class Feeds:
    """The three sources and their adapters.

    Args:
        system: the system whose log they write to.
        directory: where the sources keep their files.
        seconds: how long the sources send.
        seed: seed for their calls.
        changed: which fault to build into the tails, and which into the gateway.
    """

    def __init__(
        self, system: System, directory: Path, seconds: float, seed: int, changed: tuple[str, str] | None = None
    ) -> None:
        changes = [("-m", "tests.integration.changed_adapter", change) for change in changed] if changed else [(), ()]
        rows = packaged_sample(FIRE).read_text("utf-8").splitlines(keepends=True)[: ROWS + 1]
        self.csv, self.log = directory / "dispatch.csv", directory / "queue_log"
        lines = queue_log(calls(CALLS, seed))
        self.events = events(calls(CALLS, seed + 1))
        self.tails = [
            TailProcess(system, self.csv, FIRE, changes[0]),
            TailProcess(system, self.log, "asterisk_queue_log", changes[0]),
        ]
        self.hook = HookProcess(system, directory, changes[1])
        self._directory, self._positions = Path(system.settings.data), dict[Path, bytes]()
        for tail in self.tails:
            tail.start()
        self.pushing = Pushing(self.hook.start(), self.events, seconds)
        self.writing = [Writing(self.csv, rows, seconds, seed), Writing(self.log, lines, seconds, seed)]
        for thread in (*self.writing, self.pushing):
            thread.start()

    def begin(self) -> None:
        """Wait until both tails have saved a position, to which one can be set back later."""
        until(lambda: len(list(self._directory.glob("positions/*.json"))) == len(self.tails), 60, "two positions")

    def kill_all(self, *, is_position_old: bool = False) -> None:
        """Kill all three at once, and restart them.

        Args:
            is_position_old: restore the positions of the first kill, as if the tails had been killed after publishing and
                before saving. A kill hits this moment only by chance, but the test must cover it.
        """
        for tail in self.tails:
            tail.kill()
        self.hook.kill()
        for position in self._directory.glob("positions/*.json"):
            first = self._positions.setdefault(position, position.read_bytes())
            if is_position_old:
                position.write_bytes(first)
        for tail in self.tails:
            tail.start()
        self.hook.start()

    def end_sources(self) -> None:
        """Let the sources send the rest at once, and wait until they end."""
        self.pushing.hurry.set()
        for writing in self.writing:
            writing.hurry.set()
            writing.join()
        self.pushing.join()

    def stop(self) -> None:
        """Stop the adapters."""
        for tail in self.tails:
            tail.stop()
        self.hook.stop()

    def expected(self) -> set[str]:
        """The content of the facts of all three, read from the complete sources."""
        fire, queues = packaged_mapping(FIRE), packaged_mapping("asterisk_queue_log")
        hook = Webhook(packaged_mapping("contact_centre_webhook"), wall, len(self.events))
        extracts = (read_extract(self.csv, fire, now=wall()), read_extract(self.log, queues, now=wall()))
        assert [each.malformed for each in extracts] == [(), ()]
        facts = [*extracts[0].facts, *extracts[1].facts, *hook.read(Sent(body=msgspec.json.encode(self.events)))]
        return {content(fact) for fact in facts}


def content(fact: AnyFact) -> str:
    """A fact as JSON, without its id and the fact it corrects."""
    fields: dict[str, Any] = {"fact": type(fact).__name__, **msgspec.to_builtins(fact)}
    own = {name: value for name, value in fields.items() if name not in ("fact_id", "corrects")}
    return msgspec.json.encode(own, order="sorted").decode()


def in_log(system: System) -> list[SubjectFact]:
    """Every fact in the log, including repeats."""
    topics: tuple[Topic, ...] = ("contacts", "incidents")
    consumer = KafkaConsumer(bootstrap_servers=system.settings.kafka, enable_auto_commit=False)
    facts: list[SubjectFact] = []
    try:
        ends = {TopicPartition(*place): end for place, end in system.ends().items() if place[0] in topics}
        consumer.assign(list(ends))
        consumer.seek_to_beginning()
        while any(consumer.position(place) < end for place, end in ends.items()):
            for place, records in consumer.poll(timeout_ms=1000).items():
                for record in records:
                    batch = wire.decode(record.value, place.topic, wall())
                    assert batch.unreadable == []
                    facts += [fact for _, fact in batch.facts if isinstance(fact, SubjectFact)]
    finally:
        consumer.close()
    return facts


def in_force(facts: list[SubjectFact]) -> set[str]:
    """The content of the facts that no other fact corrects."""
    corrected = {fact.corrects for fact in facts}
    return {content(fact) for fact in facts if fact.fact_id not in corrected}  # type: ignore[arg-type]


def by_id(facts: list[SubjectFact]) -> dict[tuple[str, str, str], str]:
    """The content of each fact, by force, subject and id."""
    return {(fact.force, fact.subject_id, fact.fact_id): content(fact) for fact in facts}  # type: ignore[arg-type]


def differences(system: System) -> list[Difference]:
    """Every figure of both forces in which the state differs from the recount."""
    with system.publisher() as publisher:
        for force, end in ENDS.items():
            for feed in system.rules[force].force.feeds:
                beat = heartbeat(feed.name, end, force=force, replay=True)
                publisher.heartbeat(beat, feed.topic)
    system.settle()
    reader = system.reader()
    reader.refresh()
    states = [
        read_state(reader, force, list(every_query(windows, system.rules[force].force)), ENDS[force])
        for force, windows in WINDOWS.items()
    ]
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        compared = [compare(each, recount) for each in states]
    assert all(each.cells > 300 and each.behind == 0 for each in compared)
    return [difference for each in compared for difference in each.differences]


def run(
    system: System, directory: Path, kills: int, seed: int, changed: tuple[str, str] | None = None
) -> tuple[Feeds, set[str], list[SubjectFact]]:
    """Run the three sources to their end while killing the adapters: the feeds, the expected facts, the facts in the log."""
    print(f"seed {seed}")  # noqa: T201 - needed to repeat a failure
    rng = random.Random(seed)
    feeds = Feeds(system, directory, kills * 2.0, seed, changed)
    try:
        feeds.begin()
        for _ in range(kills - 1):
            # Let them work for a moment, or kill them while they start: both cases matter.
            time.sleep(rng.uniform(0.1, 1.2))
            feeds.kill_all()
        feeds.end_sources()
        expected = feeds.expected()
        if not changed:
            until(lambda: in_force(in_log(system)) >= expected, 60, "everything in the log")
            feeds.kill_all(is_position_old=True)
            until(lambda: len(facts := in_log(system)) > len(by_id(facts)), 60, "something published again")
    finally:
        feeds.stop()
    return feeds, expected, in_log(system)


@pytest.fixture
def seed() -> int:
    """A new seed for every run, printed if the test fails."""
    return random.SystemRandom().randrange(10**6)


def assert_nothing_is_wrong(system: System, feeds: Feeds, expected: set[str], facts: list[SubjectFact]) -> None:
    """No fact is lost, invented or counted twice, no figure is wrong, and the faults really happened."""
    assert in_force(facts) == expected
    ids = by_id(facts)
    assert all(ids[fact.force, fact.subject_id, fact.fact_id] == content(fact) for fact in facts)  # type: ignore[arg-type]
    assert feeds.pushing.refused == []
    assert feeds.pushing.again > 0
    found = differences(system)
    assert found == []
    assert system.count("facts") == len(ids)
    assert system.count("duplicates") == len(facts) - len(ids)


@EMBEDDED
@pytest.mark.faults
@pytest.mark.timeout(600)
def test_kills_of_each_adapter_change_no_figure(police: System, tmp_path: Path, seed: int) -> None:
    police.start_workers(1)
    feeds, expected, facts = run(police, tmp_path, KILLS, seed)
    assert [*(tail.kills for tail in feeds.tails), feeds.hook.kills] == [KILLS] * 3
    assert_nothing_is_wrong(police, feeds, expected, facts)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_the_long_loop_on_every_backend(police: System, tmp_path: Path, seed: int) -> None:
    police.start_workers(2)
    feeds, expected, facts = run(police, tmp_path, 60, seed)
    assert_nothing_is_wrong(police, feeds, expected, facts)


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_adapters_that_do_not_wait_for_the_log_lose_facts(police: System, tmp_path: Path, seed: int) -> None:
    _, expected, facts = run(police, tmp_path, 20, seed, ("position_first", "answer_first"))
    lost = expected - in_force(facts)
    assert any(FIRE in each for each in lost), "the tail lost nothing"
    assert any(POLICE in each for each in lost), "the webhook lost nothing"
