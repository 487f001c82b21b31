"""A backup of state, inbox, archive and settings, restored on another machine after Redis and the log's records are lost."""

import shutil
from pathlib import Path

import pytest

from alerts.inbox.log.intake import intake
from alerts.inbox.log.stream import InboxLog
from bluelamp.embedded.state import StateServer
from bluelamp.wiring.settings import load
from tests.integration.conftest import FORCE, Parts
from tests.integration.test_archive import AUDIT, forget
from tests.integration.test_commands import command
from tests.integration.test_faults import publish, week
from tests.support.inbox import RULE, START, firing
from tests.support.system import System

pytestmark = [pytest.mark.usefixtures("dropped_sockets"), pytest.mark.faults, pytest.mark.real]


def inbox_of(system: System) -> InboxLog:
    """The inbox's log of a system."""
    return InboxLog(system.redis, f"{system.settings.state_name}:inbox")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("parts", ["real"], indirect=True)
def test_a_restored_backup_has_every_figure_and_every_entry(system: System, parts: Parts, tmp_path: Path) -> None:
    kept = tmp_path / "backup"
    with_archive = {"BLUELAMP_ARCHIVE": str(tmp_path / "archive")}
    system.start_workers(1)
    publish(system, week()[:800])
    system.settle()
    inbox_of(system).append(lambda state: intake([firing()], {RULE.name: RULE}, state, START))
    entries = list(inbox_of(system).entries())
    assert entries

    # The backup: the archive, Redis' directory while it is stopped, and the settings.
    assert command(system, "archive", **with_archive).returncode == 0
    system.workers[0].stop()
    parts.state.stop()
    shutil.copytree(parts.state.directory, kept / "redis")
    shutil.copytree(with_archive["BLUELAMP_ARCHIVE"], kept / "archive")
    settings = {name: value for name, value in system.settings.environment().items() if value}
    parts.state.start()

    # Facts keep arriving; then the log deletes what is archived, and the first Redis is never used again.
    forget(system)
    publish(system, week()[800:1000])

    restored = StateServer(kept / "redis", binary="debian")
    restored.start()
    try:
        changed = {**settings, "BLUELAMP_REDIS": restored.url, "BLUELAMP_ARCHIVE": str(kept / "archive")}
        again = System(parts.broker.bootstrap, restored.url, tmp_path, system.settings.state_name, FORCE)
        assert load(changed).state_name == again.settings.state_name
        assert list(inbox_of(again).entries()) == entries
        again.start_workers(1)
        again.settle()
        audited = command(again, *AUDIT, BLUELAMP_ARCHIVE=str(kept / "archive"))
        assert (audited.returncode, " 0 differ." in audited.stdout) == (0, True), audited.stdout + audited.stderr
        assert again.count("facts") == 1000
        verified = command(again, "archive", "--verify", "--directory", str(kept / "archive"))
        assert verified.returncode == 0
        again.stop()
    finally:
        restored.stop()
