"""`python -m tests.schedules [--seed N] [--schedules N] [--seconds N]`: runs schedules, and shrinks and prints one that fails."""

import argparse
import time
import traceback

from tests.schedules.running import failure_of, run_many


def main() -> None:
    """Run schedules from a seed until one fails, or enough have run."""
    parser = argparse.ArgumentParser(prog="python -m tests.schedules")
    parser.add_argument("--seed", type=int, default=0, help="The first seed.")
    parser.add_argument("--schedules", type=int, default=1_000_000, help="How many at most.")
    parser.add_argument("--seconds", type=float, default=60.0, help="For how long at most.")
    given = parser.parse_args()
    began = time.monotonic()
    found = run_many(given.seed, given.schedules, lambda: time.monotonic() - began < given.seconds)
    spent = time.monotonic() - began
    print(f"{found.schedules:,} schedules, {found.steps:,} steps in {spent:.0f} s.")  # noqa: T201
    if found.seed is not None:
        print(f"Seed {found.seed} fails: {found.error}\nShrunk to {len(found.choices)} choices: {found.choices}")  # noqa: T201
        traceback.print_exception(failure_of(found.choices))
        raise SystemExit(1)


if __name__ == "__main__":
    main()
