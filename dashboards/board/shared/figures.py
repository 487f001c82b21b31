"""The exact figures of the analysts' pages; words take the place of a figure that must not be displayed."""

from fractions import Fraction
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from dashboards.board.shared.page import View
from dashboards.board.shared.tile import text
from dashboards.report.figures import Ask, ReportFigure, figure_of
from measures.measure import Measure, Where
from measures.reading import NO_EVENTS, Reading


def figures_now(view: View) -> Ask:
    """A function that reads figures at the force's present; words replace what is not live or has too few cases."""
    present = view.reader.present(view.force)

    def read(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        readings = view.reader.read(measure, window, by=by, where=where, as_of=present, force=view.force, is_now=True)
        return [_for_display(measure, each) for each in readings]

    return read


def json_response(measure: Measure, view: View, **content: object) -> Response:
    """Content as JSON, with its measure, force and time."""
    head = {"measure": measure.name, **about(view), "explain": f"{view.root}/api/explain/{measure.name}"}
    return Response(msgspec.json.encode({**head, **content}), media_type="application/json")


def about(view: View) -> dict[str, Any]:
    """The force and the moment of an answer, and whether its figures are simulated."""
    return {
        "force": view.force,
        "as_of": view.reader.present(view.force).astimezone(view.profile.zone()),
        "simulated": view.reader.is_simulated(view.force),
    }


def _for_display(measure: Measure, reading: Reading) -> ReportFigure:
    figure = figure_of(measure, reading)
    if figure.instead or reading.state in ("live", "in_part") or (reading.is_loading and reading.value is not None):
        return figure
    if measure.unit == "count" and reading.reason == NO_EVENTS:
        return replace(figure, value=Fraction(), trouble="")
    return replace(figure, value=None, instead=text(reading, measure))
