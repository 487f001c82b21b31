"""Cells that a spreadsheet would read as a formula are escaped."""

import io
import re
from pathlib import Path

import pytest

from measures.spreadsheet import SafeRows, safe_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_starts_a_formula_is_escaped(start: str) -> None:
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["-3", "-1e-07", "+12.90 pp", "-1,946", "+11.00%", "-0:06:00", "- (1) (2)", "-3 (1)"])
def test_a_signed_figure_stays_a_number(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "-3+cmd",
        "+1\t=1",
        "=1",
        "--3",
        "-1;2",
        "+1%=2",
        " =1",
        "\u00a0=1",
        "\ufeff=1",
        "\u200b@x",
        "\uff1d1",
        "\x00=1",
        " -x",
    ],
)
def test_a_figure_that_is_not_a_number_is_escaped(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "-", "a note", "1 = 1", "a\t=1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


def test_every_cell_of_a_file_is_escaped_and_numbers_stay() -> None:
    out = io.StringIO()
    rows = SafeRows(out)
    rows.writerow(["=head", "+1"])
    rows.writerows([["@a", -3, None, "-4"], ["b", 2.5]])
    assert out.getvalue().splitlines() == ["'=head,+1", "'@a,-3,,-4", "b,2.5"]


def test_no_other_code_writes_csv_or_text_of_a_workbook() -> None:
    """One guard for every export: another writer would have to be guarded too."""
    root, writes = Path(__file__).parents[2], re.compile(r"csv\.(?:writer|DictWriter)|\.write_string\(")
    folders = ("alerts", "bluelamp", "dashboards", "measures", "producers", "streams")
    files = [file for folder in folders for file in (root / folder).rglob("*.py")]
    writing = {str(file.relative_to(root)): len(writes.findall(file.read_text())) for file in files}
    assert {name: count for name, count in writing.items() if count} == {
        "measures/spreadsheet.py": 1,
        "dashboards/report/workbook.py": 1,
    }
