"""Files of planned events: what they say, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from facts.errors import SettingError
from facts.planned_event import PlannedEvent, PlannedEvents, parse_events
from tests.support.forces import shipped

_FORCE = shipped("staffordshire")
_HEADER = "start,end,line,percent,name\n"
_MATCH = "2026-12-05 14:00,2026-12-05 18:00,999,125,Match"


def _parsed(*rows: str) -> PlannedEvents:
    return parse_events(_HEADER + "\n".join(rows), "north.csv", _FORCE)


def test_events_are_in_the_order_of_time_and_each_belongs_to_one_line() -> None:
    later = "2026-12-31T20:00,2027-01-01T04:30,101,90,New Year's Eve"
    events = _parsed(later, "", _MATCH)
    start = datetime(2026, 12, 5, 14, tzinfo=UTC)
    match = PlannedEvent(start, start + timedelta(hours=4), "999", 125, "Match")
    assert events.on("999") == PlannedEvents((match,))
    assert [each.name for each in events.listed] == ["Match", "New Year's Eve"]
    for first, last, found in ((-60, 0, 0), (-60, 1, 1), (239, 300, 1), (240, 300, 0)):
        between = events.between(start + timedelta(minutes=first), start + timedelta(minutes=last))
        assert len(list(between)) == found


def test_a_repeated_local_time_is_the_first_for_a_start_and_the_second_for_an_end() -> None:
    (event,) = _parsed("2026-10-25 01:30,2026-10-25 01:30,999,125,Clocks").listed
    assert (event.start, event.end) == (
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2026-12-05,2026-12-05 18:00,999,125,A", "'2026-12-05' is not a date and a time"),
        ("05/12/2026 14:00,2026-12-05 18:00,999,125,A", "is not a date and a time"),
        ("2026-12-05 14:00,2026-12-05 18:15,999,125,A", "18:15 does not start a half-hour"),
        ("2026-12-05 14:00Z,2026-12-05 18:00,999,125,A", "is not a date and a time"),
        ("2026-12-05 14:00,2026-12-05 14:00,999,125,A", "is not a time of up to 31 days"),
        ("2026-12-05 14:00,2027-01-05 14:30,999,125,A", "is not a time of up to 31 days"),
        ("0001-01-01 00:00,2026-12-05 18:00,999,125,A", "is not a"),
        ("2026-12-05 14:00,2026-12-05 18:00,triage,125,A", "There is no line 'triage'"),
        ("2026-12-05 14:00,2026-12-05 18:00,999,0,A", "0% is not from 1 to 1,000%"),
        ("2026-12-05 14:00,2026-12-05 18:00,999,1001,A", "1001% is not from 1"),
        ("2026-12-05 14:00,2026-12-05 18:00,999,125%,A", "'125%' is not a percentage"),
        ("2026-12-05 14:00,2026-12-05 18:00,999,-5,A", "'-5' is not a percentage"),
        (f"2026-12-05 14:00,2026-12-05 18:00,999,{'9' * 5000},A", "is not a percentage"),
        ("2026-12-05 14:00,2026-12-05 18:00,999,125,", "The name is missing"),
        (f"2026-12-05 14:00,2026-12-05 18:00,999,125,{'A' * 61}", "The name is missing, too long"),
        ("2026-12-05 14:00,2026-12-05 18:00,999,125", "The row has 4 cells, not 5"),
        ("2026-12-05 17:30,2026-12-05 19:00,999,150,Match", "'Match' has two rows for 999 that overlap"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(row: str, what: str) -> None:
    with pytest.raises(SettingError, match="line 3") as caught:
        _parsed(_MATCH, row)
    assert what in caught.value.what


def test_another_header_is_refused() -> None:
    with pytest.raises(SettingError, match="The header is not start,end,line,percent,name"):
        parse_events("start,end,percent,line,name\n", "north.csv", _FORCE)
