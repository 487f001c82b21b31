"""Tests plain counts: each family has its own measure, is not counted as an occurrence, and has no figure without types."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from facts.fact import FactWithdrawn
from facts.force import Force
from facts.occurrence import OccurrenceRecorded
from measures.catalogue import CATALOGUE, find
from tests.support.forces import STRICT, shipped
from tests.support.story import Story

_FAMILIES = ("fatal_collision", "stop_and_search", "school_notification")
_NAMES = ("occurrence_count", "crime_count", "asb_occurrence_count", *(f"{family}_count" for family in _FAMILIES))


def one_of_each() -> Story:
    """One occurrence of each of the strict force's types, but two crimes, and one with an unlisted type."""
    story = Story(STRICT)
    for number, kind in enumerate(["asb_personal", "theft", "theft", "collision", "search", "school", "odd"]):
        story.report(OccurrenceRecorded, "10:00", f"o{number}", type=kind, area="north", fact_id=f"f-{number}-{kind}")
    return story


def counts(story: Story) -> list[float | None]:
    """Today's count of each measure."""
    return [story.value(name, "20:00", "today")[0] for name in _NAMES]


def test_only_crime_asb_and_unlisted_types_are_counted_as_occurrences() -> None:
    assert counts(one_of_each()) == [4, 2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        # The collision turned out not to be fatal.
        (
            lambda story: story.report(FactWithdrawn, "15:00", "o3", withdraws="f-3-collision", topic="occurrences"),
            [4, 2, 1, 0, 1, 1],
        ),
        # An occurrence recorded as theft was a search.
        (
            lambda story: story.report(OccurrenceRecorded, "10:00", "o1", type="search", corrects="f-1-theft"),
            [3, 1, 1, 1, 2, 1],
        ),
        # The same notification was sent twice.
        (
            lambda story: story.report(
                OccurrenceRecorded, "10:00", "o5", type="school", area="north", fact_id="f-5-school"
            ),
            [4, 2, 1, 1, 1, 1],
        ),
    ],
)
def test_later_facts_restate_the_figures(report: Callable[[Story], Any], expected: list[float]) -> None:
    story = one_of_each()
    report(story)
    assert counts(story) == expected
    assert story.state.least_count() >= 1


def test_a_report_window_counts_them_by_day_of_recording() -> None:
    story = one_of_each()
    assert story.value("stop_and_search_count", "34:00", "2024-12-03/2024-12-04") == (1, 1)
    assert story.value("stop_and_search_count", "34:00", "today") == (0, 0)


@pytest.mark.parametrize("family", _FAMILIES)
def test_a_force_without_types_of_a_family_has_no_figure_instead_of_0(family: str) -> None:
    """The force still has a feed of occurrences: 0 would mean that nothing happened."""
    force = _without(STRICT, family)
    measure = find(f"{family}_count")
    assert [each.topic for each in measure.feeds(STRICT)] == ["occurrences"]
    assert measure.feeds(force) == ()
    assert find("occurrence_count").feeds(force)


def _without(force: Force, family: str) -> Force:
    return msgspec.structs.replace(
        force, occurrence_types=tuple(each for each in force.occurrence_types if each.family != family)
    )


def test_every_family_with_a_measure_has_a_type_in_the_shipped_profile() -> None:
    families = {each.family for each in shipped("staffordshire").occurrence_types}
    limited = {word for measure in CATALOGUE.values() for word in measure.where.get("family", ())}
    assert limited - {"unlisted"} == families
