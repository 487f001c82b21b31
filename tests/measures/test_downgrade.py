"""Tests that a downgrade of an incident near its target is counted."""

import pytest

from facts.incident import IncidentOpened, IncidentRegraded, UnitArrived, VideoResponseStarted
from facts.union import AnyFact
from tests.support.forces import shipped
from tests.support.story import Story

Report = tuple[type[AnyFact], str, dict[str, str]]


def regraded(clock: str, grade: str) -> Report:
    return IncidentRegraded, clock, {"grade": grade}


@pytest.mark.parametrize(
    ("facts", "count"),
    [
        ([regraded("10:12", "2")], 1),
        ([regraded("10:11:59.9", "2")], 0),
        ([regraded("10:40", "2")], 1),
        ([regraded("10:02", "2"), regraded("11:36", "3")], 1),
        ([regraded("10:12", "3"), regraded("10:13", "2")], 1),
        ([regraded("10:12", "unlisted-grade")], 0),
        ([(UnitArrived, "10:12", {"unit": "u1"}), regraded("10:12", "2")], 0),
        ([regraded("10:12", "2"), (UnitArrived, "10:12:01", {"unit": "u1"})], 1),
        ([(VideoResponseStarted, "10:05", {}), regraded("10:12", "2")], 0),
    ],
)
def test_a_downgrade_counts_after_four_fifths_of_the_target_without_attendance(facts: list[Report], count: int) -> None:
    """The target of Grade 1 is 15 minutes, and four fifths are 12; that of Grade 2 is 2 hours, and four fifths are 96 minutes."""
    story = Story(shipped("staffordshire"))
    story.report(IncidentOpened, "10:00", grade="1", group="crime", area=None)
    for kind, clock, fields in facts:
        story.report(kind, clock, **fields)
    assert story.value("incident_downgraded_near_breach_count", "11:59", "24h") == (count, count)
