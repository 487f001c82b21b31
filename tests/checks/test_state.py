"""What a check says of the state and its workers: whether it holds the log, whether it moves, and who works on it."""

from typing import Any

import pytest

from bluelamp.verify.checks.result import CheckResult
from bluelamp.verify.checks.state import ProgressSamples, state_results
from streams.log import ConsumerGroup

ONE, OTHER = ("incidents", 0), ("incidents", 1)
SHARED = ConsumerGroup("g", "Stable", {"a": [ONE], "b": [OTHER]})


def found(**seen: Any) -> dict[str, CheckResult]:
    """The findings on two partitions that end at 10 and are applied up to there, unless other things were seen."""
    at_end = {ONE: 10, OTHER: 10}
    usual: dict[str, Any] = {"goal": at_end, "before": at_end, "applied": at_end, "ends": at_end, "held_back": 0}
    usual |= {"group": SHARED, "seconds": 3.0}
    return {each.check: each for each in state_results(ProgressSamples(**{**usual, **seen}))}


def test_all_is_good_while_the_state_holds_what_the_log_held() -> None:
    assert {each.state for each in found().values()} == {"good"}
    growing = found(ends={ONE: 14, OTHER: 10}, applied={ONE: 12, OTHER: 10})
    assert (growing["state"].state, growing["state"].what) == (
        "good", "It is up to date with the log. 2 records arrived during the check.",
    )  # fmt: skip
    empty = dict.fromkeys((ONE, OTHER), 0)
    assert found(goal=empty, before=empty, applied=empty, ends=empty)["state"].state == "good"


def test_records_behind_an_open_transaction_are_reported_as_such() -> None:
    """Nobody may read them: no worker is at fault."""
    found_ = found(held_back=7)["state"]
    assert found_.state == "warning"
    assert "7 records cannot be read until an open transaction ends" in found_.what
    assert "none applied" in found(held_back=7, before={ONE: 2, OTHER: 10}, applied={ONE: 2, OTHER: 10})["state"].what


def test_records_that_wait_are_a_warning_while_they_are_applied_and_bad_when_they_are_not() -> None:
    before = {ONE: 2, OTHER: 10}
    moving = found(before=before, applied={ONE: 7, OTHER: 10})["state"]
    assert (moving.state, moving.where) == ("warning", "incidents:0")
    assert moving.what == "3 log records not applied yet; 5 applied in 3 s."
    stuck = found(before=before, applied=before)["state"]
    assert (stuck.state, stuck.where) == ("bad", "incidents:0")
    assert stuck.what == "8 log records not applied yet; none applied in 3 s."
    one_of_two = found(before={ONE: 2, OTHER: 2}, applied={ONE: 7, OTHER: 2})["state"]
    assert (one_of_two.state, one_of_two.where) == ("bad", "incidents:1")
    assert one_of_two.what == "11 log records not applied yet; none applied on some partitions in 3 s."


def test_while_workers_share_partitions_out_it_is_unknown_whether_they_work() -> None:
    forming = ConsumerGroup("g", "PreparingRebalance", {"a": []})
    seen = found(before={ONE: 2, OTHER: 2}, applied={ONE: 2, OTHER: 2}, group=forming)
    assert {each.state for each in seen.values()} == {"unknown"}
    assert found(group=forming)["state"].state == "good"


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (ConsumerGroup("g", "Dead", {}), "No worker is running."),
        (ConsumerGroup("g", "Empty", {}), "No worker is running."),
        (ConsumerGroup("g", "Stable", {"a": [ONE]}), "No worker reads incidents:1."),
        (ConsumerGroup("g", "Stable", {"a": []}), "No worker reads incidents:0, incidents:1."),
    ],
)
def test_partitions_that_nobody_reads_are_bad_also_when_nothing_waits(group: ConsumerGroup, words: str) -> None:
    finding = found(group=group)["workers"]
    assert (finding.state, finding.what, finding.where) == ("bad", words, "consumer group g")


def test_workers_on_a_log_without_topics_are_unknown() -> None:
    nothing: dict[Any, int] = {}
    assert found(goal=nothing, before=nothing, applied=nothing, ends=nothing)["workers"].state == "unknown"
