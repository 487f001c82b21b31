"""Writes the roster of a simulated force: how many call takers its contact centre plans, which differs from how many come."""

from collections.abc import Iterator
from datetime import date, timedelta

from facts.roster import COLUMNS
from producers.simulate.parameters import Parameters, Team


def roster_lines(parameters: Parameters, first: date, days: int) -> Iterator[str]:
    """The lines of a roster file, by days, half-hours and skills.

    Args:
        parameters: the force's parameters.
        first: the first local day.
        days: the number of days.
    """
    yield ",".join(COLUMNS)
    for day in (first + timedelta(days=number) for number in range(days)):
        for half_hour in range(48):
            hour, minutes = half_hour // 2, half_hour % 2 * 30
            for team in (parameters.local, parameters.triage):
                yield f"{day},{hour:02}:{minutes:02},{team.skill},{_planned(team, day, hour)}"


def _planned(team: Team, day: date, hour: int) -> int:
    """Those on duty without absence, and those on a break."""
    on_duty = max(1, round(team.usual(day.year, day.month, hour)))
    return on_duty + team.on_break(on_duty)
