"""The page Region of a force and itself: every total is twice the force's figure, and the file has every cell of the page."""

import csv
import io
from typing import Any

import msgspec
import pytest

from dashboards.board.app import board
from dashboards.board.region.data import Region, force_cell, read_region
from dashboards.board.region.file import ALL_FORCES, region_file
from dashboards.board.region.page import DATA, region
from measures.catalogue import find
from measures.measure import Count, OpenCount, OpenDue
from measures.reading import Reading
from tests.board.day import FORCE, Day
from tests.board.test_api import fits
from tests.measures.test_region import reading
from tests.support.asgi import get

COUNT = find("incident_count")


@pytest.fixture(scope="module")
def page(day: Day) -> Region:
    """The page of the simulated day's force twice."""
    return read_region([day.view, day.view._replace(root="/forces/again")])


def test_counts_of_a_force_and_itself_are_twice_its_own_and_shares_are_its_own(page: Region) -> None:
    rows = [row for panel in page.panels for row in panel.rows]
    known = [row for row in rows if row.total.value is not None]
    assert len(known) > 20
    for row in known:
        one, other = row.forces
        is_count = isinstance(find(row.measure).statistic, Count | OpenCount | OpenDue)
        assert one == other
        if one.value is None:  # too few in each force, and enough in both together
            assert (one.text, row.total.cases) == ("too few", 2 * (one.cases or 0)), row
            continue
        assert row.total.value == pytest.approx(one.value * (2 if is_count else 1)), row


def test_the_file_has_every_cell_of_the_page(page: Region) -> None:
    lines = [line for line in region_file(page).splitlines(keepends=True) if not line.startswith("# ")]
    read = list(csv.DictReader(io.StringIO("".join(lines))))
    cells = {(each["measure"], each["window"], each["force"]): each for each in read}
    rows = [row for panel in page.panels for row in panel.rows]
    assert len(read) == len(rows) * 3
    for row in rows:
        for force, cell in ((ALL_FORCES, row.total), (FORCE, row.forces[0])):
            found = cells[row.measure, row.window, force]
            assert (found["shown"], found["reason"], found["unit"]) == (cell.text, cell.reason, row.unit)
            assert found["value"] == ("" if cell.value is None else repr(cell.value))
            assert found["n"] == ("" if cell.cases is None else str(cell.cases))
    assert "SIMULATION" in region_file(page)
    assert "OFFICIAL" in region_file(page)


def test_its_answer_is_in_the_document_of_the_board_and_fits_it(day: Day) -> None:
    application = region([day.view, day.view])
    document: dict[str, Any] = get_json(board(day.reader, FORCE, region_routes=application.routes), "/api")
    assert {"/region", "/api/region", "/csv/region"} <= document["paths"].keys()
    answer = document["paths"][DATA]["get"]["responses"]["200"]
    assert fits(document, answer, get_json(application, DATA)) == ""
    assert "/region" not in get_json(board(day.reader, FORCE), "/api")["paths"]


def get_json(application: Any, path: str) -> Any:
    """The JSON at a path."""
    return msgspec.json.decode(get(application, path).body)


@pytest.mark.parametrize(
    ("given", "words", "cases"),
    [
        (reading(state="in_part", reason="The record begins at 09:40.", value=4.0, n=4), "in part", None),
        (
            reading(state="stale", reason="A history is loading.", value=4.0, n=4, is_loading=True),
            "loading history",
            None,
        ),
        (reading(state="too_few", reason="n is 2", value=1.0, n=2), "too few", 2),
    ],
)
def test_a_value_that_would_look_whole_next_to_others_is_not_shown(
    given: Reading, words: str, cases: int | None
) -> None:
    cell = force_cell(COUNT, given)
    assert (cell.text, cell.value, cell.cases) == (words, None, cases)
    assert cell.reason == given.reason
