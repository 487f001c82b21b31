"""`bluelamp forecast`: how many contacts to expect in each half-hour of the next day, or how good past forecasts would have been."""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from bluelamp.cli.options import FORCE, JSON, say, settings_of
from bluelamp.wiring.connections import reader
from bluelamp.wiring.plans import usable_events
from facts.errors import QuestionError
from facts.planned_event import NO_EVENTS, PlannedEvents

if TYPE_CHECKING:
    from bluelamp.verify.backtest import QueueBacktest
    from dashboards.board.shared.interval_queues import IntervalQueue
    from streams.readings import Reader


class HalfHourForecast(Struct, frozen=True, kw_only=True):
    """What is expected of a half-hour.

    Attributes:
        queue: the queue, as on the Intervals page.
        start: its start, in local time.
        expected: the expected number of contacts; None if it is not known.
        low: the least number in the 80% range; None without a range.
        high: the greatest number in the range; None without a range.
        note: why there is no forecast or no range; empty otherwise.
        handling_seconds: the expected mean handling time; None if it is not known.
        handling_low: the lower end of its range; None if it is not known.
        handling_high: the upper end of its range; None if it is not known.
    """

    queue: str
    start: datetime
    expected: float | None
    low: int | None
    high: int | None
    note: str
    handling_seconds: float | None
    handling_low: float | None
    handling_high: float | None


@click.command("forecast")
@click.option("--queue", help="Only this queue: 999, 101, triage, post_triage or digital (default: all).")
@click.option("--hours", type=click.IntRange(1, 7 * 24), default=24, show_default=True, help="How many hours ahead.")
@click.option(
    "--backtest",
    "is_backtest",
    is_flag=True,
    help="Forecast every past day instead, from the hours before it, and compare the forecasts with a recount of the whole log.",
)
@FORCE
@JSON
def forecast(queue: str | None, hours: int, is_backtest: bool, force: str | None, as_json: bool) -> None:
    """Forecast how many contacts will be offered in each half-hour, and how long they will take to handle, each with the range that should contain 80% of the half-hours.

    With --backtest, the exit status is 1 if an error is not below that of the same half-hour last week, or a range contains fewer
    than 75% or more than 85% of the half-hours.
    """
    settings = settings_of(force=force)
    source = reader(settings)
    name = source.rules_of(settings.force).force.name
    events = usable_events(settings, source.rules[name].force)
    if is_backtest:
        from bluelamp.archive.full_log import recount_of
        from bluelamp.verify.backtest import backtest

        with recount_of(
            settings, [each.force for each in source.rules.values()], topics=["contacts", "call_takers"]
        ) as recounted:
            found = backtest(recounted, source.rules[name], events=events)
        _print_backtest([each for each in found if queue in (None, each.queue)], as_json)
        return
    queues = _chosen(source, name, queue)
    expected = source.at_one_moment(
        lambda: [row for each in queues for row in half_hours(source, name, each, hours, events)]
    )
    if as_json:
        say(expected)
        return
    for row in expected:
        click.echo(_line(row))


def _chosen(source: "Reader", force: str, name: str | None) -> "Sequence[IntervalQueue]":
    from bluelamp.verify.backtest import forecast_queues

    queues = forecast_queues(source.rules[force].force)
    chosen = [each for each in queues if name in (None, each.name)]
    if not chosen:
        hint = f"Choose one of {', '.join(each.name for each in queues) or 'none'}."
        raise QuestionError(f"There is no forecast for a queue {name!r}.", where="--queue", hint=hint)
    return chosen


def half_hours(
    source: "Reader", force: str, queue: "IntervalQueue", hours: int, events: PlannedEvents = NO_EVENTS
) -> "Iterator[HalfHourForecast]":
    """The forecast of the half-hours from the present one on, from all whole hours before it; call it at one moment of the reader."""
    from bluelamp.verify.backtest import offered
    from dashboards.board.shared.interval_queues import handling_column
    from measures.forecast import WEEKS_READ, Forecast
    from measures.handling_forecast import HandlingForecast
    from measures.outcome import instant, microseconds
    from measures.pane import HALF_HOUR, HOUR

    column, rules = offered(queue), source.rules[force]
    present = microseconds(source.present(force))
    counts = source.hour_counts(column.measure, force, WEEKS_READ, column.where)
    made = Forecast(counts, present // HOUR, rules, events.on(queue.line))
    handling = handling_column(queue, rules.force)
    times = source.hour_times(handling.measure, force, WEEKS_READ, handling.where) if handling else {}
    lasting = HandlingForecast(times, present // HOUR, rules)
    for half in range(present // HALF_HOUR, present // HALF_HOUR + 2 * hours):
        found, time = made.half_hour(half), lasting.half_hour(half)
        note = made.note(half) if found else made.unknown_words()
        yield HalfHourForecast(
            queue=queue.name,
            start=instant(half * HALF_HOUR).astimezone(rules.force.zone()),
            expected=found and found.mean,
            low=found and found.low,
            high=found and found.high,
            note=note,
            handling_seconds=time and time.mean,
            handling_low=time and time.low,
            handling_high=time and time.high,
        )


def _line(row: HalfHourForecast) -> str:
    from measures.display import span_words

    expected = "unknown" if row.expected is None else f"{row.expected:.1f} expected"
    between = "" if row.low is None else f"{row.low} to {row.high}"
    handling = ""
    if row.handling_seconds is not None and row.handling_low is not None and row.handling_high is not None:
        mean, low, high = map(span_words, (row.handling_seconds, row.handling_low, row.handling_high))
        handling = f"handled in {mean} ({low} to {high})"
    parts = (f"{row.start:%a %Y-%m-%d %H:%M %Z}", row.queue, expected, between, handling, row.note)
    return "  ".join(part for part in parts if part)


def _print_backtest(found: "Sequence[QueueBacktest]", as_json: bool) -> None:
    from bluelamp.verify.backtest import goals_missed, lines

    if as_json:
        say(found)
    else:
        for line in lines(found):
            click.echo(line)
    missed = goals_missed(found)
    for each in missed:
        click.echo(each, err=True)
    sys.exit(1 if missed else 0)
