"""`python -m benchmarks.bank`: writes docs/understand/bank.md, the forecast and the twin against the calls of two real banks."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.bank.arriving import chance_within_halves, forecast_scores
from benchmarks.bank.patience import fitted_patience, hung_up_by_band, kept_share, staying_share
from benchmarks.bank.queueing import BankOutlook, bank_outlook
from benchmarks.bank.record import BankCall, bank_calls, bank_days, halves_of_morning
from measures.forecast import Score
from producers.simulate.twin import RunSpread

_PAGE = Path(__file__).parents[2] / "docs" / "understand" / "bank.md"
_HALF_HOUR = 1800
_STRETCHES = ((21, 23), (23, 25))
"""Each as the numbers of its half-hours since midnight."""
_HEAD = """\
# Checked with real calls

<!-- Derived by `python -m benchmarks.bank`: change benchmarks/bank, not this page. -->

No police force publishes its calls one by one. Two banks do, and nothing in Blue Lamp was tuned to them. They show whether the models
suit real callers; they do not say how good a forecast will be for a force. For that, use `bluelamp forecast --backtest`.

## The forecast

A large North American bank counted its calls on 164 weekdays of 2003, from 07:00 to 21:00 (Weinberg, Brown and Stroud 2007). The
[forecast](semantics.md#13-the-forecast) of each day is made at its first midnight, after at least four weeks of record. Weekdays that the record lacks are not covered. "Last week" is the count of the same
half-hour or hour a week before.
"""
_AFTER_FORECAST = """\

The error is well below that of last week, and the range contains about four in five, although a half-hour of this bank has some
1,000 calls and one of a force perhaps 10. At 1,000 calls chance hardly matters: almost all of the error is that days differ.
Half-hours are less exact than hours, partly because the forecast divides each hour by its neighbours. When the six weekdays that the record lacks
counted as days with 0 calls, the error was above that of last week, and the range contained 94%. So what is not covered must not count as quiet.

## Arrivals within a half-hour

The twin assumes that calls arrive by chance within a half-hour (Poisson). Of the same calls, counted by five minutes:
"""
_CALLS = """\

1.00 would be chance alone. What is beyond it is growth within the half-hour, in the mornings above all.

## Patience

A small bank in Israel recorded every call of 1999 ("Anonymous Bank", Guedj and Mandelbaum). {calls} calls of one morning asked for a person. There were too
few people to answer: {hung} callers hung up. The simulator's [patience](../feed/simulator.md) is a share of callers who leave soon, and others
whose waits have a lognormal distribution. It was fitted to the {fitted} calls before 11:20. The table compares it with the Kaplan-Meier estimate, which assumes
no distribution, and with the {tested} calls after 11:20.
"""
_AFTER_PATIENCE = """\

The second table counts who hung up after how long, and how many should have with the fitted patience, given how long each caller waited.
"""
_AFTER_BANDS = """\

More callers than expected hang up between one and two minutes: this bank's callers hear an announcement after a minute. A force whose queue has
announcements should expect the same. The model has no such peak. Over all waits after 11:20, it is off by less than two standard deviations.

## Queues

The [twin](semantics.md#14-the-twin) with the number of calls of each half-hour, the callers who waited at the start, and the mean number of people who
were on a call while somebody waited. Patience and handling times are those of the calls before 11:20. Each figure of the twin is the median
of 200 runs, with the range that should contain four in five.
"""
_AFTER_QUEUES = """\

Five of the six figures are inside the range. The longest wait of the second hour is just above it: this bank answers its customers before other
callers, and the run does not.
"""


def _page() -> Iterator[str]:
    days, calls = bank_days(), bank_calls()
    yield _HEAD
    yield "| | cases | mean error | last week | error as a share of that | inside the 80% range |"
    yield "|---|---:|---:|---:|---:|---:|"
    for title, found in zip(("half-hours", "hours"), forecast_scores(days), strict=True):
        if found:
            yield _score_row(title, found)
    yield _AFTER_FORECAST
    chance = chance_within_halves(days)
    yield "| half-hours | variation, as a multiple of chance | without growth within the half-hour |"
    yield "|---:|---:|---:|"
    yield f"| {chance.halves:,} | {chance.together:.2f} | {chance.without_growth:.2f} |"
    yield from _of_patience(calls)
    yield from _of_queues(calls)


def _score_row(title: str, found: Score) -> str:
    inside = "" if found.inside is None else f"{found.inside:.1%}"
    share = found.error / found.naive_error
    return f"| {title} | {found.cases:,} | {found.error:.1f} | {found.naive_error:.1f} | {share:.1%} | {inside} |"


def _of_patience(calls: list[BankCall]) -> Iterator[str]:
    before, after = halves_of_morning(calls)
    hung = sum(not each.is_answered for each in calls)
    yield _CALLS.format(calls=len(calls), hung=hung, fitted=len(before), tested=len(after))
    patience = fitted_patience(before)
    yield "| still there after | model | before 11:20 | after 11:20 |"
    yield "|---:|---:|---:|---:|"
    for seconds in (30, 60, 120, 180, 300):
        shares = (staying_share(patience, seconds), kept_share(before, seconds), kept_share(after, seconds))
        yield f"| {seconds} s | {' | '.join(f'{each:.0%}' for each in shares)} |"
    yield _AFTER_PATIENCE
    yield "| after | before 11:20 | expected | after 11:20 | expected |"
    yield "|---|---:|---:|---:|---:|"
    rows = list(zip(hung_up_by_band(patience, before), hung_up_by_band(patience, after), strict=True))
    for one, other in rows:
        yield f"| {one.title} | {one.hung_up} | {one.expected:.0f} | {other.hung_up} | {other.expected:.0f} |"
    sums = [
        (sum(each.hung_up for each in column), sum(each.expected for each in column))
        for column in zip(*rows, strict=True)
    ]
    yield f"| together | {' | '.join(f'{happened} | {expected:.0f}' for happened, expected in sums)} |"
    yield _AFTER_BANDS


def _of_queues(calls: list[BankCall]) -> Iterator[str]:
    known, _ = halves_of_morning(calls)
    yield "| | people | hung up | twin | answered within a minute | twin | longest wait | twin |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for first, last in _STRETCHES:
        yield _queue_row(bank_outlook(calls, known, first * _HALF_HOUR, last * _HALF_HOUR))
    yield _AFTER_QUEUES


def _queue_row(found: BankOutlook) -> str:
    times = " to ".join(f"{at // 3600}:{at // 60 % 60:02}" for at in (found.first, found.last))
    shares = (
        (found.abandoned, found.outlook.abandoned["emergency"]),
        (found.within_target, found.outlook.within_target),
    )
    cells = [f"{happened:.0%} | {_spread(spread, 100)}%" for happened, spread in shares]
    longest = f"{found.longest_seconds} s | {_spread(found.outlook.longest_seconds['emergency'], 1)} s"
    return f"| {times} | {found.call_takers} | {' | '.join(cells)} | {longest} |"


def _spread(found: RunSpread | None, factor: int) -> str:
    """A figure with its range."""
    if found is None:
        return "unknown"
    middle, low, high = (f"{factor * each:.0f}" for each in (found.middle, found.low, found.high))
    return f"{middle} ({low} to {high})"


def _write() -> None:
    text = "\n".join(_page())
    _PAGE.write_text(f"{text.rstrip()}\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
