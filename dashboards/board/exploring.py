"""What the page that explores is answered with: as JSON for its drawings, and as a file."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.asking import answered, asking
from dashboards.board.blocking import Needed, blocking
from dashboards.board.drill import asked
from dashboards.board.export import Sheet, kept
from dashboards.board.page import View
from dashboards.report.document import Table
from dashboards.report.explore import Exploration, ExploreQuery, bin_words, check_within, per_second
from dashboards.report.periods import Period
from dashboards.report.targets import dated, days_of
from dashboards.report.text import number, plain
from dashboards.report.week import week_table
from dashboards.report.words import Unit, said
from facts.errors import QuestionError
from measures.display import span_words
from measures.measure import Bands, External, Measure, Where
from measures.pane import Histogram
from measures.window import Window, resolve

WEEKS = range(1, 10)
"""How far the hours of the week may reach back: hours are kept for ten weeks."""
_USUAL_WEEKS = "4"
_USUAL_WINDOW = "last_month"
_SECONDS = re.compile(r"[0-9]{1,8}(\.[0-9]{1,6})?")
"""A time as an address gives it: three years at most. Read as a fraction, 1e999999999 would hold up everybody's board."""


def exploring(name: str, query: QueryParams) -> ExploreQuery:
    """What an address asks.

    Raises:
        QuestionError: there is no such measure, or the query is malformed.
    """
    question = asked(name, query)
    measure = question.measure
    if measure.is_open() or isinstance(measure.statistic, Bands | External):
        what = f"{name} has no single figure over a window."
        raise QuestionError(what, where="measure", hint="Ask for a count, a share, a mean or a median.")
    window = query.get("window", _USUAL_WINDOW)
    told = ExploreQuery(measure, window, question.by, question.where, _seconds(query.get("within", "")))
    if told.within_seconds is not None:
        check_within(measure, told.within_seconds)
    return told


def weeks_asked(query: QueryParams) -> int:
    """How many weeks an address asks for.

    Raises:
        QuestionError: it is no such number.
    """
    weeks = query.get("weeks", _USUAL_WEEKS)
    if weeks not in map(str, WEEKS):
        hint = f"Ask for {WEEKS[0]} to {WEEKS[-1]}: hours are kept for ten weeks."
        raise QuestionError(f"{weeks!r} weeks cannot be shown.", where="weeks", hint=hint)
    return int(weeks)


def _seconds(text: str) -> Fraction | None:
    if not text:
        return None
    if not _SECONDS.fullmatch(text):
        raise QuestionError(f"{text!r} is no time.", where="within", hint="Give seconds, such as 900.")
    return Fraction(text)


def query_of(told: ExploreQuery, weeks: int) -> str:
    """The query of an address that asks the same, but for the measure's name."""
    limits = [f"where={name}:{word}" for name, words in told.where.items() for word in words]
    kept = [] if told.within_seconds is None else [f"within={number(told.within_seconds)}"]
    return "&".join([f"window={told.window}", f"by={told.by}", *kept, f"weeks={weeks}", *limits])


def explored(told: ExploreQuery, view: View) -> Exploration:
    """The answer; blocking.

    Raises:
        QuestionError: it cannot be answered; says why.
    """

    def histograms(
        measure: Measure, window: str, by: tuple[str, ...], where: Where
    ) -> dict[tuple[str, ...], Histogram]:
        return view.reader.histograms(measure, window, by=by, where=where, force=view.force)

    window = resolve(told.window, view.reader.present(view.force), view.profile)
    return Exploration(asking(view), histograms, view.profile, told, days_of(window, view.profile))


def window_words(window: Window) -> str:
    """The stretch of time in words, with what places a subject in it."""
    if window.kind == "report":
        return f"{Period('', window.start.date(), window.end.date()).words()}, by when it began"
    return f"{window.start:%a %d %b %H:%M} to {window.end:%a %d %b %H:%M}, by when it was decided"


def week_of(told: ExploreQuery, weeks: int, view: View) -> tuple[str, Table | None]:
    """The hours of the week: of which hours they are, and the table; None where the record holds no hour."""
    found = view.reader.hours_of_week(told.measure, view.force, weeks, told.where)
    if found is None:
        return "The record holds no whole hour yet.", None
    window = found.window
    said_so = (
        f"The hours from {window.start:%a %d %b %Y %H:%M} to {window.end:%a %d %b %Y %H:%M}, by when it was decided."
    )
    return said_so, week_table(told.measure, found.figures, found.hours)


def answer_of(found: Exploration, told: ExploreQuery, view: View) -> Response:
    """What the page draws, and programs may ask for."""
    within = found.within()
    return answered(
        told.measure,
        view,
        window=window_words(resolve(told.window, view.reader.present(view.force), view.profile)),
        says=found.whole.trouble,
        finest_seconds=number(Fraction(1, per_second(told.measure))),
        rows=plain(found.rows()),
        distribution=plain(found.distribution()),
        bins=[
            {"over": each.over_seconds, "within": each.within_seconds, "count": each.count, "says": bin_words(each)}
            for each in found.bins()
        ],
        promises=list(_promises(found)),
        within=within
        and {
            "seconds": number(within.seconds),
            "says": f"Within {span_words(float(within.seconds))}",
            "share": said(Fraction(within.met, within.n), Unit("percent", 1)),
            "met": within.met,
            "n": within.n,
        },
    )


def _promises(found: Exploration) -> Iterator[dict[str, Any]]:
    """Each that held in the window, in order of its days; with its dates where they are more."""
    for each, says in zip(found.held, dated(found.held), strict=True):
        if (made := each.promise()) or len(found.held) > 1:
            yield {"seconds": made.seconds if made else None, "says": says}


def routes(view: View) -> list[Route]:
    """The routes: the window as JSON, its week as JSON, and both as a file."""

    def asked_by(request: Request) -> tuple[ExploreQuery, int]:
        query = request.query_params
        return exploring(request.path_params["name"], query), weeks_asked(query)

    def needs_window(request: Request) -> Needed:
        told, _ = asked_by(request)
        return [(told.measure, told.window)]

    def needs_week(request: Request) -> Needed:
        told, weeks = asked_by(request)
        hours = view.reader.hours_known(told.measure, view.force, weeks)
        return [(told.measure, hours)] if hours else []

    def needs_both(request: Request) -> Needed:
        return [*needs_window(request), *needs_week(request)]

    def over_the_window(request: Request) -> Response:
        told, _ = asked_by(request)
        return answer_of(explored(told, view), told, view)

    def over_the_week(request: Request) -> Response:
        told, weeks = asked_by(request)
        says, table = week_of(told, weeks, view)
        answer = {"says": says, "table": None if table is None else plain(table)}
        return Response(msgspec.json.encode(answer), media_type="application/json")

    def shown(request: Request) -> Sheet:
        told, weeks = asked_by(request)
        found, (says, week) = explored(told, view), week_of(told, weeks, view)
        window = window_words(resolve(told.window, view.reader.present(view.force), view.profile))
        head = [["Window shown", told.window, window], ["Broken down by", told.by or "nothing"], ["Week", says]]
        head += [["Target of these days", each] for each in dated(found.held)]
        head += [["Read with it", found.whole.trouble]] if found.whole.trouble else []
        tables = (found.rows(), found.distribution(), *((week,) if week else ()))
        return Sheet((told.measure.name, told.window, told.by), told.measure, told.where, head, tables)

    return [
        Route("/api/explore/{name}", blocking(view, over_the_window, needs_window)),
        Route("/api/week/{name}", blocking(view, over_the_week, needs_week)),
        *kept("explore", shown, view, needs_both),
    ]
