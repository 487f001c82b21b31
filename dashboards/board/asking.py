"""What an analyst's page asks, and the figures it is answered with: exact, and withheld where they may not be shown."""

from fractions import Fraction

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from dashboards.board.page import View
from dashboards.board.tile import text
from dashboards.report.figures import Ask, ReportFigure, figure_of
from measures.measure import Measure, Where
from measures.reading import NO_EVENTS, Reading


def asking(view: View) -> Ask:
    """The figures of the state at the force's present; what is not live, or of too few, is said in words instead."""
    present = view.reader.present(view.force)

    def ask(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        readings = view.reader.read(measure, window, by=by, where=where, as_of=present, force=view.force, is_now=True)
        return [_shown(measure, each) for each in readings]

    return ask


def answered(measure: Measure, view: View, **told: object) -> Response:
    """An answer as JSON: what it is of, as of when, and what is told."""
    head = {
        "measure": measure.name,
        "force": view.force,
        "as_of": view.reader.present(view.force).astimezone(view.profile.zone()),
        "simulated": view.reader.is_simulated(view.force),
    }
    return Response(msgspec.json.encode({**head, **told}), media_type="application/json")


def _shown(measure: Measure, reading: Reading) -> ReportFigure:
    found = figure_of(measure, reading)
    if found.instead or reading.state in ("live", "in_part") or (reading.is_loading and reading.value is not None):
        return found
    if measure.unit == "count" and reading.reason == NO_EVENTS:
        return replace(found, value=Fraction(), trouble="")
    return replace(found, value=None, instead=text(reading, measure))
