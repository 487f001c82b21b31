"""Section 8 of the semantics: the outcomes of an occurrence."""

import pytest

from tests.recount.outcomes import outcomes_of
from tests.support.facts import contract, linked, recorded, referred, withdrawn


def test_a_referred_occurrence() -> None:
    read = outcomes_of(recorded("09:00", area="north"), referred("2024-12-03 09:00"))
    assert read.counts("occurrence_recorded") == [("09:00:00", 0)]
    assert read.counts("recorded_to_referred") == [("2024-12-03 09:00:00", 86_400)]
    assert read.counts("recorded_to_referred_decided") == [("2024-12-03 09:00:00", 1)]
    assert read.words("recorded_to_referred_decided") == [("theft", "north")]
    assert read.open == {}


@pytest.mark.parametrize(
    ("end", "decided"),
    [
        ("2024-12-04 09:00:00.499999", ("2024-12-04 09:00:00.499999", 1)),
        ("2024-12-04 09:00:00.5", ("2024-12-04 09:00:00.5", 0)),
        ("2024-12-09 09:00", ("2024-12-04 09:00:00.5", 0)),
    ],
)
def test_48_hours_apply_to_the_rounded_span(end: str, decided: tuple[str, int]) -> None:
    assert outcomes_of(recorded("09:00"), referred(end)).counts("recorded_to_referred_decided") == [decided]


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
    read = outcomes_of(recorded(recording), referred(end))
    assert read.counts("recorded_to_referred_within_2_working_days_decided") == [decided]


def test_an_unreferred_occurrence_falls_due_at_the_end_of_the_second_working_day() -> None:
    read = outcomes_of(recorded("2024-12-24 09:00"))
    due = [("2024-12-24 09:00:00", "2024-12-31 00:00:00")]
    assert read.open_items("recorded_to_referred_within_2_working_days_decided") == due


def test_a_force_without_bank_holidays_has_no_target_in_working_days() -> None:
    assert (
        "recorded_to_referred_within_2_working_days_decided"
        not in outcomes_of(recorded("09:00", force="elsewhere")).kinds()
    )


def test_an_unreferred_occurrence_is_an_open_item() -> None:
    read = outcomes_of(recorded("09:00"))
    assert read.open_items("recorded_to_referred_decided") == [("09:00:00", "2024-12-04 09:00:00.5")]
    assert set(read.finished) == {"occurrence_recorded"}


def test_an_occurrence_without_a_victim_has_a_span_but_no_target() -> None:
    assert outcomes_of(recorded("09:00", victim_based=False)).kinds() == {"occurrence_recorded"}
    read = outcomes_of(recorded("09:00", victim_based=False), referred("10:00"))
    assert read.kinds() == {"occurrence_recorded", "recorded_to_referred"}


def test_the_first_of_each_counts() -> None:
    read = outcomes_of(
        recorded("09:05", area="Zulu", victim_based=False), recorded("09:00", area="north"),
        referred("11:00"), referred("10:00"),
    )  # fmt: skip
    assert read.words("occurrence_recorded") == [("theft", "north")]
    assert read.counts("recorded_to_referred") == [("10:00:00", 3600)]
    assert read.counts("recorded_to_referred_decided") == [("10:00:00", 1)]


def test_a_referral_without_an_occurrence_is_incomplete() -> None:
    read = outcomes_of(referred("11:00"), referred("10:00"))
    assert read.kinds() == {"occurrence_incomplete"}
    assert (read.times("occurrence_incomplete"), read.began("occurrence_incomplete")) == (["10:00:00"], ["10:00:00"])


def test_referred_before_it_was_recorded_is_a_contradiction_and_decides_nothing() -> None:
    read = outcomes_of(recorded("09:00"), referred("08:00"))
    assert read.kinds() == {"occurrence_recorded", "occurrence_contradiction"}
    assert read.words("occurrence_contradiction") == [("recorded_to_referred_ends_before_it_starts",)]
    assert (read.times("occurrence_contradiction"), read.began("occurrence_contradiction")) == (
        ["08:00:00"],
        ["09:00:00"],
    )


def test_every_link_counts_with_the_words_of_its_occurrence() -> None:
    read = outcomes_of(
        recorded("09:00", area="north"), linked("09:10"), linked("09:20", repeat=True), linked("09:30", "address", repeat=True),
        linked("10:00", "suspect", domestic_repeat=True),
    )  # fmt: skip
    assert read.counts("party_linked") == [("09:10:00", 0), ("09:20:00", 0), ("09:30:00", 0), ("10:00:00", 0)]
    assert read.words("party_linked") == [
        ("theft", "north", "no", "victim", "no"),
        ("theft", "north", "no", "victim", "yes"),
        ("theft", "north", "no", "address", "yes"),
        ("theft", "north", "no", "suspect", "no"),
    ]
    assert read.began("party_linked") == ["09:00:00"] * 4
    assert "domestic_party_linked" not in read.kinds()


def test_a_domestic_link_counts_as_both_and_may_be_a_repeat_of_either() -> None:
    flags = [(False, False), (False, True), (True, False), (True, True)]
    links = [
        linked(f"09:1{number}", repeat=repeat, domestic_repeat=domestic)
        for number, (repeat, domestic) in enumerate(flags)
    ]
    read = outcomes_of(recorded("09:00", domestic=True), *links)
    assert read.word("party_linked", "domestic") == ["yes"] * 4
    assert read.word("party_linked", "repeat") == ["no", "no", "yes", "yes"]
    assert read.word("domestic_party_linked", "repeat") == ["no", "yes", "no", "yes"]
    assert read.word("domestic_party_linked", "role") == ["victim"] * 4


def test_a_link_may_be_earlier_than_the_recording() -> None:
    read = outcomes_of(recorded("09:00"), linked("08:50"))
    assert (read.times("party_linked"), read.began("party_linked")) == (["08:50:00"], ["09:00:00"])
    assert "occurrence_contradiction" not in read.kinds()


def test_a_link_without_an_occurrence_is_incomplete() -> None:
    read = outcomes_of(linked("11:00"), linked("10:00"))
    assert read.kinds() == {"occurrence_incomplete"}
    assert read.times("occurrence_incomplete") == ["10:00:00"]


def test_a_withdrawn_or_corrected_link_counts_as_it_is_now() -> None:
    first, second = linked("09:10", repeat=True), linked("09:20")
    mended = linked("09:20", repeat=True, corrects=second.fact_id)
    read = outcomes_of(recorded("09:00"), first, second, mended, withdrawn(first.fact_id))
    assert read.times("party_linked") == ["09:20:00"]
    assert read.word("party_linked", "repeat") == ["yes"]


def test_links_follow_a_corrected_occurrence() -> None:
    wrong = recorded("09:00", type="asb", domestic=True)
    read = outcomes_of(wrong, linked("09:10"), recorded("09:00", area="north", corrects=wrong.fact_id))
    assert read.words("party_linked") == [("theft", "north", "no", "victim", "no")]
    assert "domestic_party_linked" not in read.kinds()


def test_a_crime_is_closed_once_and_its_contract_has_the_words_of_the_crime() -> None:
    read = outcomes_of(recorded("09:00", area="north"), contract("15:00", "late"), contract("16:00"))
    assert read.counts("victim_contract_closed") == [("15:00:00", 0)]
    assert read.words("victim_contract_closed") == [("theft", "north", "late")]
    assert read.began("victim_contract_closed") == ["09:00:00"]


def test_a_withdrawn_or_corrected_closure_counts_as_it_is_now() -> None:
    early, second = contract("15:00", "late"), contract("16:00", "missed")
    mended = contract("16:00", corrects=second.fact_id)
    read = outcomes_of(recorded("09:00"), early, second, mended, withdrawn(early.fact_id))
    assert read.times("victim_contract_closed") == ["16:00:00"]
    assert read.word("victim_contract_closed", "compliance") == ["timely"]


def test_a_contract_may_be_closed_before_the_recording_and_without_one_is_incomplete() -> None:
    assert outcomes_of(recorded("09:00"), contract("08:00")).times("victim_contract_closed") == ["08:00:00"]
    assert outcomes_of(contract("08:00")).kinds() == {"occurrence_incomplete"}
