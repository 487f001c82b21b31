"""The processes that `bluelamp up` manages: one that needs a person is restarted, and says once what it needs."""

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


def test_a_process_that_needs_a_person_is_restarted_until_the_problem_is_solved(tmp_path: Path) -> None:
    said, solved = list[str](), tmp_path / "solved"
    script = WORKER.format(status=PERSON_NEEDED)
    process = ManagedProcess(
        "worker-1", [sys.executable, "-c", script, str(solved)], os.environ, tmp_path, said.append, person_seconds=0.05
    )

    async def run() -> None:
        async def works() -> bool:
            return process.output.exists() and "working" in process.output.read_text()

        async def has_ended_thrice() -> bool:
            return process.ends >= 3

        process.start()
        assert await until(has_ended_thrice, 20)
        solved.touch()
        assert await until(works, 20)
        await process.stop()

    asyncio.run(run())
    (words,) = said
    assert words.startswith(
        "worker-1 has stopped and needs a decision. Its last output:\n  The state was folded from another"
    )
    assert words.endswith("It is restarted every 0 s, and continues once the problem is solved.")
