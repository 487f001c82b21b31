"""`bluelamp up` with a full state server, a stopped worker and a damaged state: each cause raises one alert, and heals."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from redis import Redis

from alerts.table import RULES
from bluelamp.wiring.clock import wall
from facts.incident import IncidentOpened
from producers.publish import LIVE, connect
from streams.refusal import WORDS
from tests.support.command_line import command
from tests.support.system import until
from tests.up.test_up import Running

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
CRITICAL = {rule.name for rule in RULES if not rule.measure and rule.severity == "critical"}
"""The critical rules about the monitor itself. The simulated force raises alerts of its own meanwhile."""
WATCHED_SECONDS = 130.0
"""Longer than any consequence of a cause takes to raise its alert."""


class Ran:
    """A simulated force that is running, with its inbox and its state server.

    Args:
        running: the `bluelamp up` to start.
        options: more options for it.
    """

    def __init__(self, running: Running, *options: str) -> None:
        self.running = running
        running.start("--history", "1d", "--seed", "1829", *options)
        until(lambda: running.live_count() > 100, 120, "live figures")
        settings = json.loads((running.directory / "running.json").read_text())
        self.inbox, self.redis = str(settings["inbox"]), Redis.from_url(settings["redis"], decode_responses=True)
        self.state_name, self.kafka = str(settings["state_name"]), str(settings["kafka"])

    def open_incidents(self) -> None:
        """Publish incidents for every partition; all that it ever publishes count under the same names."""
        known: dict[str, Any] = {"force": "staffordshire", "grade": "1", "group": None, "area": None}
        first = time.time_ns()
        with connect(self.kafka, LIVE, now=wall, monotonic=time.monotonic) as publisher:
            for number in range(first, first + 40):
                publisher.publish(IncidentOpened(fact_id=f"o{number}", subject_id=f"i{number}", at=wall(), **known))

    def listing(self) -> dict[str, Any]:
        """The alerts that the inbox lists."""
        listing: dict[str, Any] = requests.get(f"{self.inbox}/api/alerts/", timeout=60).json()
        return listing

    def active(self) -> set[str]:
        """The critical alerts of the monitor itself that are active."""
        return {each["rule"] for each in self.listing()["alerts"]} & CRITICAL

    def ever(self) -> set[str]:
        """The critical alerts of the monitor itself that were ever raised."""
        entries = requests.get(f"{self.inbox}/api/alerts/export?format=jsonl", timeout=60).text.splitlines()
        return {json.loads(each).get("rule") for each in entries} & CRITICAL

    def sees_one_alert(self, rule: str) -> None:
        """Watch until every consequence of a cause would have raised its alert: only the cause has one."""
        until(lambda: self.active() == {rule}, 75, rule)
        deadline = time.monotonic() + WATCHED_SECONDS
        while time.monotonic() < deadline:
            assert self.active() == {rule}
            time.sleep(2)

    def counts_of(self, kind: str, labels: str) -> bool:
        """Whether the panes of days count a kind with these first labels."""
        panes = self.redis.scan_iter(match=f"{self.state_name}:*pane:*:day:*:{kind}")
        return any(name.startswith(labels) for pane in panes for name in cast(list[str], self.redis.hkeys(pane)))

    def is_exact(self) -> None:
        """Every figure of the day equals the recount."""
        found = self.running.ask("audit", "--window", "24h")
        assert found["cells"] > 600
        assert found["differences"] == []

    def said(self) -> str:
        """The output at the terminal."""
        return self.running.output.read_text()


@pytest.fixture
def ran(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ran]:
    running = Running(tmp_path / "data")
    try:
        found = Ran(running, *getattr(request, "param", ()))
        yield found
        found.redis.close()
    finally:
        running.clear()


@pytest.mark.parametrize(
    "ran", [(), pytest.param(("--prometheus",), marks=pytest.mark.real)], indirect=True, ids=["engine", "prometheus"]
)
def test_a_full_state_server_raises_one_alert_which_resolves_by_itself(ran: Ran) -> None:
    worker = ran.running.part("worker")
    words = WORDS["out_of_memory"].what
    ran.redis.config_set("maxmemory", 1)
    until(lambda: words in ran.said(), 60, "words at the terminal")
    output = ran.running.directory / "output" / "worker-1.log"
    until(lambda: words in output.read_text(), 60, "the worker's words")
    ran.sees_one_alert("state_out_of_memory")
    board = requests.get(f"http://127.0.0.1:{ran.running.board_port}/api/alerts/", timeout=60).json()
    assert board["refused"] == words
    assert ran.running.live_count() == 0, "no figure may be live"

    ran.redis.config_set("maxmemory", 0)
    began = time.monotonic()
    until(lambda: ran.running.live_count() > 100, 60, "live figures")
    print(f"live figures {time.monotonic() - began:.1f} s after there was memory")  # noqa: T201 - a figure for the report
    assert ran.running.part("worker") == worker, "the worker was restarted"
    ran.is_exact()
    until(lambda: ran.active() == set(), 150, "the end of the alert")
    assert ran.ever() == {"state_out_of_memory"}
    assert f"Over: {words}" in ran.said()
    assert ran.said().count(words) < 12, "repeated too often"


def test_a_stopped_worker_raises_one_alert_and_no_feed_is_called_silent(ran: Ran) -> None:
    worker = ran.running.part("worker")
    assert worker
    os.kill(worker.pid, signal.SIGSTOP)
    ran.sees_one_alert("no_worker")
    os.kill(worker.pid, signal.SIGCONT)
    until(lambda: ran.running.live_count() > 100, 60, "live figures")
    ran.is_exact()
    until(lambda: ran.active() == set(), 150, "the end of the alert")
    assert ran.ever() == {"no_worker"}


def test_a_damaged_state_is_left_alone_until_a_person_rebuilds_it(ran: Ran) -> None:
    # At night the simulated force reports few facts, which may all have new names.
    ran.open_incidents()
    until(lambda: ran.counts_of("incident_opened", "1|none|none"), 60, "the first incident in the state")
    panes = cast(list[str], list(ran.redis.scan_iter(match=f"{ran.state_name}:*pane:*")))
    for pane in panes:
        for field in cast(dict[str, str], ran.redis.hgetall(pane)):
            ran.redis.hset(pane, field, "of another program")
    ran.open_incidents()
    until(lambda: "has stopped and needs a decision" in ran.said(), 60, "words at the terminal")
    assert "does not hold a count" in ran.said()
    ran.sees_one_alert("state_needs_person")
    environment = {**os.environ, "BLUELAMP_DATA": str(ran.running.directory)}
    rebuilt = command(environment, "rebuild", "--switch", "--accept-differences")
    assert "Version 2 is now current." in rebuilt.stdout, rebuilt.stdout + rebuilt.stderr
    until(lambda: ran.running.live_count() > 100, 120, "live figures, without a person restarting the worker")
    ran.is_exact()
    until(lambda: ran.active() == set(), 150, "the end of the alert")
    assert ran.ever() == {"state_needs_person"}
