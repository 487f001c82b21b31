"""A report as data: sections of tables and charts, where every cell has its text and its unrounded value."""

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction

from msgspec import Struct

from dashboards.report.words import Unit, figure_text
from measures.chart import Chart
from measures.disagreements import Disagreement
from measures.measure import Measure


class DocumentCell(Struct, frozen=True):
    """A cell.

    Attributes:
        text: the displayed text: rounded once, or as published.
        value: the unrounded value in the measure's unit; None where there is none, it is suppressed or it is quoted.
        unit: the unit of the value: `count`, `ratio`, `seconds`, or `points` for a difference of shares; empty without a value.
        n: the n of the figure; None where it has none.
        notes: the numbers of its notes below the table.
        printed: the unit of the text; None without a value.
        low: the lower bound of a share; None where it has none.
        high: its upper bound.
        unrecorded: the number of outcomes that are not recorded or in doubt; None where that is not known.
        spread: for a mean or a median, the figures of its distribution, by their names in `SPREAD`.
        href: the address of the page on the board that explains it; empty without one.
    """

    text: str
    value: Fraction | None = None
    unit: str = ""
    n: int | None = None
    notes: tuple[int, ...] = ()
    printed: Unit | None = None
    low: float | None = None
    high: float | None = None
    unrecorded: int | None = None
    spread: Mapping[str, float] = {}
    href: str = ""


def cell_of(
    value: Fraction | None, printed: Unit, unit: str, n: int | None = None, notes: tuple[int, ...] = ()
) -> DocumentCell:
    """The cell of a figure.

    Args:
        value: the unrounded value; None where there is none.
        printed: the unit of the text.
        unit: the unit of the value.
        n: the n of the figure.
        notes: the numbers of its notes below the table.
    """
    has_value = value is not None
    return DocumentCell(
        figure_text(value, printed), value, unit if has_value else "", n, notes, printed if has_value else None
    )


class Column(Struct, frozen=True):
    """A column.

    Attributes:
        title: its heading.
        period: its days; empty for a column calculated from other columns.
        brief: the short form of the period below the heading; empty where the heading already says it.
        is_published: whether it quotes a published report.
    """

    title: str
    period: str = ""
    brief: str = ""
    is_published: bool = False


class DocumentRow(Struct, frozen=True):
    """A row.

    Attributes:
        label: its heading.
        unit: the unit of its text; empty for counts.
        cells: one for each column.
        is_total: whether it is the total of the other rows.
        is_part: whether it is a part of the row above.
        measures: the names of its measures: one for the row, or one for each column.
        is_current: whether it is about the present, in a table of times.
        href: the address of the page on the board about what it names; empty without one.
    """

    label: str
    unit: str
    cells: tuple[DocumentCell, ...]
    is_total: bool = False
    is_part: bool = False
    measures: tuple[str, ...] = ()
    is_current: bool = False
    href: str = ""


class Table(Struct, frozen=True):
    """A table.

    Attributes:
        title: its caption.
        heading: the heading of the first column, which holds the row headings.
        columns: the columns, in order.
        rows: the rows, in order.
        notes: the notes to its cells, numbered from 1.
        published: other published figures as sentences: for other periods, or as a change.
        sources: the sources of the quoted figures.
        disagreements: where the published report contradicts itself about these figures.
    """

    title: str
    heading: str
    columns: tuple[Column, ...]
    rows: tuple[DocumentRow, ...]
    notes: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()


class Drawn(Struct, frozen=True):
    """A control chart.

    Attributes:
        title: the title of the series.
        measure: the name of the measure.
        table: its points, limits and signals as a table.
        chart: the chart; None when it is suppressed or there is no figure.
        summary: the chart in sentences.
        svg: the picture; empty when there is no chart.
    """

    title: str
    measure: str
    table: Table
    chart: Chart | None
    summary: tuple[str, ...]
    svg: str


class DocumentSection(Struct, frozen=True):
    """A section of a report."""

    title: str
    tables: tuple[Table, ...]
    charts: tuple[Drawn, ...]


class Document(Struct, frozen=True):
    """A report.

    Attributes:
        title: the title.
        force: the force's title.
        month: the first day of the reported month.
        period: the report's 12 months, in words.
        as_of: the time of the figures.
        marking: the protective marking, printed on every page.
        is_public: whether small numbers are suppressed.
        remarks: remarks on the whole report.
        sections: the sections, in order.
        measures: every measure in the report, for the definitions.
        uncarried: the titles of the measures that the force has no feed for.
    """

    title: str
    force: str
    month: date
    period: str
    as_of: datetime
    marking: str
    is_public: bool
    remarks: tuple[str, ...]
    sections: tuple[DocumentSection, ...]
    measures: tuple[Measure, ...]
    uncarried: tuple[str, ...]
