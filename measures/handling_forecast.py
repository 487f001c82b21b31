"""The forecast of how long contacts take to handle, from the means of past hours: a weekly pattern, its level, and a range."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import NormalDist
from typing import NamedTuple

from measures.forecast import (
    LEVEL_HOURS,
    SHARE_INSIDE,
    TAIL,
    WEEK_HOURS,
    WEEKS,
    Case,
    Expected,
    Forecast,
    Key,
    age_weight,
    probabilities,
    reason_of,
)
from measures.outcome import instant, microseconds
from measures.pane import HALF_HOUR, HOUR
from measures.rules import Rules
from measures.window import weeks_before

LEAST_CONTACTS = 5
"""The `minimum_n` of the measure: a mean of fewer contacts is not shown, so it is not compared either."""
_NEGLIGIBLE = 1e-6
_LEAST_HOURS = 50
"""With fewer hours to learn the range from, the normal distribution of the logarithm gives it."""


class Handled(NamedTuple):
    """The contacts that were handled in a stretch of time, and the sum of their handling times in seconds."""

    contacts: int
    seconds: float

    @property
    def mean(self) -> float:
        """The mean handling time, in seconds."""
        return self.seconds / self.contacts


class ExpectedTime(NamedTuple):
    """The mean handling time that is expected of an hour or half-hour, with its range, in seconds."""

    mean: float
    low: float
    high: float

    def contains(self, seconds: float) -> bool:
        """Whether a mean is in the range."""
        return self.low <= seconds <= self.high


class HandlingForecast:
    """A forecast from whole hours before its origin.

    Args:
        hours: what was handled in each past hour that the record covers, by its number since 1970 in UTC; an hour that is not
            covered is left out.
        origin: the first hour that is not used, by its number.
        rules: the force's rules, for its time zone and bank holidays.

    Attributes:
        weeks: how many whole weeks of hours it uses.
        reason: why there is no forecast; empty if there is one.
    """

    def __init__(self, hours: Mapping[int, Handled], origin: int, rules: Rules) -> None:
        self._zone = rules.force.zone()
        used = {hour: hours[hour] for hour in range(origin - WEEKS * WEEK_HOURS, origin) if hour in hours}
        self._counts = Forecast({hour: each.contacts for hour, each in used.items()}, origin, rules)
        self.weeks, self.reason = len(used) // WEEK_HOURS, reason_of(len(used) // WEEK_HOURS)
        by_key = [(self._key(hour), each) for hour, each in used.items() if each.contacts]
        keys: dict[Key, list[Handled]] = {}
        for key, each in by_key:
            keys.setdefault(key, []).append(each)
        totals = {key: total(each) for key, each in keys.items()}
        self._whole = total(totals.values())
        self._variance = _variance(by_key, totals)
        between = _between(totals, self._whole, self._variance)
        self._usual = {key: _drawn(each, self._whole, self._variance, between) for key, each in totals.items()}
        self._level = self._level_of(used, origin)
        self._reach = self._reach_of(used)

    def hour(self, hour: int) -> ExpectedTime | None:
        """What is expected of an hour, by its number since 1970; None if it is not known."""
        return self._expected(hour, self._counts.hour(hour))

    def half_hour(self, half: int) -> ExpectedTime | None:
        """What is expected of a half-hour, by its number since 1970; None if it is not known."""
        return self._expected(half // 2, self._counts.half_hour(half))

    def unknown_words(self) -> str:
        """Why something is not known."""
        return self.reason or "No contact was handled in the weeks before."

    def _expected(self, hour: int, contacts: Expected | None) -> ExpectedTime | None:
        """The mean, and the range of a mean over as many contacts as are expected, given that there are enough to show one."""
        if self.reason or contacts is None or not self._whole.contacts:
            return None
        mean = self._level * self._usual.get(self._key(hour), self._whole.mean)
        sigma = self._sigma(mean, _mean_of_one_over(contacts.mean, self._counts.dispersion))
        middle, reach = mean * math.exp(-(sigma**2) / 2), math.exp(self._reach * sigma)
        return ExpectedTime(mean, middle / reach, middle * reach)

    def _sigma(self, mean: float, one_over: float) -> float:
        """The standard deviation of the logarithm of a mean over some contacts, if it has a lognormal distribution."""
        return math.sqrt(math.log1p(self._variance * self._level**2 / mean**2 * one_over))

    def _reach_of(self, used: Mapping[int, Handled]) -> float:
        """How many standard deviations contain four in five of the past hours whose mean is shown.

        If everybody is busy, an hour with long contacts has few of them. So the means of hours with many contacts differ less.
        """
        found = []
        for hour, each in used.items():
            if each.contacts >= LEAST_CONTACTS:
                mean = self._level * self._usual[self._key(hour)]
                sigma = self._sigma(mean, 1 / each.contacts)
                if sigma:
                    found.append(abs(math.log(each.mean / mean) + sigma**2 / 2) / sigma)
        if len(found) < _LEAST_HOURS:
            return NormalDist().inv_cdf(1 - TAIL)
        return sorted(found)[math.ceil(SHARE_INSIDE * len(found)) - 1]

    def _level_of(self, used: Mapping[int, Handled], origin: int) -> float:
        """How long contacts took in the last weeks, relative to the usual times; the latest hours count most."""
        actual = expected = 0.0
        for hour, each in used.items():
            if origin - hour <= LEVEL_HOURS and each.contacts:
                weight = age_weight(origin - hour)
                actual += weight * each.seconds
                expected += weight * each.contacts * self._usual[self._key(hour)]
        return actual / expected if expected else 1.0

    def _key(self, hour: int) -> Key:
        local = instant(hour * HOUR).astimezone(self._zone)
        return local.weekday(), local.hour


def total(parts: Iterable[Handled]) -> Handled:
    """What was handled in several stretches of time together."""
    contacts, seconds = 0, 0.0
    for each in parts:
        contacts, seconds = contacts + each.contacts, seconds + each.seconds
    return Handled(contacts, seconds)


def _variance(hours: Iterable[tuple[Key, Handled]], totals: Mapping[Key, Handled]) -> float:
    """The variance of the time of one contact within an hour of the week, from the means of the hours."""
    squares, degrees = 0.0, -len(totals)
    for key, each in hours:
        squares += each.contacts * (each.mean - totals[key].mean) ** 2
        degrees += 1
    return squares / degrees if degrees > 0 else 0.0


def _between(totals: Mapping[Key, Handled], whole: Handled, variance: float) -> float:
    """The variance between the hours of the week beyond that of chance; never negative."""
    if not whole.contacts:
        return 0.0
    squares = sum(each.contacts * (each.mean - whole.mean) ** 2 for each in totals.values())
    spread = whole.contacts - sum(each.contacts**2 for each in totals.values()) / whole.contacts
    return max(0.0, (squares - (len(totals) - 1) * variance) / spread) if spread > 0 else 0.0


def _drawn(each: Handled, whole: Handled, variance: float, between: float) -> float:
    """The mean of an hour of the week, moved towards the mean of all contacts: the more chance could explain the difference, the further."""
    if not between:
        return whole.mean
    towards = variance / between
    return (each.seconds + towards * whole.mean) / (each.contacts + towards)


def _mean_of_one_over(contacts: float, dispersion: float) -> float:
    """The mean of 1/n, where n is the number of contacts, given that it is at least `LEAST_CONTACTS`."""
    if contacts <= 0:
        return 1 / LEAST_CONTACTS
    shares = above = 0.0
    for number, probability in enumerate(probabilities(contacts, contacts + dispersion * contacts**2)):
        if number >= LEAST_CONTACTS:
            shares += probability / number
            above += probability
            if number > contacts and probability <= _NEGLIGIBLE * above:
                break
    return shares / above if above else 1 / LEAST_CONTACTS


def handling_cases(
    hours: Mapping[int, Handled],
    days: Iterable[tuple[int, int]],
    rules: Rules,
    halves: Mapping[int, Handled] | None = None,
) -> Iterator[Case]:
    """Each hour of some days as it was forecast at the start of its day, with the mean handling time; or each half-hour.

    Hours in which fewer than `LEAST_CONTACTS` were handled, then or a week before, are left out: their mean is not shown.

    Args:
        hours: what was handled in each hour that the record covers, by its number since 1970.
        days: the first hour of each day, and the hour after its last.
        rules: the force's rules.
        halves: the same of each half-hour, to compare these; None to compare hours.
    """
    length, actual = (HOUR, hours) if halves is None else (HALF_HOUR, halves)
    per_hour = HOUR // length
    for first, after in days:
        made = HandlingForecast(hours, first, rules)
        expect: Callable[[int], ExpectedTime | None] = made.hour if halves is None else made.half_hour
        for slot in range(first * per_hour, after * per_hour):
            before = microseconds(weeks_before(instant(slot * length), 1, rules.force)) // length
            pair = [_mean_shown(actual.get(each)) for each in (slot, before)]
            expected = expect(slot)
            if expected is not None and pair[0] is not None and pair[1] is not None:
                yield Case(expected, pair[0], pair[1])


def _mean_shown(handled: Handled | None) -> float | None:
    return handled.mean if handled is not None and handled.contacts >= LEAST_CONTACTS else None
