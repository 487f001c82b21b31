"""`python -m benchmarks.growth`: how costs grow: of a fact with the facts in the state, of a reading with its window, of a scrape with the forces."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import click
import msgspec

from benchmarks import whole
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import Settings, load_forces
from facts.union import AnyFact
from producers.simulate.parameters import packaged
from producers.simulate.scenario import load_scenario
from producers.simulate.simulation import Simulation
from streams.exporter import ReadingsCollector
from streams.exposition import exposition
from streams.readings import Reader

_FORCE = "staffordshire"
_FIRST = date(2024, 1, 1)
_WINDOWS = ("15m", "60m", "24h", "7d", "this_month")
_SCRAPES = 5
_READ = ("incident_count", "contact_999_answer_mean_seconds", "grade_1_opened_to_arrived_median_seconds")


@click.command()
@click.option(
    "--days", default=160, show_default=True, help="Days of one force; 160 days have more than a million facts."
)
@click.option("--forces", default=43, show_default=True, help="Forces that are scraped together.")
def main(days: int, forces: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory, whole.parts(Path(directory)) as given:
        settings = msgspec.structs.replace(given, force=_FORCE)
        facts, _ = whole.simulate(settings, days)
        print("| facts in the state | processor time of the worker for one more |\n|---|---|")
        for count, seconds in whole.costs(settings, [*(each for each in (10_000, 100_000, 1_000_000) if each < facts)]):
            print(f"| {count:,} | {seconds * 1e6:.0f} µs |", flush=True)
        whole.work(settings, facts)
        print("\n| window | first reading | the same again |\n|---|---|---|")
        for row in readings(settings, datetime.combine(_FIRST, datetime.min.time()) + timedelta(days=days)):
            print(row, flush=True)
    print("\n| forces | first scrape | fifth scrape | series |\n|---|---|---|---|")
    for count in (1, forces):
        with many_forces(count) as settings:
            print(scraped(settings, count), flush=True)


def readings(settings: Settings, end: datetime) -> Iterator[str]:
    """Rows of processor milliseconds: a reading of each window with an empty cache, and again; the means of three measures."""
    as_of = end.replace(tzinfo=load_forces(settings)[_FORCE].force.zone())
    for window in (*_WINDOWS, f"{_FIRST}/{end:%Y-%m-%d}"):
        costs = [_twice(reader(settings), name, window, as_of) for name in _READ]
        first, again = (sum(each) / len(costs) for each in zip(*costs, strict=True))
        yield f"| {window} | {first:.0f} ms | {again:.1f} ms |"


def _twice(source: Reader, name: str, window: str, as_of: datetime) -> tuple[float, float]:
    """A reading with an empty cache, and the same again."""

    def read() -> None:
        source.refresh()
        source.read(name, window, as_of=as_of, force=_FORCE)

    return _milliseconds(read), _milliseconds(read)


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


@contextmanager
def many_forces(count: int) -> Iterator[Settings]:
    """A log and a state with one simulated day of each of several forces, which differ only in their name."""
    with ExitStack() as ending:
        directory = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        profiles, names = directory / "profiles", [_FORCE, *(f"force_{number}" for number in range(2, count + 1))]
        profiles.mkdir()
        text = files("facts").joinpath("forces", f"{_FORCE}.toml").read_text("utf-8")
        for name in names:
            (profiles / f"{name}.toml").write_text(text.replace(f'name = "{_FORCE}"', f'name = "{name}"', 1), "utf-8")
        given = ending.enter_context(whole.parts(directory))
        settings = msgspec.structs.replace(given, force=_FORCE, forces=str(profiles))
        facts = _of_each(names, _day())
        whole.publish(settings, facts)
        whole.work(settings, len(facts))
        yield settings


def _day() -> list[AnyFact]:
    """What one force reports in the day up to now."""
    force = load_forces(Settings())[_FORCE].force
    start = wall().date() - timedelta(days=1)
    simulation = Simulation(force=force, parameters=packaged(), scenario=load_scenario("normal"), seed=41, start=start)
    return [each.fact for each in simulation.reported_before(wall().timestamp())]


def _of_each(names: Sequence[str], facts: Sequence[AnyFact]) -> list[AnyFact]:
    return [
        msgspec.structs.replace(fact, force=name) for name in names for fact in facts if fact.fact_id.count(".w") == 0
    ]


def scraped(settings: Settings, forces: int) -> str:
    """The row of one number of forces: processor milliseconds of a scrape with an empty cache, and of the fifth."""
    source: Reader = reader(settings)
    collector = ReadingsCollector(source)
    text = b""

    def scrape() -> None:
        nonlocal text
        text, _ = exposition([collector])

    first, *_, again = [_milliseconds(scrape) for _ in range(_SCRAPES)]
    series = sum(not line.startswith(b"#") for line in text.splitlines())
    return f"| {forces} | {first:,.0f} ms | {again:,.0f} ms | {series:,} |"


if __name__ == "__main__":
    main()
