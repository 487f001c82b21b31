"""Control charts of months, weeks or days: the chart, its summary, its table and its picture."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from dashboards.report.document import Column, DocumentCell, DocumentRow, Drawn, Table, cell_of
from dashboards.report.drawing import Extras, Layer, picture
from dashboards.report.events import event_words, known_events
from dashboards.report.figures import Ask, ReportFigure
from dashboards.report.layout import Line
from dashboards.report.naming import line_of, named
from dashboards.report.periods import Comparison, Period, moved
from dashboards.report.targets import changed
from dashboards.report.words import Unit, figure_text
from facts.errors import QuestionError
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.chart import (
    FIRM,
    RULES,
    Chart,
    ChartPoint,
    Grain,
    LimitsPeriod,
    Signal,
    chart,
    periods,
    periods_within,
    without_limits,
)
from measures.display import number
from measures.measure import Bands, External, Measure, Where
from measures.window import resolve

_COLUMNS = ("Value", "Centre", "Lower limit", "Upper limit", "Signals")
LEAST = 2
"""The fewest points of a chart."""
MOST: dict[Grain, int] = {"month": 25, "week": 112, "day": 112}
"""The most points of a chart: all months and weeks that are kept, and as many days as can be distinguished."""
_TITLES: dict[Grain, str] = {"month": "{:%b %Y}", "week": "{:%d %b %Y}", "day": "{:%a %d %b %Y}"}
_LAID_OVER: dict[Comparison, str] = {
    "period_before": "the period before",
    "week_before": "a week before",
    "month_before": "a month before",
    "year_before": "a year before",
}


class SeriesQuery(Struct, frozen=True):
    """A query for a series.

    Attributes:
        measure: the measure.
        where: the labels to filter by, for each dimension.
        grain: months, weeks or days.
        count: the number of whole periods, up to the force's present.
        recalculated: the first days of the periods from which limits are recalculated.
        window: a window of whole days, whose whole periods are charted instead; empty for the last `count`.
        compare: the same series for an earlier time, as an overlay; empty for none.
        over: further labels as overlays, each a dimension and a label.
    """

    measure: Measure
    where: Where = {}
    grain: Grain = "month"
    count: int = 24
    recalculated: tuple[date, ...] = ()
    window: str = ""
    compare: Comparison = ""
    over: tuple[tuple[str, str], ...] = ()


def shown_periods(query: SeriesQuery, force: Force, as_of: datetime) -> list[Period]:
    """The whole periods of a chart, oldest first.

    Raises:
        QuestionError: the window is not of whole days, or has too few or too many periods; `where` is the field of the form.
    """
    today = as_of.astimezone(force.zone()).date()
    if query.window:
        window = resolve(query.window, as_of, force)
        if window.kind == "live":
            hint = "Choose whole days, such as Last 28 days or Last 12 months."
            raise QuestionError("A chart has no points within a day.", where="window", hint=hint)
        spans = periods_within(query.grain, window.start.date(), min(window.end.date(), today))
    else:
        spans = periods(query.grain, today, query.count)
    if len(spans) < LEAST:
        hint = "Choose a longer window, or weeks or days."
        raise QuestionError(
            f"The window has only {number(len(spans), f'whole {query.grain}')}.", where="grain", hint=hint
        )
    if len(spans) > MOST[query.grain]:
        hint = f"A chart has at most {MOST[query.grain]}: choose a shorter window, or weeks or months."
        raise QuestionError(f"The window has {len(spans)} {query.grain}s.", where="grain", hint=hint)
    return [Period(_TITLES[query.grain].format(start), start, end) for start, end in spans]


def series(ask: Ask, force: Force, query: SeriesQuery, as_of: datetime) -> Drawn:
    """The control chart of a measure's whole months, weeks or days.

    Raises:
        QuestionError: the measure cannot be charted, or a recalculation date is not the first day of a period.
    """
    check_charted(query.measure)
    shown = shown_periods(query, force, as_of)
    values, counts = _values(ask, query.measure, query.where, [each.window() for each in shown])
    # Leave out the periods before the first figure.
    first = next((place for place, value in enumerate(values) if value is not None), 0)
    target = query.measure.target_value
    extras = Extras(
        counts=tuple(counts[first:]),
        target=None if target is None else Fraction(str(target)),
        layers=tuple(_layers(ask, force, query, shown[first:])),
        events=tuple(known_events(force, shown[first].start, shown[-1].end)),
        grain=query.grain,
    )
    remarks = changed(query.measure, force, (shown[first].start, shown[-1].end))
    line = line_of(query.measure, force)
    return drawn(line, shown[first:], values[first:], query.recalculated, remarks, extras)


def check_charted(measure: Measure) -> None:
    """Refuse a measure that cannot be charted.

    Raises:
        QuestionError: it has no single figure for a period.
    """
    if measure.is_open() or isinstance(measure.statistic, Bands | External):
        what = f"{measure.name} cannot be charted: it has no single figure for a month or week."
        hint = "Choose a count, a share, a mean or a median that is not of open items."
        raise QuestionError(what, where="MEASURE", hint=hint)


def _values(
    ask: Ask, measure: Measure, where: Where, windows: Iterable[str]
) -> tuple[list[Fraction | None], list[int | None]]:
    """For each window the value that may be charted, and the n of the figure.

    Figures with too few cases would widen the limits and cause signals by chance.
    """
    figures = [ask(measure, window, (), where)[0] for window in windows]
    values = [each.of_a_whole_period() if is_enough(measure, each) else None for each in figures]
    return values, [each.n for each in figures]


def _layers(ask: Ask, force: Force, query: SeriesQuery, shown: Sequence[Period]) -> Iterable[Layer]:
    """The overlays of the chart."""
    for dimension, word in query.over:
        where = {**query.where, dimension: (word,)}
        title = dict(named(force, dimension, [word], f"No {dimension}")).get(word, word)
        yield Layer(title, tuple(_values(ask, query.measure, where, [each.window() for each in shown])[0]))
    if query.compare:
        before = ["{}/{}".format(*moved(each.start, each.end, query.compare)) for each in shown]
        yield Layer(_LAID_OVER[query.compare], tuple(_values(ask, query.measure, query.where, before)[0]))


def windows_of(query: SeriesQuery, force: Force, as_of: datetime) -> list[str]:
    """The windows that a chart reads, as FROM/TO."""
    shown = shown_periods(query, force, as_of)
    windows = [f"{shown[0].start}/{shown[-1].end}"]
    if query.compare:
        first, last = (moved(each.start, each.end, query.compare) for each in (shown[0], shown[-1]))
        windows.append(f"{first[0]}/{last[1]}")
    return windows


def is_enough(measure: Measure, figure: ReportFigure) -> bool:
    """Whether a figure has enough cases to be charted."""
    return measure.unit == "count" or (figure.n or 0) >= measure.minimum_n


def drawn(
    line: Line,
    shown: Sequence[Period],
    values: Sequence[Fraction | None],
    recalculated: Iterable[date] = (),
    remarks: Iterable[str] = (),
    extras: Extras | None = None,
) -> Drawn:
    """The control chart of a series.

    Args:
        line: the measure, label and unit of the chart.
        shown: the months, weeks or days, oldest first.
        values: one value for each, in the measure's unit.
        recalculated: the first days of the periods from which limits are recalculated.
        remarks: sentences to put before the summary.
        extras: what is drawn besides the series.
    """
    extras = extras or Extras()
    points = [ChartPoint(each.start, value) for each, value in zip(shown, values, strict=True)]
    found = without_limits(points) if extras.grain == "day" else chart(points, recalculated)
    titles = {each.start: each.title for each in shown}
    events = {
        each.start: event_words([one for one in extras.events if each.start <= one.day < each.end]) for each in shown
    }
    summary = (*remarks, *_summary(line, found, titles, extras))
    return Drawn(
        title=line.label,
        measure=line.measure,
        table=_table(line, found, titles, extras, events),
        chart=found,
        summary=summary,
        svg=picture(line, found, titles, summary, extras, events),
    )


SUPPRESSED = "This chart is suppressed, because it would show small numbers."
NO_PERIOD = "There is no chart, because the record does not cover a whole month yet."


def undrawn(line: Line, why: str) -> Drawn:
    """An empty chart that says why there is none."""
    empty = Table(title=line.label, heading="", columns=(), rows=())
    return Drawn(title=line.label, measure=line.measure, table=empty, chart=None, summary=(why,), svg="")


def _missing(found: Chart, titles: Mapping[date, str]) -> Iterator[str]:
    """The periods without a figure; of three or more in a row, the first and the last."""
    for is_missing, run in groupby(found.points, key=lambda point: point.value is None):
        names = [titles[point.start] for point in run] if is_missing else []
        yield from names if len(names) < _LONG_RUN else [f"{names[0]} to {names[-1]}"]


_LONG_RUN = 3


def _summary(line: Line, found: Chart, titles: Mapping[date, str], extras: Extras) -> Iterable[str]:
    missing = ", ".join(_missing(found, titles))
    if missing:
        yield f"No figure, because there are too few cases or the record is incomplete: {missing}."
    if extras.grain == "day":
        yield _NO_LIMITS
        return
    for step in found.steps:
        yield _step_words(step, line.unit, titles, is_first=step is found.steps[0])
    for signal in _merged(found):
        yield _signal_words(signal, line, titles)
    yield from _without_signal(found, titles)


_NO_LIMITS = "A chart of days has no limits: the days of a week differ, and limits would report that as signals."


def _without_signal(found: Chart, titles: Mapping[date, str]) -> Iterable[str]:
    """Whether chance explains everything; that is not claimed from too few points."""
    signalled = {point for signal in found.signals for point in signal.points}
    for place, step in enumerate(found.steps):
        end = found.steps[place + 1].since if place + 1 < len(found.steps) else date.max
        if any(step.since <= point < end for point in signalled):
            continue
        since = f" from {titles[step.since]}" if len(found.steps) > 1 else ""
        if step.is_provisional():
            yield f"Not enough points{since}: {step.n} of {FIRM} needed."
        else:
            yield f"No signal{since}: the variation is explained by chance."


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


def _table(line: Line, found: Chart, titles: Mapping[date, str], extras: Extras, events: Mapping[date, str]) -> Table:
    has_limits = extras.grain != "day"
    counts = extras.counts if CATALOGUE[line.measure].unit != "count" and extras.counts else (None,) * len(found.points)
    rows = []
    for place, point in enumerate(found.points):
        cells = [_cell(point.value, line, counts[place])]
        cells += _limit_cells(found, point, line) if has_limits else []
        cells += [_cell(layer.values[place], line) for layer in extras.layers]
        cells += [DocumentCell(events[point.start])] if extras.events else []
        rows.append(DocumentRow(titles[point.start], line.unit.title(), tuple(cells), measures=(line.measure,)))
    columns = [*(_COLUMNS if has_limits else _COLUMNS[:1]), *(layer.title.capitalize() for layer in extras.layers)]
    columns += ["Known events"] if extras.events else []
    return Table(title=line.label, heading="Period", columns=tuple(map(Column, columns)), rows=tuple(rows))


def _cell(value: Fraction | None, line: Line, n: int | None = None) -> DocumentCell:
    return cell_of(value, line.unit, CATALOGUE[line.measure].unit, n)


def _limit_cells(found: Chart, point: ChartPoint, line: Line) -> Iterable[DocumentCell]:
    step = found.step_of(point.start)
    yield from (_cell(value, line) for value in (step.centre, bounded(step.lower()), step.upper()))
    names = [signal.rule for signal in found.signals if point.start in signal.points]
    is_new = step.since == point.start and step is not found.steps[0]
    yield DocumentCell(", ".join([*names, *(["limits recalculated"] if is_new else [])]))
