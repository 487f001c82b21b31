"""A series of months or weeks as a control chart, with what it says in words, its table and its picture."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction

from dashboards.report.document import Cell, Column, Drawn, Row, Table
from dashboards.report.drawing import picture
from dashboards.report.layout import Line
from dashboards.report.periods import Period
from dashboards.report.words import Unit, said
from measures.catalogue import CATALOGUE
from measures.chart import FIRM, RULES, Chart, Point, Signal, Step, chart

_COLUMNS = ("Value", "Centre", "Lower limit", "Upper limit", "Signals")


def drawn(
    line: Line, shown: Sequence[Period], values: Sequence[Fraction | None], recalculated: Iterable[date] = ()
) -> Drawn:
    """The control chart of a series.

    Args:
        line: what it is of, and the unit it is shown in.
        shown: its months or weeks, oldest first.
        values: one for each, in the measure's unit.
        recalculated: the first days of the periods from which on limits are taken anew.
    """
    points = [Point(each.start, value) for each, value in zip(shown, values, strict=True)]
    found = chart(points, recalculated)
    titles = {each.start: each.title for each in shown}
    summary = tuple(_summary(line, found, titles))
    return Drawn(
        title=line.label,
        measure=line.measure,
        table=_table(line, found, titles),
        chart=found,
        summary=summary,
        svg=picture(line, found, titles, summary),
    )


def withheld(line: Line) -> Drawn:
    """In place of a chart that would show small numbers."""
    why = "This chart is withheld: it would show small numbers."
    empty = Table(title=line.label, heading="", columns=(), rows=())
    return Drawn(title=line.label, measure=line.measure, table=empty, chart=None, summary=(why,), svg="")


def _summary(line: Line, found: Chart, titles: Mapping[date, str]) -> Iterable[str]:
    for step in found.steps:
        yield _step_words(step, line.unit, titles, is_first=step is found.steps[0])
    for signal in found.signals:
        yield _signal_words(signal, line, titles)
    if not found.signals:
        yield "No signal: what varies here is explained by chance."


def _step_words(step: Step, unit: Unit, titles: Mapping[date, str], *, is_first: bool) -> str:
    if step.centre is None or step.moving_range is None:
        return f"From {titles[step.since]}: too few values for limits."
    firm = f" provisional, from fewer than {FIRM} values;" if step.is_provisional() else ""
    what = "Limits" if is_first else "Limits recalculated"
    lines = (
        f"centre {said(step.centre, unit)}, limits {said(bounded(step.lower()), unit)} to {said(step.upper(), unit)}"
    )
    return f"{what} from {titles[step.since]}:{firm} {lines} ({step.n} values)."


def _signal_words(signal: Signal, line: Line, titles: Mapping[date, str]) -> str:
    first, last = titles[signal.points[0]], titles[signal.points[-1]]
    when = first if first == last else f"{first} to {last}"
    side = {"high": "rising", "low": "falling"} if signal.rule == "trend" else {"high": "above", "low": "below"}
    meaning = signal.meaning(CATALOGUE[line.measure].good)
    return f"{meaning.capitalize()}, {when}: {RULES[signal.rule][0].lower()}{RULES[signal.rule][1:]} ({side[signal.side]})."


def bounded(limit: Fraction | None) -> Fraction | None:
    """A limit as it is shown: no count, share or span is less than 0."""
    return None if limit is None else max(limit, Fraction())


def _table(line: Line, found: Chart, titles: Mapping[date, str]) -> Table:
    rows = []
    for point in found.points:
        step = found.step_of(point.start)
        lines = (point.value, step.centre, bounded(step.lower()), step.upper())
        unit = CATALOGUE[line.measure].unit
        cells = [Cell(said(value, line.unit), value, unit if value is not None else "") for value in lines]
        names = [signal.rule for signal in found.signals if point.start in signal.points]
        is_new = step.since == point.start and step is not found.steps[0]
        told = ", ".join([*names, *(["limits recalculated"] if is_new else [])])
        rows.append(Row(titles[point.start], line.unit.title(), (*cells, Cell(told)), measures=(line.measure,)))
    return Table(title=line.label, heading="Period", columns=tuple(map(Column, _COLUMNS)), rows=tuple(rows))
