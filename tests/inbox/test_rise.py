"""A count that rises under an active alert is notified again: no rise is lost, none floods, and nobody loses the alert."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.inbox.delivery.notification import due
from alerts.inbox.delivery.receiver import EVENTS, Receiver
from alerts.inbox.log.entry import Acknowledged, AnyEntry, Ended, Rose, decode, encode
from alerts.inbox.log.intake import by_name, intake
from alerts.inbox.log.payload import payload_alert
from alerts.inbox.log.state import Alert, InboxState
from alerts.rule import Threshold, table_errors
from alerts.table import RULES
from measures.catalogue import find
from tests.support.inbox import SCOPE, START

RULE = by_name(RULES)["grade_1_unresourced"]
EVERY = RULE.rise.every_seconds if RULE.rise else 0
PAGER = Receiver(name="pager", who=(RULE.who,), events=EVENTS)


class Inbox:
    """An inbox that is killed after every payload: all it keeps is the log."""

    def __init__(self) -> None:
        self.log: list[str] = []

    @property
    def state(self) -> InboxState:
        """The state of a new process."""
        state = InboxState()
        state.add(decode(each) for each in self.log)
        return state

    @property
    def alert(self) -> Alert:
        """The only alert."""
        (alert,) = self.state.alerts.values()
        return alert

    def accept(self, seconds: float, figure: float | None, highest: float | None = None) -> None:
        """Accept a figure twice, as after a reply that was lost."""
        now = START + timedelta(seconds=seconds)
        one = payload_alert(RULE, SCOPE, START, figure=figure, highest=highest)
        for _ in range(2):
            self.add(*intake([one], by_name(RULES), self.state, now))

    def add(self, *entries: AnyEntry) -> None:
        """Add entries to the log."""
        state = self.state
        self.log += [encode(state.dated_in_order(each)) for each in entries]

    def rises(self) -> list[Rose]:
        """The rises in the log."""
        return [each for each in map(decode, self.log) if isinstance(each, Rose)]

    def notify(self, seconds: float) -> list[tuple[float, float]]:
        """Deliver what is due; returns the figures before and after of every rise that is notified."""
        now = START + timedelta(seconds=seconds)
        messages = list(due(self.alert, self.state, [PAGER], now))
        self.add(*(each.delivered(now) for each in messages))
        return [(each.entry.before, each.entry.figure) for each in messages if isinstance(each.entry, Rose)]


def test_a_rise_notifies_again_and_clears_nothing_of_who_has_the_alert() -> None:
    inbox = Inbox()
    inbox.accept(0, 3)
    assert inbox.notify(0) == []
    inbox.add(Acknowledged(id="a", alert=inbox.alert.id, at=START + timedelta(seconds=9), by="inspector"))
    inbox.accept(100, 5)
    assert [inbox.notify(seconds) for seconds in (100, 101, 300)] == [[(3, 5)], [], []]
    assert inbox.alert.acknowledged
    assert inbox.alert.owner == "inspector"


def test_rises_in_quick_succession_are_one_message_from_the_first_figure_to_the_highest() -> None:
    inbox = Inbox()
    inbox.accept(0, 1)
    inbox.accept(100, 2)
    assert inbox.notify(100) == [(1, 2)]
    for seconds, figure in ((110, 3), (120, 7), (130, 4)):
        inbox.accept(seconds, figure)
        assert inbox.notify(seconds) == []
    assert inbox.notify(100 + EVERY) == [(2, 7)]


def test_a_figure_that_fell_and_rises_again_is_notified_again() -> None:
    inbox = Inbox()
    for seconds, figure in ((0, 5), (100, 3), (200, 5)):
        inbox.accept(seconds, figure)
    assert inbox.notify(200) == [(3, 5)]


def test_a_first_figure_that_is_known_late_is_not_a_rise() -> None:
    inbox = Inbox()
    for seconds, figure in ((0, None), (100, 4), (200, 4)):
        inbox.accept(seconds, figure)
    assert inbox.notify(200) == []
    inbox.accept(300, 5)
    assert inbox.notify(300) == [(4, 5)]


def test_a_peak_that_the_inbox_did_not_see_is_a_rise() -> None:
    inbox = Inbox()
    inbox.accept(0, 3)
    inbox.accept(100, 3, highest=6)
    assert inbox.notify(100) == [(3, 6)]


def test_no_rise_is_notified_after_the_end() -> None:
    inbox = Inbox()
    inbox.accept(0, 1)
    inbox.accept(100, 2)
    inbox.add(Ended(id="e", alert=inbox.alert.id, at=START + timedelta(seconds=101), ended=START))
    assert inbox.notify(102) == []


@pytest.mark.parametrize("ahead", [timedelta(hours=5), timedelta(hours=-5)])
def test_a_clock_that_was_wrong_delays_no_rise(ahead: timedelta) -> None:
    inbox = Inbox()
    inbox.accept(0, 1)
    inbox.accept(ahead.total_seconds(), 2)
    inbox.notify(ahead.total_seconds())
    inbox.accept(200, 3)
    assert inbox.notify(200) == [(2, 3)]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)), min_size=2, max_size=24))
def test_no_rise_is_lost_and_none_comes_too_soon(steps: Sequence[tuple[int, int]]) -> None:
    """Whenever one figure is higher than an earlier one, a rise to it, or higher, is notified after the earlier one, and soon."""
    inbox, seconds, seen = Inbox(), 0, []
    for after, figure in steps:
        seconds += after
        inbox.accept(seconds, figure)
        seen.append((START + timedelta(seconds=seconds), figure))
    rises, every = inbox.rises(), timedelta(seconds=EVERY)
    for (before, low), (at, high) in combinations(seen, 2):
        if high > low:
            assert any(each.figure >= high and before < each.notify_at <= at + every for each in rises)
    times = sorted({each.notify_at for each in rises})
    assert all(later - earlier >= every for earlier, later in pairwise(times))
    assert len(inbox.log) <= 2 + len(steps)


def test_every_rule_about_a_count_says_when_a_rise_is_notified() -> None:
    counts = [
        rule for rule in RULES
        if rule.measure and find(rule.measure).unit == "count" and isinstance(rule.condition, Threshold) and not rule.series.known_by
    ]  # fmt: skip
    assert len(counts) > 8
    assert [rule.name for rule in counts if rule.rise is None] == []
    assert table_errors((replace(RULE, condition=Threshold(side="below", limit=1, clear=1)),))
