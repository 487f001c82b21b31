"""Section 1 of the semantics: which facts count, and which are corrected, withdrawn or left out."""

import itertools
from datetime import timedelta

import msgspec
import pytest

from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.partitioning import recounted_partition
from bluelamp.recount.withdrawal import not_counted
from facts.union import AnyFact
from facts.wire import encode
from tests.recount.outcomes import outcomes_of, records
from tests.support.facts import (
    abandoned,
    answered,
    arrived,
    at,
    closed,
    concluded,
    heartbeat,
    offered,
    opened,
    withdrawn,
)
from tests.support.forces import FORCES
from tests.support.memory import RECEIVED


def test_a_repeated_fact_is_the_same_fact() -> None:
    contact = offered("09:00", fact_id="a")
    read = outcomes_of(contact, contact, answered("09:00:04", fact_id="b"), answered("09:00:04", fact_id="b"))
    assert read.times("contact_offered") == ["09:00:00"]
    assert read.counts("leg_answered") == [("09:00:04", 40)]


def test_the_same_time_in_another_zone_is_the_same_fact() -> None:
    contact = offered("09:00")
    record = encode([contact]).replace(b"09:00:00Z", b"10:00:00+01:00")
    with from_records([*records([contact]), LogRecord("contacts", 0, 1, RECEIVED, record)], FORCES) as recount:
        assert len(recount.finished("contact_offered")) == 1


def test_of_two_facts_with_one_id_the_later_counts() -> None:
    for facts in itertools.permutations([offered("09:00", fact_id="a"), offered("09:05", fact_id="a")]):
        assert outcomes_of(*facts).times("contact_offered") == ["09:05:00"]


def test_of_two_equally_late_facts_with_one_id_the_greater_canonical_json_counts() -> None:
    # Both begin {"fact":"ContactA...: "n" is greater than "b".
    ends = answered("09:00:07", fact_id="x"), abandoned("09:00:07", fact_id="x")
    for facts in itertools.permutations(ends):
        assert outcomes_of(offered("09:00"), *facts).kinds() >= {"leg_answered"}
        assert "leg_abandoned" not in outcomes_of(offered("09:00"), *facts).kinds()


def test_of_two_facts_with_one_id_the_one_recorded_later_counts() -> None:
    facts = [
        offered("09:05", fact_id="a"),
        offered("09:04", fact_id="a", recorded_at=at("10:00")),
        offered("09:03", fact_id="a", recorded_at=at("10:00:00.5")),  # as text, "10:00:00.5Z" comes before "10:00:00Z"
    ]
    for order in itertools.permutations(facts):
        assert outcomes_of(*order).times("contact_offered") == ["09:03:00"]
    with from_records(records(facts), FORCES, keeps_facts=True) as recount:
        (subject,) = recount.subjects([1]).values()
        assert [each.counts for each in subject.facts] == [True, False, False]


def test_a_fact_recorded_after_its_withdrawal_counts() -> None:
    contact, gone = offered("09:00", fact_id="a", recorded_at=at("10:00")), withdrawn("a", recorded_at=at("11:00"))
    again = offered("09:01", fact_id="a", recorded_at=at("12:00"))
    assert outcomes_of(contact, gone).kinds() == set()
    assert outcomes_of(again, gone, contact).times("contact_offered") == ["09:01:00"]


def test_a_fact_recorded_after_its_correction_replaces_the_correction() -> None:
    answer = answered("09:00:05", fact_id="a", recorded_at=at("12:00"))
    read = outcomes_of(offered("09:00"), answer, answered("09:00:07", corrects="a", recorded_at=at("11:00")))
    assert read.counts("leg_answered") == [("09:00:05", 50)]


def test_canonical_json_is_compared_as_bytes() -> None:
    """As bytes, "Z" comes before "n"; alphabetically it would come after."""
    facts = [opened("09:00", fact_id="x", area="Zulu"), opened("09:00", fact_id="x", area="north")]
    for order in itertools.permutations(facts):
        assert outcomes_of(*order).word("incident_opened", "area") == ["north"]


def test_an_id_is_unique_within_its_subject() -> None:
    read = outcomes_of(offered("09:00", fact_id="a"), offered("09:05", fact_id="a", subject_id="s2"))
    assert read.times("contact_offered") == ["09:00:00", "09:05:00"]


def test_a_subject_belongs_to_its_force_and_topic() -> None:
    facts = [
        offered("09:00", fact_id="a"),
        offered("09:01", fact_id="a", force="elsewhere"),
        opened("09:02", fact_id="a"),
    ]
    with from_records(records(facts), FORCES) as recount:
        assert [outcome.force for outcome in recount.finished("contact_offered")] == ["elsewhere", "strict"]
        assert len(recount.finished("incident_opened")) == 1


def test_a_corrected_fact_is_replaced() -> None:
    read = outcomes_of(offered("09:00"), answered("09:00:05", fact_id="a"), answered("09:00:07", corrects="a"))
    assert read.counts("leg_answered") == [("09:00:07", 70)]


def test_a_correction_may_be_of_another_kind_of_fact() -> None:
    read = outcomes_of(offered("09:00"), answered("09:00:05", fact_id="a"), abandoned("09:00:07", corrects="a"))
    assert read.kinds() == {"contact_offered", "leg_offered", "leg_abandoned"}


def test_a_withdrawn_fact_does_not_count() -> None:
    read = outcomes_of(offered("09:00"), answered("09:00:05", fact_id="a"), withdrawn("a"))
    assert "leg_answered" not in read.kinds()
    assert read.open_items("leg_waiting") == [("09:00:00", None)]


def test_a_subject_without_facts_left_has_no_outcomes() -> None:
    assert outcomes_of(offered("09:00", fact_id="a"), withdrawn("a")).kinds() == set()


def test_a_withdrawal_has_no_other_effect() -> None:
    """It neither begins a subject nor makes one incomplete, even if it is the earliest fact."""
    read = outcomes_of(offered("09:00"), answered("09:00:05", queue="local"), withdrawn("nothing", "08:00"))
    assert read.began("contact_incomplete") == ["09:00:00"]
    with from_records(records([withdrawn("nothing", "08:00")], "incidents"), FORCES) as recount:
        assert recount.finished("incident_incomplete") == []


def test_a_withdrawn_correction_brings_back_what_it_replaced() -> None:
    facts = [
        offered("09:00"),
        answered("09:00:05", fact_id="a"),
        answered("09:00:07", fact_id="b", corrects="a"),
        withdrawn("b"),
    ]
    assert outcomes_of(*facts).counts("leg_answered") == [("09:00:05", 50)]


def test_a_withdrawn_withdrawal_withdraws_nothing() -> None:
    facts = [
        offered("09:00"),
        answered("09:00:05", fact_id="a"),
        withdrawn("a", fact_id="w"),
        withdrawn("w", fact_id="v"),
    ]
    assert outcomes_of(*facts).counts("leg_answered") == [("09:00:05", 50)]
    assert "leg_answered" not in outcomes_of(*facts, withdrawn("v")).kinds()


def test_a_corrected_withdrawal_withdraws_something_else() -> None:
    facts = [
        offered("09:00"),
        answered("09:00:05", fact_id="a"),
        concluded("09:01", fact_id="c"),
        withdrawn("a", fact_id="w"),
        withdrawn("c", corrects="w"),
    ]
    assert outcomes_of(*facts).kinds() == {
        "contact_offered", "leg_offered", "leg_answered", "leg_answer_decided", "leg_service_decided",
    }  # fmt: skip


def test_facts_that_remove_each_other_in_a_ring_do_not_count() -> None:
    ring = [answered("09:00:05", fact_id="a", corrects="b"), answered("09:00:07", fact_id="b", corrects="a")]
    read = outcomes_of(offered("09:00"), *ring)
    assert read.kinds() == {
        "contact_offered",
        "leg_offered",
        "leg_waiting",
        "leg_answer_decided",
        "leg_service_decided",
        "contact_unrecorded",
    }
    assert read.open_items("leg_waiting") == [("09:00:00", None)]


def test_a_fact_that_corrects_itself_does_not_count() -> None:
    assert "leg_answered" not in outcomes_of(offered("09:00"), answered("09:00:05", fact_id="a", corrects="a")).kinds()


def test_a_ring_broken_from_outside_is_not_a_ring() -> None:
    ring = [answered("09:00:05", fact_id="a", corrects="b"), answered("09:00:07", fact_id="b", corrects="a")]
    assert outcomes_of(offered("09:00"), *ring, withdrawn("a")).counts("leg_answered") == [("09:00:07", 70)]


def test_a_ring_removes_nothing_outside_it() -> None:
    """Only a fact that counts removes another, and no fact in a ring counts."""
    facts = [
        offered("09:00"),
        answered("09:00:05", fact_id="a"),
        withdrawn("v", fact_id="w", corrects="a"),
        withdrawn("w", fact_id="v"),
    ]
    assert outcomes_of(*facts).counts("leg_answered") == [("09:00:05", 50)]


def test_a_correction_of_a_missing_fact_counts() -> None:
    assert outcomes_of(offered("09:00", corrects="nothing")).times("contact_offered") == ["09:00:00"]


def test_a_correction_reaches_its_own_subject_only() -> None:
    read = outcomes_of(offered("09:00", fact_id="a"), offered("09:05", subject_id="s2", corrects="a"))
    assert read.times("contact_offered") == ["09:00:00", "09:05:00"]


def test_the_order_of_arrival_changes_nothing() -> None:
    facts = [
        offered("09:00"),
        answered("09:00:05", fact_id="a"),
        answered("09:00:07", fact_id="b", corrects="a"),
        withdrawn("b"),
    ]
    stories = [outcomes_of(*order) for order in itertools.permutations(facts)]
    assert all(other == stories[0] for other in stories)


def test_facts_at_the_same_time_are_in_order_of_id() -> None:
    """Of two closures at the same time, the one with the greater id counts."""
    facts = [opened("09:00"), arrived("09:05")]
    results = [
        outcomes_of(*facts, closed("10:00", first, fact_id="a"), closed("10:00", second, fact_id="b")).word(
            "incident_closed", "result"
        )
        for first, second in (("other", "attended"), ("attended", "other"))
    ]
    assert results == [["attended"], ["other"]]


@pytest.mark.parametrize(
    ("removals", "expected"),
    [
        pytest.param([], set(), id="nothing is removed"),
        pytest.param([(1, 2)], {2}, id="one is removed"),
        pytest.param([(1, 2), (2, 3)], {2}, id="a removed fact removes nothing"),
        pytest.param([(1, 2), (2, 3), (3, 4)], {2, 4}, id="every second fact of a chain is removed"),
        pytest.param([(1, 3), (2, 3), (4, 1)], {1, 3}, id="one remover that counts is enough"),
        pytest.param([(1, 2), (2, 1)], {1, 2}, id="a ring of two"),
        pytest.param([(1, 2), (2, 3), (3, 1)], {1, 2, 3}, id="a ring of three"),
        pytest.param([(1, 2), (2, 1), (2, 3)], {1, 2}, id="a ring removes nothing outside it"),
        pytest.param([(1, 2), (2, 1), (2, 3), (3, 4)], {1, 2, 4}, id="a fact outside a ring still removes another"),
        pytest.param([(1, 2), (2, 1), (2, 3), (3, 4), (4, 3)], {1, 2, 3, 4}, id="a ring behind a ring"),
        pytest.param([(0, 1), (1, 2), (2, 1), (2, 3)], {1, 3}, id="a broken ring removes a fact"),
    ],
)
def test_which_facts_do_not_count(removals: list[tuple[int, int]], expected: set[int]) -> None:
    assert not_counted(removals) == expected
    assert not_counted(reversed(removals)) == expected


def test_unreadable_facts_are_left_out_and_the_rest_of_the_batch_counts() -> None:
    batch = b"[" + encode([offered("09:00")]) + b',{"fact":"Gossip"},' + encode([answered("09:00:05")]) + b"]"
    wrong_topic = encode([opened("09:00")])
    records = [
        LogRecord("contacts", 0, number, RECEIVED, value)
        for number, value in enumerate([batch, b"{", None, wrong_topic])
    ]
    with from_records(records, FORCES) as recount:
        assert recount.loaded.left_out == {"unknown_fact": 1, "not_json": 1, "empty": 1, "wrong_topic": 1}
        assert (recount.loaded.records, recount.loaded.facts) == (4, 2)
        assert len(recount.finished("leg_answered")) == 1


def test_a_fact_in_the_future_is_left_out() -> None:
    late = RECEIVED + timedelta(hours=1)
    facts = [
        msgspec.structs.replace(offered("09:00"), at=late, subject_id="s1"),
        msgspec.structs.replace(offered("09:00"), at=late + timedelta(microseconds=1), subject_id="s2"),
    ]
    with from_records(records(facts), FORCES) as recount:
        assert recount.loaded.left_out == {"implausible_time": 1}
        assert len(recount.finished("contact_offered")) == 1


def test_a_force_without_a_profile_is_left_out() -> None:
    facts = [offered("09:00"), offered("09:00", force="nowhere"), heartbeat("telephony", "09:00", force="nowhere")]
    with from_records(records(facts), FORCES) as recount:
        assert recount.loaded.left_out == {"unlisted_force": 2}
        assert (recount.loaded.facts, recount.loaded.heartbeats) == (1, 0)


# 792 days before 2024-12-02 09:00 is 2022-10-02 09:00: 365 + 365 (over 29 February 2024: 366) + 61 days.
EDGE, BEYOND = "2022-10-02 09:00:00", "2022-10-02 08:59:59.999999"
BOTH_FEEDS = [heartbeat("telephony", "09:00"), heartbeat("digital", "09:00")]


def left_out(*facts: AnyFact) -> int:
    with from_records(records(facts), FORCES) as recount:
        return recount.loaded.left_out.get("too_late", 0)


def test_a_fact_of_792_days_ago_is_counted_and_an_older_one_is_too_late() -> None:
    assert at("09:00") - at(EDGE) == timedelta(days=792)
    assert left_out(*BOTH_FEEDS, offered(EDGE)) == 0
    assert left_out(*BOTH_FEEDS, offered(BEYOND)) == 1


def test_nothing_is_too_late_before_every_feed_has_sent_a_heartbeat() -> None:
    assert left_out(BOTH_FEEDS[0], offered(BEYOND)) == 0
    assert left_out(BOTH_FEEDS[0], heartbeat("gossip", "09:00"), heartbeat("dispatch", "09:00"), offered(BEYOND)) == 0


def test_the_feed_that_is_furthest_behind_decides() -> None:
    assert left_out(heartbeat("telephony", "10:00"), heartbeat("digital", "09:00"), offered(EDGE)) == 0
    assert left_out(heartbeat("telephony", "10:00"), heartbeat("digital", "09:00"), offered(BEYOND)) == 1


def test_an_earlier_heartbeat_does_not_move_the_horizon_back() -> None:
    assert left_out(*BOTH_FEEDS, heartbeat("digital", "2024-01-01 00:00"), offered(BEYOND)) == 1


def test_later_heartbeats_move_the_horizon() -> None:
    first = [heartbeat("telephony", "2024-01-01 00:00"), heartbeat("digital", "2024-01-01 00:00")]
    assert left_out(*first, offered(BEYOND)) == 0
    assert left_out(*first, *BOTH_FEEDS, offered(BEYOND)) == 1


def test_a_fact_is_too_late_or_not_at_its_position_in_the_log() -> None:
    assert left_out(offered(BEYOND), *BOTH_FEEDS) == 0
    assert left_out(BOTH_FEEDS[0], offered(BEYOND), BOTH_FEEDS[1]) == 0


def test_the_position_within_a_batch_counts() -> None:
    for facts, expected in (([*BOTH_FEEDS, offered(BEYOND)], 1), ([offered(BEYOND), *BOTH_FEEDS], 0)):
        with from_records([LogRecord("contacts", 0, 0, RECEIVED, encode(facts))], FORCES) as recount:
            assert recount.loaded.left_out.get("too_late", 0) == expected


def test_each_partition_and_topic_has_its_own_horizon() -> None:
    elsewhere = records(BOTH_FEEDS, partition=1) + records(BOTH_FEEDS, "custody")
    with from_records([*elsewhere, *records([offered(BEYOND)])], FORCES) as recount:
        assert recount.loaded.left_out == {}
        assert recount.loaded.heartbeats == 4


def test_nothing_is_too_late_on_a_topic_without_feeds() -> None:
    assert left_out(heartbeat("telephony", "09:00", force="elsewhere"), offered(BEYOND, force="elsewhere")) == 0


def test_a_fact_on_the_wrong_partition_counts_only_after_it_is_moved() -> None:
    """Whether it is too late is decided where it was first received."""
    own = recounted_partition("s", 4)
    here, other = (records([offered(BEYOND, subject_id="s")], partition=each)[0] for each in (own, (own + 1) % 4))
    heartbeats = [each for number in range(4) for each in records(BOTH_FEEDS, partition=number)]
    stories: list[tuple[list[LogRecord], dict[str, int], int]] = [
        ([here], {}, 1),
        ([other], {"wrong_partition": 1}, 0),
        ([other, here], {"wrong_partition": 1}, 1),
        ([*heartbeats, other], {"too_late": 1}, 0),
        ([*heartbeats, here], {"too_late": 1}, 0),
        ([*heartbeats, here._replace(is_moved=True)], {}, 1),
    ]
    for log_records, reasons, counted in stories:
        with from_records(log_records, FORCES, {"contacts": 4}) as recount:
            assert recount.loaded.left_out == reasons
            assert len(recount.finished("contact_offered")) == counted


def test_a_fact_that_was_too_late_once_counts_if_it_also_came_in_time() -> None:
    early = offered(BEYOND)
    with from_records(records([early, *BOTH_FEEDS, early]), FORCES) as recount:
        assert recount.loaded.left_out == {"too_late": 1}
        assert len(recount.finished("contact_offered")) == 1
