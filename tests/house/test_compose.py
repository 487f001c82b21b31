"""The compose file and what it mounts: read, held against the product, and checked by the parts' own tools."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bluelamp.cli import cli
from bluelamp.settings import Settings, variable
from tests.real.parts import missing

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "bluelamp"}


def test_every_part_is_there() -> None:
    parts = {"kafka", "redis", "worker", "exporter", "board", "prometheus", "alertmanager", "grafana"}
    assert set(SERVICES) >= parts
    assert set(OURS) >= {"worker", "exporter", "board"}


@pytest.mark.parametrize("name", OURS)
def test_our_commands_and_settings_exist(name: str) -> None:
    program, command, *options = OURS[name]["command"]
    assert program == "bluelamp"
    known = {option for parameter in cli.commands[command].params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
    assert set(OURS[name]["environment"]) <= {variable(field) for field in Settings.__struct_fields__}


@pytest.mark.parametrize("name", SERVICES)
def test_it_is_open_to_this_machine_alone(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name: str) -> None:
    sources = [str(volume).partition(":")[0] for volume in SERVICES[name].get("volumes", ())]
    assert [source for source in sources if source.startswith(".") and not (ROOT / source).exists()] == []


def test_the_state_server_forgets_nothing() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_kafka_is_the_version_that_is_tested() -> None:
    version = SERVICES["kafka"]["image"].partition(":")[2]
    assert f"<version>{version}</version>" in (ROOT / "tests" / "real" / "pom.xml").read_text()


@pytest.mark.real
@pytest.mark.parametrize(
    ("part", "command"),
    [
        ("prometheus", ("promtool", "check", "config", "alerts/prometheus.yml")),
        ("alertmanager", ("amtool", "check-config", "alerts/alertmanager.yml")),
    ],
)
def test_the_parts_own_tools_accept_their_configuration(part: str, command: tuple[str, ...]) -> None:
    reason = missing(part)
    if reason:
        pytest.skip(reason)
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
