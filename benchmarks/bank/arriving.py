"""The forecast of a bank's calls, which it was not made for, and whether calls arrive by chance within a half-hour."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.bank.record import CLOSES, OPENS, BankDay, bank_halves, bank_rules
from measures.forecast import LEAST_WEEKS, Case, Score, cases, score

_WEEK_HALVES = 7 * 48


def forecast_scores(days: Sequence[BankDay], every: int = 1) -> tuple[Score | None, Score | None]:
    """How good the forecasts of the half-hours and of the hours would have been, while the bank was open.

    Args:
        days: the days of the bank.
        every: forecast one day in this number of days.
    """
    halves, rules = bank_halves(list(days)), bank_rules()
    hours = {half // 2: count + halves[half + 1] for half, count in halves.items() if half % 2 == 0}
    first = days[0].first_half + LEAST_WEEKS * _WEEK_HALVES
    known = {each.first_half for each in days}
    chosen = [each for each in days if each.first_half >= first and each.first_half - _WEEK_HALVES in known][::every]
    by_halves = (each for day in chosen for each in _while_open(cases(hours, [_whole(day)], rules, halves), 2))
    by_hours = (each for day in chosen for each in _while_open(cases(hours, [_whole(day)], rules), 1))
    return score(by_halves), score(by_hours)


def _whole(day: BankDay) -> tuple[int, int]:
    """The first hour of a day, and the hour after its last."""
    midnight = day.first_half // 2 - OPENS
    return midnight, midnight + 24


def _while_open(found: Iterable[Case], per_hour: int) -> Iterator[Case]:
    """The cases of a day while the bank is open."""
    opens, closes = OPENS * per_hour, CLOSES * per_hour
    return (each for place, each in enumerate(found) if opens <= place < closes)


class FiveMinutes(NamedTuple):
    """How the counts of five minutes vary within their half-hours, as multiples of what chance (Poisson) explains.

    Attributes:
        halves: how many half-hours were looked at.
        together: the variation around the mean of the half-hour.
        without_growth: the variation around a straight line, because calls also become more or fewer within the half-hour.
    """

    halves: int
    together: float
    without_growth: float


def chance_within_halves(days: Iterable[BankDay]) -> FiveMinutes:
    """Whether calls arrive by chance within a half-hour, as the twin assumes."""
    found = [counts for day in days for counts in day.by_halves() if any(counts)]
    around = [_chi_square(counts, is_line=False) / (len(counts) - 1) for counts in found]
    beside = [_chi_square(counts, is_line=True) / (len(counts) - 2) for counts in found]
    return FiveMinutes(len(found), sum(around) / len(found), sum(beside) / len(found))


def _chi_square(counts: Sequence[int], *, is_line: bool) -> float:
    mean, middle = sum(counts) / len(counts), (len(counts) - 1) / 2
    slope = 0.0
    if is_line:
        squares = sum((place - middle) ** 2 for place in range(len(counts)))
        slope = sum((place - middle) * count for place, count in enumerate(counts)) / squares
    return sum((count - mean - slope * (place - middle)) ** 2 for place, count in enumerate(counts)) / mean
