"""An exporter of more forces than a scrape reads at once: prepared figures are those of the state, say how old they are, and follow it."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import requests
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import FORCE_METRICS_TOKENS
from facts.incident import IncidentOpened
from measures.window import LIVE_WINDOWS
from streams.exporter import ReadingsCollector
from streams.prepared_metrics import AGE, MOST_AT_ONCE
from tests.integration.conftest import EMBEDDED
from tests.support.facts import build, heartbeat
from tests.support.system import System, until
from tests.support.whole import PartProcess, ports

FIRST = "staffordshire"
FORCES = (FIRST, *(f"force_{number}" for number in range(2, MOST_AT_ONCE + 2)))
OPEN = "bluelamp_incident_open"
TOKEN = "f" * 40


def profiles(directory: Path) -> Path:
    """A profile for each force, which differ only in their name."""
    directory.mkdir()
    text = files("facts").joinpath("forces", f"{FIRST}.toml").read_text("utf-8")
    for name in FORCES:
        changed = text.replace(f'name = "{FIRST}"', f'name = "{name}"', 1)
        (directory / f"{name}.toml").write_text(changed, "utf-8")
    return directory


def report(system: System, forces: Iterable[str], seq: int) -> None:
    """An incident of each force, and a heartbeat of every feed."""
    now = wall()
    with system.publisher() as publisher:
        for force in forces:
            opened = {"fact_id": f"{force}-{seq}", "subject_id": f"{force}-{seq}", "grade": "1", "group": "crime"}
            publisher.publish(build(IncidentOpened, now, force=force, **opened))
        for force in FORCES:
            for feed in system.rules[force].force.feeds:
                publisher.heartbeat(heartbeat(feed.name, now, force=force, seq=seq), feed.topic)
    system.settle()


def samples(text: str, name: str) -> dict[str, float]:
    """The samples of a metric by force; without one, by nothing."""
    return {
        sample.labels.get("force", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


@contextmanager
def exporter(system: System) -> Iterator[str]:
    """A running exporter; yields its address."""
    address = system.settings.address("exporter", has_senders=True)
    variables = system.environment(**{FORCE_METRICS_TOKENS: f"{FORCES[1]}:{TOKEN}", "BLUELAMP_METRICS_TOKEN": "m" * 40})
    part = PartProcess("exporter", variables, system.directory, address)
    part.start()
    try:
        until(part.responds, 60, "the exporter")
        yield address
    finally:
        part.end()


def scrape(address: str, path: str, token: str = "m" * 40) -> str:
    """The text of a scrape, once there is one."""
    found = list[requests.Response]()

    def is_there() -> bool:
        found.append(requests.get(f"{address}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60))
        return found[-1].ok

    until(is_there, 60, f"{path} to be prepared")
    return found[-1].text


@EMBEDDED
def test_prepared_figures_are_those_of_the_state_and_follow_it(
    new_system: Callable[..., System], tmp_path: Path
) -> None:
    system = new_system(forces=str(profiles(tmp_path / "profiles")), **ports())
    system.start_workers(1)
    system.supervise()
    report(system, FORCES, 1)
    with exporter(system) as address:
        for path in ("/metrics", "/metrics/rules", "/metrics/others"):
            text = scrape(address, path)
            (age,) = samples(text, AGE).values()
            assert 0 < age <= 15
        began, text = time.monotonic(), scrape(address, "/metrics")
        assert samples(text, OPEN) == dict.fromkeys(FORCES, 1)
        assert states(text_string_to_metric_families(text)) == states(ReadingsCollector(system.reader()).collect())

        report(system, FORCES[2:], 2)
        expected = {force: 1 + (force in FORCES[2:]) for force in FORCES}
        until(lambda: samples(scrape(address, "/metrics"), OPEN) == expected, 60, "the new incidents")
        own = scrape(address, "/metrics", TOKEN)
        assert samples(own, OPEN) == {FORCES[1]: 1}
        assert 0 <= samples(own, AGE)[""] < time.monotonic() - began


def states(families: Iterable[Metric]) -> set[tuple[str, ...]]:
    """Every reading over a live window that is exported: force, measure and window."""
    return {
        (each.labels["force"], each.labels["measure"], each.labels["window"])
        for family in families
        for each in family.samples
        if each.name == "bluelamp_reading_state" and each.labels["window"] in LIVE_WINDOWS
    }
