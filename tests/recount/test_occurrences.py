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


@pytest.mark.parametrize(
    ("recording", "end", "decided"),
    [
        ("2024-12-02 09:00", "2024-12-04 23:59:59.999999", ("2024-12-04 23:59:59.999999", 1)),
        ("2024-12-02 09:00", "2024-12-05 00:00", ("2024-12-05 00:00:00", 0)),
        ("2024-12-06 23:00", "2024-12-10 23:00", ("2024-12-10 23:00:00", 1)),  # over a weekend
        ("2024-12-24 09:00", "2024-12-31 00:00", ("2024-12-31 00:00:00", 0)),  # over Christmas
        ("2024-03-28 12:00", "2024-04-03 22:59", ("2024-04-03 22:59:00", 1)),  # over Easter, into summer time
        ("2024-03-28 12:00", "2024-04-03 23:00", ("2024-04-03 23:00:00", 0)),
        ("2022-09-16 12:00", "2022-09-20 23:00", ("2022-09-20 23:00:00", 1)),  # over a day of mourning
        (
            "2020-04-30 12:00",
            "2020-05-04 12:00",
            ("2020-05-04 12:00:00", 1),
        ),  # a Monday that was worked that year alone
    ],
)
def test_two_working_days_end_with_the_second_one(recording: str, end: str, decided: tuple[str, int]) -> None:
    read = story(recorded(recording), referred(end))
    assert read.counts("recorded_to_referred_within_2_working_days_decided") == [decided]


def test_one_that_was_not_referred_falls_due_at_the_end_of_the_second_working_day() -> None:
    read = story(recorded("2024-12-24 09:00"))
    due = [("2024-12-24 09:00:00", "2024-12-31 00:00:00")]
    assert read.standing("recorded_to_referred_within_2_working_days_decided") == due


def test_a_force_without_bank_holidays_is_held_to_no_working_days() -> None:
    assert (
        "recorded_to_referred_within_2_working_days_decided" not in story(recorded("09:00", force="elsewhere")).kinds()
    )


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
