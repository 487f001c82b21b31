"""The Helm chart: Helm accepts it, renders what is committed, and refuses values that would open or break something."""

import re
from typing import Any

import pytest
import yaml

from tests.real.parts import missing
from tests.support.chart import RENDERED, helm, rendered

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def _helm() -> None:
    if reason := missing("helm"):
        pytest.skip(reason)


def made(*options: str) -> dict[tuple[str, str], Any]:
    """The objects that the chart makes with some values."""
    ran = helm("template", *options)
    assert ran.returncode == 0, ran.stderr
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(ran.stdout) if each}


def test_helm_finds_no_fault() -> None:
    ran = helm("lint", "--strict", "--set", "gateway.enabled=true")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_helm_renders_what_is_committed() -> None:
    assert rendered() == RENDERED.read_text(), "run `make chart` and commit"


def test_values_reach_the_objects() -> None:
    objects = made(
        *("--set-string", "image.tag=1.10"),
        *("--set", "image.pullPolicy=Always,imagePullSecrets={registry}"),
        *("--set", "worker.replicas=5,worker.resources.limits.memory=4Gi,secret=tokens,files.rosters=planned"),
        *("--set", "settings.BLUELAMP_BOARD_FORCES=north\\,south,settings.BLUELAMP_LOG_FORMAT=null"),
        *("--set", "archive.storageClass=slow,archive.storage=1Ti,networkPolicy.enabled=false"),
    )
    worker = objects["Deployment", "worker"]["spec"]
    pod = worker["template"]["spec"]
    (container,) = pod["containers"]
    assert (worker["replicas"], container["image"]) == (5, "registry.example.police.uk/bluelamp:1.10")
    assert (container["imagePullPolicy"], pod["imagePullSecrets"]) == ("Always", [{"name": "registry"}])
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "4Gi"}
    assert container["envFrom"][1] == {"secretRef": {"name": "tokens"}}
    assert {"name": "rosters", "configMap": {"name": "planned", "optional": True}} in pod["volumes"]
    settings = objects["ConfigMap", "bluelamp"]["data"]
    assert settings["BLUELAMP_BOARD_FORCES"] == "north,south"
    assert "BLUELAMP_LOG_FORMAT" not in settings
    claim = objects["PersistentVolumeClaim", "archive"]["spec"]
    assert (claim["storageClassName"], claim["resources"]) == ("slow", {"requests": {"storage": "1Ti"}})
    kinds = {kind for kind, _ in objects}
    assert "NetworkPolicy" not in kinds
    assert ("Deployment", "gateway") not in objects


def test_a_second_inbox_has_its_own_claim_and_is_named_to_the_engines() -> None:
    refused = helm("template", "--set", "inbox.second=true")
    assert "no engine would report to it" in refused.stderr
    both = "settings.BLUELAMP_INBOX=http://inbox:8038\\,http://inbox-2:8038"
    objects = made("--set", "inbox.second=true", "--set", both)
    first, second = (objects["Deployment", name]["spec"] for name in ("inbox", "inbox-2"))
    assert first["selector"] != second["selector"]
    volumes = second["template"]["spec"]["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "inbox-2"}} in volumes
    assert objects["Service", "inbox-2"]["spec"]["selector"] == second["selector"]["matchLabels"]
    assert objects["PersistentVolumeClaim", "inbox-2"]["spec"] == objects["PersistentVolumeClaim", "inbox"]["spec"]
    (reached,) = objects["NetworkPolicy", "alerts"]["spec"]["podSelector"]["matchExpressions"]
    assert second["selector"]["matchLabels"]["part"] in reached["values"]
    assert objects["ConfigMap", "bluelamp"]["data"]["BLUELAMP_INBOX"].count("http://") == 2


def test_a_changed_setting_starts_every_pod_again() -> None:
    def sums(*options: str) -> set[str]:
        return set(re.findall(r"checksum/settings: (\w+)", helm("template", *options).stdout))

    before, after = sums(), sums("--set", "settings.BLUELAMP_FORCE=north")
    assert len(before) == len(after) == 1
    assert before != after


@pytest.mark.parametrize(
    "values",
    [
        "image.tag=9",
        "workers.replicas=5",
        "inbox.replicas=2",
        "board.replicas=0",
        "settings.BLUELAMP_PARTITIONS=6",
        "settings.PASSWORD=secret",
        "secret=",
        "worker.resources.limits.memory=null",
        "networkPolicy.ingressLabels=null",
        "networkPolicy.ingressLabels.bluelamp/ingress=null",
    ],
)
def test_values_that_would_open_or_break_something_are_refused(values: str) -> None:
    ran = helm("template", "--set", values)
    assert ran.returncode != 0, ran.stdout
    assert "values don't meet the specifications of the schema" in ran.stderr, ran.stderr
