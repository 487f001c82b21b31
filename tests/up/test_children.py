"""A process that `bluelamp up` keeps: one that needs a person is tried again, and says once what it needs."""

import asyncio
import os
import sys
from pathlib import Path

from bluelamp.wiring.processes import ManagedProcess, until
from streams.settings import PERSON_NEEDED

WORKER = """
import pathlib, sys, time
if not pathlib.Path(sys.argv[1]).exists():
    print("The state was folded from another log.", file=sys.stderr)
    sys.exit({status})
print("working", flush=True)
time.sleep(60)
"""


def test_one_that_needs_a_person_is_started_again_and_goes_on_once_that_is_settled(tmp_path: Path) -> None:
    said, settled = list[str](), tmp_path / "settled"
    script = WORKER.format(status=PERSON_NEEDED)
    child = ManagedProcess(
        "worker-1", [sys.executable, "-c", script, str(settled)], os.environ, tmp_path, said.append, person_seconds=0.05
    )

    async def run() -> None:
        async def works() -> bool:
            return child.output.exists() and "working" in child.output.read_text()

        async def has_asked() -> bool:
            return child.ends >= 3

        child.start()
        assert await until(has_asked, 20)
        settled.touch()
        assert await until(works, 20)
        await child.stop()

    asyncio.run(run())
    (words,) = said
    assert words.startswith(
        "worker-1 has stopped and needs a decision. Its last output:\n  The state was folded from another"
    )
    assert words.endswith("It is restarted every 0 s, and continues once the problem is solved.")
