"""The data of the Explore page: the question in its address, and the answer as JSON, CSV and Parquet."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.explore.area_map import tiles
from dashboards.board.shared.blocking import Needed, blocking
from dashboards.board.shared.chosen_window import WindowChoice
from dashboards.board.shared.comparison import read_compared
from dashboards.board.shared.content_types import QUESTION, ExplorationAnswer, WeekAnswer
from dashboards.board.shared.export import Sheet, download_routes
from dashboards.board.shared.figures import figures_now, json_response
from dashboards.board.shared.page import View
from dashboards.board.shared.query import filter_parameters, parse_query
from dashboards.board.shared.typed_span import parse_span
from dashboards.report.compare import PeriodComparison
from dashboards.report.document import Table
from dashboards.report.explore import Exploration, ExploreQuery, bin_words, check_within, per_second
from dashboards.report.periods import span_of_window
from dashboards.report.targets import dated, days_of
from dashboards.report.text import number, plain
from dashboards.report.week import week_table
from dashboards.report.words import Unit, figure_text
from facts.errors import QuestionError
from measures.display import short_words
from measures.measure import Bands, External, Measure, Where
from measures.pane import Histogram
from measures.window import Window, resolve
from producers.http.answer import Answer, AnswerRoute

WEEKS = range(1, 10)
"""The numbers of weeks that a weekly pattern can cover: hours are kept for ten weeks."""
_DEFAULT_WEEKS = "4"
_DEFAULT_WINDOW = "last_month"
_SECONDS = re.compile(r"[0-9]{1,8}(\.[0-9]{1,6})?")
"""A time in an address, three years at most. Read as a fraction, 1e999999999 would block the board for everybody."""


def parse_exploration(name: str, query: QueryParams) -> ExploreQuery:
    """The question in an address.

    Raises:
        QuestionError: the measure does not exist or cannot be explored, or the query is malformed.
    """
    question = parse_query(name, query, _DEFAULT_WINDOW)
    measure = question.measure
    if measure.is_open() or isinstance(measure.statistic, Bands | External):
        what = f"{name} has no single figure over a window."
        raise QuestionError(what, where="measure", hint="Choose a count, a share, a mean or a median.")
    within = _within(query)
    exploration = ExploreQuery(measure, question.window, question.by, question.where, within, question.compare)
    if exploration.within_seconds is not None:
        check_within(measure, exploration.within_seconds)
    return exploration


def parse_weeks(query: QueryParams) -> int:
    """The number of weeks in an address.

    Raises:
        QuestionError: it is not one of `WEEKS`.
    """
    weeks = query.get("weeks", _DEFAULT_WEEKS)
    if weeks not in map(str, WEEKS):
        hint = f"Choose {WEEKS[0]} to {WEEKS[-1]}: hours are kept for ten weeks."
        raise QuestionError(f"A weekly pattern cannot cover {weeks!r} weeks.", where="weeks", hint=hint)
    return int(weeks)


def _within(query: QueryParams) -> Fraction | None:
    """The time in an address: as typed in the form, or in seconds."""
    typed = query.get("time", "").strip()
    return parse_span(typed, "within") if typed else _seconds(query.get("within", ""))


def _seconds(text: str) -> Fraction | None:
    if not text:
        return None
    if not _SECONDS.fullmatch(text):
        raise QuestionError(f"{text!r} is not a number of seconds.", where="within", hint="Give seconds, such as 900.")
    return Fraction(text)


def query_of(question: ExploreQuery, weeks: int) -> str:
    """The query string of a question without the measure's name."""
    within = [] if question.within_seconds is None else [f"within={number(question.within_seconds)}"]
    filters = filter_parameters(question.where)
    choice = choice_of(question).query()
    return "&".join([*choice, f"by={question.by}", *within, f"weeks={weeks}", *filters])


def choice_of(question: ExploreQuery) -> WindowChoice:
    """The window of a question, and what it is compared with."""
    return WindowChoice(question.window, question.compare)


def read_exploration(question: ExploreQuery, view: View) -> Exploration:
    """The answer to a question; blocking.

    Raises:
        QuestionError: the question cannot be answered.
    """

    def histograms(
        measure: Measure, window: str, by: tuple[str, ...], where: Where
    ) -> dict[tuple[str, ...], Histogram]:
        return view.reader.histograms(measure, window, by=by, where=where, force=view.force)

    window = resolve(question.window, view.reader.present(view.force), view.profile)
    return Exploration(figures_now(view), histograms, view.profile, question, days_of(window, view.profile))


def window_words(window: Window) -> str:
    """A window in words, with the time that places a subject in it."""
    return f"{span_of_window(window)}, by {'start' if window.kind == 'report' else 'decision'} time"


def read_comparison(question: ExploreQuery, view: View) -> PeriodComparison | None:
    """The comparison of the window with the one that is chosen; None if none is."""
    return read_compared(question.measure, choice_of(question), question.by, question.where, view)


def read_week(question: ExploreQuery, weeks: int, view: View) -> tuple[str, Table | None]:
    """The weekly pattern: in words the hours that it covers, and the table; None if no hour is on record."""
    week = view.reader.hours_of_week(question.measure, view.force, weeks, question.where)
    if week is None:
        return "There is no full hour on record yet.", None
    window = week.window
    words = f"{window.start:%a %d %b %Y %H:%M} to {window.end:%a %d %b %Y %H:%M}, by decision time."
    return words, week_table(question.measure, week.figures, week.hours)


def exploration_json(exploration: Exploration, question: ExploreQuery, view: View) -> Response:
    """What the page draws, and what programs may request."""
    within, comparison = exploration.within(), read_comparison(question, view)
    return json_response(
        question.measure,
        view,
        window=window_words(resolve(question.window, view.reader.present(view.force), view.profile)),
        says=exploration.whole.trouble,
        finest_seconds=number(Fraction(1, per_second(question.measure))),
        rows=plain(exploration.rows()),
        tiles=tiles(view.profile) if question.by == "area" else None,
        verdict=comparison.says() if comparison else (),
        comparison=plain(comparison.table()) if comparison else None,
        distribution=plain(exploration.distribution()),
        bins=[
            {"over": each.over_seconds, "within": each.within_seconds, "count": each.count, "says": bin_words(each)}
            for each in exploration.bins()
        ],
        promises=list(_targets(exploration)),
        within=within
        and {
            "seconds": number(within.seconds),
            "says": f"Within {short_words(float(within.seconds))}",
            "share": figure_text(Fraction(within.met, within.n), Unit("percent", 1)),
            "met": within.met,
            "n": within.n,
        },
    )


def _targets(exploration: Exploration) -> Iterator[dict[str, Any]]:
    """Each target that applied in the window, in order of its days; with its dates if there is more than one."""
    for each, words in zip(exploration.held, dated(exploration.held), strict=True):
        if (target := each.promise()) or len(exploration.held) > 1:
            yield {"seconds": target.seconds if target else None, "says": words}


_EXPLORATION = Answer(
    summary="A measure over any window, broken down, with its distribution.",
    body=ExplorationAnswer,
    query={**QUESTION, "within": "A time in seconds; the answer then has the share within it."},
)
_WEEK = Answer(
    summary="The pattern of a measure over the hours of the week.",
    body=WeekAnswer,
    query={"weeks": "The number of weeks, from 1 to 9.", "where": QUESTION["where"]},
)


def routes(view: View) -> list[Route]:
    """The routes."""

    def question_of(request: Request) -> tuple[ExploreQuery, int]:
        query = request.query_params
        return parse_exploration(request.path_params["name"], query), parse_weeks(query)

    def needs_window(request: Request) -> Needed:
        question, _ = question_of(request)
        return [(question.measure, window) for window in choice_of(question).chosen(view).names()]

    def needs_week(request: Request) -> Needed:
        question, weeks = question_of(request)
        hours = view.reader.hours_known(question.measure, view.force, weeks)
        return [(question.measure, hours)] if hours else []

    def needs_both(request: Request) -> Needed:
        return [*needs_window(request), *needs_week(request)]

    def window_json(request: Request) -> Response:
        question, _ = question_of(request)
        return exploration_json(read_exploration(question, view), question, view)

    def week_json(request: Request) -> Response:
        question, weeks = question_of(request)
        words, table = read_week(question, weeks, view)
        content = {"says": words, "table": None if table is None else plain(table)}
        return Response(msgspec.json.encode(content), media_type="application/json")

    def sheet(request: Request) -> Sheet:
        question, weeks = question_of(request)
        exploration, (week_words, week) = read_exploration(question, view), read_week(question, weeks, view)
        window = window_words(resolve(question.window, view.reader.present(view.force), view.profile))
        head = [
            ["Window shown", question.window, window],
            ["Broken down by", question.by or "none"],
            ["Week", week_words],
        ]
        comparison = read_comparison(question, view)
        head += [["Compared", each] for each in (comparison.says() if comparison else ())]
        head += [["Target in this window", each] for each in dated(exploration.held)]
        head += [["Note", exploration.whole.trouble]] if exploration.whole.trouble else []
        compared = (comparison.table(),) if comparison else ()
        tables = (exploration.rows(), *compared, exploration.distribution(), *((week,) if week else ()))
        name = (question.measure.name, question.window, question.compare, question.by)
        return Sheet(name, question.measure, question.where, head, tables)

    return [
        AnswerRoute("/api/explore/{name}", blocking(view, window_json, needs_window), _EXPLORATION),
        AnswerRoute("/api/week/{name}", blocking(view, week_json, needs_week), _WEEK),
        *download_routes("explore", sheet, view, needs_both),
    ]
