"""`python -m benchmarks`: facts per second at each step, and each step as a multiple of the fastest one in the same run.

Machines differ and are never idle: compare ratios between runs, not facts per second.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks import steps, whole
from benchmarks.material import FORCE, batches, facts
from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings, load_forces
from facts.wire import encode


@click.command()
@click.option("--weeks", default=8, show_default=True, help="Copies of the sample week.")
@click.option("--days", default=180, show_default=True, help="Days of a force to simulate.")
def main(weeks: int, days: int) -> None:
    """Measure and print."""
    published = facts(weeks)
    records = [encode(batch) for batch in batches(published)]
    rules = load_forces(Settings())[FORCE]
    print(f"{len(published):,} facts in {len(records):,} batches")
    floor = _timed(lambda: steps.parse(records))
    _print("JSON to dictionaries", len(published), floor, floor)
    _print("JSON to checked facts", len(published), _timed(lambda: steps.read(records)), floor)
    _print("to changes of the state", len(published), _timed(lambda: steps.fold(records, rules)), floor)
    with tempfile.TemporaryDirectory() as directory, whole.parts(Path(directory)) as settings:
        simulated, seconds = whole.simulate(settings, days)
    _print("simulated, of one core", simulated, seconds, floor * simulated / len(published))
    with tempfile.TemporaryDirectory() as directory, whole.parts(Path(directory)) as settings:
        _print("published and acknowledged", len(published), whole.publish(settings, published), floor)
        _print("log to state, one worker", len(published), whole.work(settings, len(published)).seconds, floor)
        end = published[-1].at
        for window in ("60m", "24h", "7d", "12m"):
            first, again = whole.read(settings, window, end if window != "12m" else wall())
            print(f"reading {window:>4}: {first * 1000:8.2f} ms the first time, {again * 1000:8.2f} ms the second")


def _timed(work: Callable[[], None]) -> float:
    """The best of three: a disturbance can only make a run slower."""
    return min(_once(work) for _ in range(3))


def _once(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _print(step: str, facts_count: int, seconds: float, floor_seconds: float) -> None:
    print(f"{step:<28} {facts_count / seconds:>10,.0f} facts/s   {seconds / floor_seconds:6.1f} times the first step")


if __name__ == "__main__":
    main()
