"""The archive of a real log: it survives kill -9, and audit and rebuild can use it alone while a worker continues."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from msgspec.structs import replace

from bluelamp.archive.manifest import load
from bluelamp.archive.reading import Archive
from bluelamp.embedded.state import StateServer
from facts.incident import IncidentOpened
from producers.publish import PublisherSettings
from streams.logreader import LogReader
from tests.integration.conftest import Parts
from tests.integration.test_commands import command
from tests.integration.test_faults import publish
from tests.integration.test_kills import Feeding, beat, keep_running, keep_settling
from tests.integration.test_week import facts
from tests.real.parts import missing
from tests.support.system import System, until

_small = PublisherSettings(batch_facts=20, linger_seconds=0.02)
_KILLED = """
import os, signal, sys
from pathlib import Path
from bluelamp.archive import writing
from bluelamp.cli.main import main
left, publish_draft = int(sys.argv.pop(1)), writing.publish_draft

def kill_at_last(draft, path):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    publish_draft(draft, path)

writing.publish_draft = kill_at_last
main()
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """The embedded log, with Debian's Redis where it is installed."""
    directory = tmp_path_factory.mktemp("archived")
    found = Parts("embedded", directory)
    found.state = StateServer(directory / "state", binary="embedded" if missing("redis") else "debian")
    found.start()
    yield found
    found.stop()


def killed(system: System, archive: Path, at: int) -> int:
    """Run `bluelamp archive` and kill it with -9 when it publishes the file of this number; returns the exit status."""
    program = [sys.executable, "-c", _KILLED, str(at), "archive", "--directory", str(archive)]
    return subprocess.run(program, env=system.environment(), capture_output=True, check=False, timeout=60).returncode


def forget(system: System) -> None:
    """Delete every record of the log, as its retention would."""
    admin = KafkaAdminClient(bootstrap_servers=system.settings.kafka)
    try:
        admin.delete_records({TopicPartition(*place): end for place, end in system.ends().items() if end})
    finally:
        admin.close()


@pytest.fixture
def archive(system: System, tmp_path: Path) -> Path:
    """The first day of the week, archived with two kills on the way, and in the state; the log has deleted its records."""
    directory = tmp_path / "archive"
    publish(system, facts()[:2000])
    system.start_workers(1)
    assert [killed(system, directory, at) for at in (1, 4)] == [-signal.SIGKILL] * 2
    result = json.loads(command(system, "archive", "--json", BLUELAMP_ARCHIVE=str(directory)).stdout)
    assert result["archive"]["records"] == sum(system.ends().values())
    assert_the_same(system, Archive(directory))
    assert command(system, "archive", "--verify", "--directory", str(directory)).returncode == 0
    system.settle()
    forget(system)
    return directory


def assert_the_same(system: System, archive: Archive) -> None:
    """The archive holds, bit for bit, what the log holds."""
    assert archive.manifest.ends() == {place: end for place, end in system.ends().items() if end}
    with LogReader(system.settings.kafka) as log:
        for place, end in archive.manifest.ends().items():
            archived, logged = (
                [each for batch in source.read(place, 0, end) for each in batch] for source in (archive, log)
            )
            assert archived == logged


def test_the_service_archives_new_records_repeatedly_until_it_is_stopped(system: System, tmp_path: Path) -> None:
    """With the command of docker-compose.yml, but a shorter interval."""
    directory = tmp_path / "archive"
    service = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())["services"]["archive"]
    program, *words = service["command"]
    assert (program, words[-2:]) == ("bluelamp", ["--every", "24"])
    publish(system, facts()[:200])
    process = subprocess.Popen(
        [sys.executable, "-m", program, *words[:-1], "0.0001"],
        env=system.environment(BLUELAMP_ARCHIVE=str(directory)),
        stdout=subprocess.DEVNULL,
    )
    try:

        def holds_all() -> bool:
            assert process.poll() is None, "the service must not end"
            manifest = load(directory) if directory.exists() else None
            return manifest is not None and manifest.totals().records == sum(system.ends().values())

        until(holds_all, what="an archive of the first facts")
        publish(system, facts()[200:400])
        until(holds_all, what="an archive of the later facts")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert_the_same(system, Archive(directory))


AUDIT = ("audit", "--from", "2016-12-31", "--to", "2017-01-01", "--measure", "incident_count")


@pytest.mark.timeout(600)
def test_audit_and_rebuild_need_only_the_archive_and_a_worker_continues_in_the_new_state_version(
    system: System, archive: Path
) -> None:
    with_archive = {"BLUELAMP_ARCHIVE": str(archive)}
    alone = command(system, *AUDIT)
    assert (
        alone.returncode,
        "The beginning of the log has been deleted" in alone.stderr,
        "BLUELAMP_ARCHIVE" in alone.stderr,
    ) == (
        2,
        True,
        True,
    )
    audited = command(system, *AUDIT, **with_archive)
    assert (audited.returncode, " 0 differ." in audited.stdout) == (0, True), audited.stderr
    assert " 0 log records not archived yet." in command(system, "check", **with_archive).stdout

    refused = command(system, "rebuild")
    assert (refused.returncode, "begin at offset" in refused.stderr) == (2, True), refused.stderr
    source, (worker,) = system.reader(), system.workers
    # Facts already counted: they move the applied offsets but no figure, so the old version advances during the rebuild.
    feeding = Feeding(system.publisher(_small), facts()[:2000], seconds=60)
    feeding.start()
    rebuilt = command(system, "rebuild", "--switch", "--json", **with_archive)
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    report = json.loads(rebuilt.stdout)
    assert (report["current"], report["differing_cells"], report["differing_figures"]) == (2, [], [])
    assert report["counts"] > 1000

    def has_noticed() -> bool:
        keep_running(system)
        return worker.restarts_wanted() > 0

    until(has_noticed, 60, "a worker that notices the new state version")
    feeding.hurry.set()
    feeding.join()
    publish(system, facts()[2000:2100])
    keep_settling(system)
    source.refresh()
    assert (source.version, source.applied_offsets()) == (2, system.applied_offsets())
    again = command(system, *AUDIT, **with_archive)
    assert (again.returncode, " 0 differ." in again.stdout) == (0, True), again.stdout + again.stderr
    _restate(system, with_archive)


def _restate(system: System, with_archive: dict[str, str]) -> None:
    """A late incident restates the day once it is over and published; before that, the day has no figure."""
    day = ("restatements", "--from", "2016-12-31", "--to", "2017-01-01", "--measure", "incident_count")
    before = command(system, *day, **with_archive)
    assert "2016-12-31 is not complete for incidents" in before.stdout, before.stdout + before.stderr
    late = replace(
        next(fact for fact in facts() if isinstance(fact, IncidentOpened)), subject_id="late", fact_id="late"
    )
    with system.publisher(_small) as publisher:
        publisher.heartbeat(beat(late.at + timedelta(days=1)), "incidents")
        publisher.publish(late)
    keep_settling(system)
    report = json.loads(command(system, *day, "--format", "json", **with_archive).stdout)
    (restated,) = report["restated"]
    assert (restated["now"] - restated["first"], restated["causes"], report["not_shown"]) == (1, {"late": 1}, {})
    assert restated["because"][0]["fact"]["subject_id"] == "late"
