"""The gateway as a process with a real log: an outage is 503, a resend counts once, and a fuzzer finds no fault."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facts.incident import IncidentOpened
from streams.log import LogClient
from tests.embedded.broker_process import BrokerProcess
from tests.integration.conftest import EMBEDDED, FORCE
from tests.integration.test_week import compare_with_recount, counts, first_days
from tests.support.command_line import command
from tests.support.gateway import TOKEN, Caller, GatewayProcess
from tests.support.system import System, until

HOOKS = "tests.integration.fuzz_hooks"
FUZZER = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def gateway(system: System, tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway to the log of a system, not started yet."""
    made = GatewayProcess(system.environment(BLUELAMP_GATEWAY_FACTS_PER_SECOND="1000000"), tmp_path)
    yield made
    made.stop()


def send_all(caller: Caller, facts: list[Any]) -> None:
    """Send facts in batches, and check that each is accepted."""
    for first in range(0, len(facts), 1000):
        answer = caller.send("incidents", msgspec.json.encode(facts[first : first + 1000]))
        assert answer.status == 202, answer.body


def heartbeat(at: str) -> dict[str, Any]:
    """A heartbeat of the week's only feed."""
    beat = {"fact": "FeedHeartbeat", "fact_id": "beat", "force": FORCE, "at": at, "feed": "dispatch"}
    return {**beat, "seq": 1, "complete_to": at, "replay": True}


@EMBEDDED
def test_facts_sent_over_http_give_the_same_figures_and_a_resend_changes_none(
    system: System, gateway: GatewayProcess
) -> None:
    system.start_workers(1)
    system.supervise()
    system.publisher().close()
    caller, published = gateway.start(), first_days()
    send_all(caller, published)
    send_all(caller, published[:1000])
    assert caller.send("incidents", heartbeat("2017-01-02T00:00:00-08:00")).status == 202
    system.settle()
    assert (system.count("facts"), system.count("duplicates")) == (len(published), 1000)
    assert sum(counts(system.reader()).values()) == sum(isinstance(fact, IncidentOpened) for fact in published)
    assert compare_with_recount(system).differences == []


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker that this test may stop."""
    broker = BrokerProcess(tmp_path / "log")
    broker.start()
    with LogClient(broker.bootstrap) as log:
        log.ensure_topics()
    yield broker
    broker.stop()


@pytest.fixture
def environment(own_broker: BrokerProcess, tmp_path: Path) -> dict[str, str]:
    """The environment of a gateway to that broker, for one force."""
    forces = tmp_path / "forces"
    forces.mkdir()
    with (forces / "staffordshire.toml").open("wb") as profile:
        profile.write(files("facts").joinpath("forces", "staffordshire.toml").read_bytes())
    return {
        **os.environ,
        "BLUELAMP_KAFKA": own_broker.bootstrap,
        "BLUELAMP_FORCES": str(forces),
        "BLUELAMP_GATEWAY_FACTS_PER_SECOND": "1000000",
        "BLUELAMP_GATEWAY_DELIVERY_SECONDS": "1.5",
    }


OFFERED = {
    "fact": "ContactOffered",
    "fact_id": "offered-1",
    "force": "staffordshire",
    "at": "2024-12-01T09:59:41.2Z",
    "subject_id": "contact-1",
    "line": "101",
    "queue": "triage",
}


def records(broker: BrokerProcess) -> int:
    """The number of records in the log."""
    with LogClient(broker.bootstrap) as log:
        return sum(last for _, last in log.reach(("contacts", number) for number in range(4)).values())


def test_an_outage_of_the_log_is_503_and_the_resend_is_accepted(
    environment: dict[str, str], own_broker: BrokerProcess, tmp_path: Path
) -> None:
    gateway = GatewayProcess(environment, tmp_path)
    caller = gateway.start()
    try:
        assert caller.send("contacts", OFFERED).status == 202
        assert records(own_broker) == 1
        own_broker.kill()
        for _ in range(2):
            answer = caller.send("contacts", {**OFFERED, "fact_id": "offered-2"})
            assert (answer.status, answer.body["type"]) == (503, "urn:bluelamp:problem:log_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        own_broker.start()
        until(lambda: caller.send("contacts", {**OFFERED, "fact_id": "offered-2"}).status == 202, 60, "a 202")
        assert records(own_broker) >= 2
    finally:
        gateway.stop()
    assert "shutdown complete" in gateway.logged()
    assert TOKEN not in gateway.logged()


def test_without_a_sender_the_gateway_does_not_start_and_says_why(environment: dict[str, str]) -> None:
    result = command({**environment, "BLUELAMP_GATEWAY_TOKENS": f"telephony {TOKEN}"}, "gateway")
    assert result.returncode == 2
    assert "BLUELAMP_GATEWAY_TOKENS" in result.stderr
    assert TOKEN not in result.stderr + result.stdout


def test_no_setting_shows_a_token(environment: dict[str, str]) -> None:
    result = command({**environment, "BLUELAMP_GATEWAY_TOKENS": f"telephony:{TOKEN}"}, "settings", "--json")
    assert result.returncode == 0
    assert '"BLUELAMP_GATEWAY_TOKENS"' in result.stdout
    assert TOKEN not in result.stdout


@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed: make lock, then pip")
@pytest.mark.parametrize(
    "extent",
    [
        pytest.param(
            ["--phases", "examples,fuzzing", "--max-examples", "10", "--generation-deterministic"],
            id="the same requests each time",
        ),
        pytest.param(
            ["--max-examples", "60", "--generation-database", "none"],
            id="new requests each time",
            marks=pytest.mark.faults,
        ),
    ],
)
def test_a_fuzzer_that_reads_the_openapi_document_finds_nothing(
    environment: dict[str, str], tmp_path: Path, extent: list[str]
) -> None:
    gateway = GatewayProcess(environment, tmp_path, "--webhook", "contact_centre_webhook")
    address = gateway.start().address
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert program
    options = [*extent, "--checks", "all", "--no-shrink"]
    fuzzer = [program, "--config-file", str(FUZZER), "run", f"{address}openapi.json", *options]
    try:
        result = subprocess.run(
            [*fuzzer, "--header", f"Authorization: Bearer {TOKEN}"],
            env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=860,
        )
    finally:
        gateway.stop()
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    assert "No issues found" in result.stdout
    assert "8 selected" in result.stdout, "every path must be tried"
    assert "Traceback" not in gateway.logged()
