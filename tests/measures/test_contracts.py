"""Tests victim contracts: shares of closed crimes, each closed once, which later facts restate."""

from collections.abc import Callable
from typing import Any

import pytest

from facts.fact import FactWithdrawn
from facts.occurrence import Compliance, OccurrenceRecorded, VictimContractClosed
from facts.wire import decode
from measures.catalogue import find
from tests.support.forces import STRICT
from tests.support.memory import RECEIVED
from tests.support.story import Story

_COMPLIANCE: tuple[Compliance, ...] = ("timely", "timely", "late", "missed")
_NAMES = ("victim_contract_closed_count", "victim_contract_compliant_ratio", "victim_contract_timely_ratio")


def closed_crimes() -> Story:
    """Four crimes closed at noon: two with a contract in time, one with a late contract and one without. A fifth is open."""
    story = Story(STRICT)
    for number in range(5):
        story.report(
            OccurrenceRecorded, "10:00", f"c{number}", type="theft", area="north", fact_id=f"f{number}-recorded"
        )
    for number, compliance in enumerate(_COMPLIANCE):
        story.report(VictimContractClosed, "12:00", f"c{number}", compliance=compliance, fact_id=f"f{number}-closed")
    return story


def values(story: Story, clock: str = "20:00", window: str = "today") -> list[float | None]:
    """The count, and the shares with a contract and with a contract in time."""
    return [story.value(name, clock, window)[0] for name in _NAMES]


def test_shares_are_of_closed_crimes_and_late_contracts_comply() -> None:
    assert values(closed_crimes()) == [4, 0.75, 0.5]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        # The open crime is closed too.
        (lambda story: story.report(VictimContractClosed, "19:00", "c4", compliance="late"), [5, 0.8, 0.4]),
        # The contract was found later.
        (
            lambda story: story.report(VictimContractClosed, "12:00", "c3", compliance="late", corrects="f3-closed"),
            [4, 1.0, 0.5],
        ),
        # The crime was reopened.
        (
            lambda story: story.report(FactWithdrawn, "15:00", "c0", withdraws="f0-closed", topic="occurrences"),
            [3, 2 / 3, 1 / 3],
        ),
        # Closing a closed crime again changes nothing.
        (lambda story: story.report(VictimContractClosed, "16:00", "c0", compliance="missed"), [4, 0.75, 0.5]),
        # It was not a crime.
        (
            lambda story: story.report(FactWithdrawn, "15:00", "c3", withdraws="f3-recorded", topic="occurrences"),
            [3, 1.0, 2 / 3],
        ),
    ],
)
def test_later_facts_restate_the_figures(report: Callable[[Story], Any], expected: list[float]) -> None:
    story = closed_crimes()
    report(story)
    assert values(story) == pytest.approx(expected)
    assert story.state.least_count() >= 1


def test_a_live_window_counts_by_closure_and_a_report_window_by_day_of_recording() -> None:
    story = closed_crimes()
    story.report(VictimContractClosed, "36:00", "c4", compliance="missed")
    assert values(story, "40:00") == [1, 0, 0]
    assert values(story, "40:00", "2024-12-03/2024-12-04") == [5, 0.6, 0.4]
    assert values(story, "40:00", "2024-12-04/2024-12-05") == [0, None, None]


def test_shares_can_be_broken_down_by_area_and_type_but_not_by_compliance() -> None:
    for name in _NAMES[1:]:
        assert find(name).dimensions() == ("type", "area", "family")
        assert find(name).minimum_n == 5
    assert "compliance" in find(_NAMES[0]).dimensions()


@pytest.mark.parametrize(
    "wrong", ['"in_time"', "true", "null", '"timely","late":false', '"timely","held":"to ring weekly"']
)
def test_an_impossible_compliance_or_the_contract_s_contents_are_refused(wrong: str) -> None:
    """Compliance is one word, so that a contract cannot be both in time and never made."""
    text = (
        '{"fact":"VictimContractClosed","fact_id":"f","force":"strict","at":"2024-12-03T10:00:00Z","subject_id":"s",'
        f'"compliance":{wrong}}}'
    )
    decoded = decode(text.encode(), "occurrences", RECEIVED)
    assert decoded.facts == []
    assert len(decoded.unreadable) == 1
