"""The board of a force whose record has just begun: earlier times have no figure, and partial figures say where they begin."""

import io
import json
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from pyarrow import parquet
from starlette.datastructures import QueryParams

from dashboards.board.app import board
from dashboards.board.handover.data import read_handover
from dashboards.board.measure.data import read_breakdown
from dashboards.board.now.journey import read_journey
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.page import View, no_log_ends
from dashboards.board.shared.query import parse_query
from dashboards.board.shared.table import by_windows, crossed
from dashboards.board.shared.tile import read_tile
from measures.catalogue import find
from streams.reading_metrics import ReadingMetrics
from tests.oracle.memory import MemoryReader
from tests.support import begun
from tests.support.asgi import get
from tests.support.begun import FORCE
from tests.support.csv_file import comments_and_rows

MORNING = datetime(2025, 7, 30, 10, 0, 20, tzinfo=begun.ZONE)
"""On the first day: there has been one incident, at 06:24, and no digital contact."""


def view_of(reader: MemoryReader) -> View:
    return View(reader, FORCE.name, BackgroundReadings(reader, FORCE.name, time.monotonic), no_log_ends)


@pytest.fixture(scope="module")
def morning() -> View:
    """The board on the first morning."""
    return view_of(begun.read_by(begun.facts_by(MORNING), MORNING))


@pytest.fixture(scope="module")
def later() -> View:
    """The same five months later."""
    return view_of(begun.read_by(begun.all_facts()))


def answer(view: View, path: str, query: str) -> Any:
    found = get(board(view.reader, FORCE.name), path, query)
    assert found.status == 200, found.text
    return json.loads(found.text)


def cells(table: dict[str, Any], label: str) -> dict[str, dict[str, Any]]:
    (row,) = [each for each in table["rows"] if each["label"] == label]
    titles = [f"{each['title']}{' published' * each['published']}" for each in table["columns"]]
    return dict(zip(titles, row["cells"], strict=True))


# Live figures.


@pytest.mark.parametrize(
    ("window", "state", "since"),
    [
        ("60m", "live", ""),
        ("shift", "live", ""),
        ("today", "in_part", "since 06:24"),
        ("24h", "in_part", "since 06:24"),
    ],
)
def test_a_partial_tile_says_where_it_begins(morning: View, window: str, state: str, since: str) -> None:
    tile = read_tile(find("incident_count"), window, morning)
    assert (tile.state, tile.since) == (state, since)
    assert tile.text == ("0" if state == "live" else "1")
    assert ("only the time from then" in tile.reason) == bool(since)
    assert tile.verdict == ""


def test_a_feed_without_any_event_yet_has_no_zeros_beyond_its_last_hour(morning: View) -> None:
    tiles = {name: read_tile(find("digital_offered_count"), name, morning) for name in ("60m", "today", "24h", "7d")}
    assert {name: (each.state, each.text) for name, each in tiles.items()} == {
        "60m": ("live", "0"),
        "today": ("no_data", "no data"),
        "24h": ("no_data", "no data"),
        "7d": ("no_data", "no data"),
    }
    assert tiles["24h"].reason == "No facts have been received from digital yet."
    table = by_windows("digital_offered_count", "channel", {"60m": "60 min", "today": "Today"}, morning)
    assert table.columns[1:] == ["60 min", "Today"]
    assert {tuple(row[1:]) for row in table.rows} == {("0", "no data")}
    assert table.total == ["All", "0", "no data"]


def test_partial_tables_say_where_they_begin_in_their_heading(morning: View) -> None:
    grid = crossed("incident_count", "area", "grade", "today", morning)
    assert (grid.state, grid.columns[0]) == ("live", "Area, since 06:24")
    assert grid.total[-1] == "1"
    table = by_windows("incident_count", "area", {"60m": "60 min", "24h": "24 hours"}, morning)
    assert table.columns[1:] == ["60 min", "24 hours, since 06:24"]


def test_a_partial_breakdown_says_so_above_its_rows(morning: View) -> None:
    breakdown = read_breakdown(parse_query("incident_count", QueryParams("window=24h&by=grade")), morning)
    assert breakdown.total == ["All", "1"]
    assert breakdown.says.startswith(
        "The record begins on 30 July 2025 at 06:24: this figure covers only the time from then"
    )
    assert breakdown.says.endswith("The rows add up to the total, 1.")
    empty = read_breakdown(parse_query("incident_count", QueryParams("window=previous_12m&by=grade")), morning)
    assert (empty.rows, empty.total, empty.tile.state) == ([], [], "no_data")


def test_the_handover_compares_with_no_shift_before_the_record(morning: View) -> None:
    found = read_handover(morning, is_last=False)
    (row,) = [each for each in found.comparison.rows if each.title == "Incidents"]
    assert [cell.text for cell in row.cells[2:]] == ["no record"] * 4
    assert row.cells[1].text == "0"
    (arrests,) = [each for each in found.comparison.rows if each.title == "Arrests"]
    assert {cell.text for cell in arrests.cells[1:]} == {"no record"}


def test_a_journey_of_half_a_day_is_not_shown_as_a_day(morning: View) -> None:
    found = read_journey(morning)
    assert (found.state, found.steps) == ("in_part", [])
    assert "only the time from then" in found.says


def test_the_hours_of_a_feed_begin_with_its_first_whole_hour(later: View) -> None:
    first = begun.DIGITAL + timedelta(hours=10)
    reader = begun.read_by(begun.facts_by(first), first)
    hours = reader.hours(find("digital_offered_count"), FORCE.name)
    known = {f"{each.start:%d %H}": each.value for each in hours if each.value is not None}
    assert list(known) == [f"01 {hour:02}" for hour in range(1, 10)], "calls on the same topic were reported all along"


def test_the_normal_range_uses_no_hour_in_which_the_feed_was_silent() -> None:
    """There is one call in this hour of each week. A silent hour is not an hour without calls."""
    silent_since, now = (datetime(2025, *day, tzinfo=begun.ZONE) for day in ((11, 20, 0), (12, 2, 0)))
    now += timedelta(minutes=40)
    reader = begun.read_by(begun.facts_by(silent_since), now)
    assert reader.band(find("contact_999_offered_count"), FORCE.name) is None
    complete = begun.read_by(begun.facts_by(now), now)
    assert complete.band(find("contact_999_offered_count"), FORCE.name) is None, "every week is like the others"


# Analysts' pages and their files.


def test_compare_chart_and_explore_say_no_record(later: View) -> None:
    total = cells(answer(later, "/api/compare/incident_count", "by=area")["comparison"], "Total")
    assert (total["Previous 12 months"]["text"], "value" in total["Previous 12 months"]) == ("no record", False)
    assert total["Difference"]["text"] == total["% difference"]["text"] == "-"
    assert total["Last 12 months"]["value"] > 600
    chart = answer(later, "/api/chart/incident_count", "grain=month&last=25")["table"]["rows"]
    assert [chart[0]["label"], len(chart)] == ["Aug 2025", 5]
    explored = answer(later, "/api/explore/incident_count", "window=previous_12m&by=area")
    assert [(row["label"], row["cells"][0]["text"]) for row in explored["rows"]["rows"]] == [("Incidents", "no record")]
    assert explored["says"] == "The record begins on 30 July 2025: there is no data before then."
    times = answer(later, "/api/explore/grade_1_opened_to_arrived_median_seconds", "window=previous_12m&by=")
    assert (times["bins"], times["within"]) == ([], None)
    part = answer(later, "/api/explore/incident_count", "window=2025-07-01/2025-08-01&by=")
    assert part["says"].startswith("The record begins on 30 July 2025 at 06:24: this figure covers only")


def test_the_files_have_no_value_for_what_is_not_known(later: View) -> None:
    written = get(board(later.reader, FORCE.name), "/csv/compare/incident_count", "by=area").text
    _, (names, *cells) = comments_and_rows(written)
    rows = [dict(zip(names, each, strict=True)) for each in cells]
    before = [each for each in rows if each["column"] == "Previous 12 months" and each["published"] == "no"]
    assert len(before) > 10
    assert {(each["shown"], each["value"], each["n"]) for each in before} == {("no record", "", "")}
    assert {each["notes"] for each in before} == {"The record begins on 30 July 2025: there is no data before then."}
    kept = get(board(later.reader, FORCE.name), "/parquet/compare/incident_count", "by=area").body
    table = parquet.read_table(io.BytesIO(kept)).to_pylist()
    assert [
        (each["value"], each["n"]) for each in table if each["column"] == "Previous 12 months" and not each["published"]
    ] == [(None, None)] * len(before)


# Prometheus metrics.


@pytest.fixture(scope="module")
def samples(later: View) -> dict[str, set[tuple[str, ...]]]:
    """The windows of each incident metric."""
    exported = ReadingMetrics(later.reader, lambda: 0.0, lambda name, _: name == "incident_count")
    exported.read_ended()
    found: dict[str, set[tuple[str, ...]]] = {}
    for family in exported.families():
        for each in family.samples:
            state = (each.labels["state"],) if "state" in each.labels else ()
            found.setdefault(each.name, set()).add((each.labels["window"], *state))
    return found


def test_no_metric_covers_less_than_its_window(samples: dict[str, set[tuple[str, ...]]]) -> None:
    assert samples["bluelamp_incident"] == {
        (window,) for window in ("15m", "60m", "shift", "today", "24h", "this_month", "last_month")
    }
    assert {("12m", "in_part"), ("previous_12m", "no_data")} <= samples["bluelamp_reading_state"]
    assert samples["bluelamp_reading_in_part"] == {("12m",)}
