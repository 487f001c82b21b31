"""`python -m benchmarks`: facts per second at each step, and each step against the plainest one of the same run.

The machine is noisy and no two are alike: only the ratios of one run may be compared with another's.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks import steps, whole
from benchmarks.material import FORCE, facts, parcels
from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings, load_forces
from facts.wire import encode


@click.command()
@click.option("--weeks", default=8, show_default=True, help="How many copies of the sample week.")
@click.option("--days", default=180, show_default=True, help="How many days of a force are simulated.")
def main(weeks: int, days: int) -> None:
    """Measure and print."""
    told = facts(weeks)
    records = [encode(parcel) for parcel in parcels(told)]
    rules = load_forces(Settings())[FORCE]
    print(f"{len(told):,} facts in {len(records):,} parcels")
    floor = _timed(lambda: steps.parse(records))
    _say("JSON to dictionaries", len(told), floor, floor)
    _say("JSON to checked facts", len(told), _timed(lambda: steps.read(records)), floor)
    _say("to changes of the state", len(told), _timed(lambda: steps.fold(records, rules)), floor)
    with tempfile.TemporaryDirectory() as directory, whole.parts(Path(directory)) as settings:
        simulated, seconds = whole.simulate(settings, days)
    _say("simulated, of one core", simulated, seconds, floor * simulated / len(told))
    with tempfile.TemporaryDirectory() as directory, whole.parts(Path(directory)) as settings:
        _say("published and acknowledged", len(told), whole.publish(settings, told), floor)
        _say("log to state, one worker", len(told), whole.work(settings, len(told)), floor)
        end = told[-1].at
        for window in ("60m", "24h", "7d", "12m"):
            first, again = whole.ask(settings, window, end if window != "12m" else wall())
            print(f"reading {window:>4}: {first * 1000:8.2f} ms at first, {again * 1000:8.2f} ms again")


def _timed(work: Callable[[], None]) -> float:
    """The best of three: what disturbs a run only ever makes it slower."""
    return min(_once(work) for _ in range(3))


def _once(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _say(step: str, facts_count: int, seconds: float, floor_seconds: float) -> None:
    print(
        f"{step:<28} {facts_count / seconds:>10,.0f} facts/s   {seconds / floor_seconds:6.1f} times the plainest step"
    )


if __name__ == "__main__":
    main()
