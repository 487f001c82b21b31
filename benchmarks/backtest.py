"""`python -m benchmarks.backtest`: writes docs/understand/backtest.md, the forecast against a year that it has not seen."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from benchmarks.outlooks import Held, held
from bluelamp.local.simulation import simulation_of
from bluelamp.recount.load import from_records
from bluelamp.verify.backtest import Figure, QueueBacktest, backtest, lines
from bluelamp.verify.calibration import records
from bluelamp.wiring.settings import Settings, load_forces
from measures.forecast import LEAST_WEEKS
from measures.outcome import SECOND

_PAGE = Path(__file__).parents[1] / "docs" / "understand" / "backtest.md"
_FORCE = "staffordshire"
_TIMES_DAYS = 180
_TWIN_DAYS, _MOMENTS = 366, 250
_OTHER_SEEDS = (101, 303, 2026)
"""Further years for the twin: 250 moments of one year are too few to say whether a range is too narrow."""
_HEAD = """\
# Backtest of the forecast

<!-- Derived by `make backtest`: change benchmarks/backtest.py, not this page. -->

How good the [forecast of contacts](semantics.md#13-the-forecast) would have been. Each day is forecast at its first midnight, only from the hours
before it, half-hour by half-hour, and compared with an independent recount of the facts. The error is the mean absolute difference,
in contacts. "Last week" forecasts each half-hour by the count of the same half-hour a week before. The range should contain 80% of
the counts; 75 to 85% is good enough.
"""
_SIMULATED = """\
## A simulated year

`bluelamp simulate --seed {seed} --from {start} --days {days}`, contacts only. The simulator's days differ in volume at random, its
months follow the published report, and it does not know bank holidays: it shows that the method is sound, not how good it is for a
real force. `bluelamp forecast --backtest` does the same for the record that you have.
"""
_TIMES = """\
## Handling time

The first {days} days of the same force, with its call takers: the mean handling time of each half-hour, compared where at least 5 contacts were handled
in it and in the same half-hour of last week. The simulator's handling times do not depend on the hour, so the weekly pattern cannot
help here. It may help at a real force.
"""
_TWIN = """\
## The twin

Outlooks of the [twin](semantics.md#14-the-twin) for {count} moments of each of several simulated years, each from the 65 days or more before it, with the
number of call takers that were on. The first year is the one above; the others have other seeds. They are moments at which that number stays the same for
two hours, because the twin does not know who will sign off. The range should contain four futures in five: 75 to 85% of all years together is good enough.
In one year alone, a range that truly contains four in five can seem to contain 75 to 85 in 100, by chance. Few calls are abandoned in two hours, and
incidents are counted in whole numbers. So a range of them, such as 0 to 0 or 1 to 3, can contain more than four futures in five.

"""
_REAL = """\
## Real contacts

No police force publishes its calls one by one. [Two banks do](bank.md): there the error is 77% of last week's, the range contains 77% of the
half-hours, and the twin loses as many callers as the bank did. The supplied week of San Francisco's fire department is shorter than the {weeks} weeks
that a forecast needs, so `bluelamp forecast` has none for it.
"""


@click.command()
@click.option("--seed", default=7, show_default=True, help="Seed of the simulated force.")
@click.option("--from", "start", default="2024-01-01", show_default=True, help="First day.")
@click.option("--days", default=366, show_default=True, help="Number of days.")
def main(seed: int, start: str, days: int) -> None:
    """Simulate, recount, forecast, compare and write the page."""
    found = simulated(seed, date.fromisoformat(start), days, "contacts")
    times = simulated(seed, date.fromisoformat(start), min(days, _TIMES_DAYS), "handling time")
    rules, first = load_forces(Settings())[_FORCE], date.fromisoformat(start)
    years = {each: held(rules, each, first, min(days, _TWIN_DAYS), _MOMENTS) for each in (seed, *_OTHER_SEEDS)}
    page = [
        _HEAD,
        _SIMULATED.format(seed=seed, start=start, days=days),
        *lines(found),
        "",
        _TIMES.format(days=min(days, _TIMES_DAYS)),
        *lines(times),
        "",
        _TWIN.format(count=_MOMENTS) + "\n".join(_rows(years)),
        "",
        _REAL.format(weeks=LEAST_WEEKS),
    ]
    _PAGE.write_text("\n".join(page))


def _rows(years: Mapping[int, Sequence[Held]]) -> Iterator[str]:
    """The table of the twin: a row for each figure, a column for each year, and all of them together."""
    yield f"| figure | moments | {' | '.join(f'seed {each}' for each in years)} | all years |"
    yield f"|---|{'---:|' * (len(years) + 2)}"
    for figure in zip(*years.values(), strict=True):
        moments, inside = sum(each.moments for each in figure), sum(each.inside for each in figure)
        shares = (f"{each.inside / each.moments:.0%}" for each in figure)
        yield f"| {figure[0].name} | {moments:,} | {' | '.join(shares)} | {inside / moments:.0%} |"


def simulated(seed: int, start: date, days: int, figure: Figure) -> list[QueueBacktest]:
    """The backtest of one figure of a simulated force."""
    rules = load_forces(Settings())[_FORCE]
    made = simulation_of(rules.force, seed, "normal", start.isoformat(), is_live=False)
    end, topic = made.end_of(days), "contacts" if figure == "contacts" else "call_takers"
    facts: Any = (each for each in made.reported_before(end) if each.topic == topic)
    with from_records(records(facts), [rules.force]) as recount:
        found = backtest(recount, rules, (int(made.end_of(0)) * SECOND, int(end) * SECOND))
        return [each for each in found if each.figure == figure]


if __name__ == "__main__":
    main()
