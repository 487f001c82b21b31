"""The compose file and its mounts, checked against Blue Lamp's commands and settings and by the parts' own tools."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis

from bluelamp.embedded.state import StateServer
from bluelamp.wiring.settings import ENGINE_TOKEN, SECRETS, Settings, variable
from tests.real.parts import missing
from tests.support.command_line import check_command
from tests.support.system import until

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image") == "bluelamp"}


def sources(name: str) -> set[str]:
    """The volumes and files that a service mounts if no variable is set."""
    defaults = (re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(volume)) for volume in SERVICES[name].get("volumes", ()))
    return {volume.partition(":")[0] for volume in defaults}


def test_the_compose_file_has_every_part() -> None:
    parts = {"kafka", "redis", "worker", "exporter", "board", "prometheus", "alertmanager", "grafana"}
    assert set(SERVICES) >= parts
    assert set(OURS) >= {"worker", "exporter", "board", "inbox", "archive"}


@pytest.mark.parametrize("name", OURS)
def test_our_commands_and_settings_exist(name: str) -> None:
    check_command(OURS[name]["command"])
    assert set(OURS[name]["environment"]) <= {
        *(variable(field) for field in Settings.__struct_fields__),
        *SECRETS,
    }


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_only_on_this_machine(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_mounted_files_exist(name: str) -> None:
    assert [each for each in sources(name) if each.startswith(".") and not (ROOT / each).exists()] == []


@pytest.mark.parametrize("name", OURS)
def test_every_service_sees_the_directories_that_the_variables_name(name: str) -> None:
    for setting in ("forces", "rosters", "events"):
        inside, variable_ = f"/etc/bluelamp/{setting}", variable(setting)
        assert OURS[name]["environment"][variable_] == f"${{{variable_}:+{inside}}}"
        assert f"${{{variable_}:-{setting}}}:{inside}:ro" in OURS[name]["volumes"]


@pytest.mark.real
@pytest.mark.parametrize("kept", [None, 0.0, 0.5, 1.0])
def test_redis_starts_without_the_batch_that_a_crash_cut_off(tmp_path: Path, kept: float | None) -> None:
    """Runs the entry point as the container does, with a stand-in for the image's own program. Without content there is no file yet."""
    if reason := missing("redis"):
        pytest.skip(reason)
    data = tmp_path / "data"
    data.mkdir()
    if kept is not None:
        cut_off(data, kept)
    own = tmp_path / "docker-entrypoint.sh"
    own.write_text('#!/bin/sh\necho "$@"\n')
    own.chmod(0o755)
    service = SERVICES["redis"]
    entry = [word.replace("$$", "$") for word in service["entrypoint"]]
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = subprocess.run(
        [*entry, *service["command"]], cwd=data, env=path, capture_output=True, text=True, check=True, timeout=30
    )
    assert run.stdout.splitlines()[-1].split() == " ".join(service["command"]).split()
    for file in data.glob("appendonlydir/*.incr.aof"):
        assert file.read_bytes().count(b"MULTI") == file.read_bytes().count(b"EXEC") == (3 if kept == 1.0 else 2)


def cut_off(directory: Path, kept: float) -> None:
    """Three batches in a state server's file, the last one only in part."""
    server = StateServer(directory, binary="debian")
    server.start()
    with Redis.from_url(server.url) as redis:
        for _ in range(3):
            redis.eval("redis.call('INCR', KEYS[1]) redis.call('INCR', KEYS[2])", 2, "one", "other")
        (file,) = directory.glob("appendonlydir/*.incr.aof")
        # A write waits for an fsync that is under way.
        until(lambda: file.read_bytes().count(b"$5\r\nMULTI") == 3, 60, "every batch in the file")
    server.kill()
    server.stop()
    last = file.read_bytes().rindex(b"*1\r\n$5\r\nMULTI")
    os.truncate(file, last + int((file.stat().st_size - last) * kept))


def test_lasting_data_is_on_volumes_of_its_own() -> None:
    """Named volumes are declared, and the archive and the log share no volume, so that the archive outlives the log."""
    mounted = {name: {each for each in sources(name) if not each.startswith(".")} for name in SERVICES}
    given = {"forces", "rosters", "events"}
    assert set().union(*mounted.values()) == set(COMPOSE["volumes"])
    for name in ("kafka", "redis", "inbox", "archive", "prometheus", "grafana"):
        assert mounted[name] - given == {name}, "each has its own"
    settings, (*_, volume) = SERVICES["archive"]["environment"], SERVICES["archive"]["volumes"]
    assert settings[variable("archive")].startswith(volume.partition(":")[2])


def test_the_state_server_saves_everything_and_evicts_nothing() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_alertmanager_and_the_inbox_have_the_same_token() -> None:
    (secret,) = SERVICES["alertmanager"]["secrets"]
    assert COMPOSE["secrets"][secret] == {"environment": ENGINE_TOKEN}
    assert ENGINE_TOKEN in SERVICES["inbox"]["environment"]
    config = (ROOT / "alerts" / "alertmanager.yml").read_text()
    assert f"credentials_file: /run/secrets/{secret}" in config
    assert "http://inbox:" in config


def test_kafka_is_the_version_that_is_tested() -> None:
    version = SERVICES["kafka"]["image"].partition(":")[2]
    assert f"<version>{version}</version>" in (ROOT / "tests" / "real" / "pom.xml").read_text()


@pytest.mark.real
@pytest.mark.parametrize(
    ("part", "command"),
    [
        ("prometheus", ("promtool", "check", "config", "--syntax-only", "alerts/prometheus.yml")),
        ("alertmanager", ("amtool", "check-config", "alerts/alertmanager.yml")),
    ],
)
def test_the_parts_own_tools_accept_their_configuration(part: str, command: tuple[str, ...]) -> None:
    reason = missing(part)
    if reason:
        pytest.skip(reason)
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_part_is_at_the_address_that_check_uses() -> None:
    environment = COMPOSE["x-bluelamp"]["environment"]
    for name in ("exporter", "board", "inbox", "gateway"):
        port = getattr(Settings(), f"{name}_port")
        assert f"http://{name}:{port}" in environment[variable(name)]
        assert name in OURS
