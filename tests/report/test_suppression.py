"""Public copies show no small number, and none can be worked out from a total."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dashboards.report.document import Document
from dashboards.report.figures import ReportFigure
from dashboards.report.file import table_file
from dashboards.report.page import html
from dashboards.report.suppression import RULE, SMALL, SUPPRESSED, Key, is_small, suppressed
from measures.measure import Unit

TABLES = some.integers(2, 4).flatmap(
    lambda width: some.lists(some.lists(some.integers(0, 12), min_size=width, max_size=width), min_size=2, max_size=4)
)


def key(row: int, column: int) -> Key:
    return f"{row}", (), f"{column}"


@given(TABLES)
def test_no_total_reveals_a_suppressed_number(table: Sequence[Sequence[int]]) -> None:
    """Rows and columns with their totals, and the grand total."""
    full = [[*row, sum(row)] for row in table]
    full.append([sum(column) for column in zip(*full, strict=True)])
    places = [(row, column) for row in range(len(full)) for column in range(len(full[0]))]
    counts = {key(row, column): full[row][column] for row, column in places}
    last_row, last_column = len(full) - 1, len(full[0]) - 1
    sums = [
        *(([key(row, column) for column in range(last_column)], key(row, last_column)) for row in range(len(full))),
        *(([key(row, column) for row in range(last_row)], key(last_row, column)) for column in range(last_column + 1)),
    ]
    small = [each for each, count in counts.items() if 0 < count < SMALL]
    hidden = suppressed(small, counts, sums)
    assert hidden >= set(small)
    assert all(len(hidden.intersection((*parts, whole))) != 1 for parts, whole in sums)
    assert small or not hidden


@pytest.mark.parametrize(
    ("unit", "value", "n", "met", "expected"),
    [
        ("count", 0, 0, None, False),
        ("count", 1, 1, None, True),
        ("count", 4, 4, None, True),
        ("count", 5, 5, None, False),
        ("seconds", 900, 4, None, True),
        ("seconds", 900, 5, None, False),
        ("ratio", 0.5, 100, 4, True),
        ("ratio", 0.5, 100, 96, True),
        ("ratio", 0.5, 100, 100, False),
        ("ratio", 0.5, 100, 50, False),
    ],
)
def test_what_is_small(unit: Unit, value: float, n: int, met: int | None, expected: bool) -> None:
    assert is_small(ReportFigure({}, Fraction(value), n, met), unit) is expected


def test_a_public_copy_shows_no_small_count_and_states_the_rule(document: Document, public: Document) -> None:
    def shown(of: Document) -> list[int]:
        tables = [
            table for section in of.sections for table in (*section.tables, *(each.table for each in section.charts))
        ]
        cells = [
            cell for table in tables for row in table.rows for cell in row.cells if cell.unit == "count" and cell.n
        ]
        return [int(cell.value) for cell in cells if cell.value is not None and 0 < cell.value < SMALL]

    assert shown(document)
    assert not shown(public)
    for copy in (html(public), table_file(public)):
        assert SUPPRESSED in copy
        assert RULE in copy
    assert SUPPRESSED not in html(document)
    assert RULE not in html(document)


def test_nothing_calculated_from_a_suppressed_figure_is_shown(public: Document) -> None:
    for section in public.sections:
        for table in section.tables:
            titles = [column.title for column in table.columns]
            for row in table.rows:
                by_column = dict(zip(titles, row.cells, strict=True)) if "Difference" in titles else {}
                if by_column and SUPPRESSED in (row.cells[0].text, row.cells[1].text):
                    assert by_column["Difference"].text == by_column["% difference"].text == SUPPRESSED
                if by_column and "Proportion" in titles and row.cells[0].text == SUPPRESSED:
                    assert by_column["Proportion"].text == SUPPRESSED
