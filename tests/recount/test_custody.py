"""Section 7 of the semantics: the outcomes of a detention or a voluntary attendance."""

import pytest

from tests.recount.outcomes import outcomes_of
from tests.support.facts import authorised, detained, ended, reviewed, volunteered


def test_a_detention_from_arrival_to_end() -> None:
    read = outcomes_of(detained("09:00", child=True), authorised("09:20:30.5"), ended("15:00", "bail"))
    assert read.counts("detainee_arrived") == [("09:00:00", 0)]
    assert read.counts("arrived_to_authorised") == [("09:20:30.5", 1231)]
    assert read.counts("arrived_to_ended") == [("15:00:00", 21_600)]
    assert read.words("detention_ended") == [("one", "yes", "bail")]
    assert read.words("arrived_to_ended") == [("one", "yes")]
    assert read.kinds() == {
        "detainee_arrived", "arrived_to_authorised", "arrived_to_ended", "detention_ended", "suite_entered", "suite_left",
    }  # fmt: skip


def test_the_clock_starts_at_the_arrival_and_not_at_the_relevant_time() -> None:
    early = detained("09:00", relevant_time="2024-12-02T08:00:00Z")
    assert outcomes_of(early, ended("10:00")).counts("arrived_to_ended") == [("10:00:00", 3600)]


def test_the_first_of_each_counts() -> None:
    read = outcomes_of(
        detained("09:05"), detained("09:00"), authorised("09:30"), authorised("09:20"),
        ended("12:00", "bail"), ended("11:00", "charged"),
    )  # fmt: skip
    assert read.words("detainee_arrived") == [("one", "no")]
    assert read.counts("arrived_to_authorised") == [("09:20:00", 1200)]
    assert read.words("detention_ended") == [("one", "no", "charged")]
    assert read.times("detention_ended") == ["11:00:00"]


def test_a_detainee_waits_until_authorised_and_is_in_custody_until_the_end() -> None:
    waiting = outcomes_of(detained("09:00"), reviewed("09:30"))
    assert waiting.open_items("in_custody") == waiting.open_items("awaiting_authorisation") == [("09:00:00", None)]
    held = outcomes_of(detained("09:00"), authorised("09:20"))
    assert set(held.open) == {"in_custody", "review_due", "detention_limit", "custody_note"}
    assert held.open_items("custody_note") == [("2024-12-03 09:20:00", None)], "silent a day after the last fact"
    refused = outcomes_of(detained("09:00"), ended("09:20", "detention_not_authorised"))
    assert refused.open == {}


def test_facts_without_an_arrival_are_one_incomplete_detention() -> None:
    read = outcomes_of(ended("15:00"), reviewed("12:00"))
    assert read.kinds() == set(read.open) == {"detention_incomplete"}
    assert (read.times("detention_incomplete"), read.began("detention_incomplete")) == (["12:00:00"], ["12:00:00"])


def test_a_voluntary_attendance_is_not_a_detention() -> None:
    read = outcomes_of(volunteered("09:00", suite="one", child=True), volunteered("09:05"))
    assert read.kinds() == {"voluntary_attended"}
    assert read.counts("voluntary_attended") == [("09:00:00", 0)]
    assert read.words("voluntary_attended") == [("one", "yes")]


def test_a_voluntary_attendance_with_facts_of_a_detention_is_both_and_began_with_the_attendance() -> None:
    read = outcomes_of(volunteered("09:00"), authorised("08:00"))
    assert read.kinds() == {"voluntary_attended", "detention_incomplete", "custody_note", "review_due"}
    assert read.times("detention_incomplete") == ["08:00:00"]
    assert set(read.open) == {"detention_incomplete", "custody_note", "review_due"}
    assert read.began("detention_incomplete") == read.began("voluntary_attended") == ["09:00:00"]


def test_a_subject_with_both_began_with_the_detention_and_each_has_its_own_words() -> None:
    read = outcomes_of(volunteered("08:00", child=True), detained("10:00"))
    assert read.began("voluntary_attended") == read.began("detainee_arrived") == ["10:00:00"]
    assert read.times("voluntary_attended") == ["08:00:00"]
    assert read.words("voluntary_attended") == [("none", "yes")]
    assert read.words("detainee_arrived") == [("one", "no")]


@pytest.mark.parametrize(
    ("end", "kind"), [(authorised("08:59"), "arrived_to_authorised"), (ended("08:59"), "arrived_to_ended")]
)
def test_a_span_that_ends_before_the_arrival_is_a_contradiction(end: object, kind: str) -> None:
    read = outcomes_of(detained("09:00"), end)  # type: ignore[arg-type]
    assert read.words("detention_contradiction") == [(f"{kind}_ends_before_it_starts",)]
    assert read.times("detention_contradiction") == ["08:59:00"]
    assert kind not in read.kinds()


def test_a_contradicting_end_still_ends_the_detention() -> None:
    read = outcomes_of(detained("09:00"), ended("08:59", "no_further_action"))
    assert read.times("detention_ended") == ["08:59:00"]
    assert set(read.open) == {"detention_contradiction"}
