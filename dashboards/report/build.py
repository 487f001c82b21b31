"""Builds the performance report of a month from figures of the state or of a recount."""

from collections.abc import Iterable
from datetime import datetime

from dashboards.report.document import Document, DocumentSection, Drawn
from dashboards.report.figures import Ask
from dashboards.report.layout import BandedSpans, BreakdownTable, Line, Lines, Months, Section, sections, worded
from dashboards.report.periods import Periods, of_month
from dashboards.report.report_figures import ReportFigures
from dashboards.report.series import NO_PERIOD, SUPPRESSED, drawn, undrawn
from dashboards.report.suppression import RULE
from dashboards.report.tables import Tables
from dashboards.report.targets import Days, changed
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.reading import SIMULATION

MARKING, PUBLIC = "OFFICIAL", "for publication, small numbers suppressed"


def report(
    ask: Ask, force: Force, month: str, as_of: datetime, *, is_public: bool = False, is_simulated: bool = False
) -> Document:
    """The report of a month.

    Args:
        ask: runs queries on the force's figures.
        force: the force.
        month: such as `2024-12`.
        as_of: the force's present, which is the time of the figures.
        is_public: whether to suppress small numbers.
        is_simulated: whether the force is simulated; every page says so.

    Raises:
        QuestionError: the month is not valid, or is not over.
    """
    periods = of_month(month, as_of.astimezone(force.zone()).date())
    figures = ReportFigures(ask)
    days = (periods.previous.start, periods.year.end)
    layout = worded(sections(force), force, days)
    built = _sections(layout, figures, force, periods)
    if is_public:
        figures.suppress([(periods.year, periods.months[12:]), (periods.previous, periods.months[:12])])
        built = _sections(layout, figures, force, periods)
    feeds = {name: CATALOGUE[name].feeds(force) for name in _names(layout)}
    return Document(
        title="Public performance report" if is_public else "Performance report",
        force=force.title,
        month=periods.months[-1].start,
        period=periods.year.words(),
        as_of=as_of.astimezone(force.zone()),
        marking=" - ".join([MARKING, *([PUBLIC] if is_public else []), *([SIMULATION] if is_simulated else [])]),
        is_public=is_public,
        remarks=(*([RULE] if is_public else []), *_changed(layout, force, days), *_not_adding(figures)),
        sections=tuple(section for section in built if section.tables),
        measures=_measures(built),
        uncarried=tuple(CATALOGUE[name].title for name, of_measure in feeds.items() if not of_measure),
    )


def _sections(
    layout: Iterable[Section], figures: ReportFigures, force: Force, periods: Periods
) -> list[DocumentSection]:
    tables = Tables(figures, force, periods)
    return [
        DocumentSection(
            section.title,
            tuple(table for planned in section.tables for table in tables.build(planned)),
            tuple(
                _chart(line, figures, force, periods) for line in section.charts if CATALOGUE[line.measure].feeds(force)
            ),
        )
        for section in layout
    ]


def _chart(line: Line, figures: ReportFigures, force: Force, periods: Periods) -> Drawn:
    keys = figures.by_month(line, periods.months)
    if CATALOGUE[line.measure].unit == "count":
        figures.add(keys[12:], figures.one(line, periods.year))
        figures.add(keys[:12], figures.one(line, periods.previous))
    if figures.suppressed.intersection(keys):
        return undrawn(line, SUPPRESSED)
    monthly = [figures.figures[key] for key in keys]
    first = next((place for place, each in enumerate(monthly) if each.is_whole), None)
    if first is None:
        return undrawn(line, NO_PERIOD)
    days = (periods.months[first].start, periods.months[-1].end)
    remarks = changed(CATALOGUE[line.measure], force, days)
    values = [each.of_a_whole_period() for each in monthly]
    return drawn(line, periods.months[first:], values[first:], remarks=remarks)


def _names(layout: Iterable[Section]) -> list[str]:
    """The measures of a layout, each once, in order."""
    names: list[str] = []
    for table in (table for section in layout for table in section.tables):
        match table:
            case Lines(lines=lines) | Months(lines=lines):
                names += [line.measure for line in lines]
            case BreakdownTable(measure=measure) | BandedSpans(measure=measure):
                names.append(measure)
    return list(dict.fromkeys(names))


def _measures(built: Iterable[DocumentSection]) -> tuple[Measure, ...]:
    names = (name for section in built for table in section.tables for row in table.rows for name in row.measures)
    return tuple(CATALOGUE[name] for name in dict.fromkeys(names))


def _changed(layout: Iterable[Section], force: Force, days: Days) -> Iterable[str]:
    """A remark for every share whose target changed during the report's days."""
    for measure in (CATALOGUE[name] for name in _names(layout)):
        yield from (f"{measure.title}: {remark}" for remark in changed(measure, force, days) if measure.feeds(force))


def _not_adding(figures: ReportFigures) -> Iterable[str]:
    """A remark for every total that its parts do not add up to; normally none."""
    for parts, whole in figures.mismatches():
        title = CATALOGUE[whole[0]].title
        yield f"The {len(parts)} parts of {title}, {whole[2]}, do not add up to the total: some have no column in this report."
