"""`python -m benchmarks.backtest`: writes docs/understand/backtest.md, the forecast against a year that it has not seen."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from benchmarks.outlooks import held
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

Outlooks of the [twin](semantics.md#14-the-twin) for {count} moments of the same simulated force, each from the 65 days or more before it, with the number of
call takers that were on. They are moments at which that number stays the same for two hours, because the twin does not know who will sign off. The
range should contain four futures in five. 999 calls are hardly ever abandoned, so a range from 0 to 0 is then right nearly always. Incidents
are counted in whole numbers, so a range such as 1 to 3 can contain more than four futures in five.
By chance alone, a range that truly contains four futures in five can seem to contain 75 to 85 in 100 of so few moments. A smaller share can be chance,
or the range is too narrow. With two other seeds, 81% and 85% of the longest waits at 101 triage were inside ([decision 94](../decisions/0094-the-twin-knows-ringing-and-callbacks.md)).

| figure | moments | inside the range |
|---|---:|---:|
"""
_REAL = """\
## Real contacts

No record of real calls over several weeks comes with Blue Lamp. The supplied real week of San Francisco's fire department is
shorter than the {weeks} weeks that a forecast needs, so it has no forecast, and `bluelamp forecast` says so. That week also
has no callers who wait and give up, so the patience of callers is fitted to published shares and bands alone.
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
    outlooks = held(rules, seed, first, min(days, _TWIN_DAYS), _MOMENTS)
    page = [
        _HEAD,
        _SIMULATED.format(seed=seed, start=start, days=days),
        *lines(found),
        "",
        _TIMES.format(days=min(days, _TIMES_DAYS)),
        *lines(times),
        "",
        _TWIN.format(count=_MOMENTS)
        + "\n".join(f"| {each.name} | {each.moments} | {each.inside / each.moments:.0%} |" for each in outlooks),
        "",
        _REAL.format(weeks=LEAST_WEEKS),
    ]
    _PAGE.write_text("\n".join(page))


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
