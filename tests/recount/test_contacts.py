"""Section 5 of the semantics: the outcomes of a contact."""

from datetime import timedelta

import pytest

from facts.union import AnyFact
from measures.outcome import microseconds
from tests.recount.outcomes import outcomes_of
from tests.support.facts import abandoned, answered, at, concluded, declined, offered

BOTH_DECIDED = {"leg_answer_decided", "leg_service_decided"}
OFFERED = {"contact_offered", "leg_offered"}


# --- legs -----------------------------------------------------------------------------------------------------------


def test_each_queue_that_a_contact_joins_is_a_leg() -> None:
    read = outcomes_of(offered("09:00", "triage", "101"), offered("09:05", "local", "101"))
    assert read.times("contact_offered") == ["09:00:00"]
    assert read.words("contact_offered") == [("101", "triage", "none")]
    assert read.times("leg_offered") == ["09:00:00", "09:05:00"]
    assert read.began("leg_offered") == ["09:00:00", "09:00:00"]


def test_the_first_offer_is_the_earliest_not_the_first_received() -> None:
    read = outcomes_of(offered("09:05", "local", "101"), offered("09:00", "triage", "101"))
    assert (read.times("contact_offered"), read.word("contact_offered", "queue")) == (["09:00:00"], ["triage"])


def test_a_second_offer_for_a_queue_at_the_same_time_is_the_same_leg() -> None:
    """The offer with the lowest id gives its words."""
    read = outcomes_of(
        offered("09:00", "web", "digital", channel="livechat", fact_id="b"),
        offered("09:00", "web", "digital", channel="contact_us", fact_id="a"),
    )
    assert read.words("leg_offered") == [("digital", "unlisted", "contact_us")]


def test_another_offer_for_the_same_queue_later_is_another_leg() -> None:
    read = outcomes_of(offered("09:00", "triage", "101"), offered("09:00:00.000001", "triage", "101"))
    assert len(read.finished["leg_offered"]) == 2


def test_offers_for_two_queues_at_the_same_time_are_two_legs_in_order_of_id() -> None:
    read = outcomes_of(offered("09:00", "local", "101", fact_id="b"), offered("09:00", "triage", "101", fact_id="a"))
    assert read.word("contact_offered", "queue") == ["triage"]
    assert read.words("leg_end_unrecorded") == [("101", "triage", "none")]
    assert [matter.dimensions for matter in read.open["leg_waiting"]] == [("101", "local", "none")]


def test_two_unlisted_queues_are_two_queues() -> None:
    """Both have the word unlisted, but legs belong to queues, not to words."""
    read = outcomes_of(offered("09:00", "red", "101"), offered("09:01", "blue", "101"), answered("09:02", "red"))
    assert read.counts("leg_answered") == [("09:02:00", 1200)]


def test_an_end_belongs_to_the_latest_leg_offered_to_its_queue_before_it() -> None:
    read = outcomes_of(
        offered("09:00", "triage", "101"),
        answered("09:01", "triage"),
        offered("09:10", "triage", "101"),
        offered("09:11", "local", "101"),
        answered("09:12", "triage"),
        answered("09:13", "local"),
    )
    assert read.counts("leg_answered") == [("09:01:00", 600), ("09:12:00", 1200), ("09:13:00", 1200)]


def test_a_conclusion_at_the_time_of_the_next_offer_ends_the_leg_before() -> None:
    """A caller who leaves a queue and joins it again within one second of the log still waits."""
    read = outcomes_of(
        offered("09:00", "triage", "101"),
        concluded("09:10", "triage", "other"),
        offered("09:10", "triage", "101"),
        concluded("09:20", "triage", "other"),
        offered("09:20", "triage", "101"),
    )
    assert read.counts("leg_left") == [("09:10:00", 6000), ("09:20:00", 6000)]
    assert read.open_items("leg_waiting") == [("09:20:00", None)]


def test_of_two_conclusions_at_the_time_of_an_offer_the_first_ends_the_leg_before() -> None:
    read = outcomes_of(
        offered("09:00", "triage", "101"),
        concluded("09:10", "triage", "other", fact_id="a"),
        concluded("09:10", "triage", "callback", fact_id="b"),
        offered("09:10", "triage", "101"),
    )
    assert sorted(read.word("leg_concluded", "result")) == ["callback", "other"]
    assert sorted(read.counts("leg_left")) == [("09:10:00", 0), ("09:10:00", 6000)]
    assert "leg_waiting" not in read.open


def test_a_conclusion_at_the_time_of_an_offer_ends_that_leg_if_the_one_before_was_concluded() -> None:
    read = outcomes_of(
        offered("09:00", "triage", "101"),
        concluded("09:05", "triage", "other"),
        offered("09:10", "triage", "101"),
        concluded("09:10", "triage", "other"),
    )
    assert read.counts("leg_left") == [("09:05:00", 3000), ("09:10:00", 0)]


def test_an_end_at_the_time_of_an_offer_belongs_to_that_leg() -> None:
    read = outcomes_of(
        offered("09:00", "triage", "101"), offered("09:10", "triage", "101"), answered("09:10", "triage", fact_id="a")
    )
    assert read.counts("leg_answered") == [("09:10:00", 0)]
    assert read.times("leg_end_unrecorded") == ["09:00:00"]


def test_an_end_before_every_offer_belongs_to_the_first_leg_of_its_queue() -> None:
    read = outcomes_of(
        offered("09:00", "triage", "101"),
        offered("09:10", "local", "101"),
        offered("09:20", "local", "101"),
        answered("09:05", "local"),
    )
    assert read.words("contact_contradiction") == [("leg_answered_ends_before_it_starts",)]
    assert read.times("contact_contradiction") == ["09:05:00"]
    assert read.times("leg_end_unrecorded") == ["09:00:00"]
    assert read.open_items("leg_waiting") == [("09:20:00", None)]


# --- incomplete -----------------------------------------------------------------------------------------------------


def test_ends_without_any_offer_are_one_incomplete_contact() -> None:
    read = outcomes_of(concluded("09:05"), answered("09:01"))
    assert read.kinds() == {"contact_incomplete"}
    assert (read.times("contact_incomplete"), read.began("contact_incomplete")) == (["09:01:00"], ["09:01:00"])


def test_a_declined_callback_does_not_begin_a_contact_without_any_offer() -> None:
    read = outcomes_of(declined("09:00"), concluded("09:05"))
    assert (read.times("contact_incomplete"), read.began("contact_incomplete")) == (["09:05:00"], ["09:05:00"])


def test_an_end_in_a_queue_without_an_offer_also_makes_the_contact_incomplete() -> None:
    read = outcomes_of(
        offered("09:00"), answered("09:00:05"), concluded("09:09", "local"), abandoned("09:07", "triage")
    )
    assert (read.times("contact_incomplete"), read.began("contact_incomplete")) == (["09:07:00"], ["09:00:00"])
    assert read.kinds() == {*OFFERED, *BOTH_DECIDED, "leg_answered", "contact_incomplete"}


# --- answered, abandoned, left --------------------------------------------------------------------------------------


def test_an_answered_leg() -> None:
    read = outcomes_of(offered("09:00"), answered("09:00:04"))
    assert read.kinds() == {*OFFERED, *BOTH_DECIDED, "leg_answered"}
    assert read.counts("leg_answered") == [("09:00:04", 40)]
    assert read.counts("leg_answer_decided") == read.counts("leg_service_decided") == [("09:00:04", 1)]


def test_the_first_answer_counts() -> None:
    read = outcomes_of(offered("09:00"), answered("09:00:08"), answered("09:00:04"))
    assert read.counts("leg_answered") == [("09:00:04", 40)]


def test_a_queue_without_a_target_decides_nothing() -> None:
    read = outcomes_of(offered("09:00", "local", "101"), answered("09:00:04", "local"))
    assert read.kinds() == {*OFFERED, "leg_answered"}


def test_an_unlisted_queue_decides_nothing_and_has_no_short_abandonments() -> None:
    assert outcomes_of(offered("09:00", "red"), answered("09:00:04", "red")).kinds() == {*OFFERED, "leg_answered"}
    assert outcomes_of(offered("09:00", "red"), abandoned("09:00:04", "red")).kinds() == {*OFFERED, "leg_abandoned"}


@pytest.mark.parametrize(
    ("offer", "answer", "is_met"),
    [
        # The clocks go forward on 30 March 2025: its midnight is that of UTC. From then on 15 s are allowed, not under 10.
        ("2025-03-29 23:59:59.9", "2025-03-30 00:00:12", 0),
        ("2025-03-30 00:00:00", "2025-03-30 00:00:12", 1),
        ("2025-03-30 00:00:00", "2025-03-30 00:00:15.05", 0),
        # They go back on 26 October 2025: its midnight is at 23:00 UTC. From then on nothing is aimed at.
        ("2025-10-25 22:59:59.9", "2025-10-25 23:00:12", 1),
        ("2025-10-25 22:59:59.9", "2025-10-25 23:00:16", 0),
        ("2025-10-25 23:00:00", "2025-10-25 23:00:01", None),
        # Before its first date nothing was.
        ("2019-12-31 23:59:59.9", "2020-01-01 00:00:01", None),
        ("2020-01-01 00:00:00", "2020-01-01 00:00:01", 1),
    ],
)
def test_a_leg_has_the_target_of_the_local_day_of_its_offer(offer: str, answer: str, is_met: int | None) -> None:
    read = outcomes_of(offered(offer), answered(answer))
    for kind in BOTH_DECIDED:
        assert [met for _, met in read.counts(kind)] == ([] if is_met is None else [is_met])


def test_a_later_leg_has_the_target_of_its_own_day() -> None:
    read = outcomes_of(
        offered("2025-03-29 23:59:40"),
        concluded("2025-03-29 23:59:50", result="callback"),
        offered("2025-03-30 00:00:00"),
        answered("2025-03-30 00:00:12"),
    )
    assert [met for _, met in read.counts("leg_answer_decided")] == [1]


def test_a_wait_over_midnight_has_the_target_of_the_day_before() -> None:
    assert outcomes_of(offered("2025-03-29 23:59:59")).open_items("leg_answer_decided") == [
        ("2025-03-29 23:59:59", "2025-03-30 00:00:08.95")
    ]
    assert outcomes_of(offered("2025-03-30 00:00:01")).open_items("leg_answer_decided") == [
        ("2025-03-30 00:00:01", "2025-03-30 00:00:16.05")
    ]


@pytest.mark.parametrize(
    ("end", "kind", "tenths"),
    [
        # Short is less than 5 seconds, exactly and not rounded: 4.96 s is 5.0 s when rounded, and short.
        ("09:00:00", "leg_abandoned_short", 0),
        ("09:00:04.96", "leg_abandoned_short", 50),
        ("09:00:04.999999", "leg_abandoned_short", 50),
        ("09:00:05", "leg_abandoned", 50),
    ],
)
def test_a_short_abandonment_is_counted_separately(end: str, kind: str, tenths: int) -> None:
    read = outcomes_of(offered("09:00"), abandoned(end))
    assert read.kinds() == {*OFFERED, kind}
    assert [value for _, value in read.counts(kind)] == [tenths]


def test_a_queue_without_a_limit_has_no_short_abandonments() -> None:
    read = outcomes_of(offered("09:00", "triage", "101"), abandoned("09:00", "triage"))
    assert read.kinds() == {*OFFERED, "leg_abandoned"}


@pytest.mark.parametrize(
    ("end", "decided"),
    [
        # Due at 9.95 s: who gives up before it has not been failed.
        ("09:00:09.949999", []),
        ("09:00:09.95", [("09:00:09.95", 0)]),
        ("09:01:00", [("09:00:09.95", 0)]),
    ],
)
def test_a_call_abandoned_after_the_target_missed_it(end: str, decided: list[tuple[str, int]]) -> None:
    read = outcomes_of(offered("09:00"), abandoned(end))
    assert read.counts("leg_service_decided") == decided
    assert "leg_answer_decided" not in read.kinds()


def test_a_leg_that_was_left_with_a_result() -> None:
    read = outcomes_of(offered("09:00"), concluded("09:03", result="callback"))
    callbacks = {"callback_accepted", "callback_waiting", "callback_connected_decided"}
    assert read.kinds() == {*OFFERED, "leg_left", "leg_concluded", *callbacks}
    assert read.counts("leg_left") == [("09:03:00", 1800)]
    assert read.words("leg_concluded") == [("999", "emergency", "none", "callback")]


def test_the_first_conclusion_counts_whatever_else_happened() -> None:
    read = outcomes_of(
        offered("09:00"),
        answered("09:00:04"),
        concluded("09:05", result="other"),
        concluded("09:02", result="callback"),
    )
    assert read.times("leg_concluded") == ["09:02:00"]
    assert read.word("leg_concluded", "result") == ["callback"]
    assert "leg_left" not in read.kinds()


def test_a_conclusion_before_the_offer_is_a_contradiction_and_a_conclusion() -> None:
    read = outcomes_of(offered("09:00"), concluded("08:59"))
    assert read.words("contact_contradiction") == [("leg_left_ends_before_it_starts",)]
    assert read.times("leg_concluded") == ["08:59:00"]
    assert read.kinds() == {*OFFERED, "leg_concluded", "contact_contradiction"}


# --- both, and contradictions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "abandonment", "kind"),
    [
        ("09:00:06", "09:00:08", "leg_answered"),
        ("09:00:08", "09:00:06", "leg_abandoned"),
        ("09:00:06", "09:00:06", "leg_answered"),
    ],
)
def test_of_an_answer_and_an_abandonment_the_earlier_counts(answer: str, abandonment: str, kind: str) -> None:
    read = outcomes_of(offered("09:00"), answered(answer), abandoned(abandonment))
    assert read.words("contact_contradiction") == [("leg_both_answered_and_abandoned",)]
    assert read.times("contact_contradiction") == [max(answer, abandonment)]
    assert {"leg_answered", "leg_abandoned"} & read.kinds() == {kind}
    assert read.counts(kind) == [("09:00:06", 60)]


def test_an_answer_before_an_abandonment_is_decided() -> None:
    assert outcomes_of(offered("09:00"), answered("09:00:06"), abandoned("09:00:08")).counts("leg_answer_decided") == [
        ("09:00:06", 1)
    ]


def test_an_answer_before_the_offer_is_a_contradiction_and_decides_nothing() -> None:
    read = outcomes_of(offered("09:00"), answered("08:59:59.999999"))
    assert read.words("contact_contradiction") == [("leg_answered_ends_before_it_starts",)]
    assert read.times("contact_contradiction") == ["08:59:59.999999"]
    assert read.began("contact_contradiction") == ["09:00:00"]
    assert read.kinds() == {*OFFERED, "contact_contradiction"}


def test_an_abandonment_before_the_offer_is_a_contradiction_and_not_a_short_one() -> None:
    read = outcomes_of(offered("09:00"), abandoned("08:59"))
    assert read.words("contact_contradiction") == [("leg_abandoned_ends_before_it_starts",)]
    assert read.kinds() == {*OFFERED, "contact_contradiction"}


def test_two_contradictions_of_one_leg_are_two() -> None:
    """Abandoned before it was offered, and answered: the earlier counts, and it is a contradiction."""
    read = outcomes_of(offered("09:00"), abandoned("08:59"), answered("09:00:05"))
    assert sorted(read.words("contact_contradiction")) == [
        ("leg_abandoned_ends_before_it_starts",), ("leg_both_answered_and_abandoned",),
    ]  # fmt: skip
    assert read.kinds() == {*OFFERED, "contact_contradiction"}


# --- waiting --------------------------------------------------------------------------------------------------------


def test_the_last_leg_without_an_end_is_waiting() -> None:
    read = outcomes_of(offered("09:00"))
    assert read.kinds() == {*OFFERED, *BOTH_DECIDED, "leg_waiting", "contact_unrecorded"}
    assert read.open_items("leg_waiting") == [("09:00:00", None)]
    for kind in BOTH_DECIDED:
        assert read.open_items(kind) == [("09:00:00", "09:00:09.95")]
        assert kind not in read.finished


def test_a_wait_in_a_queue_without_a_target_never_falls_due() -> None:
    assert outcomes_of(offered("09:00", "local", "101")).kinds() == {*OFFERED, "leg_waiting", "contact_unrecorded"}


def test_an_earlier_leg_without_an_end_was_not_recorded() -> None:
    read = outcomes_of(offered("09:00", "triage", "101"), offered("09:05", "local", "101"))
    assert read.times("leg_end_unrecorded") == ["09:00:00"]
    assert read.words("leg_end_unrecorded") == [("101", "triage", "none")]
    assert read.open_items("leg_waiting") == [("09:05:00", None)]
    assert not BOTH_DECIDED & read.kinds()


def test_an_earlier_leg_without_an_end_is_not_waiting_after_the_last_has_ended() -> None:
    read = outcomes_of(offered("09:00", "triage", "101"), offered("09:05", "local", "101"), answered("09:06", "local"))
    assert read.times("leg_end_unrecorded") == ["09:00:00"]
    assert read.open == {}


def test_a_contradicting_end_still_ends_the_leg() -> None:
    assert set(outcomes_of(offered("09:00"), answered("08:00")).open) == {"contact_contradiction"}


# --- callbacks ------------------------------------------------------------------------------------------------------


def callback(when: str, promised: str = "") -> AnyFact:
    """The caller left triage for a callback."""
    fields = {"promised_for": at(promised)} if promised else {}
    return concluded(when, "triage", "callback", **fields)


def test_a_callback_is_one_call_from_acceptance_to_answer() -> None:
    read = outcomes_of(
        offered("09:00", "triage", "101"),
        callback("09:10", promised="10:00"),
        offered("09:40", "triage", "101"),
        abandoned("09:41", "triage"),
        offered("09:50", "local", "101"),
        answered("09:52", "local"),
    )
    assert read.times("contact_offered") == ["09:00:00"], "the callback is not a second call"
    assert (read.times("callback_accepted"), read.word("callback_accepted", "queue")) == (["09:10:00"], ["triage"])
    assert read.counts("callback_attempted") == [("09:40:00", 30 * 600)]
    assert read.counts("callback_connected") == [("09:52:00", 42 * 600)]
    assert read.counts("callback_kept_decided") == read.counts("callback_connected_decided") == [("09:52:00", 1)]


def test_a_callback_that_is_never_made_waits_and_is_broken_when_the_promise_has_passed() -> None:
    read = outcomes_of(offered("09:00", "triage", "101"), callback("09:10", promised="10:00"))
    assert [(kind, item.due) for kind in ("callback_kept_decided", "callback_connected_decided", "callback_waiting")
            for item in read.open[kind]] == [
        ("callback_kept_decided", microseconds(at("10:00"))),
        ("callback_connected_decided", microseconds(at("09:10") + timedelta(days=1))),
        ("callback_waiting", None),
    ]  # fmt: skip
    assert [item.unrecorded_from for item in read.open["callback_waiting"]] == [
        microseconds(at("09:10") + timedelta(days=1))
    ]


def test_a_callback_at_the_promised_time_is_too_late_and_without_a_promise_nothing_is_kept() -> None:
    made = (offered("10:00", "triage", "101"), answered("10:00", "triage"))
    first = offered("09:00", "triage", "101")
    assert outcomes_of(first, callback("09:10", "10:00"), *made).counts("callback_kept_decided") == [("10:00:00", 0)]
    assert "callback_kept_decided" not in outcomes_of(first, callback("09:10"), *made).kinds()
    assert "callback_kept_decided" not in outcomes_of(first, callback("09:10", "09:10"), *made).kinds()


def test_only_the_first_callback_of_a_call_counts_and_one_of_an_answered_call_does_not() -> None:
    read = outcomes_of(
        offered("09:00", "triage", "101"),
        callback("09:10"),
        offered("09:40", "triage", "101"),
        callback("09:45", promised="11:00"),
    )
    assert read.times("callback_accepted") == ["09:10:00"]
    assert "callback_kept_decided" not in {*read.kinds(), *read.open}
    assert "callback_waiting" not in read.open
    spoken = outcomes_of(offered("09:00", "triage", "101"), answered("09:05", "triage"), callback("09:10"))
    assert "callback_accepted" not in spoken.kinds()


def test_a_callback_offer_is_accepted_or_declined_once() -> None:
    first = offered("09:00", "triage", "101")
    twice = declined("09:03"), declined("09:06"), answered("09:09", "triage")
    read = outcomes_of(first, *twice)
    assert read.counts("callback_offer_settled") == [("09:03:00", 0)]
    assert read.word("callback_offer_settled", "queue") == ["triage"]
    assert read.counts("leg_answered") == outcomes_of(first, twice[-1]).counts("leg_answered"), "it has no other effect"
    accepted = outcomes_of(first, declined("09:03"), callback("09:10"))
    assert accepted.counts("callback_offer_settled") == [("09:10:00", 1)], (
        "who declines first and accepts later accepts"
    )
    local = outcomes_of(offered("09:00", "local", "101"), declined("09:03", "local"))
    assert local.counts("callback_offer_settled") == [], "the profile does not say that this queue reports them"
    assert outcomes_of(first, declined("09:03", "local")).counts("callback_offer_settled") == []
    assert outcomes_of(declined("09:03")).kinds() == set()


def test_an_attempt_before_the_acceptance_is_none() -> None:
    read = outcomes_of(
        offered("09:00", "triage", "101"),
        offered("09:05", "local", "101"),
        answered("09:06", "local"),
        callback("09:10"),
    )
    assert len(read.open["callback_waiting"]) == 1


def test_a_callback_with_an_attempt_in_doubt_is_neither_kept_nor_broken() -> None:
    begun = (offered("09:00", "triage", "101"), callback("09:10", "10:00"), offered("09:40", "triage", "101"))
    for more in (
        (
            offered("09:50", "local", "101"),
            answered("09:52", "local"),
        ),  # the end of the attempt at 09:40 is not recorded
        (answered("09:41", "triage"), abandoned("09:42", "triage")),
    ):
        read = outcomes_of(*begun, *more)
        assert read.counts("callback_unrecorded") == [("09:10:00", 2)]
        assert read.counts("callback_attempted") == [("09:40:00", 30 * 600)]
        assert not {"callback_connected", "callback_kept_decided", "callback_connected_decided"} & {
            *read.finished,
            *read.open,
        }
