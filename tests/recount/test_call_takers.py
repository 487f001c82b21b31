"""Section 15 of the semantics: the outcomes of a call taker."""

from tests.recount.outcomes import outcomes_of
from tests.support.facts import changed, signed_off, signed_on

_TALK = ("09:05", "on_contact")


def _contact(*states: tuple[str, str], end: str = "09:10") -> list[tuple[str, int]]:
    """What is counted of a contact in these states, after which the call taker is available: each kind with its seconds."""
    facts = [changed(when, state, queue="emergency") for when, state in states]
    read = outcomes_of(signed_on("09:00"), *facts, changed(end))
    kinds = ("handled", "handled_talk", "handled_hold", "handled_wrap")
    return [(kind, value) for kind in kinds for _, value in read.counts(kind)]


def test_states_from_sign_on_to_sign_off() -> None:
    read = outcomes_of(signed_on("09:00"), changed("09:01"), changed("09:05", "on_break"), signed_off("17:00"))
    assert read.times("call_taker_state_began") == ["09:00:00", "09:01:00", "09:05:00"]
    assert read.times("call_taker_state_ended") == ["09:01:00", "09:05:00", "17:00:00"]
    assert read.word("call_taker_state_ended", "state") == ["signed_on", "available", "on_break"]
    assert read.open == {}


def test_who_has_not_signed_off_is_staffed_until_nothing_is_reported_for_16_hours() -> None:
    read = outcomes_of(signed_on("09:00", "routine"), changed("09:01"), changed("10:00"))
    assert read.open_items("call_taker_staffed") == [("09:01:00", None)]
    assert [item.dimensions for item in read.open["call_taker_staffed"]] == [("routine", "available")]
    assert read.open_items("call_taker_unrecorded") == [("2024-12-03 02:00:00", None)]
    assert read.times("call_taker_state_ended") == ["09:01:00"]


def test_talk_hold_and_wrap_add_up() -> None:
    found = _contact(_TALK, ("09:06", "on_hold"), ("09:06:30", "on_contact"), ("09:09", "wrapping_up"))
    assert found == [("handled", 300), ("handled_talk", 210), ("handled_hold", 30), ("handled_wrap", 60)]


def test_a_contact_after_a_wrap_up_is_another_one() -> None:
    found = _contact(_TALK, ("09:07", "wrapping_up"), ("09:08", "on_contact"))
    assert [value for kind, value in found if kind == "handled"] == [180, 120]


def test_a_change_to_the_present_state_is_none() -> None:
    assert _contact(_TALK, ("09:06", "on_contact"))[0] == ("handled", 300)


def test_a_wrap_up_without_a_contact_is_not_handled() -> None:
    assert _contact(("09:05", "wrapping_up")) == []


def test_the_queue_is_that_of_the_first_state_on_the_contact() -> None:
    states = changed("09:01", "on_hold", queue="local"), changed("09:02", "on_contact", queue="triage")
    read = outcomes_of(signed_on("09:00"), *states, changed("09:03", "on_hold", queue="local"), signed_off("09:04"))
    assert read.words("handled") == [("all_calls", "triage")]


def test_a_contact_that_has_not_ended_is_not_counted_yet() -> None:
    assert outcomes_of(signed_on("09:00"), changed("09:05", "on_contact")).counts("handled") == []


def test_another_sign_on_changes_the_skill_and_ends_the_contact() -> None:
    read = outcomes_of(
        signed_on("09:00"), changed("09:05", "on_contact"), signed_on("09:06", "odd"), signed_off("09:07")
    )
    assert read.words("call_taker_state_ended") == [
        ("all_calls", "signed_on"),
        ("all_calls", "on_contact"),
        ("unlisted", "signed_on"),
    ]
    assert read.words("handled") == [("all_calls", "none")]


def test_a_change_while_signed_off_is_a_contradiction() -> None:
    read = outcomes_of(signed_on("09:00"), signed_off("10:00"), changed("10:05"), signed_off("10:06"), changed("10:07"))
    assert read.times("call_taker_contradiction") == ["10:05:00"]
    assert read.times("call_taker_state_ended") == ["10:00:00"]
    assert read.kinds() == {"call_taker_contradiction", "call_taker_state_began", "call_taker_state_ended"}


def test_who_never_signed_on_is_incomplete() -> None:
    read = outcomes_of(changed("09:00"), signed_off("10:00"))
    assert read.kinds() == {"call_taker_incomplete"}
    assert read.counts("handled_unrecorded") == [("09:00:00", 2)]


def test_facts_before_the_first_sign_on_have_no_effect() -> None:
    read = outcomes_of(changed("08:00", "on_contact"), signed_on("09:00"), signed_off("10:00"))
    assert read.times("call_taker_state_began") == ["09:00:00"]
    assert read.began("call_taker_state_began") == ["09:00:00"]
