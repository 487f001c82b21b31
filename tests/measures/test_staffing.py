"""Call takers at past minutes, and which groups of them can be shown."""

import pytest

from measures.outcome import OpenItem
from measures.pane import MINUTE, Pane
from measures.staffing import Takers, adherence, is_shown, occupancy, shrinkage, staffed, staffed_range, staffing

_ONE, _TWO = frozenset({"one"}), frozenset({"two"})


def _pane(began: tuple[str, str] | None, ended: tuple[str, str] | None) -> Pane:
    changes = {"call_taker_state_began": began, "call_taker_state_ended": ended}
    return {kind: {words: {0: 1}} for kind, words in changes.items() if words}


def _item(skill: str, state: str, unrecorded_minute: int) -> OpenItem:
    return OpenItem("call_taker_staffed", 0, 0, None, (skill, state), unrecorded_minute * MINUTE)


def test_the_past_follows_from_the_present_and_the_changes_since() -> None:
    panes = [(1, _pane(("one", "available"), None)), (3, _pane(("one", "on_contact"), ("one", "available")))]
    found = staffing([_item("one", "on_contact", 99)], panes, range(5))
    assert [found[minute] for minute in range(5)] == [
        {},
        {},
        {("one", "available"): 1},
        {("one", "available"): 1},
        {("one", "on_contact"): 1},
    ]


def test_nobody_is_at_work_from_the_minute_in_which_the_sign_off_is_unrecorded() -> None:
    found = staffing([_item("one", "available", 2), _item("one", "available", 9)], [], range(4))
    assert [found[minute].get(("one", "available")) for minute in range(4)] == [2, 2, 1, 1]


def test_staffed_and_occupancy_are_means_over_minutes() -> None:
    minutes: list[Takers] = [
        {("one", "available"): 3, ("one", "on_break"): 1},
        {("one", "on_contact"): 2, ("one", "wrapping_up"): 1, ("two", "available"): 1},
    ]
    assert staffed(minutes, None) == 4
    assert staffed(minutes, _ONE) == 3.5
    assert occupancy(minutes, None) == pytest.approx(3 / 7)
    assert occupancy(minutes, _TWO) == 0
    assert (staffed([], None), occupancy([{("one", "on_break"): 1}], None)) == (None, None)


def test_too_many_in_one_minute_do_not_make_up_for_too_few_in_another() -> None:
    minutes: list[Takers] = [
        {("one", "available"): 6, ("one", "on_break"): 2},
        {("one", "on_contact"): 2, ("one", "on_break"): 1, ("two", "available"): 4},
    ]
    rostered: list[Takers] = [{("one", "rostered"): 5, ("two", "rostered"): 1}] * 2
    assert adherence(minutes, rostered, _ONE) == pytest.approx((5 + 3) / 10)
    assert shrinkage(minutes, rostered, _ONE) == pytest.approx(1 - (5 + 2) / 10)
    assert adherence(minutes, rostered, None) == pytest.approx((6 + 6) / 12)
    assert (adherence([{}], [{("one", "rostered"): 0}], _ONE), shrinkage([], [], None)) == (None, None)


@pytest.mark.parametrize(
    ("one", "two", "shown"),
    [
        (3, 0, (True, True, False)),
        (2, 0, (False, False, False)),
        (3, 3, (True, True, True)),
        (4, 1, (False, True, False)),  # the total less the one group would be one person
        (2, 2, (True, False, False)),  # nobody can tell the two groups apart
    ],
)
def test_no_one_or_two_people_are_shown_alone_or_as_a_difference(
    one: int, two: int, shown: tuple[bool, bool, bool]
) -> None:
    minutes: list[Takers] = [
        {("one", "available"): 3, ("two", "available"): 3},
        {("one", "available"): one, ("two", "available"): two},
    ]
    assert tuple(is_shown(minutes[1:], skills, (_ONE, _TWO)) for skills in (None, _ONE, _TWO)) == shown
    # A single minute is enough to hide the whole period.
    assert tuple(is_shown(minutes, skills, (_ONE, _TWO)) for skills in (_ONE, _TWO)) == shown[1:]


@pytest.mark.parametrize(
    ("one", "two", "three", "total"),
    [
        (6, 3, 0, (9, 9)),
        (6, 2, 0, (7, 8)),  # 8, next to 6, would show 2
        (6, 4, 1, (11, 12)),  # 11, next to 6 and 4, would show 1
        (1, 1, 0, (1, 2)),
        (2, 1, 0, (3, 3)),  # no group is shown by which anything could be subtracted
        (0, 0, 0, (0, 0)),
    ],
)
def test_a_total_does_not_show_one_or_two_people_by_subtraction(
    one: int, two: int, three: int, total: tuple[int, int]
) -> None:
    takers: Takers = {("one", "available"): one, ("two", "available"): two, ("three", "available"): three}
    assert staffed_range(takers, None, (_ONE, _TWO, frozenset({"three"}))) == total
