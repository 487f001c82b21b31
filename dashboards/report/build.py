"""The public report of one month, from the figures of the state or of a recount."""

from collections.abc import Iterable
from datetime import datetime

from dashboards.report.document import Document, DocumentSection, Drawn
from dashboards.report.figures import Ask
from dashboards.report.layout import BandedSpans, Breakdown, Line, Lines, Months, Section, sections, worded
from dashboards.report.periods import Periods, of_month
from dashboards.report.report_figures import ReportFigures
from dashboards.report.series import NO_PERIOD, WITHHELD, drawn, undrawn
from dashboards.report.suppression import RULE
from dashboards.report.tables import Tables
from dashboards.report.targets import Days, changed
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.reading import SIMULATION

MARKING, PUBLIC = "OFFICIAL", "for publication, small numbers withheld"


def report(
    ask: Ask, force: Force, month: str, as_of: datetime, *, is_public: bool = False, is_simulated: bool = False
) -> Document:
    """The report of a month.

    Args:
        ask: answers questions about the force.
        force: whose report.
        month: such as `2024-12`.
        as_of: the force's present, at which the figures are taken.
        is_public: small numbers are withheld.
        is_simulated: the force is: every page says so.

    Raises:
        QuestionError: it is no month, or not over.
    """
    periods = of_month(month, as_of.astimezone(force.zone()).date())
    book = ReportFigures(ask)
    days = (periods.previous.start, periods.year.end)
    layout = worded(sections(force), force, days)
    made = _sections(layout, book, force, periods)
    if is_public:
        book.protect()
        made = _sections(layout, book, force, periods)
    carried = {name: CATALOGUE[name].feeds(force) for name in _names(layout)}
    return Document(
        title="Public performance report" if is_public else "Performance report",
        force=force.title,
        month=periods.months[-1].start,
        period=periods.year.words(),
        as_of=as_of.astimezone(force.zone()),
        marking=" - ".join([MARKING, *([PUBLIC] if is_public else []), *([SIMULATION] if is_simulated else [])]),
        is_public=is_public,
        remarks=(*([RULE] if is_public else []), *_changed(layout, force, days), *_not_adding(book)),
        sections=tuple(section for section in made if section.tables),
        measures=_shown(made),
        uncarried=tuple(CATALOGUE[name].title for name, feeds in carried.items() if not feeds),
    )


def _sections(layout: Iterable[Section], book: ReportFigures, force: Force, periods: Periods) -> list[DocumentSection]:
    tables = Tables(book, force, periods)
    return [
        DocumentSection(
            section.title,
            tuple(table for asked in section.tables for table in tables.build(asked)),
            tuple(
                _chart(line, book, force, periods) for line in section.charts if CATALOGUE[line.measure].feeds(force)
            ),
        )
        for section in layout
    ]


def _chart(line: Line, book: ReportFigures, force: Force, periods: Periods) -> Drawn:
    keys = book.by_month(line, periods.months)
    if CATALOGUE[line.measure].unit == "count":
        book.add(keys[12:], book.one(line, periods.year))
        book.add(keys[:12], book.one(line, periods.previous))
    if book.withheld.intersection(keys):
        return undrawn(line, WITHHELD)
    figures = [book.figures[key] for key in keys]
    first = next((place for place, each in enumerate(figures) if each.is_whole), None)
    if first is None:
        return undrawn(line, NO_PERIOD)
    days = (periods.months[first].start, periods.months[-1].end)
    remarks = changed(CATALOGUE[line.measure], force, days)
    values = [each.of_a_whole_period() for each in figures]
    return drawn(line, periods.months[first:], values[first:], remarks=remarks)


def _names(layout: Iterable[Section]) -> list[str]:
    """The measures of a layout, each once, in its order."""
    names: list[str] = []
    for table in (table for section in layout for table in section.tables):
        match table:
            case Lines(lines=lines) | Months(lines=lines):
                names += [line.measure for line in lines]
            case Breakdown(measure=measure) | BandedSpans(measure=measure):
                names.append(measure)
    return list(dict.fromkeys(names))


def _shown(made: Iterable[DocumentSection]) -> tuple[Measure, ...]:
    names = (name for section in made for table in section.tables for row in table.rows for name in row.measures)
    return tuple(CATALOGUE[name] for name in dict.fromkeys(names))


def _changed(layout: Iterable[Section], force: Force, days: Days) -> Iterable[str]:
    """Said of every share whose target changed within the report's days."""
    for measure in (CATALOGUE[name] for name in _names(layout)):
        yield from (f"{measure.title}: {told}" for told in changed(measure, force, days) if measure.feeds(force))


def _not_adding(book: ReportFigures) -> Iterable[str]:
    """Said of every sum that does not come out: normally nothing."""
    for parts, whole in book.adds():
        yield f"The {len(parts)} parts of {CATALOGUE[whole[0]].title}, {whole[2]}, do not add to it: some have no column here."
