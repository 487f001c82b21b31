"""Backtest: forecasts every past day from the hours before it, and compares the forecasts with a recount of the log."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal, get_args

from msgspec import Struct

from bluelamp.recount.cell import Finished
from bluelamp.recount.recount import Recount
from dashboards.board.shared.interval_queues import QUEUES, IntervalColumn, IntervalQueue, handling_column
from facts.force import Force
from facts.planned_event import NO_EVENTS, PlannedEvents
from measures.display import number
from measures.forecast import LEAST_WEEKS, SHARE_INSIDE, Case, Score, cases, score
from measures.handling_forecast import Handled, handling_cases, total
from measures.measure import Count, Mean
from measures.outcome import KINDS, instant, microseconds
from measures.pane import HALF_HOUR, HOUR
from measures.rules import Rules

_DAY = timedelta(days=1)
Figure = Literal["contacts", "handling time"]


class QueueBacktest(Struct, frozen=True, kw_only=True):
    """The backtest of one queue, by half-hours.

    Attributes:
        queue: its name, as on the Intervals page.
        title: its name for people.
        first: the first day that was forecast; None if there is none.
        days: how many days were forecast.
        score: how the forecasts compare with what happened; None if nothing could be forecast.
        reason: why nothing could be forecast; empty otherwise.
        figure: what was forecast: contacts, or the mean handling time in seconds.
    """

    queue: str
    title: str
    first: date | None
    days: int
    score: Score | None
    reason: str
    figure: Figure = "contacts"


def offered(queue: IntervalQueue) -> IntervalColumn:
    """The column of a queue that is forecast: how many contacts were offered."""
    return queue.columns[0]


def forecast_queues(force: Force) -> list[IntervalQueue]:
    """The queues of a force whose contacts can be forecast."""
    labels = {each.label for each in force.queues}
    return [each for each in QUEUES if (not each.queue or each.queue in labels) and offered(each).measure.feeds(force)]


def backtest(
    recount: Recount, rules: Rules, covered: tuple[int, int] | None = None, events: PlannedEvents = NO_EVENTS
) -> list[QueueBacktest]:
    """The backtest of each queue over everything that was recounted.

    Args:
        recount: the recount.
        rules: the force's rules.
        covered: the time in microseconds that the facts cover; by default, what the heartbeats among them say of each queue.
        events: the force's planned events. What they touch is not compared, because percentages may come from afterwards.
    """
    queues = forecast_queues(rules.force)
    found = [_of_queue(recount, rules, each, offered(each), covered, "contacts", events) for each in queues]
    times = [(each, column) for each in queues if (column := handling_column(each, rules.force))]
    return found + [_of_queue(recount, rules, each, column, covered, "handling time", events) for each, column in times]


def _of_queue(
    recount: Recount,
    rules: Rules,
    queue: IntervalQueue,
    column: IntervalColumn,
    covered: tuple[int, int] | None,
    figure: Figure,
    events: PlannedEvents,
) -> QueueBacktest:
    covered = covered or recount.record(column.measure, rules.force.name)
    first, after = (-(-covered[0] // HOUR), covered[1] // HOUR) if covered else (0, 0)
    days = list(_whole_days(first + LEAST_WEEKS * 7 * 24, after, rules.force))
    weeks = (after - first) // (7 * 24)
    reason = f"It needs more than {LEAST_WEEKS} weeks of hours; the record has {number(weeks, 'whole week')}."
    halves = _by_halves(_counted(recount, rules.force.name, column), first, after)
    return QueueBacktest(
        queue=queue.name,
        title=queue.title,
        first=_local_day(days[0][0], rules.force) if days else None,
        days=len(days),
        score=(found := score(_cases(halves, days, rules, figure, events.on(queue.line)))),
        reason="" if found else reason,
        figure=figure,
    )


def _by_halves(counted: Iterable[Finished], first: int, after: int) -> dict[int, Handled]:
    """The number and the sum of the values in each half-hour between two hours."""
    contacts, seconds = Counter[int](), Counter[int]()
    for each in counted:
        contacts[each.decided // HALF_HOUR] += 1
        seconds[each.decided // HALF_HOUR] += each.value
    return {half: Handled(contacts[half], seconds[half]) for half in range(2 * first, 2 * after)}


def _cases(
    halves: Mapping[int, Handled],
    days: Sequence[tuple[int, int]],
    rules: Rules,
    figure: Figure,
    events: PlannedEvents,
) -> Iterator[Case]:
    hours = {half // 2: total((each, halves[half + 1])) for half, each in halves.items() if half % 2 == 0}
    if figure == "handling time":
        return handling_cases(hours, days, rules, halves)
    counts, of_halves = ({slot: each.contacts for slot, each in found.items()} for found in (hours, halves))
    return cases(counts, days, rules, of_halves, events)


def _counted(recount: Recount, force: str, column: IntervalColumn) -> Iterator[Finished]:
    """The outcomes that a column of a count or a mean counts."""
    statistic = column.measure.statistic
    assert isinstance(statistic, (Count, Mean))  # noqa: S101 - no other column is forecast
    names = KINDS[statistic.of.kind].dimensions
    limits = (*column.measure.where.items(), *column.where.items())
    for each in recount.finished(statistic.of.kind):
        named: dict[str, str] = dict(zip(names, each.dimensions, strict=True))
        if each.force == force and all(named[name] in labels for name, labels in limits):
            yield each


def _whole_days(first: int, after: int, force: Force) -> Iterator[tuple[int, int]]:
    """The whole local days between two hours: the first hour of each, and the hour after its last."""
    day = _local_day(first, force) + _DAY
    while (end := _midnight(day + _DAY, force)) <= after:
        yield _midnight(day, force), end
        day += _DAY


def _local_day(hour: int, force: Force) -> date:
    return instant(hour * HOUR).astimezone(force.zone()).date()


def _midnight(day: date, force: Force) -> int:
    return microseconds(datetime.combine(day, time(), force.zone())) // HOUR


def lines(found: Iterable[QueueBacktest]) -> Iterator[str]:
    """The backtest as Markdown tables, with the reason under each for the queues that could not be forecast."""
    rows = list(found)
    of_contacts, of_times = ([each for each in rows if each.figure == figure] for figure in get_args(Figure))
    if of_contacts:
        yield from _table(of_contacts, "mean error")
    if of_contacts and of_times:
        yield ""
    if of_times:
        yield from _table(of_times, "mean error of the handling time, in seconds")


def _table(found: Iterable[QueueBacktest], error: str) -> Iterator[str]:
    yield f"| queue | days | half-hours | {error} | same half-hour last week | error as a share of that | inside the range |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    reasons = []
    for each in found:
        if each.score is None:
            reasons.append(f"{each.title}: no forecast. {each.reason}")
            continue
        errors = f"{each.score.error:.2f} | {each.score.naive_error:.2f} | {_share(_ratio(each.score))}"
        yield f"| {each.title} | {each.days} | {each.score.cases:,} | {errors} | {_share(each.score.inside)} |"
    yield from reasons


def goals_missed(found: Iterable[QueueBacktest]) -> list[str]:
    """What falls short: an error that is not below last week's, or a range that contains too few or too many counts."""
    low, high = SHARE_INSIDE - 0.05, SHARE_INSIDE + 0.05
    missed = []
    for each in found:
        if each.score is None:
            continue
        title = each.title if each.figure == "contacts" else f"{each.title}, {each.figure}"
        if each.score.error >= each.score.naive_error:
            missed.append(f"{title}: the error is not below that of the same half-hour last week.")
        if each.score.inside is not None and not low <= each.score.inside <= high:
            missed.append(
                f"{title}: {_share(each.score.inside)} of the half-hours are inside the range, not 75 to 85%."
            )
    return missed


def _ratio(found: Score) -> float | None:
    return found.error / found.naive_error if found.naive_error else None


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{value * 100:.1f}%"
