"""The archive of a real log: kept through kill -9, read by the audit once the log has let go of everything."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from bluelamp.archive.reading import Archive
from facts.union import TOPICS
from streams.logreader import LogReader
from tests.integration.test_commands import command
from tests.integration.test_week import run
from tests.support.system import System

pytestmark = pytest.mark.parametrize("parts", ["embedded"], indirect=True)
_KILLED = """
import os, signal, sys
from pathlib import Path
from bluelamp.archive import writing
from bluelamp.cli import main
left, really = int(sys.argv.pop(1)), writing._put

def put(draft, path):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    really(draft, path)

writing._put = put
main()
"""


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


def test_audit_reads_the_archive_where_the_log_holds_nothing_more(system: System, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    run(system, "replay", "sample", "--speed", "max")
    system.start_workers(1)
    assert [killed(system, archive, at) for at in (1, 4)] == [-signal.SIGKILL] * 2
    told = json.loads(command(system, "archive", "--json", BLUELAMP_ARCHIVE=str(archive)).stdout)
    ends = system.ends()
    assert told["archive"]["records"] == sum(ends.values())
    assert Archive(archive).manifest.ends() == {place: end for place, end in ends.items() if end}
    with LogReader(system.settings.kafka) as log:
        for place, end in Archive(archive).manifest.ends().items():
            kept = [each for some in Archive(archive).read(place, 0, end) for each in some]
            assert kept == [each for some in log.read(place, 0, end) for each in some]
    assert {topic for topic, _ in Archive(archive).manifest.ends()} <= set(TOPICS)
    assert command(system, "archive", "--verify", "--directory", str(archive)).returncode == 0

    system.settle()
    forget(system)
    audit = ("audit", "--from", "2017-01-02", "--to", "2017-01-03", "--measure", "incident_count")
    alone = command(system, *audit)
    assert (alone.returncode, "does not reach back" in alone.stderr, "BLUELAMP_ARCHIVE" in alone.stderr) == (
        2,
        True,
        True,
    )
    with_archive = command(system, *audit, BLUELAMP_ARCHIVE=str(archive))
    assert (with_archive.returncode, " 0 differ." in with_archive.stdout) == (0, True), with_archive.stderr
    looked = command(system, "check", BLUELAMP_ARCHIVE=str(archive))
    assert "not in it yet: 0." in looked.stdout, looked.stdout
