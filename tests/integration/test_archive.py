"""The archive of a real log: kept through kill -9, then all that audit and rebuild have, while a worker goes on."""

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
from tests.integration.test_faults import tell
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
left, really = int(sys.argv.pop(1)), writing.publish_draft

def put(draft, path):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    really(draft, path)

writing.publish_draft = put
main()
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """The embedded log, and Debian's Redis where it can be had."""
    directory = tmp_path_factory.mktemp("archived")
    found = Parts("embedded", directory)
    found.state = StateServer(directory / "state", binary="embedded" if missing("redis") else "debian")
    found.start()
    yield found
    found.stop()


def killed(system: System, archive: Path, at: int) -> int:
    """`bluelamp archive`, ended with kill -9 when its so-manieth file is drafted."""
    program = [sys.executable, "-c", _KILLED, str(at), "archive", "--directory", str(archive)]
    return subprocess.run(program, env=system.environment(), capture_output=True, check=False, timeout=60).returncode


def forget(system: System) -> None:
    """Let the log go of everything it holds, as its retention would."""
    admin = KafkaAdminClient(bootstrap_servers=system.settings.kafka)
    try:
        admin.delete_records({TopicPartition(*place): end for place, end in system.ends().items() if end})
    finally:
        admin.close()


@pytest.fixture
def archive(system: System, tmp_path: Path) -> Path:
    """The first day of the week in the archive, the state and the log, of which the log has let go; killed twice on the way."""
    directory = tmp_path / "archive"
    tell(system, facts()[:2000])
    system.start_workers(1)
    assert [killed(system, directory, at) for at in (1, 4)] == [-signal.SIGKILL] * 2
    told = json.loads(command(system, "archive", "--json", BLUELAMP_ARCHIVE=str(directory)).stdout)
    assert told["archive"]["records"] == sum(system.ends().values())
    assert_the_same(system, Archive(directory))
    assert command(system, "archive", "--verify", "--directory", str(directory)).returncode == 0
    system.settle()
    forget(system)
    return directory


def assert_the_same(system: System, archive: Archive) -> None:
    """The archive holds bit for bit what the log holds."""
    assert archive.manifest.ends() == {place: end for place, end in system.ends().items() if end}
    with LogReader(system.settings.kafka) as log:
        for place, end in archive.manifest.ends().items():
            kept, held = ([each for some in of.read(place, 0, end) for each in some] for of in (archive, log))
            assert kept == held


def test_the_service_keeps_what_is_new_again_and_again_until_it_is_told_to_end(system: System, tmp_path: Path) -> None:
    """As docker-compose.yml runs it, but for the hours."""
    directory = tmp_path / "archive"
    service = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())["services"]["archive"]
    program, *words = service["command"]
    assert (program, words[-2:]) == ("bluelamp", ["--every", "24"])
    tell(system, facts()[:200])
    process = subprocess.Popen(
        [sys.executable, "-m", program, *words[:-1], "0.0001"],
        env=system.environment(BLUELAMP_ARCHIVE=str(directory)),
        stdout=subprocess.DEVNULL,
    )
    try:

        def holds_all() -> bool:
            assert process.poll() is None, "it has ended"
            manifest = load(directory) if directory.exists() else None
            return manifest is not None and manifest.totals().records == sum(system.ends().values())

        until(holds_all, what="an archive of the first facts")
        tell(system, facts()[200:400])
        until(holds_all, what="an archive of what was told later")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert_the_same(system, Archive(directory))


AUDIT = ("audit", "--from", "2016-12-31", "--to", "2017-01-01", "--measure", "incident_count")


@pytest.mark.timeout(600)
def test_audit_and_rebuild_need_the_archive_alone_and_a_worker_goes_on_with_what_is_shown(
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
    # Known facts, which move the applied offsets but no figure: the old version advances while the new one is built.
    feeding = Feeding(system.publisher(_small), facts()[:2000], seconds=60)
    feeding.start()
    rebuilt = command(system, "rebuild", "--switch", "--json", **with_archive)
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    told = json.loads(rebuilt.stdout)
    assert (told["shown"], told["differing_cells"], told["differing_figures"]) == (2, [], [])
    assert told["counts"] > 1000

    def is_told() -> bool:
        keep_running(system)
        return worker.restarts_wanted() > 0

    until(is_told, 60, "a worker that is told of the version shown")
    feeding.hurry.set()
    feeding.join()
    tell(system, facts()[2000:2100])
    keep_settling(system)
    source.refresh()
    assert (source.version, source.applied_offsets()) == (2, system.applied_offsets())
    again = command(system, *AUDIT, **with_archive)
    assert (again.returncode, " 0 differ." in again.stdout) == (0, True), again.stdout + again.stderr
    _restate(system, with_archive)


def _restate(system: System, with_archive: dict[str, str]) -> None:
    """The day is closed, shown, and one incident of it told late; before that it had no figure of a whole day."""
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
    told = json.loads(command(system, *day, "--format", "json", **with_archive).stdout)
    (one,) = told["restated"]
    assert (one["now"] - one["first"], one["causes"], told["not_shown"]) == (1, {"late": 1}, {})
    assert one["because"][0]["fact"]["subject_id"] == "late"
