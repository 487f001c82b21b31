"""An upgrade from earlier releases, a rollback, and an upgrade again: real old programs, and every figure equal to the recount."""

import subprocess
import sys
from pathlib import Path

import pytest

from bluelamp.rebuild.versions import current_version
from streams.settings import PERSON_NEEDED
from tests.integration.conftest import EMBEDDED_IN_FAULTS
from tests.integration.test_faults import assert_every_cell_equals_the_recount, publish, week
from tests.support.system import System, WorkerProcess, restart, until

pytestmark = [pytest.mark.usefixtures("dropped_sockets"), pytest.mark.faults]
ROOT = Path(__file__).parents[2]
RELEASES = {"0.1.0": "d651ada", "0.2.0, as it was first named": "2a5db79"}
"""Commits of earlier releases; their states have format 6."""
_RUN = "import sys; sys.path.insert(0, {!r}); from bluelamp.cli.main import main; sys.argv[0] = 'bluelamp'; main()"


def program_of(commit: str, directory: Path) -> tuple[str, ...]:
    """The program of an earlier commit."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"the history has no commit {commit}")
    directory.mkdir()
    subprocess.run(["tar", "x", "-C", directory], input=packed.stdout, check=True)
    return ("-c", _RUN.format(str(directory)))


def run(system: System, *words: str, program: tuple[str, ...] = ("-m", "bluelamp")) -> str:
    """The output of a command, which may end with 0 or 1."""
    command = [sys.executable, *program, *words]
    ran = subprocess.run(command, env=system.environment(), capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return ran.stdout


def needs_person(worker: WorkerProcess) -> bool:
    """Whether a worker has refused the current version; it is restarted until then."""
    if not worker.is_running():
        if worker.statuses[-1:] == [PERSON_NEEDED]:
            return True
        worker.start()
    return False


def settle_topics_with_records(system: System) -> None:
    """Wait until the records of each topic are applied. A program that does not know a newer topic never claims its empty partitions."""

    def is_settled() -> bool:
        restart(system.workers)
        ends, applied = system.ends(), system.applied_offsets()
        return all(applied[place] == end for place, end in ends.items() if end)

    until(is_settled, 90, "the records to be applied", every=0.2)


@pytest.mark.timeout(400)
@EMBEDDED_IN_FAULTS
@pytest.mark.parametrize("release", RELEASES)
def test_an_upgrade_and_a_rollback_lose_no_fact(system: System, release: str, tmp_path: Path) -> None:
    facts, old_program = week(), program_of(RELEASES[release], tmp_path / "old")
    name = system.settings.state_name
    system.start_workers(1, old_program)
    (old,) = system.workers
    publish(system, facts[:600])
    settle_topics_with_records(system)

    # The new version is built while the old workers run, and facts arrive.
    assert "format 6" in run(system, "rebuild")
    publish(system, facts[600:800])
    run(system, "rebuild", "--switch", "--accept-differences")
    assert current_version(system.redis, name) == 2
    publish(system, facts[800:1000])
    until(lambda: needs_person(old), 60, "the old worker to refuse the new version")
    system.workers.clear()
    system.start_workers(1)
    (new,) = system.workers
    system.settle()
    assert_every_cell_equals_the_recount(system)

    # Back: the old program continues with its own version.
    assert "Version 1 is current again" in run(system, "rebuild", "--back")
    publish(system, facts[1000:1200])
    until(lambda: needs_person(new), 60, "the new worker to refuse the old version")
    system.workers[:] = [old]
    old.start()
    settle_topics_with_records(system)
    figures = run(system, "read", "incident_count", "--as-of", "2017-01-08T00:00:00Z", "--json", program=old_program)
    assert '"value"' in figures

    # And forward again: the version that was built is brought up to date.
    run(system, "rebuild", "--switch", "--accept-differences")
    until(lambda: needs_person(old), 60, "the old worker to refuse the new version")
    system.workers[:] = [new]
    new.start()
    publish(system, facts[1200:1400])
    system.settle()
    assert_every_cell_equals_the_recount(system)
    assert system.count("facts") == 1400
