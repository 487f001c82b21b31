"""A rebuild in several processes: an error in one, or its end, is reported clearly, and none outlives the command."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bluelamp.rebuild.jobs import RebuildParts
from bluelamp.rebuild.processes import InProcesses, usual_processes
from bluelamp.recount.load import _connected
from facts.errors import IncompleteError, PartMissingError
from streams.keys import Names
from streams.log import LogClient
from streams.store import UnreadableError
from tests.integration.conftest import EMBEDDED
from tests.support.processes import Process, descendants
from tests.support.system import System, until

pytestmark = EMBEDDED
NAMES = Names("test", "incidents", 3)
PARENT = """
import asyncio, os, sys
from bluelamp.rebuild.processes import InProcesses
from bluelamp.wiring.settings import load
from tests.integration.test_rebuild_processes import waits
if __name__ == "__main__":
    asyncio.run(InProcesses(load(os.environ), 2).run(waits, sys.argv[1:], lambda: None))
"""


async def lists_topics(parts: RebuildParts, number: int) -> tuple[int, int, list[str], bool]:
    """What a job can do in its process."""
    return number, os.getpid(), sorted(parts.log.identities(["incidents"])), bool(parts.redis.ping())


async def recounts(_parts: RebuildParts, directory: str) -> bool:
    """Whether a large recount in this process would write a bar to standard output."""
    with _connected(Path(directory), 10**9) as connection:
        (is_shown,) = connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() or (True,)
    return bool(is_shown)


async def fails(_parts: RebuildParts, kind: str) -> None:
    """Fail at once, or have a file in a directory and wait for ever."""
    if kind == "unreadable":
        raise UnreadableError(NAMES, "a key has the wrong type")
    if kind == "incomplete":
        raise IncompleteError("Records are missing.", where="partition incidents:3", hint="Set BLUELAMP_ARCHIVE.")
    with TemporaryDirectory(dir=kind):
        await asyncio.sleep(1000)


async def ends(_parts: RebuildParts, _job: str) -> None:
    """End as a process does that needs too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


async def waits(_parts: RebuildParts, path: str) -> None:
    """Say that the job has begun, and never end."""
    with TemporaryDirectory(dir=path):
        await asyncio.sleep(1000)


@pytest.fixture
def system(system: System) -> System:
    with LogClient(system.settings.log()) as log:
        log.ensure_topics()
    return system


def test_jobs_run_in_processes_of_their_own_and_their_errors_are_those_of_the_command(
    system: System, tmp_path: Path
) -> None:
    runner, looks, files = InProcesses(system.settings, 2), list[None](), tmp_path / "files"
    files.mkdir()
    found = asyncio.run(runner.run(lists_topics, range(4), lambda: looks.append(None)))
    assert [(number, topics, pinged) for number, _, topics, pinged in found] == [
        (number, ["incidents"], True) for number in range(4)
    ]
    assert os.getpid() not in {pid for _, pid, *_ in found}
    assert looks
    for kind, error, words in (
        (
            "incomplete",
            IncompleteError,
            "Records are missing.\n  where: partition incidents:3\n  try:   Set BLUELAMP_ARCHIVE.",
        ),
        ("unreadable", UnreadableError, str(UnreadableError(NAMES, "a key has the wrong type"))),
    ):
        with pytest.raises(error) as caught:
            asyncio.run(runner.run(fails, [str(files), kind], lambda: None))
        assert str(caught.value) == words
        assert list(files.iterdir()) == []
    assert str(caught.value.names) == "incidents:3"  # type: ignore[attr-defined]
    assert asyncio.run(runner.run(recounts, [str(tmp_path)], lambda: None)) == [False]
    with pytest.raises(PartMissingError, match="A process of the rebuild has ended") as ended:
        asyncio.run(runner.run(ends, ["now"], lambda: None))
    assert "--processes 1" in ended.value.hint
    assert 1 <= usual_processes() <= 4


def test_no_process_outlives_a_command_that_is_killed(system: System, tmp_path: Path) -> None:
    begun = [tmp_path / "first", tmp_path / "second"]
    for each in begun:
        each.mkdir()
    command = [sys.executable, "-c", PARENT, *map(str, begun)]
    with subprocess.Popen(command, env=system.environment(PYTHONPATH=str(Path.cwd()))) as parent:
        until(lambda: all(any(each.iterdir()) for each in begun), 60, "the jobs to begin")
        children: list[Process] = descendants(parent.pid)
        assert len(children) >= 2
        parent.kill()
    until(lambda: not any(each.is_there() for each in children), 30, "the processes to end")
    assert not any(any(each.iterdir()) for each in begun)
