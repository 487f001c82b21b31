"""A series of months or weeks as a control chart, with what it says in words, its table and its picture."""

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
from dashboards.report.words import Unit, said
from facts.errors import QuestionError
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.chart import FIRM, RULES, Chart, ChartPoint, Grain, LimitsPeriod, Signal, chart, periods
from measures.measure import Bands, External, Measure, Where

_COLUMNS = ("Value", "Centre", "Lower limit", "Upper limit", "Signals")


class SeriesQuery(Struct, frozen=True):
    """A series that is asked for.

    Attributes:
        measure: of which measure.
        where: the words it is limited to.
        grain: months or weeks.
        count: how many whole ones, up to the force's present.
        recalculated: the first days of the periods from which on limits are taken anew.
    """

    measure: Measure
    where: Where = {}
    grain: Grain = "month"
    count: int = 24
    recalculated: tuple[date, ...] = ()


def series(ask: Ask, force: Force, asked: SeriesQuery, as_of: datetime) -> Drawn:
    """The control chart of a measure's last whole months or weeks.

    Raises:
        QuestionError: it cannot be asked so, or a recalculation begins none of its periods.
    """
    if asked.measure.is_open() or isinstance(asked.measure.statistic, Bands | External):
        what = f"{asked.measure.name} has no single figure for a period."
        raise QuestionError(what, where="MEASURE", hint="Ask for a count, a share, a mean or a median over time.")
    today = as_of.astimezone(force.zone()).date()
    titled = {"month": "{:%b %Y}", "week": "{:%d %b %Y}"}[asked.grain]
    shown = [Period(titled.format(start), start, end) for start, end in periods(asked.grain, today, asked.count)]
    figures = [ask(asked.measure, each.window(), (), asked.where)[0] for each in shown]
    line = line_of(asked.measure, force)
    # A figure of too few says little: it would make the limits wide and the signals chance.
    values = [each.of_a_whole_period() if _is_enough(asked.measure, each) else None for each in figures]
    # Before the first there is nothing to be seen.
    first = next((place for place, value in enumerate(values) if value is not None), 0)
    remarks = changed(asked.measure, force, (shown[first].start, shown[-1].end))
    return drawn(line, shown[first:], values[first:], asked.recalculated, remarks)


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
        line: what it is of, and the unit it is shown in.
        shown: its months or weeks, oldest first.
        values: one for each, in the measure's unit.
        recalculated: the first days of the periods from which on limits are taken anew.
        remarks: what must be read with it.
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


WITHHELD = "This chart is withheld: it would show small numbers."
NO_PERIOD = "There is no chart: the record holds no whole month of it yet."


def undrawn(line: Line, why: str) -> Drawn:
    """In place of a chart."""
    empty = Table(title=line.label, heading="", columns=(), rows=())
    return Drawn(title=line.label, measure=line.measure, table=empty, chart=None, summary=(why,), svg="")


def _summary(line: Line, found: Chart, titles: Mapping[date, str]) -> Iterable[str]:
    missing = [titles[point.start] for point in found.points if point.value is None]
    if missing:
        yield f"No figure, of too few or because the record does not hold it all: {', '.join(missing)}."
    for step in found.steps:
        yield _step_words(step, line.unit, titles, is_first=step is found.steps[0])
    for signal in _told_once(found):
        yield _signal_words(signal, line, titles)
    if not found.signals:
        yield "No signal: what varies here is explained by chance."


def _step_words(step: LimitsPeriod, unit: Unit, titles: Mapping[date, str], *, is_first: bool) -> str:
    if step.centre is None or step.moving_range is None:
        return f"From {titles[step.since]}: too few values for limits."
    firm = f" provisional, from fewer than {FIRM} values;" if step.is_provisional() else ""
    what = "Limits" if is_first else "Limits recalculated"
    lines = (
        f"centre {said(step.centre, unit)}, limits {said(bounded(step.lower()), unit)} to {said(step.upper(), unit)}"
    )
    return f"{what} from {titles[step.since]}:{firm} {lines} ({step.n} values)."


def _told_once(found: Chart) -> Iterable[Signal]:
    """The signals, with points outside that follow each other on one side as one."""
    places = {point.start: place for place, point in enumerate(found.points)}
    told: list[Signal] = []
    ends: dict[str, int] = {}
    for signal in found.signals:
        end = ends.get(signal.side)
        if signal.rule == "outside":
            if end is not None and places[told[end].points[-1]] + 1 == places[signal.points[0]]:
                told[end] = replace(told[end], points=told[end].points + signal.points)
                continue
            ends[signal.side] = len(told)
        told.append(signal)
    return told


def _signal_words(signal: Signal, line: Line, titles: Mapping[date, str]) -> str:
    first, last = titles[signal.points[0]], titles[signal.points[-1]]
    when = first if first == last else f"{first} to {last}"
    side = {"high": "rising", "low": "falling"} if signal.rule == "trend" else {"high": "above", "low": "below"}
    meaning = signal.meaning(CATALOGUE[line.measure].good)
    is_several = signal.rule == "outside" and len(signal.points) > 1
    rule = "Every point outside the process limits" if is_several else RULES[signal.rule]
    return f"{meaning.capitalize()}, {when}: {rule[0].lower()}{rule[1:]} ({side[signal.side]})."


def bounded(limit: Fraction | None) -> Fraction | None:
    """A limit as it is shown: no count, share or span is less than 0."""
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
        told = ", ".join([*names, *(["limits recalculated"] if is_new else [])])
        rows.append(
            DocumentRow(titles[point.start], line.unit.title(), (*cells, DocumentCell(told)), measures=(line.measure,))
        )
    return Table(title=line.label, heading="Period", columns=tuple(map(Column, _COLUMNS)), rows=tuple(rows))
