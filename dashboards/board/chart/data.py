"""The data of the Charts page: the question in its address, and the chart as JSON, SVG, CSV and Parquet."""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import get_args

from msgspec.structs import replace
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import Needed, as_file, blocking
from dashboards.board.shared.chosen_window import WindowChoice, check_window
from dashboards.board.shared.content_types import QUESTION, ChartAnswer, SmallChartsAnswer
from dashboards.board.shared.export import Sheet, download_routes
from dashboards.board.shared.figures import figures_now, json_response
from dashboards.board.shared.page import View
from dashboards.board.shared.query import filter_parameters, parse_query
from dashboards.board.shared.table import names
from dashboards.report.document import Drawn
from dashboards.report.drawing import without_style
from dashboards.report.periods import Period
from dashboards.report.series import LEAST, MOST, SeriesQuery, check_charted, series, shown_periods, windows_of
from dashboards.report.small_charts import small_charts
from dashboards.report.text import plain
from facts.errors import QuestionError
from facts.force import NONE, UNLISTED
from measures.chart import Grain
from measures.measure import Measure
from measures.window import DAYS_KEPT, parse_day
from producers.http.answer import Answer, AnswerRoute

DEFAULT: dict[Grain, int] = {"month": 24, "week": 52, "day": 28}
"""The number of periods unless another is chosen."""
LAID_OVER_MOST = 3
"""The most labels that a chart may overlay: more lines cannot be distinguished."""


def parse_series(name: str, query: QueryParams) -> SeriesQuery:
    """The question in an address.

    Raises:
        QuestionError: the measure does not exist, or the query is malformed; `where` is the field of the form.
    """
    question = parse_query(name, query, default_window="")
    grain = next((each for each in get_args(Grain) if each == query.get("grain", "month")), None)
    if grain is None:
        hint = "Choose month, week or day."
        raise QuestionError(f"There is no chart by {query['grain']!r}.", where="grain", hint=hint)
    count = query.get("last", str(DEFAULT[grain]))
    # Without a script, the form still has the number for the previous grain. With a window, the number has no meaning.
    if not question.window and count not in map(str, range(LEAST, MOST[grain] + 1)):
        hint = f"Choose {LEAST} to {MOST[grain]}."
        raise QuestionError(f"A chart cannot have {count!r} {grain}s.", where="last", hint=hint)
    dates = tuple(parse_day(each, "recalculate") for each in query.getlist("recalculate") if each)
    number = DEFAULT[grain] if question.window else int(count)
    over = tuple(_laid_over(question.measure, query))
    return SeriesQuery(question.measure, question.where, grain, number, dates, question.window, question.compare, over)


def _laid_over(measure: Measure, query: QueryParams) -> Iterator[tuple[str, str]]:
    given = [each for each in query.getlist("over") if each]
    if len(given) > LAID_OVER_MOST:
        hint = f"Choose {LAID_OVER_MOST} at most: more lines cannot be distinguished."
        raise QuestionError(f"A chart cannot have {len(given)} overlays.", where="over", hint=hint)
    for each in given:
        dimension, colon, word = each.partition(":")
        if not colon or dimension not in measure.dimensions():
            hint = "Give a dimension of the measure and a label, for example area:moorlands."
            raise QuestionError(f"{each!r} cannot be an overlay of this chart.", where="over", hint=hint)
        yield dimension, word


def check_series(question: SeriesQuery, query: QueryParams, view: View) -> None:
    """Refuse a question that no chart can be drawn for.

    Raises:
        QuestionError: there is none; `where` is the field of the form.
    """
    check_charted(question.measure)
    for name, word in question.over:
        if word not in {*names(name, view), NONE, UNLISTED}:
            hint = "Choose one from the list."
            raise QuestionError(f"There is no {name} {word!r}.", where="over", hint=hint)
    if question.window:
        check_window(WindowChoice(question.window), query, view, question.measure)
    first = periods_of(question, view)[0]
    if question.recalculated and min(question.recalculated) <= first.start:
        hint = "Choose a later period."
        raise QuestionError("The limits cannot be recalculated from there.", where="recalculate", hint=hint)


def query_of(question: SeriesQuery, recalculated: Iterable[date] | None = None) -> str:
    """The query string of a question without the measure's name; with other dates of recalculation if given."""
    dates = question.recalculated if recalculated is None else recalculated
    window = [f"window={question.window}"] if question.window else [f"last={question.count}"]
    return "&".join(
        [
            f"grain={question.grain}",
            *window,
            *([f"compare={question.compare}"] if question.compare else []),
            *(f"over={name}:{word}" for name, word in question.over),
            *(f"recalculate={day}" for day in dates),
            *filter_parameters(question.where),
        ]
    )


def periods_of(question: SeriesQuery, view: View) -> list[Period]:
    """The periods of a chart as of the force's present.

    Raises:
        QuestionError: there are too few or too many.
    """
    return shown_periods(question, view.profile, view.reader.known_present(view.force))


def moves(question: SeriesQuery, view: View) -> dict[str, str]:
    """The query strings of the charts around this one: earlier, later, a longer and a shorter window."""
    spans = periods_of(question, view)
    today = view.reader.known_present(view.force).astimezone(view.profile.zone()).date()
    first, end, earliest = spans[0].start, spans[-1].end, today - DAYS_KEPT + timedelta(days=2)
    half, quarter = (end - first) // 2, (end - first) // 4
    windows = {
        "Earlier": (max(first - half, earliest), end - half),
        "Later": (min(first + half, today - (end - first)), min(end + half, today)),
        "Zoom in": (first + quarter, end - quarter),
        "Zoom out": (max(first - half, earliest), min(end + half, today)),
    }
    fitting = {title: _fitting(question, window, view) for title, window in windows.items()}
    ends = {title: found and periods_of(found, view)[-1].end for title, found in fitting.items()}
    return {
        title: query_of(found)
        for title, found in fitting.items()
        if found and not (title == "Later" and ends[title] == end) and windows[title] != (first, end)
    }


def _fitting(question: SeriesQuery, window: tuple[date, date], view: View) -> SeriesQuery | None:
    """The chart of other days: by the same periods if there are enough of them and not too many, else by shorter or longer ones."""
    for grain in (question.grain, *(each for each in get_args(Grain) if each != question.grain)):
        found = replace(question, grain=grain, recalculated=(), window=f"{window[0]}/{window[1]}")
        with contextlib.suppress(QuestionError):
            periods_of(found, view)
            return found
    return None


_QUERY = {
    "grain": "month, week or day.",
    "last": "The number of periods.",
    "window": "FROM/TO as dates, instead of a number of periods.",
    "recalculate": "A date from which the limits are calculated again; may be repeated.",
    "where": QUESTION["where"],
}
_CHART = Answer(summary="The control chart of a measure.", body=ChartAnswer, query=_QUERY)
_SMALL_CHARTS = Answer(
    summary="A small chart for each label of a dimension.",
    body=SmallChartsAnswer,
    query={**_QUERY, "by": QUESTION["by"]},
)
_SVG = Answer(summary="The control chart as a picture.", media=("image/svg+xml",), query=_QUERY)


def routes(view: View) -> list[Route]:
    """The routes."""

    def read_chart(request: Request) -> tuple[SeriesQuery, Drawn]:
        question = parse_series(request.path_params["name"], request.query_params)
        return question, series(figures_now(view), view.profile, question, view.reader.present(view.force))

    def needs(request: Request) -> Needed:
        question = parse_series(request.path_params["name"], request.query_params)
        windows = windows_of(question, view.profile, view.reader.present(view.force))
        return [(question.measure, window) for window in windows]

    def chart_json(request: Request) -> Response:
        question, chart = read_chart(request)
        svg, table = without_style(chart.svg), plain(chart.table)
        starts = [point.start for point in chart.chart.points] if chart.chart else []
        spans = [(each.start, each.end) for each in periods_of(question, view) if each.start in starts]
        return json_response(question.measure, view, summary=chart.summary, svg=svg, table=table, periods=spans)

    def small_json(request: Request) -> Response:
        question = parse_series(request.path_params["name"], request.query_params)
        by = request.query_params.get("by", "")
        charts = small_charts(figures_now(view), view.profile, question, by, view.reader.present(view.force))
        return json_response(question.measure, view, charts=[each.plain() for each in charts])

    def chart_svg(request: Request) -> Response:
        question, chart = read_chart(request)
        return as_file(chart.svg, "svg", ("chart", question.measure.name, question.grain), view)

    def chart_sheet(request: Request) -> Sheet:
        question, chart = read_chart(request)
        head = [["Chart by", question.grain], *(["Chart", line] for line in chart.summary)]
        return Sheet((question.measure.name, question.grain), question.measure, question.where, head, (chart.table,))

    return [
        AnswerRoute("/api/chart/{name}", blocking(view, chart_json, needs), _CHART),
        AnswerRoute("/api/small_charts/{name}", blocking(view, small_json, needs), _SMALL_CHARTS),
        AnswerRoute("/svg/chart/{name}", blocking(view, chart_svg, needs), _SVG),
        *download_routes("chart", chart_sheet, view, needs),
    ]
