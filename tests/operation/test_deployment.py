"""Containers, systemd units and Kubernetes manifests: health checks, limits, no root, and commands and settings that exist."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.settings import SECRETS, Settings, variable
from tests.support.chart import RENDERED, note
from tests.support.command_line import check_command
from tests.support.system import until

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
MANIFESTS = ROOT / "deploy" / "kubernetes"
KNOWN = {*(variable(field) for field in Settings.__struct_fields__), *SECRETS}
NOT_ROOT = "10001"


@pytest.mark.parametrize("name", COMPOSE)
def test_every_container_is_confined_limited_and_checked(name: str) -> None:
    service = COMPOSE[name]
    assert service["healthcheck"]["test"]
    assert service["mem_limit"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service.get("read_only") is True or name == "kafka"


def test_the_minimal_profile_needs_no_prometheus_and_the_full_one_has_it() -> None:
    def environment(name: str) -> dict[str, str]:
        lines = (ROOT / "deploy" / f"{name}.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if not line.startswith("#"))

    minimal = {name for name, each in COMPOSE.items() if "profiles" not in each}
    assert minimal == {"kafka", "redis", "worker", "exporter", "board", "inbox", "archive"}
    full = {name for name, each in COMPOSE.items() if each.get("profiles") == ["full"]}
    assert full == {"prometheus", "alertmanager", "grafana"}
    assert environment("minimal") == {"COMPOSE_PROFILES": "", "BLUELAMP_PROMETHEUS": ""}
    assert environment("full") == {"COMPOSE_PROFILES": "full", "BLUELAMP_PROMETHEUS": "http://prometheus:9090"}
    for name in minimal:
        assert set(COMPOSE[name].get("depends_on", ())) <= minimal


def test_the_image_does_not_run_as_root_and_can_print() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert f"USER {NOT_ROOT}" in lines
    assert any("apt-get install" in line and " chromium " in line for line in lines)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_valid_confined_and_runs_a_command_that_exists(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text()
    options = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    program = options["ExecStart"].split()
    check_command(["bluelamp", *program[1:]])
    assert options["User"] == "bluelamp"
    assert {options["NoNewPrivileges"], options["ProtectHome"], options["PrivateTmp"]} == {"yes"}
    assert (options["ProtectSystem"], options["Restart"]) == ("strict", "always")
    assert options["MemoryMax"]
    names = {line.split("=")[1] for line in text.splitlines() if line.startswith("Environment=")}
    assert names <= KNOWN
    if shutil.which("systemd-analyze"):
        copy = tmp_path / unit.name
        copy.write_text(text.replace(program[0], sys.executable))
        ran = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")


@cache
def manifests() -> list[dict[str, Any]]:
    """Every manifest, as kubectl renders it, with the gateway; without kubectl as the files have it."""
    if shutil.which("kubectl"):
        command = ["kubectl", "kustomize", str(MANIFESTS)]
        rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "registry.example.police.uk/bluelamp:0.2.0" in rendered
        texts = [rendered, (MANIFESTS / "gateway.yaml").read_text()]
    else:
        texts = [path.read_text() for path in MANIFESTS.glob("*.yaml") if path.name != "kustomization.yaml"]
    return [each for text in texts for each in yaml.safe_load_all(text)]


def pods(every: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each pod's specification, with its name."""
    for each in every:
        spec = each.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield each["metadata"]["name"], spec["template"]["spec"]


def test_every_pod_is_confined_limited_and_checked() -> None:
    every = manifests()
    seen = dict(pods(every))
    assert seen.keys() == {"worker", "exporter", "board", "inbox", "gateway", "archive"}
    claims = {each["metadata"]["name"] for each in every if each["kind"] == "PersistentVolumeClaim"}
    for name, pod in seen.items():
        (container,) = pod["containers"]
        check_command(container["args"])
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == int(NOT_ROOT)
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}
        assert {each["name"] for each in container.get("env", ())} <= KNOWN
        volumes = {each["name"]: each for each in pod["volumes"]}
        assert volumes.keys() == {each["name"] for each in container["volumeMounts"]}
        used = {
            each["persistentVolumeClaim"]["claimName"] for each in volumes.values() if "persistentVolumeClaim" in each
        }
        assert used <= claims
        if name != "archive":
            assert container["livenessProbe"]["httpGet"]["path"] == "/health"
            assert container["readinessProbe"]["httpGet"]["path"] == (
                "/ready" if name in ("worker", "gateway") else "/health"
            )
    inbox = next(each["spec"] for each in every if each["kind"] == "Deployment" and each["metadata"]["name"] == "inbox")
    assert (inbox["replicas"], inbox["strategy"]) == (1, {"type": "Recreate"}), "two would share a claim"


def test_services_reach_their_pods_and_the_network_is_closed_by_default() -> None:
    every = manifests()
    ports = {name: pod["containers"][0].get("ports", [{}])[0].get("containerPort") for name, pod in pods(every)}
    for each in (each for each in every if each["kind"] == "Service"):
        name = each["metadata"]["name"]
        assert each["spec"]["selector"] == {"app": "bluelamp", "part": name}
        assert each["spec"]["ports"][0]["port"] == ports[name] == getattr(Settings(), f"{name}_port")
    closed = next(each for each in every if each["metadata"]["name"] == "closed")["spec"]
    assert closed == {"podSelector": {"matchLabels": {"app": "bluelamp"}}, "policyTypes": ["Ingress"]}
    settings: dict[str, str] = next((each["data"] for each in every if each["kind"] == "ConfigMap"), {})
    assert settings.keys() <= KNOWN


def plain(value: Any) -> Any:
    """A manifest without what the renderers add: the namespace, annotations, the image's registry and version, and the hash of settings."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return re.sub("^bluelamp-[0-9a-z]{10}$", "bluelamp", value) if isinstance(value, str) else value
    kept = {name: plain(each) for name, each in value.items() if name not in ("namespace", "annotations")}
    if "image" in kept:
        kept["image"] = kept["image"].rpartition("/")[2].partition(":")[0]
    return kept


def by_name(every: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """The manifests by kind and name, without the settings."""
    named = {(each["kind"], each["metadata"]["name"]): plain(each) for each in every}
    return {name: each for name, each in named.items() if name[0] != "ConfigMap"}


def test_the_chart_makes_the_objects_of_the_manifests() -> None:
    chart = [each for each in yaml.safe_load_all(RENDERED.read_text()) if each]
    assert by_name(chart) == by_name(manifests())
    (generated,) = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["configMapGenerator"]
    (settings,) = (each["data"] for each in chart if each["kind"] == "ConfigMap")
    assert settings == dict(line.split("=", 1) for line in generated["literals"])


def test_the_committed_rendering_is_that_of_the_chart() -> None:
    first, _, rest = RENDERED.read_text().partition("\n")
    assert f"{first}\n" == note(), "run `make chart` and commit"
    version = re.search('^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert set(re.findall("image: (.*)", rest)) == {f"registry.example.police.uk/bluelamp:{version[1]}"}


CONFINED = """
mount --make-rprivate / && mount -o remount,ro,bind / && mount -t tmpfs tmpfs /tmp && cd /usr || exit 99
exec setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all "$@"
"""


@pytest.mark.faults
def test_services_run_without_root_on_a_root_that_cannot_be_written() -> None:
    """As in the containers: another user, no capabilities, and nothing but /tmp can be written."""
    commands = {"worker": ["worker"], "exporter": ["exporter"], "board": ["board"], "gateway": ["gateway"]}
    commands["inbox"] = ["inbox", "serve"]
    ports = dict(zip(commands, free_ports(len(commands)), strict=True))
    token = "t" * 32
    environment = {
        **os.environ,
        "HOME": "/tmp",  # noqa: S108 - as in the image
        "PYTHONDONTWRITEBYTECODE": "1",
        "BLUELAMP_DATA": "/tmp/bluelamp",  # noqa: S108 - as in the manifests
        "BLUELAMP_KAFKA": "127.0.0.1:1",
        "BLUELAMP_REDIS": "redis://127.0.0.1:1/0",
        "BLUELAMP_GATEWAY_TOKENS": f"sender:{token}",
    }
    inside = ["unshare", "--mount", "bash", "-c", CONFINED, "bash"]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow mounts")
    assert subprocess.run([*inside, "touch", f"{ROOT}/x"], capture_output=True, check=False).returncode == 1
    running = [
        subprocess.Popen(
            [*inside, sys.executable, "-m", "bluelamp", *words, "--port", str(ports[name])], env=environment
        )
        for name, words in commands.items()
    ]
    try:
        for name, port in ports.items():
            until(lambda: says(port, name), 60, f"{name} to run")  # noqa: B023 - awaited at once
            assert requests.get(f"http://127.0.0.1:{port}/ready", timeout=60).status_code == 503
    finally:
        for each in running:
            each.kill()
            each.wait()


def says(port: int, name: str) -> bool:
    """Whether a service says that it runs."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=2).text == f"bluelamp {name} ok\n"
    except requests.RequestException:
        return False
