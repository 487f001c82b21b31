"""A regrade down when an incident's time had nearly run out stays in sight."""

import pytest

from facts.fact import SubjectFact
from facts.incident import IncidentOpened, IncidentRegraded, UnitArrived, VideoResponseStarted
from tests.support.forces import shipped
from tests.support.story import Story

Told = tuple[type[SubjectFact], str, dict[str, str]]


def regraded(clock: str, grade: str) -> Told:
    return IncidentRegraded, clock, {"grade": grade}


@pytest.mark.parametrize(
    ("facts", "count"),
    [
        ([regraded("10:12", "2")], 1),
        ([regraded("10:11:59.9", "2")], 0),
        ([regraded("10:40", "2")], 1),
        ([regraded("10:02", "2"), regraded("11:36", "3")], 1),
        ([regraded("10:12", "3"), regraded("10:13", "2")], 1),
        ([regraded("10:12", "unheard")], 0),
        ([(UnitArrived, "10:12", {"unit": "u1"}), regraded("10:12", "2")], 0),
        ([regraded("10:12", "2"), (UnitArrived, "10:12:01", {"unit": "u1"})], 1),
        ([(VideoResponseStarted, "10:05", {}), regraded("10:12", "2")], 0),
    ],
)
def test_four_fifths_of_the_time_gone_and_nobody_there(facts: list[Told], count: int) -> None:
    """Grade 1 is promised in 15 minutes: four fifths are 12; Grade 2 in 2 hours: 96 minutes."""
    story = Story(shipped("staffordshire"))
    story.tell(IncidentOpened, "10:00", grade="1", group="crime", area=None)
    for kind, clock, fields in facts:
        story.tell(kind, clock, **fields)
    assert story.value("incident_downgraded_near_breach_count", "11:59", "24h") == (count, count)
