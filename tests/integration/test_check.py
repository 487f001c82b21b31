"""`bluelamp check` on everything as it really runs: all good while it is, and each planted fault named, and nothing else."""

import re
import shutil
import signal
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from bluelamp.verify.checks.result import CheckResult
from tests.integration.conftest import FORCE
from tests.integration.test_commands import command
from tests.support.system import System, until
from tests.support.whole import SECRETS, Whole, ports

OTHER = "staffordshire"
GOOD = {"good", "not set up"}
ALSO_REAL = pytest.mark.parametrize(
    "parts", ["embedded", pytest.param("real", marks=[pytest.mark.real, pytest.mark.faults])], indirect=True
)
QUICK = "stale_after_seconds = 3"


def wrong(findings: dict[str, CheckResult]) -> dict[str, str]:
    """What is not well: check to state."""
    return {name: each.state for name, each in findings.items() if each.state not in GOOD}


def checked(whole: Whole, **settings: str) -> tuple[int, dict[str, CheckResult]]:
    """With feeds that have just sent heartbeats: on a busy machine some would be silent by the next look."""
    whole.beat()
    whole.system.settle()
    return whole.check(**settings)


@pytest.mark.parametrize("parts", ["embedded"], indirect=True)
def test_a_healthy_system_is_all_good_and_every_part_that_is_gone_is_named(new_system: Callable[..., System]) -> None:
    with Whole(new_system(**ports()), (FORCE, OTHER)).running() as whole:
        status, findings = checked(whole)
        assert (status, wrong(findings)) == (0, {})
        assert {name for name, each in findings.items() if each.state == "not set up"} == {"archive", "prometheus"}
        assert {*whole.parts, "workers", f"feed {FORCE} dispatch", f"feed {OTHER} custody"} <= set(findings)
        see_in_words(whole)

        # Frozen it takes the connection and never answers; and where one should answer there is another.
        whole.parts["exporter"].send(signal.SIGSTOP)
        status, findings = checked(whole, board=whole.parts["gateway"].address)
        assert (status, wrong(findings)) == (2, {"exporter": "bad", "board": "bad"})
        assert findings["exporter"].what == "It did not respond within 5 s."
        assert findings["board"].what == "Another program responds at this address, not the board."
        gone: set[str] = set()
        for name in ("exporter", "gateway", "inbox", "board"):
            whole.parts[name].end(signal.SIGKILL)
            gone.add(name)
            status, findings = checked(whole)
            assert (status, wrong(findings)) == (2, dict.fromkeys(gone, "bad"))
            assert (findings[name].what, findings[name].where) == (
                "Nothing responds at this address.",
                whole.parts[name].address,
            )
            assert f"`bluelamp {name}" in findings[name].hint


def see_in_words(whole: Whole) -> None:
    """The command says the same, one line a check."""
    whole.beat()
    said = command(whole.system, "check", **SECRETS)
    assert (said.returncode, said.stderr) == (0, ""), said.stdout + said.stderr
    assert "good       workers: 1 running; every partition is read.\n" in said.stdout
    assert "not set up archive: BLUELAMP_ARCHIVE is not set.\n" in said.stdout
    assert "where:" not in said.stdout


@ALSO_REAL
def test_feeds_of_every_force_are_looked_at(new_system: Callable[..., System], tmp_path: Path) -> None:
    """One is 50 minutes behind although its heartbeats arrive; then its force is silent; and one force was never received."""
    directory = profiles(tmp_path / "profiles")
    system = new_system(forces=str(directory), exporter="none", board="none", inbox="none", gateway="none")
    whole = Whole(system, (FORCE, OTHER))
    system.start_workers(1)
    behind = {(OTHER, "command_and_control"): timedelta(minutes=50)}
    whole.beat(behind)
    system.settle()
    feed = f"feed {OTHER} command_and_control"
    status, findings = whole.check()
    assert (status, findings[feed].state) == (2, "bad")
    assert re.match(r"It is 3,0\d\d s behind, although heartbeats arrive\. The limit is 60 s\. ", findings[feed].what)
    assert findings[f"feed {FORCE} dispatch"].state == "good"
    assert findings["force never"] == CheckResult(
        "force never", "not set up", "No fact or heartbeat has ever been received."
    )
    for name in ("exporter", "board", "inbox", "gateway"):
        assert findings[name].state == "not set up"

    def silent() -> set[str]:
        whole.beat(silent=(OTHER,))
        _, found = whole.check()
        assert found[f"feed {FORCE} dispatch"].state == "good"
        return {name for name, each in found.items() if "is silent" in each.what and each.state == "bad"}

    every = {f"feed {OTHER} {each.name}" for each in system.rules[OTHER].force.feeds}
    until(lambda: silent() == every - {feed}, 30, "the silence of the second force")


@ALSO_REAL
def test_dead_workers_and_records_that_wait_are_named(new_system: Callable[..., System]) -> None:
    """Killed: nobody is in the group once the session is over, and what the log holds waits; then one that is stuck."""
    system = new_system(exporter="none", board="none", inbox="none", gateway="none")
    whole = Whole(system, (FORCE,))
    system.start_workers(1)
    (worker,) = system.workers
    until(lambda: system.members() == 1, 60, "the worker")
    status, findings = checked(whole)
    assert (status, wrong(findings)) == (0, {})
    worker.kill()
    until(lambda: system.members() == 0, 30, "the end of its session")
    whole.beat()
    status, findings = whole.check()
    assert (status, findings["workers"].what) == (2, "No worker is running.")
    assert findings["state"].state == "bad"
    waiting = system.settings.partitions
    assert findings["state"].what.startswith(f"{waiting} log records not applied yet, and no worker is running")
    worker.become("-m", "tests.integration.changed_worker", "stuck")
    until(lambda: system.members() == 1, 60, "the stuck worker")
    status, findings = whole.check()
    assert (status, findings["workers"].state, findings["state"].state) == (2, "good", "bad")


def profiles(directory: Path) -> Path:
    """The profiles that come along, and one more; of the second force all feeds but one may be silent for three seconds only."""
    shutil.copytree(str(files("facts").joinpath("forces")), directory)
    other = directory / f"{OTHER}.toml"
    text = other.read_text()
    before, feed, after = text.partition('name = "command_and_control"')
    own, rest, others = after.partition("[[feeds]]")
    quick = re.compile(r"stale_after_seconds = [0-9]+")
    other.write_text("".join((quick.sub(QUICK, before), feed, own, rest, quick.sub(QUICK, others))))
    (directory / "never.toml").write_text(text.replace(f'name = "{OTHER}"', 'name = "never"', 1))
    return directory
