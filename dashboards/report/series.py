"""Control charts of months or weeks: the chart, its summary, its table and its picture."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from dashboards.report.document import Column, DocumentCell, DocumentRow, Drawn, Table, cell_of
from dashboards.report.drawing import picture
from dashboards.report.figures import Ask, ReportFigure
from dashboards.report.layout import Line
from dashboards.report.naming import line_of
from dashboards.report.periods import Period
from dashboards.report.targets import changed
from dashboards.report.words import Unit, figure_text
from facts.errors import QuestionError
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.chart import FIRM, RULES, Chart, ChartPoint, Grain, LimitsPeriod, Signal, chart, periods
from measures.measure import Bands, External, Measure, Where

_COLUMNS = ("Value", "Centre", "Lower limit", "Upper limit", "Signals")


class SeriesQuery(Struct, frozen=True):
    """A query for a series.

    Attributes:
        measure: the measure.
        where: the labels to filter by, for each dimension.
        grain: months or weeks.
        count: the number of whole months or weeks, up to the force's present.
        recalculated: the first days of the periods from which limits are recalculated.
    """

    measure: Measure
    where: Where = {}
    grain: Grain = "month"
    count: int = 24
    recalculated: tuple[date, ...] = ()


def series(ask: Ask, force: Force, query: SeriesQuery, as_of: datetime) -> Drawn:
    """The control chart of a measure's last whole months or weeks.

    Raises:
        QuestionError: the measure cannot be charted, or a recalculation date is not the first day of a period.
    """
    if query.measure.is_open() or isinstance(query.measure.statistic, Bands | External):
        what = f"{query.measure.name} cannot be charted: it has no single figure for a month or week."
        hint = "Choose a count, a share, a mean or a median that is not of open items."
        raise QuestionError(what, where="MEASURE", hint=hint)
    today = as_of.astimezone(force.zone()).date()
    titled = {"month": "{:%b %Y}", "week": "{:%d %b %Y}"}[query.grain]
    shown = [Period(titled.format(start), start, end) for start, end in periods(query.grain, today, query.count)]
    figures = [ask(query.measure, each.window(), (), query.where)[0] for each in shown]
    line = line_of(query.measure, force)
    # Figures with too few cases would widen the limits and cause signals by chance.
    values = [each.of_a_whole_period() if _is_enough(query.measure, each) else None for each in figures]
    # Leave out the periods before the first figure.
    first = next((place for place, value in enumerate(values) if value is not None), 0)
    remarks = changed(query.measure, force, (shown[first].start, shown[-1].end))
    return drawn(line, shown[first:], values[first:], query.recalculated, remarks)


def _is_enough(measure: Measure, figure: ReportFigure) -> bool:
    return measure.unit == "count" or (figure.n or 0) >= measure.minimum_n


def drawn(
    line: Line,
    shown: Sequence[Period],
    values: Sequence[Fraction | None],
    recalculated: Iterable[date] = (),
    remarks: Iterable[str] = (),
) -> Drawn:
    """The control chart of a series.

    Args:
        line: the measure, label and unit of the chart.
        shown: the months or weeks, oldest first.
        values: one value for each, in the measure's unit.
        recalculated: the first days of the periods from which limits are recalculated.
        remarks: sentences to put before the summary.
    """
    points = [ChartPoint(each.start, value) for each, value in zip(shown, values, strict=True)]
    found = chart(points, recalculated)
    titles = {each.start: each.title for each in shown}
    summary = (*remarks, *_summary(line, found, titles))
    return Drawn(
        title=line.label,
        measure=line.measure,
        table=_table(line, found, titles),
        chart=found,
        summary=summary,
        svg=picture(line, found, titles, summary),
    )


SUPPRESSED = "This chart is suppressed, because it would show small numbers."
NO_PERIOD = "There is no chart, because the record does not cover a whole month yet."


def undrawn(line: Line, why: str) -> Drawn:
    """An empty chart that says why there is none."""
    empty = Table(title=line.label, heading="", columns=(), rows=())
    return Drawn(title=line.label, measure=line.measure, table=empty, chart=None, summary=(why,), svg="")


def _summary(line: Line, found: Chart, titles: Mapping[date, str]) -> Iterable[str]:
    missing = [titles[point.start] for point in found.points if point.value is None]
    if missing:
        yield f"No figure, because there are too few cases or the record is incomplete: {', '.join(missing)}."
    for step in found.steps:
        yield _step_words(step, line.unit, titles, is_first=step is found.steps[0])
    for signal in _merged(found):
        yield _signal_words(signal, line, titles)
    if not found.signals:
        yield "No signal: the variation is explained by chance."


def _step_words(step: LimitsPeriod, unit: Unit, titles: Mapping[date, str], *, is_first: bool) -> str:
    if step.centre is None or step.moving_range is None:
        return f"From {titles[step.since]}: too few values for limits."
    firm = f" provisional, from fewer than {FIRM} values;" if step.is_provisional() else ""
    what = "Limits" if is_first else "Limits recalculated"
    lines = f"centre {figure_text(step.centre, unit)}, limits {figure_text(bounded(step.lower()), unit)} to {figure_text(step.upper(), unit)}"
    return f"{what} from {titles[step.since]}:{firm} {lines} ({step.n} values)."


def _merged(found: Chart) -> Iterable[Signal]:
    """The signals; consecutive points outside the same limit become one signal."""
    places = {point.start: place for place, point in enumerate(found.points)}
    merged: list[Signal] = []
    ends: dict[str, int] = {}
    for signal in found.signals:
        end = ends.get(signal.side)
        if signal.rule == "outside":
            if end is not None and places[merged[end].points[-1]] + 1 == places[signal.points[0]]:
                merged[end] = replace(merged[end], points=merged[end].points + signal.points)
                continue
            ends[signal.side] = len(merged)
        merged.append(signal)
    return merged


def _signal_words(signal: Signal, line: Line, titles: Mapping[date, str]) -> str:
    first, last = titles[signal.points[0]], titles[signal.points[-1]]
    when = first if first == last else f"{first} to {last}"
    side = {"high": "rising", "low": "falling"} if signal.rule == "trend" else {"high": "above", "low": "below"}
    meaning = signal.meaning(CATALOGUE[line.measure].good)
    is_several = signal.rule == "outside" and len(signal.points) > 1
    rule = "Every point outside the process limits" if is_several else RULES[signal.rule]
    return f"{meaning.capitalize()}, {when}: {rule[0].lower()}{rule[1:]} ({side[signal.side]})."


def bounded(limit: Fraction | None) -> Fraction | None:
    """A limit for display: at least 0, because no count, share or span is negative."""
    return None if limit is None else max(limit, Fraction())


def _table(line: Line, found: Chart, titles: Mapping[date, str]) -> Table:
    rows = []
    for point in found.points:
        step = found.step_of(point.start)
        lines = (point.value, step.centre, bounded(step.lower()), step.upper())
        unit = CATALOGUE[line.measure].unit
        cells = [cell_of(value, line.unit, unit) for value in lines]
        names = [signal.rule for signal in found.signals if point.start in signal.points]
        is_new = step.since == point.start and step is not found.steps[0]
        signals = DocumentCell(", ".join([*names, *(["limits recalculated"] if is_new else [])]))
        row = DocumentRow(titles[point.start], line.unit.title(), (*cells, signals), measures=(line.measure,))
        rows.append(row)
    return Table(title=line.label, heading="Period", columns=tuple(map(Column, _COLUMNS)), rows=tuple(rows))
