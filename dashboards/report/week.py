"""A measure by weekday and hour of the day, as a table that shows the busy and slow hours of the week."""

from collections.abc import Mapping
from fractions import Fraction

from msgspec.structs import replace

from dashboards.report.document import Column, DocumentCell, DocumentRow, Table, cell_of
from dashboards.report.words import Unit
from measures.chart import exact
from measures.measure import Measure
from measures.reading import Figure

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOURS = 24
Clock = tuple[int, int]
"""Weekday (0 is Monday) and local hour of the day."""


def week_table(measure: Measure, figures: Mapping[Clock, Figure], hours: Mapping[Clock, int]) -> Table:
    """The table: a row for each weekday, a column for each hour of the day.

    Args:
        measure: the measure; a count becomes a mean per hour.
        figures: the figures by weekday and hour.
        hours: the number of hours on record for each; without any there is no data.
    """
    unit = heat_unit(measure)
    rows = tuple(
        DocumentRow(
            name,
            unit.title(),
            tuple(_cell(measure, unit, figures.get((day, hour)), hours.get((day, hour), 0)) for hour in range(_HOURS)),
            measures=(measure.name,),
        )
        for day, name in enumerate(WEEKDAYS)
    )
    columns = tuple(Column(f"{hour:02}", f"{hour:02}:00 to {hour:02}:59") for hour in range(_HOURS))
    return Table(title=f"{measure.title}: {unit_words(measure)}", heading="Weekday", columns=columns, rows=rows)


def heat_unit(measure: Measure) -> Unit:
    """The unit of the cells, short enough for a narrow column."""
    if measure.unit == "seconds":
        return Unit("seconds", 0) if "contacts" in measure.topics() else Unit("minutes", 0)
    return {"count": Unit("count", 1), "ratio": Unit("percent", 0)}[measure.unit]


def unit_words(measure: Measure) -> str:
    """The unit of the cells in words."""
    if measure.unit == "count":
        return "average number per hour"
    return {"percent": "per cent"}.get(heat_unit(measure).kind, heat_unit(measure).kind)


def _cell(measure: Measure, unit: Unit, figure: Figure | None, hours: int) -> DocumentCell:
    """For a count, the mean of the hours; otherwise, the figure of all their cases together."""
    if not hours:
        return DocumentCell("no data")
    n = figure.n if figure else 0
    if measure.unit == "count":
        value: Fraction | None = Fraction(n, hours)
    else:
        met = figure.met if figure and measure.unit == "ratio" else None
        value = exact(figure.value, met, n) if figure else None
    if value is None or (measure.unit != "count" and n < measure.minimum_n):
        return DocumentCell("too few" if n else "none", n=n)
    found = cell_of(value, unit, measure.unit, n)
    return replace(found, text=found.text.removesuffix(unit.suffix()))
