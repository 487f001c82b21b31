"""The calls of two banks, as they come with Blue Lamp: counts by five minutes of 164 days, and 509 single calls of one morning.

Sources:
    arrivals.csv: calls to a large North American bank, on weekdays from 07:00 to 21:00, from 3 March to 24 October 2003, as published with
        Weinberg, Brown and Stroud (2007), "Bayesian Forecasting of an Inhomogeneous Poisson Process", and as `bank_calls` with Hyndman
        and Athanasopoulos, "Forecasting: Principles and Practice". Each row is a day and its 168 counts.
    calls.csv: the calls that asked for a person between 10:00 and 12:39 of one day of 1999 at a small bank in Israel, from "Anonymous Bank" by Guedj and
        Mandelbaum of the Technion. It has neither callers nor call takers. Calls that hung up during the menu are left out, and so are those about
        the internet, which other people answered, and four whose record contradicts itself.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from bluelamp.wiring.settings import Settings, load_forces
from measures.outcome import microseconds
from measures.pane import HALF_HOUR
from measures.rules import Rules

_DIRECTORY = Path(__file__).parent
OPENS, CLOSES = 7, 21
"""The hours between which the bank's calls are counted."""
_FIVE_MINUTES_IN_HALF_HOUR = 6


class BankDay(NamedTuple):
    """The calls of one day, by five minutes from 07:00."""

    day: date
    counts: tuple[int, ...]

    @property
    def first_half(self) -> int:
        """The number of its first half-hour, since 1970. The bank's local time is read as UTC: it has no clock changes."""
        opens = datetime.combine(self.day, time(OPENS), UTC)
        return microseconds(opens) // HALF_HOUR

    def by_halves(self) -> list[tuple[int, ...]]:
        """The six counts of each half-hour."""
        step = _FIVE_MINUTES_IN_HALF_HOUR
        return [self.counts[place : place + step] for place in range(0, len(self.counts), step)]


class BankCall(NamedTuple):
    """One call that asked for a person.

    Attributes:
        joined: when it joined the queue, in seconds since midnight.
        waited: how long it waited, in seconds.
        is_answered: it was answered; otherwise the caller hung up.
        service_seconds: how long it then lasted; 0 if it was not answered.
    """

    joined: int
    waited: int
    is_answered: bool
    service_seconds: int


def bank_days() -> list[BankDay]:
    """The days of the bank."""
    with (_DIRECTORY / "arrivals.csv").open(encoding="utf-8") as lines:
        return [BankDay(date.fromisoformat(day), tuple(map(int, counts))) for day, *counts in csv.reader(lines)]


def bank_rules() -> Rules:
    """Rules with the bank's calendar: the days without calls are missing from the record, so it has no bank holidays."""
    force = load_forces(Settings())["staffordshire"].force
    return Rules(replace(force, time_zone="UTC", bank_holidays=None))


def bank_halves(days: list[BankDay]) -> dict[int, int]:
    """The count of each half-hour, by its number since 1970.

    While the bank is closed, at night and at weekends, no calls are counted. A weekday that the record lacks is not covered.
    """
    found: dict[int, int] = {}
    known = {each.day for each in days}
    for day in _every_day(days[0].day, days[-1].day):
        if day in known or day.weekday() >= 5:  # noqa: PLR2004 - Saturday
            first = microseconds(datetime.combine(day, time(), UTC)) // HALF_HOUR
            found |= dict.fromkeys(range(first, first + 48), 0)
    for each in days:
        found |= {each.first_half + place: sum(counts) for place, counts in enumerate(each.by_halves())}
    return found


def _every_day(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def bank_calls() -> list[BankCall]:
    """The calls of the morning, in the order in which they joined the queue."""
    with (_DIRECTORY / "calls.csv").open(encoding="utf-8") as lines:
        return [_call(row) for row in csv.DictReader(lines)]


def halves_of_morning(calls: list[BankCall]) -> tuple[list[BankCall], list[BankCall]]:
    """The calls that joined the queue before 11:20, from which the models are fitted, and the others, which test them."""
    until = 11 * 3600 + 20 * 60
    return [each for each in calls if each.joined < until], [each for each in calls if each.joined >= until]


def _call(row: dict[str, str]) -> BankCall:
    joined, left = (_seconds(row[name]) for name in ("joined", "left"))
    return BankCall(joined, left - joined, row["outcome"] == "answered", int(row["service_seconds"] or 0))


def _seconds(text: str) -> int:
    at = time.fromisoformat(text)
    return at.hour * 3600 + at.minute * 60 + at.second
