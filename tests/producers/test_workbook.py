"""Extracts that are Excel workbooks: dates, times and numbers as a person typed them, and keys that lost digits."""

import io
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

import producers.workbook as workbook_reader
from facts.errors import MappingError
from facts.incident import IncidentOpened, UnitDispatched
from producers.extract import Extract, read_extract
from producers.mapping import load_mapping
from tests.producers.extracts import GOOD_ROW, HEADER, INCIDENTS, NOW, at, read

WORKBOOK = INCIDENTS.replace('format = "csv"', 'format = "xlsx"').replace(', "iso"]', "]")
_FORMATS = {datetime: "dd/mm/yyyy hh:mm:ss", date: "dd/mm/yyyy", time: "hh:mm:ss"}


def workbook(directory: Path, *rows: Sequence[Any], sheet: str = "Incidents", mapping: str = WORKBOOK) -> Extract:
    path = directory / "extract.xlsx"
    with xlsxwriter.Workbook(path) as book:
        written = book.add_worksheet(sheet)
        for number, row in enumerate((HEADER.split(","), *rows)):
            for column, value in enumerate(row):
                form = _FORMATS.get(type(value))
                written.write(number, column, value, *([book.add_format({"num_format": form})] if form else []))
        book.add_worksheet("Notes").write(0, 0, "not the extract")
    return read_extract(path, load_mapping(mapping, "small.toml"), now=NOW)


def test_dates_and_numbers_are_read_as_they_were_typed(tmp_path: Path) -> None:
    opened, sent = datetime(2024, 7, 1, 13, 5, 7), datetime(2024, 7, 1, 13, 6)  # noqa: DTZ001 - as a workbook holds them
    extract = workbook(
        tmp_path,
        [20240700001, "E1", opened, sent, 1, "north", "Y"],
        [],
        ["i-2", "E2", "02/12/2024 09:00", "", "2", "", "N"],
    )
    assert [str(each) for each in extract.malformed] == []
    first, second = sorted((f for f in extract.facts if isinstance(f, IncidentOpened)), key=lambda fact: fact.at)
    assert (first.subject_id, first.at, first.grade, first.domestic) == (
        "20240700001",
        at("2024-07-01 12:05:07"),
        "1",
        True,
    )
    assert (second.subject_id, second.at) == ("i-2", at("2024-12-02 09:00"))
    assert [fact.at for fact in extract.facts if isinstance(fact, UnitDispatched)] == [at("2024-07-01 12:06")]


@pytest.mark.parametrize("cell", [(2000, 16_383), (1_048_575, 20)])
def test_a_sheet_that_would_take_all_memory_is_refused(tmp_path: Path, cell: tuple[int, int]) -> None:
    """The library makes room for every cell up to the last one."""
    path = tmp_path / "extract.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Incidents").write(*cell, "x")
    with pytest.raises(MappingError, match=f"reaches to row {cell[0] + 1:,} and column {cell[1] + 1:,}"):
        read_extract(path, load_mapping(WORKBOOK, "small.toml"), now=NOW)


def test_cells_are_found_wherever_a_chunk_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in range(1, 60):
        monkeypatch.setattr(workbook_reader, "_CHUNK_BYTES", size)
        with pytest.raises(MappingError, match="row 9,000,000 and column 26"):
            workbook_reader._check_cells(io.BytesIO(b'<row><c r="A1"/><c s="1" r="Z9000000"><v>1</v></c></row>'), "x")  # noqa: SLF001 - its chunks


@pytest.mark.parametrize("place", ['r="B%s"' % ("9" * 400), "r='B7'", 's="1"', 'r="b7"', 'r="ABCD1"'])
def test_a_cell_without_a_valid_place_is_refused(place: str) -> None:
    with pytest.raises(MappingError, match="no valid place"):
        workbook_reader._check_cells(io.BytesIO(f"<c {place}><v>1</v></c>".encode()), "x")  # noqa: SLF001 - without a whole workbook


def test_empty_cells_with_a_format_take_no_room() -> None:
    workbook_reader._check_cells(io.BytesIO(b'<c r="XFD1048576" s="1"/><c r="A1"><v>1</v></c>'), "x")  # noqa: SLF001 - without a whole workbook


def test_a_row_keeps_its_number_in_the_sheet(tmp_path: Path) -> None:
    extract = workbook(tmp_path, GOOD_ROW.split(","), [], ["i-2", "E1", "never", "", "1", "north", "Y"])
    assert [(each.line, each.column, each.fault) for each in extract.malformed] == [(4, "opened", "bad_time")]


def test_dates_and_times_of_day_in_cells_of_their_own(tmp_path: Path) -> None:
    mapping = (
        WORKBOOK.replace('at = "opened"', 'at = ["opened", "area"]')
        .replace('at = "dispatched"', 'at = "dispatched"\nafter = ["opened", "area"]')
        .replace('area = { column = "area" }\n', "")
    )
    row = ["i-1", "E1", date(2024, 12, 2), time(0, 4, 7), 1, time(23, 58), "Y"]
    extract = workbook(tmp_path, row, mapping=mapping)
    assert [str(each) for each in extract.malformed] == []
    assert [fact.at for fact in extract.facts] == [at("2024-12-02 23:58"), at("2024-12-03 00:04:07")]


@pytest.mark.parametrize("number", [2.02412e15, 2024120000000012.0, 123456789012345678.0])
def test_a_number_with_more_digits_than_a_workbook_keeps_is_not_a_key(tmp_path: Path, number: float) -> None:
    extract = workbook(tmp_path, [number, "E1", "02/12/2024 09:00", "", "1", "north", "Y"])
    assert [(each.column, each.fault) for each in extract.malformed] == [("incident", "lost_digits")]


def test_what_is_wrong_with_a_workbook_is_reported(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no sheet 'May'") as caught:
        workbook(tmp_path, mapping=WORKBOOK.replace('format = "xlsx"', 'format = "xlsx"\nsheet = "May"'))
    assert "Incidents, Notes" in caught.value.hint
    with pytest.raises(MappingError, match="no column"):
        workbook(tmp_path, mapping=WORKBOOK.replace('format = "xlsx"', 'format = "xlsx"\nsheet = "Notes"'))
    with pytest.raises(MappingError, match="The file is an Excel workbook") as caught:
        read(tmp_path, INCIDENTS, (tmp_path / "extract.xlsx").read_bytes())
    assert 'format = "xlsx"' in caught.value.hint
    with pytest.raises(MappingError, match="The workbook cannot be read"):
        read(tmp_path, WORKBOOK, f"{HEADER}\n{GOOD_ROW}\n")
