"""The data of the Intervals page as JSON, CSV and Parquet."""

from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.intervals.forecasting import DayForecast, DayHandling
from dashboards.board.intervals.grid import Grid
from dashboards.board.intervals.question import IntervalQuestion, parse_intervals
from dashboards.board.shared.blocking import Needed, blocking
from dashboards.board.shared.content_types import IntervalsAnswer
from dashboards.board.shared.day import Interval
from dashboards.board.shared.export import Sheet, download_routes
from dashboards.board.shared.figures import about
from dashboards.board.shared.page import View
from dashboards.report.text import plain
from producers.http.answer import Answer, AnswerRoute

_INTERVALS = Answer(
    summary="A queue by half-hours of a day; only the total of a day whose half-hours are no longer kept.",
    body=IntervalsAnswer,
    query={"day": "A local date; today by default.", "compare": "week_before or 52_weeks_before; nothing by default."},
)


def intervals_json(question: IntervalQuestion, view: View) -> Response:
    """What the page draws, and what programs may request."""
    grid, zone = Grid(question, view), view.profile.zone()
    content = {
        **about(view),
        "queue": question.queue.name,
        "day": question.day,
        "other_day": question.other(),
        "minutes": 30 if grid.intervals else 0,
        "says": grid.says(),
        "columns": [
            {
                "title": each.title,
                "measure": each.name,
                "part": each.part,
                "where": each.where,
                "explain": f"{view.root}/api/explain/{each.name}",
            }
            for each in question.queue.columns
        ],
        "intervals": [
            {
                "start": each.start.astimezone(zone),
                "end": each.end.astimezone(zone),
                "status": grid.status(each),
                "events": _events(grid.forecast, each),
                "forecast": _expected(grid.forecast, each),
                "forecast_handling": _expected(grid.forecast_of_times, each),
            }
            for each in grid.intervals
        ],
        "forecast": _about_forecast(grid.forecast),
        "forecast_handling": _about_forecast(grid.forecast_of_times),
        "table": plain(grid.table()),
    }
    return Response(msgspec.json.encode(content), media_type="application/json")


def _events(forecast: DayForecast | None, interval: Interval) -> list[dict[str, Any]]:
    planned = forecast.events(interval) if forecast else ()
    return [{"name": each.name, "percent": each.percent} for each in planned]


def _expected(forecast: DayForecast | DayHandling | None, interval: Interval) -> dict[str, Any] | None:
    found = forecast.expected(interval) if forecast else None
    return found._asdict() if found else None


def _about_forecast(forecast: DayForecast | DayHandling | None) -> dict[str, Any] | None:
    """From what a forecast is made, and how good those of the days before were; None if the day has none."""
    if forecast is None:
        return None
    score = forecast.score
    return {
        "weeks": forecast.made.weeks,
        "reason": forecast.made.reason,
        "score": score._asdict() if score else None,
    }


def intervals_sheet(question: IntervalQuestion, view: View) -> Sheet:
    """The same table as a file; its head has the definition of the first measure, and names the others."""
    grid = Grid(question, view)
    name = (question.queue.name, str(question.day), question.compare)
    return Sheet(name, question.queue.columns[0].measure, {}, list(_head(question, grid)), (grid.table(),))


def _head(question: IntervalQuestion, grid: Grid) -> Iterator[list[str]]:
    yield ["Queue", question.queue.title]
    for each in question.queue.columns:
        part = {
            "value": "its value",
            "n": "its n",
            "met": "the number that meet the condition",
            "minutes": "its mean over the minutes",
            "rostered": "not a figure of the record: how many the roster plans, breaks included, as the mean over half-hours",
        }[each.part]
        filters = "; ".join(f"{name} is {' or '.join(labels)}" for name, labels in each.where.items())
        yield [f"Heading {each.title}", *(word for word in (each.measure.title, each.name, part, filters) if word)]
    yield from (["Note", each] for each in grid.says())


def routes(view: View) -> list[Route]:
    """The routes."""

    def question_of(request: Request) -> IntervalQuestion:
        return parse_intervals(request.path_params["name"], request.query_params, view)

    def needs(request: Request) -> Needed:
        question = question_of(request)
        # One measure for each set of kinds: measures of the same kinds are read from the same panes.
        by_kinds = {each.measure.kinds(): each.measure for each in question.queue.columns}
        return [(measure, window) for window in Grid(question, view).windows() for measure in by_kinds.values()]

    return [
        AnswerRoute(
            "/api/intervals/{name}",
            blocking(view, lambda request: intervals_json(question_of(request), view), needs),
            _INTERVALS,
        ),
        *download_routes("intervals", lambda request: intervals_sheet(question_of(request), view), view, needs),
    ]
