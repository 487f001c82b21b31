"""The strip: the status of each area changes with its figures, feeds or alerts, and comes with the figure that decides it and how long it has lasted."""

import re
from datetime import timedelta
from typing import Any

import pytest

from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.page import AlertCounts, View, no_log_ends
from dashboards.board.shared.strip import StripItem, alerts_item, areas, crossed_at, lasting_words, read_strip
from measures.catalogue import find
from measures.outcome import SECOND, OpenItem, instant
from streams.readings import Reader
from tests.board.day import FORCE, MOMENT, Day
from tests.board.desk import Desk

CALM = {
    "active": 0,
    "unacknowledged": 0,
    "critical": 0,
    "critical_unacknowledged": 0,
    "oldest_seconds": 0,
    "is_monitored": True,
}
COUNTS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "normal", "active, 0 unacknowledged"),
    ({"active": 2}, "normal", "active, 0 unacknowledged"),
    ({"active": 1, "unacknowledged": 1}, "watch", "active, 1 unacknowledged"),
    ({"active": 1, "critical": 1}, "watch", "active, 0 unacknowledged"),
    ({"active": 1, "unacknowledged": 1, "critical": 1, "critical_unacknowledged": 1}, "act", "active, 1 unacknowledged"),
    ({"is_monitored": False}, "unknown", "active, 0 unacknowledged; not monitored"),
    (
        {"is_monitored": False, "active": 1, "unacknowledged": 1, "critical": 1, "critical_unacknowledged": 1},
        "act",
        "active, 1 unacknowledged",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "word", "label"), COUNTS)
def test_alerts_ask_for_attention_until_they_are_acknowledged(changed: dict[str, Any], word: str, label: str) -> None:
    item = alerts_item(AlertCounts(**{**CALM, **changed}))
    assert (item.word, item.label, item.figure) == (word, label, str({**CALM, **changed}["active"]))


def test_alerts_that_cannot_be_read_are_unknown() -> None:
    assert alerts_item(None) == StripItem("alerts", "unknown", "", "the inbox does not answer", "")


@pytest.mark.parametrize(("above", "seconds"), [(0, 100), (1, 220), (2, 320), (3, None)])
def test_a_count_has_been_above_its_limit_since_enough_of_its_cases_counted(above: int, seconds: int | None) -> None:
    """The measure counts from 2 minutes, so three incidents opened at -20, 100 and 200 s count from 100, 220 and 320 s."""
    measure = find("grade_1_unresourced_over_2_minutes_count")
    items = [OpenItem("incident_unresourced", at * SECOND, 0, None, ()) for at in (200, -20, 100)]
    assert crossed_at(items, measure, above) == (None if seconds is None else instant(seconds * SECOND))


def test_a_custody_clock_counts_from_when_it_was_due() -> None:
    items = [OpenItem("any", 0, 0, due, ()) for due in (500 * SECOND, None, 300 * SECOND)]
    assert crossed_at(items, find("adult_review_overdue_count"), 0) == instant(300 * SECOND)
    assert crossed_at(items, find("adult_review_overdue_count"), 2) is None


def test_a_status_that_has_only_begun_says_nothing_about_how_long() -> None:
    assert lasting_words("watch", MOMENT - timedelta(minutes=40), MOMENT) == "Watch for 40 min"
    assert lasting_words("unknown", MOMENT, MOMENT) == lasting_words("unknown", None, MOMENT) == ""


def by_name(view: View) -> dict[str, StripItem]:
    """The items of a view's strip."""
    return {each.name: each for each in read_strip(view)}


def test_the_ordinary_day_and_the_same_day_with_silent_feeds(day: Day) -> None:
    desk = Desk(day.client, day.reader)
    desk.fill()
    view = View(day.reader, FORCE, day.view.background, no_log_ends, desk.counts)
    items = by_name(view)
    assert list(items) == [each.name for each in areas(view)]
    assert {name: each.word for name, each in items.items()} == {
        "emergency": "normal", "non_emergency": "normal", "grade_1": "watch", "grade_2": "watch", "custody": "normal",
        "feeds": "normal", "alerts": "act",
    }  # fmt: skip
    count = day.reader.read("grade_1_unattended_over_15_minutes_count", force=FORCE)[0].value
    assert items["grade_1"] == StripItem(
        "grade_1", "watch", f"{count:.0f}", "not attended for 15 min", items["grade_1"].lasting
    )
    assert re.fullmatch(r"Watch for .+ min or more", items["grade_1"].lasting)
    assert items["alerts"].figure == "6"

    later = Reader(day.client, "test", day.reader.rules, lambda: MOMENT + timedelta(hours=2))
    background = BackgroundReadings(later, FORCE, lambda: 0.0)
    silent = by_name(View(later, FORCE, background, no_log_ends, lambda: None))
    assert {each.word for name, each in silent.items() if name != "feeds"} == {"unknown"}
    assert {each.figure for name, each in silent.items() if name != "feeds"} == {""}
    assert silent["feeds"].word == "act"
    assert silent["feeds"].figure == "0 of 7"
    assert silent["emergency"].lasting == "Unknown for 2 h 0 min"
