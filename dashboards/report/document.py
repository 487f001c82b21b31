"""A report as it is shown: sections of tables and charts, every cell with its words and its unrounded value."""

from datetime import date, datetime
from fractions import Fraction

from msgspec import Struct

from dashboards.report.words import Unit, said
from measures.chart import Chart
from measures.disagreements import Disagreement
from measures.measure import Measure


class DocumentCell(Struct, frozen=True):
    """One cell.

    Attributes:
        text: as shown: rounded once, or as it was published.
        value: unrounded, in the measure's unit; None where there is none and for what is published or withheld.
        unit: of the value: `count`, `ratio`, `seconds`; `points` of differences of shares; empty where there is no value.
        n: how many it is taken from; None where that says nothing.
        notes: numbers of the table's notes that must be read with it.
        printed: the unit that its words are in; None where it has no value.
    """

    text: str
    value: Fraction | None = None
    unit: str = ""
    n: int | None = None
    notes: tuple[int, ...] = ()
    printed: Unit | None = None


def cell_of(
    value: Fraction | None, printed: Unit, unit: str, n: int | None = None, notes: tuple[int, ...] = ()
) -> DocumentCell:
    """The cell of a figure.

    Args:
        value: unrounded; None when there is none.
        printed: the unit it is printed in.
        unit: of the value.
        n: how many it is taken from.
        notes: numbers of the table's notes that must be read with it.
    """
    has_value = value is not None
    return DocumentCell(
        said(value, printed), value, unit if has_value else "", n, notes, printed if has_value else None
    )


class Column(Struct, frozen=True):
    """One column.

    Attributes:
        title: its heading.
        period: its days; empty for what is worked out of other columns.
        brief: the same as the page says it below the heading; empty where the heading says it.
        is_published: it quotes a report.
    """

    title: str
    period: str = ""
    brief: str = ""
    is_published: bool = False


class DocumentRow(Struct, frozen=True):
    """One row.

    Attributes:
        label: its heading.
        unit: that it is printed in; empty for counts.
        cells: one for each column.
        is_total: the sum of the others.
        is_part: a part of the row above.
        measures: what its figures are of: names, one for all or one for each column.
    """

    label: str
    unit: str
    cells: tuple[DocumentCell, ...]
    is_total: bool = False
    is_part: bool = False
    measures: tuple[str, ...] = ()


class Table(Struct, frozen=True):
    """One table.

    Attributes:
        title: its caption.
        heading: of the column of row headings.
        columns: in order.
        rows: in order.
        notes: what must be read with its cells, by number from 1.
        published: what was published besides: for other periods, or as a change, in words.
        sources: where what it quotes was published.
        disagreements: where the report disagrees with itself about what it shows.
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
        title: what it is of.
        measure: its name.
        table: its points, limits and signals as a table.
        chart: what is drawn; None when it is withheld.
        summary: what it says, in words.
        svg: the picture.
    """

    title: str
    measure: str
    table: Table
    chart: Chart | None
    summary: tuple[str, ...]
    svg: str


class DocumentSection(Struct, frozen=True):
    """One section."""

    title: str
    tables: tuple[Table, ...]
    charts: tuple[Drawn, ...]


class Document(Struct, frozen=True):
    """A report.

    Attributes:
        title: of it.
        force: the force's title.
        month: the first day of the month reported.
        period: the twelve months it is of, in words.
        as_of: the instant its figures were taken at.
        marking: the protective marking, on every page.
        is_public: small numbers are withheld.
        remarks: what must be known of the whole.
        sections: in order.
        measures: every measure shown, for their definitions.
        uncarried: titles of what the force's feeds do not carry.
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
