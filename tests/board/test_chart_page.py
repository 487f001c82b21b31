"""The Charts page: points and limits agree with the recount, unknown periods have no point, and files agree with the page."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from bluelamp.recount.recount import Recount
from dashboards.board.app import board
from dashboards.board.chart.data import parse_series
from dashboards.report.series import series
from dashboards.report.text import plain
from facts.errors import QuestionError
from streams.readings import Reader
from tests.board.day import FORCE, PROFILE, Day
from tests.board.history import AS_OF, History, recounted_figures
from tests.support.asgi import get
from tests.support.csv_file import comments_and_rows


def fetch(reader: Reader, measure: str, query: str) -> dict[str, Any]:
    """The data that the page draws."""
    answer = get(board(reader, FORCE), f"/api/chart/{measure}", query)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


@pytest.mark.parametrize(
    ("measure", "query"),
    [
        ("incident_count", "grain=month&last=24&recalculate=2024-03-01"),
        ("contact_999_answer_mean_seconds", "grain=month&last=24"),
        ("contact_101_answered_within_target_ratio", "grain=month&last=24"),
    ],
)
def test_points_limits_and_signals_agree_with_the_recount(
    history: History, counted: Recount, measure: str, query: str
) -> None:
    data = fetch(history.reader, measure, query)
    recounted = series(recounted_figures(counted), PROFILE, parse_series(measure, QueryParams(query)), AS_OF)
    assert data["table"] == json.loads(json.dumps(plain(recounted.table)))
    assert data["summary"] == list(recounted.summary)
    assert any(row["cells"][0].get("value") for row in data["table"]["rows"])
    assert "<style" not in data["svg"]


def test_each_point_is_the_reading_of_its_window(history: History) -> None:
    """Also those of its overlays, and of the small charts; n is the reading's."""
    name, reader = "contact_999_answer_mean_seconds", history.reader
    query = "grain=day&window=2024-11-26/2024-12-01&compare=period_before&over=queue:emergency"
    data = fetch(reader, name, query)
    titles = [each["title"] for each in data["table"]["columns"]]
    compared = 0
    for row, (start, end) in zip(data["table"]["rows"], data["periods"], strict=True):
        cells = dict(zip(titles, row["cells"], strict=True))
        day = timedelta(days=1)
        before = f"{date.fromisoformat(start) - day}/{start}"
        for title, window, where in (
            ("Value", f"{start}/{end}", {}),
            ("999", f"{start}/{end}", {"queue": ("emergency",)}),
            ("The period before", before, {}),
        ):
            (reading,) = reader.read(name, window, where=where, force=FORCE, as_of=AS_OF, is_now=True)
            expected = reading.value if reading.coverage == "whole" and (reading.n or 0) >= 5 else None
            assert cells[title].get("value") == expected, (title, window)
            if title == "Value" and expected is not None:
                assert cells[title]["n"] == reading.n
            compared += expected is not None
    assert compared >= 2

    small = json.loads(get(board(reader, FORCE), "/api/small_charts/incident_count", "last=3&by=area").text)["charts"]
    readings = reader.read("incident_count", "2024-11-01/2024-12-01", by=("area",), force=FORCE)
    assert {each["word"]: each["latest"] for each in small} == {
        each.dimensions["area"]: f"{int(each.value or 0):,} in Nov 2024" for each in readings
    }
    days = json.loads(get(board(reader, FORCE), "/api/small_charts/incident_count", "grain=day&last=2&by=area").text)[
        "charts"
    ]
    assert days[0]["latest"].endswith(" on Sat 30 Nov 2024")
    spans = get(board(reader, FORCE), "/api/small_charts/grade_1_opened_to_arrived_median_seconds", "last=3&by=area")
    words = {each["latest"].partition(" ")[2] for each in json.loads(spans.text)["charts"]}
    assert words - {""} == {"minutes in Nov 2024"}, "an area with too few has no figure"


def test_nothing_is_claimed_from_too_few_points(history: History) -> None:
    few = fetch(history.reader, "incident_count", "grain=month&last=3")["summary"]
    assert few[-1] == "Not enough points: 3 of 12 needed."
    none = fetch(history.reader, "contact_999_answer_mean_seconds", "grain=month&last=2&where=queue:triage")["summary"]
    assert none[-1] == "Not enough points: 0 of 12 needed."
    assert not any("No signal" in line for line in (*few, *none))
    days = fetch(history.reader, "incident_count", "grain=day&window=2024-11-01/2024-12-01")
    assert days["summary"] == [
        "A chart of days has no limits: the days of a week differ, and limits would report that as signals."
    ]


def test_target_events_gaps_and_layers_are_drawn_and_named(history: History) -> None:
    data = fetch(
        history.reader,
        "contact_999_answered_within_target_ratio",
        "grain=week&window=2024-10-07/2024-12-02&over=queue:emergency&compare=year_before",
    )
    svg = data["svg"]
    assert "target 90.00%" in svg
    assert ">999</text>" in svg
    assert ">a year before</text>" in svg
    assert svg.count('class="gap"') == sum("value" not in row["cells"][0] for row in data["table"]["rows"])
    events = {row["label"]: row["cells"][-1]["text"] for row in data["table"]["rows"] if row["cells"][-1].get("text")}
    assert events == {"21 Oct 2024": "clocks go back 27 Oct"}
    page = get(board(history.reader, FORCE), "/chart", "measure=incident_count&grain=week&last=20").text
    for title in ("Earlier", "Zoom in", "Zoom out"):
        assert f">{title}</a>" in page
    assert ">Later</a>" not in page, "the chart reaches up to now"


def test_a_date_of_recalculated_limits_is_marked_and_named(history: History) -> None:
    data = fetch(history.reader, "incident_count", "grain=month&last=24&recalculate=2024-03-01")
    assert any(line.startswith("Limits recalculated from Mar 2024:") for line in data["summary"])
    assert data["svg"].count('class="step"') == 1
    page = get(board(history.reader, FORCE), "/chart", "measure=incident_count&recalculate=2024-03-01")
    assert 'aria-label="Remove recalculation from 1 Mar 2024"' in page.text


def test_a_month_that_the_record_does_not_cover_has_no_point(history: History, day: Day) -> None:
    late = history.reader_at(AS_OF + timedelta(days=40))
    data = fetch(late, "arrest_count", "grain=month&last=25")["table"]["rows"]
    cells = {row["label"]: row["cells"][0]["text"] for row in data}
    assert cells["Nov 2024"] not in ("-", "0")
    assert cells["Dec 2024"] == "-"  # the feed fell silent on its first day
    early = fetch(history.reader, "arrest_count", "grain=month&last=25")["table"]["rows"]
    assert [early[0]["label"], len(early)] == ["Dec 2022", 24]  # the record begins on the last day of November
    nothing = fetch(day.reader, "arrest_count", "grain=month&last=3")
    assert {row["cells"][0]["text"] for row in nothing["table"]["rows"]} == {"-"}
    says = "No figure, because there are too few cases or the record is incomplete: Sep 2024 to Nov 2024."
    assert nothing["summary"][0] == says


def test_svg_and_csv_agree_with_the_page(history: History) -> None:
    where = "grain=month&last=24&where=area:moorlands"
    data = fetch(history.reader, "incident_count", where)
    answer = get(board(history.reader, FORCE), "/svg/chart/incident_count", where)
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.text.startswith('<svg class="xmr" xmlns="http://www.w3.org/2000/svg"')
    assert f"<desc>{' '.join(data['summary'])}</desc>" in answer.text
    assert "<style>" in answer.text
    head, rows = comments_and_rows(get(board(history.reader, FORCE), "/csv/chart/incident_count", where).text)
    assert ["Marking", "OFFICIAL"] in head
    assert ["Filter", "area is moorlands"] in head
    assert [row[1] for row in head if row[0] == "Chart"] == data["summary"]
    names, *cells = rows
    place = names.index("shown")
    assert [row[place] for row in cells] == [
        cell.get("text", "") for row in data["table"]["rows"] for cell in row["cells"]
    ]


@pytest.mark.parametrize("query", ["grain=year", "last=1", "last=many", "grain=month&last=26", "recalculate=soon"])
def test_what_cannot_be_charted_is_refused(query: str) -> None:
    with pytest.raises(QuestionError):
        parse_series("incident_count", QueryParams(query))
