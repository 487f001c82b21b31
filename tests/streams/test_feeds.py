"""Event times of one force on one partition: noted for a record at once, or fact by fact, they are the same."""

import pytest

from streams.feeds import Event, EventSpan, with_events

_KNOWN = EventSpan(50, 60, {"999": 50, "101": 55})
_RECEIVED = 70


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        ([(40, "999")], EventSpan(40, 60, {"999": 40, "101": 55})),
        ([(65, None), (58, "101")], EventSpan(50, 65, {"999": 50, "101": 55})),
        ([(52, "101"), (53, "101"), (51, "101")], EventSpan(50, 60, {"999": 50, "101": 51})),
        ([(62, "digital"), (61, "digital")], EventSpan(50, 62, {"999": 50, "101": 55, "digital": 61})),
        ([(90, "digital"), (45, None)], EventSpan(45, 70, {"999": 50, "101": 55, "digital": 70})),
    ],
)
def test_event_times_after_a_record(happened: list[Event], expected: EventSpan) -> None:
    assert with_events(_KNOWN, happened, _RECEIVED, is_by_log=True) == expected
    one_by_one = _KNOWN
    for event in happened:
        one_by_one = with_events(one_by_one, [event], _RECEIVED, is_by_log=True)
    assert one_by_one == expected


def test_the_first_record_begins_the_span() -> None:
    assert with_events(None, [(20, None), (10, "999")], _RECEIVED, is_by_log=True) == EventSpan(10, 20, {"999": 10})


@pytest.mark.parametrize(("is_by_log", "last"), [(True, 55), (False, 60)])
def test_only_the_logs_own_clock_moves_the_latest_event_back(is_by_log: bool, last: int) -> None:
    assert with_events(_KNOWN, [(52, None)], 55, is_by_log=is_by_log).last == last
