"""The workbook, read back from its bytes: every cell equals the CSV, displays the same text and suppresses the same figures."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from html import unescape
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dashboards.report.document import Document, DocumentCell
from dashboards.report.file import table_file
from dashboards.report.page import html
from dashboards.report.suppression import RULE, SUPPRESSED
from dashboards.report.words import CHANGE, Unit, figure_text
from dashboards.report.workbook import FIRST_ROW, printed, workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Held = str | float


@dataclass(frozen=True)
class Sheet:
    """A sheet as a program reads it: for each row and column, from 0, the content and number format of the cell."""

    name: str
    cells: dict[tuple[int, int], tuple[Held, str]]
    header: str
    footer: str


def sheets(content: bytes) -> Iterator[Sheet]:
    """Every sheet of a workbook, read with the standard library only."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        names = [each.get("name", "") for each in ET.fromstring(parts.read("xl/workbook.xml")).iter(f"{MAIN}sheet")]
        words = ["".join(each.itertext()) for each in ET.fromstring(parts.read("xl/sharedStrings.xml"))]
        styles = ET.fromstring(parts.read("xl/styles.xml"))
        codes = {each.get("numFmtId"): each.get("formatCode", "") for each in styles.iter(f"{MAIN}numFmt")}
        built_in: dict[str | None, str] = {
            "0": "General",
            "1": "0",
            "2": "0.00",
            "3": "#,##0",
            "4": "#,##0.00",
            "9": "0%",
            "10": "0.00%",
        }
        codes = {**built_in, **codes}
        formats = [codes[each.get("numFmtId", "")] for each in _within(styles, "cellXfs")]
        for number, name in enumerate(names, start=1):
            sheet = ET.fromstring(parts.read(f"xl/worksheets/sheet{number}.xml"))
            cells = {}
            for each in sheet.iter(f"{MAIN}c"):
                if (value := each.findtext(f"{MAIN}v")) is not None:
                    held = words[int(value)] if each.get("t") == "s" else float(value)
                    cells[_place(each.get("r", ""))] = held, formats[int(each.get("s", "0"))]
            header, footer = (next(sheet.iter(f"{MAIN}odd{each}")).text or "" for each in ("Header", "Footer"))
            yield Sheet(name, cells, header, footer)


def _within(styles: ET.Element, name: str) -> ET.Element:
    found = styles.find(f"{MAIN}{name}")
    assert found is not None
    return found


def _place(reference: str) -> tuple[int, int]:
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(reference[len(letters) :]) - 1, column - 1


def as_shown(value: float, code: str) -> str:
    """The text that a spreadsheet displays for a number, for the formats that a report uses; rounded half away from zero."""
    positive, *others = code.split(";")
    part = others[0] if others and value < 0 else positive
    exact = Decimal(repr(abs(value))) * (100 if re.sub(r'"[^"]*"', "", part).count("%") else 1)
    if clock := re.search(r"\[(h+)\]:mm:ss", part):
        seconds = int((exact * 86400).quantize(Decimal(1), ROUND_HALF_UP))
        number = f"{seconds // 3600:0{len(clock[1])}}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return part.replace(clock[0], number).replace('"', "")
    digits = re.search(r"(#,##)?0(\.0+)?", part)
    assert digits, code
    places = len(digits[2] or ".") - 1
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return part.replace(digits[0], f"{rounded:,}" if digits[1] else f"{rounded}").replace('"', "").replace("\\", "")


def file_tables(document: Document) -> list[list[dict[str, str]]]:
    """The cells of each table of the CSV, in order."""
    text = table_file(document)
    lines = csv.DictReader(io.StringIO("\n".join(line for line in text.splitlines() if not line.startswith("# "))))
    # A chart and a table next to each other are distinguished by their columns.
    return [
        list(cells)
        for _, cells in groupby(lines, key=lambda each: (each["section"], each["table"], each["column"] in CHART))
    ]


CHART = ("Value", "Centre", "Lower limit", "Upper limit", "Signals")


@pytest.mark.parametrize("which", ["document", "public"])
def test_every_cell_of_the_workbook_equals_the_csv(which: str, request: pytest.FixtureRequest) -> None:
    document: Document = request.getfixturevalue(which)
    # A suppressed chart has no line in the CSV.
    found = [each for each in list(sheets(workbook(document)))[1:-1] if (FIRST_ROW, 0) in each.cells]
    tables = file_tables(document)
    assert len(found) == len(tables) > 30
    numbers = quoted = 0
    for sheet, cells in zip(found, tables, strict=True):
        columns = len({each["column"] + each["period"] + each["published"] for each in cells})
        for place, cell in enumerate(cells):
            row, column = divmod(place, columns)
            held, code = sheet.cells.get((FIRST_ROW + row, column + 1), ("", ""))
            notes = "".join(re.findall(r'" (\(\d+\))"', code)) if isinstance(held, float) else ""
            shown = as_shown(held, code) if isinstance(held, float) else held
            is_gap = cell["column"] in CHART and cell["shown"] == "-"
            assert re.sub(r"( \(\d+\))+$", "", shown) == ("" if is_gap else cell["shown"]), (sheet.name, cell)
            assert bool(notes) <= bool(cell["notes"])
            quoted += isinstance(held, float) and cell["published"] == "yes"
            if cell["value"]:
                assert isinstance(held, float), (sheet.name, cell)
                exact, half_second = float(cell["value"]), 0.5 if "h" in code else 0.0
                assert held * divided_by(cell, code, sheet) == pytest.approx(exact, rel=1e-12, abs=half_second + 1e-12)
                numbers += 1
        labels = {sheet.cells[FIRST_ROW + row, 0][0] for row in range(len(cells) // columns)}
        assert all(any(str(label).startswith(each["row"]) for label in labels) for each in cells)
    assert numbers > 1000
    assert quoted > 100


def divided_by(cell: dict[str, str], code: str, sheet: Sheet) -> float:
    """The divisor from the CSV's value to the workbook's, which depends on the unit of the row or column."""
    if cell["unit"] != "seconds":
        return 0.01 if "pp" in code else 1
    if "h" in code:
        return 86400
    named = [str(held) for (row, column), (held, _) in sheet.cells.items() if row == FIRST_ROW - 1 or column == 0]
    label = next(each for each in named if each.startswith(f"{cell['row']} ("))
    return {"seconds)": 1, "minutes)": 60, "hours)": 3600}[label.rpartition("(")[2]]


def test_every_sheet_is_marked_and_the_first_and_last_explain_the_report(document: Document, public: Document) -> None:
    for each in (document, public):
        first, *_, last = every = list(sheets(workbook(each)))
        assert all(each.marking in sheet.header and each.marking in sheet.footer for sheet in every)
        assert (first.name, last.name) == ("Contents", "Definitions")
        words, page = [held for held, _ in last.cells.values()], unescape(html(each))
        for measure in each.measures:
            assert any(measure.question in str(held) for held in words)
            assert measure.question in page
        listed = [held for (_, column), (held, _) in first.cells.items() if column == 1]
        assert len(listed) == len(every) - 1
        assert any(held == RULE for held, _ in first.cells.values()) is each.is_public


def test_a_public_workbook_suppresses_the_same_cells_as_the_csv(public: Document) -> None:
    held = [held for sheet in sheets(workbook(public)) for held, _ in sheet.cells.values()]
    suppressed = sum(cell["shown"] == SUPPRESSED for table in file_tables(public) for cell in table)
    assert held.count(SUPPRESSED) == suppressed > 0


def test_the_same_report_is_the_same_file(document: Document) -> None:
    assert workbook(document) == workbook(document)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (Fraction(-7200), Unit("clock", is_signed=True)),
        (Fraction(-1, 100), Unit("seconds", 1, is_signed=True)),
        (Fraction(1, 8), Unit("points", 1, is_signed=True)),
        (Fraction(-26241, 238487), CHANGE),
        (Fraction(212246), Unit("count")),
        (Fraction(1, 3), Unit("percent", 1)),
        (Fraction(1234567, 10), Unit("minutes", 2)),
    ],
)
def test_a_number_displays_as_its_text(value: Fraction, unit: Unit) -> None:
    text = figure_text(value, unit)
    number = printed(DocumentCell(text, value, printed=unit, notes=(2,)), is_published=False)
    assert number is not None
    assert as_shown(number.value, number.code) == f"{text} (2)"


@pytest.mark.parametrize("text", ["212246", "1,234.50", "10.01", "0.70%", "52%", "-5.2%", "03:45:00", "3:45:00"])
def test_a_published_number_stays_a_number_and_displays_as_published(text: str) -> None:
    number = printed(DocumentCell(text), is_published=True)
    assert number is not None
    shown = as_shown(number.value, number.code)
    assert (f"-{shown}" if number.value < 0 else shown) == text


@pytest.mark.parametrize("text", ["-", "between 40 and 50 per cent", "=1+1", "7.9 (hours)", "66 to 72"])
def test_a_published_text_stays_text(text: str) -> None:
    assert printed(DocumentCell(text), is_published=True) is None


def test_programs_open_it_as_a_workbook(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    path.write_bytes(workbook(document))
    with zipfile.ZipFile(path) as parts:
        assert parts.testzip() is None
        assert "xl/charts/chart1.xml" in parts.namelist()
        for name in parts.namelist():
            if name.endswith((".xml", ".rels")):
                ET.fromstring(parts.read(name))
