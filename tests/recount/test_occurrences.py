"""Section 8 of the meaning: what an occurrence counts for."""

import pytest

from tests.recount.story import recorded, referred, story


def test_an_occurrence_that_was_referred() -> None:
    read = story(recorded("09:00", area="north"), referred("2024-12-03 09:00"))
    assert read.counts("occurrence_recorded") == [("09:00:00", 0)]
    assert read.counts("recorded_to_referred") == [("2024-12-03 09:00:00", 86_400)]
    assert read.counts("recorded_to_referred_decided") == [("2024-12-03 09:00:00", 1)]
    assert read.words("recorded_to_referred_decided") == [("crime", "north")]
    assert read.open == {}


@pytest.mark.parametrize(
    ("end", "decided"),
    [
        ("2024-12-04 09:00:00.499999", ("2024-12-04 09:00:00.499999", 1)),
        ("2024-12-04 09:00:00.5", ("2024-12-04 09:00:00.5", 0)),
        ("2024-12-09 09:00", ("2024-12-04 09:00:00.5", 0)),
    ],
)
def test_48_hours_are_judged_on_the_rounded_span(end: str, decided: tuple[str, int]) -> None:
    assert story(recorded("09:00"), referred(end)).counts("recorded_to_referred_decided") == [decided]


def test_one_that_was_not_referred_stands_open() -> None:
    read = story(recorded("09:00"))
    assert read.standing("recorded_to_referred_decided") == [("09:00:00", "2024-12-04 09:00:00.5")]
    assert set(read.finished) == {"occurrence_recorded"}


def test_one_without_a_victim_is_held_to_nothing_but_its_span_is_kept() -> None:
    assert story(recorded("09:00", victim_based=False)).kinds() == {"occurrence_recorded"}
    read = story(recorded("09:00", victim_based=False), referred("10:00"))
    assert read.kinds() == {"occurrence_recorded", "recorded_to_referred"}


def test_the_first_of_each_counts() -> None:
    read = story(
        recorded("09:05", area="Zulu", victim_based=False), recorded("09:00", area="north"),
        referred("11:00"), referred("10:00"),
    )  # fmt: skip
    assert read.words("occurrence_recorded") == [("crime", "north")]
    assert read.counts("recorded_to_referred") == [("10:00:00", 3600)]
    assert read.counts("recorded_to_referred_decided") == [("10:00:00", 1)]


def test_a_referral_without_an_occurrence_is_incomplete() -> None:
    read = story(referred("11:00"), referred("10:00"))
    assert read.kinds() == {"occurrence_incomplete"}
    assert (read.times("occurrence_incomplete"), read.began("occurrence_incomplete")) == (["10:00:00"], ["10:00:00"])


def test_referred_before_it_was_recorded_is_a_contradiction_and_decides_nothing() -> None:
    read = story(recorded("09:00"), referred("08:00"))
    assert read.kinds() == {"occurrence_recorded", "occurrence_contradiction"}
    assert read.words("occurrence_contradiction") == [("recorded_to_referred_ends_before_it_starts",)]
    assert (read.times("occurrence_contradiction"), read.began("occurrence_contradiction")) == (
        ["08:00:00"],
        ["09:00:00"],
    )
