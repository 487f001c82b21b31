"""`bluelamp check` on the running product: all good while it works, and each planted fault named, and nothing else."""

import re
import shutil
import signal
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest
import requests

from bluelamp.verify.checks.parts import get
from bluelamp.verify.checks.result import CheckResult
from tests.integration.conftest import EMBEDDED, FORCE
from tests.integration.test_commands import command
from tests.support.system import System, until
from tests.support.whole import SECRETS, Whole, ports

OTHER = "staffordshire"
GOOD = {"good", "not set up"}
ALSO_REAL = pytest.mark.parametrize(
    "parts", ["embedded", pytest.param("real", marks=[pytest.mark.real, pytest.mark.faults])], indirect=True
)
QUICK = "stale_after_seconds = 3"


def wrong(results: dict[str, CheckResult]) -> dict[str, str]:
    """The checks that are not good: name to state."""
    return {name: each.state for name, each in results.items() if each.state not in GOOD}


def checked(whole: Whole, **settings: str) -> tuple[int, dict[str, CheckResult]]:
    """`bluelamp check` right after heartbeats: on a busy machine a feed might otherwise be silent by then."""
    whole.beat()
    whole.system.settle()
    return whole.check(**settings)


@EMBEDDED
def test_a_healthy_system_is_all_good_and_every_missing_part_is_named(new_system: Callable[..., System]) -> None:
    with Whole(new_system(**ports()), (FORCE, OTHER)).running() as whole:
        status, results = checked(whole)
        assert (status, wrong(results)) == (0, {})
        assert {name for name, each in results.items() if each.state == "not set up"} == {
            "archive",
            "events",
            "prometheus",
            "rosters",
        }
        assert {*whole.parts, "workers", f"feed {FORCE} dispatch", f"feed {OTHER} custody"} <= set(results)
        see_in_words(whole)
        see_readiness(whole)

        # A frozen exporter accepts the connection and never answers; at the board's address another program answers.
        whole.parts["exporter"].send(signal.SIGSTOP)
        status, results = checked(whole, board=whole.parts["gateway"].address)
        assert (status, wrong(results)) == (2, {"exporter": "bad", "board": "bad"})
        assert results["exporter"].what == "It did not respond within 5 s."
        assert results["board"].what == "Another program responds at this address, not the board."
        gone: set[str] = set()
        for name in ("exporter", "gateway", "inbox", "board"):
            whole.parts[name].end(signal.SIGKILL)
            gone.add(name)
            status, results = checked(whole)
            assert (status, wrong(results)) == (2, dict.fromkeys(gone, "bad"))
            assert (results[name].what, results[name].where) == (
                "Nothing responds at this address.",
                whole.parts[name].address,
            )
            assert f"`bluelamp {name}" in results[name].hint


def see_readiness(whole: Whole) -> None:
    """Every service is ready, and answers no foreign host name."""
    for name, part in whole.parts.items():
        ready = get(f"{part.address}/ready")
        assert (ready.status_code, set(ready.json()["parts"].values())) == (200, {"good"}), (name, ready.text)
        foreign = requests.get(f"{part.address}/health", headers={"Host": "evil.example"}, timeout=60)
        assert foreign.status_code == 400, name


def see_in_words(whole: Whole) -> None:
    """The command prints the same in words, one line for each check."""
    whole.beat()
    said = command(whole.system, "check", **SECRETS)
    assert (said.returncode, said.stderr) == (0, ""), said.stdout + said.stderr
    assert "good       workers: 1 running; every partition is read.\n" in said.stdout
    assert "not set up archive: BLUELAMP_ARCHIVE is not set.\n" in said.stdout
    assert "where:" not in said.stdout


@ALSO_REAL
def test_feeds_of_every_force_are_checked(new_system: Callable[..., System], tmp_path: Path) -> None:
    """A feed is 50 minutes behind although its heartbeats arrive; then its force falls silent; a third force never sent anything."""
    directory = profiles(tmp_path / "profiles")
    system = new_system(forces=str(directory), exporter="none", board="none", inbox="none", gateway="none")
    whole = Whole(system, (FORCE, OTHER))
    system.start_workers(1)
    behind = {(OTHER, "command_and_control"): timedelta(minutes=50)}
    whole.beat(behind)
    system.settle()
    feed = f"feed {OTHER} command_and_control"
    status, results = whole.check()
    assert (status, results[feed].state) == (2, "bad")
    assert re.match(r"It is 3,0\d\d s behind, although heartbeats arrive\. The limit is 60 s\. ", results[feed].what)
    assert results[f"feed {FORCE} dispatch"].state == "good"
    assert results["force never"] == CheckResult(
        "force never", "not set up", "No fact or heartbeat has ever been received.", force="never"
    )
    for name in ("exporter", "board", "inbox", "gateway"):
        assert results[name].state == "not set up"

    def silent() -> set[str]:
        whole.beat(silent=(OTHER,))
        _, found = whole.check()
        assert found[f"feed {FORCE} dispatch"].state == "good"
        return {name for name, each in found.items() if "is silent" in each.what and each.state == "bad"}

    every = {f"feed {OTHER} {each.name}" for each in system.rules[OTHER].force.feeds}
    until(lambda: silent() == every - {feed}, 60, "the second force to be silent")


@ALSO_REAL
def test_dead_workers_and_waiting_records_are_named(new_system: Callable[..., System]) -> None:
    """A killed worker leaves its group when its session ends, and records wait in the log; then a worker is stuck."""
    system = new_system(exporter="none", board="none", inbox="none", gateway="none")
    whole = Whole(system, (FORCE,))
    system.start_workers(1)
    system.supervise()
    (worker,) = system.workers
    until(lambda: system.members() == 1, 60, "the worker", every=0.2)
    status, results = checked(whole)
    assert (status, wrong(results)) == (0, {})
    worker.kill()
    until(lambda: system.members() == 0, 60, "its session to end", every=0.2)
    whole.beat()
    status, results = whole.check()
    assert (status, results["workers"].what) == (2, "No worker is running.")
    assert results["state"].state == "bad"
    waiting = system.settings.partitions
    assert results["state"].what.startswith(f"{waiting} log records not applied yet, and no worker is running")
    worker.become("-m", "tests.integration.changed_worker", "stuck")
    until(lambda: system.members() == 1, 60, "the stuck worker", every=0.2)
    status, results = whole.check()
    assert (status, results["workers"].state, results["state"].state) == (2, "good", "bad")


def profiles(directory: Path) -> Path:
    """The packaged profiles and one more; in the second force all feeds but one may be silent for only three seconds."""
    shutil.copytree(str(files("facts").joinpath("forces")), directory)
    other = directory / f"{OTHER}.toml"
    text = other.read_text()
    before, feed, after = text.partition('name = "command_and_control"')
    own, rest, others = after.partition("[[feeds]]")
    quick = re.compile(r"stale_after_seconds = [0-9]+")
    other.write_text("".join((quick.sub(QUICK, before), feed, own, rest, quick.sub(QUICK, others))))
    (directory / "never.toml").write_text(text.replace(f'name = "{OTHER}"', 'name = "never"', 1))
    return directory
