"""Small charts of one measure, one for each label of a dimension, all on one scale, so that areas can be compared at a glance."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from html import escape
from itertools import groupby
from typing import Any

from msgspec import Struct

from dashboards.report.figures import Ask
from dashboards.report.layout import Line
from dashboards.report.naming import line_of, named
from dashboards.report.periods import Period
from dashboards.report.series import SeriesQuery, check_charted, is_enough, shown_periods
from dashboards.report.words import NOTHING, figure_text
from facts.force import Force
from measures.chart import Grain

_WIDTH, _HEIGHT, _EDGE = 220, 64, 4
_WHEN: dict[Grain, str] = {"month": "in", "week": "in the week from", "day": "on"}


class SmallChart(Struct, frozen=True):
    """One small chart.

    Attributes:
        word: the label.
        title: its name.
        latest: the last figure, with its period, in words.
        svg: the picture.
    """

    word: str
    title: str
    latest: str
    svg: str

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return {"word": self.word, "title": self.title, "latest": self.latest, "svg": self.svg}


def small_charts(ask: Ask, force: Force, query: SeriesQuery, by: str, as_of: datetime) -> list[SmallChart]:
    """A small chart for each label of a dimension that has figures, in the profile's order.

    Args:
        ask: runs queries on the force's figures.
        force: the force.
        query: the series; its overlays are left out.
        by: the dimension.
        as_of: the force's present.

    Raises:
        QuestionError: the measure cannot be charted or has no such dimension.
    """
    check_charted(query.measure)
    shown, line = shown_periods(query, force, as_of), line_of(query.measure, force)
    columns = [_column(ask, query, by, each) for each in shown]
    seen = {word for found, _ in columns for word in found}
    every = {word: [found.get(word, missing) for found, missing in columns] for word in seen}
    # The periods before the first figure are left out, as in the large chart.
    known = [place for values in every.values() for place, value in enumerate(values) if value is not None]
    first = min(known, default=0)
    series, shown = {word: values[first:] for word, values in every.items()}, shown[first:]
    most = max((value for values in series.values() for value in values if value is not None), default=Fraction(1))
    names = [(word, name) for word, name in named(force, by, seen, f"No {by}") if word in seen]
    when = [f"{_WHEN[query.grain]} {each.title}" for each in shown]
    return [_small(word, name, series[word], when, line, most or Fraction(1)) for word, name in names]


def _column(
    ask: Ask, query: SeriesQuery, by: str, period: Period
) -> tuple[Mapping[str, Fraction | None], Fraction | None]:
    """The values of one period, by label, and the value of every other label: 0 for a count if the record covers the period."""
    measure = query.measure
    figures = ask(measure, period.window(), (by,), query.where)
    found = {each.dimensions[by]: each.of_a_whole_period() if is_enough(measure, each) else None for each in figures}
    whole = ask(measure, period.window(), (), query.where)[0].of_a_whole_period() if measure.unit == "count" else None
    return found, None if whole is None else Fraction()


def _small(
    word: str, name: str, values: Sequence[Fraction | None], when: Sequence[str], line: Line, most: Fraction
) -> SmallChart:
    last = next((place for place in reversed(range(len(values))) if values[place] is not None), None)
    unit = "" if line.unit.suffix() or line.unit.kind == "clock" else line.unit.title()
    latest = (
        NOTHING if last is None else " ".join(filter(None, (figure_text(values[last], line.unit), unit, when[last])))
    )
    title = escape(f"{name}: {latest}")
    svg = (
        f'<svg class="small" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
        f"<title>{title}</title>{''.join(_shapes(values, most))}</svg>"
    )
    return SmallChart(word, name, latest, svg)


def _shapes(values: Sequence[Fraction | None], most: Fraction) -> Iterable[str]:
    step = (_WIDTH - 2 * _EDGE) / max(1, len(values) - 1)
    yield f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT - _EDGE}" y2="{_HEIGHT - _EDGE}"/>'
    for is_known, group in groupby(enumerate(values), key=lambda each: each[1] is not None):
        if is_known:
            places = [
                (_EDGE + place * step, _HEIGHT - _EDGE - float(value / most) * (_HEIGHT - 2 * _EDGE))
                for place, value in group
                if value is not None
            ]
            yield f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>'
            x, y = places[-1]
            yield f'<circle class="none" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
