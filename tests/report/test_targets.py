"""Rows that are held to a target name the force's own, from its profile, and none that is not its own."""

import msgspec
import pytest

from dashboards.report.layout import sections
from dashboards.report.targets import target_words
from facts.force import Force
from measures.catalogue import CATALOGUE
from tests.support.forces import STRICT, shipped

STAFFORDSHIRE = shipped("staffordshire")


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("contact_999_answered_within_target_ratio", "in under 10 seconds"),
        ("contact_101_answered_within_target_ratio", "within 2 minutes"),
        ("grade_1_opened_to_dispatched_within_target_ratio", "within 2 minutes"),
        ("grade_1_opened_to_arrived_within_target_ratio", "within 15 minutes"),
        ("grade_2_opened_to_arrived_within_target_ratio", "within 2 hours"),
        ("domestic_grade_2_opened_to_attended_within_target_ratio", "within 2 hours"),
        ("opened_to_arrived_within_target_ratio", "within target"),
    ],
)
def test_the_target_is_the_force_s_own(measure: str, words: str) -> None:
    assert target_words(CATALOGUE[measure], STAFFORDSHIRE) == words


def test_a_target_that_changed_or_is_none_is_not_named() -> None:
    grade_1 = CATALOGUE["grade_1_opened_to_arrived_within_target_ratio"]
    assert target_words(grade_1, STRICT) == "within target"
    silent = msgspec.structs.replace(STAFFORDSHIRE, grades=())
    assert target_words(grade_1, silent) == "within target"


@pytest.mark.parametrize("force", [STAFFORDSHIRE, STRICT, shipped("san_francisco_fire")])
def test_every_row_is_filled_in(force: Force) -> None:
    assert "{target}" not in repr(sections(force))
