"""The results of checks of the state and its workers: whether the log is applied, whether that progresses, and who works on it."""

from typing import Any

import pytest

from bluelamp.verify.checks.result import CheckResult
from bluelamp.verify.checks.state import ProgressSamples, state_results
from streams.log import ConsumerGroup

ONE, OTHER = ("incidents", 0), ("incidents", 1)
SHARED = ConsumerGroup("g", "Stable", {"a": [ONE], "b": [OTHER]})


def checked(**seen: Any) -> dict[str, CheckResult]:
    """The results for two partitions that end at 10 and are applied up to there, unless `seen` says otherwise."""
    at_end = {ONE: 10, OTHER: 10}
    defaults: dict[str, Any] = {"goal": at_end, "before": at_end, "applied": at_end, "ends": at_end, "held_back": 0}
    defaults |= {"group": SHARED, "seconds": 3.0}
    return {each.check: each for each in state_results(ProgressSamples(**{**defaults, **seen}))}


def test_all_is_good_once_the_log_is_applied() -> None:
    assert {each.state for each in checked().values()} == {"good"}
    growing = checked(ends={ONE: 14, OTHER: 10}, applied={ONE: 12, OTHER: 10})
    assert (growing["state"].state, growing["state"].what) == (
        "good", "It is up to date with the log. 2 records arrived during the check.",
    )  # fmt: skip
    empty = dict.fromkeys((ONE, OTHER), 0)
    assert checked(goal=empty, before=empty, applied=empty, ends=empty)["state"].state == "good"


def test_records_behind_an_open_transaction_are_reported_as_such() -> None:
    """Nobody may read them, so no worker is at fault."""
    result = checked(held_back=7)["state"]
    assert result.state == "warning"
    assert "7 records cannot be read until an open transaction ends" in result.what
    assert "none applied" in checked(held_back=7, before={ONE: 2, OTHER: 10}, applied={ONE: 2, OTHER: 10})["state"].what


def test_waiting_records_are_a_warning_while_they_are_applied_and_bad_otherwise() -> None:
    before = {ONE: 2, OTHER: 10}
    moving = checked(before=before, applied={ONE: 7, OTHER: 10})["state"]
    assert (moving.state, moving.where) == ("warning", "incidents:0")
    assert moving.what == "3 log records not applied yet; 5 applied in 3 s."
    stuck = checked(before=before, applied=before)["state"]
    assert (stuck.state, stuck.where) == ("bad", "incidents:0")
    assert stuck.what == "8 log records not applied yet; none applied in 3 s."
    one_of_two = checked(before={ONE: 2, OTHER: 2}, applied={ONE: 7, OTHER: 2})["state"]
    assert (one_of_two.state, one_of_two.where) == ("bad", "incidents:1")
    assert one_of_two.what == "11 log records not applied yet; none applied on some partitions in 3 s."


def test_during_a_rebalance_it_is_unknown_whether_workers_work() -> None:
    forming = ConsumerGroup("g", "PreparingRebalance", {"a": []})
    seen = checked(before={ONE: 2, OTHER: 2}, applied={ONE: 2, OTHER: 2}, group=forming)
    assert {each.state for each in seen.values()} == {"unknown"}
    assert checked(group=forming)["state"].state == "good"


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (ConsumerGroup("g", "Dead", {}), "No worker is running."),
        (ConsumerGroup("g", "Empty", {}), "No worker is running."),
        (ConsumerGroup("g", "Stable", {"a": [ONE]}), "No worker reads incidents:1."),
        (ConsumerGroup("g", "Stable", {"a": []}), "No worker reads incidents:0, incidents:1."),
    ],
)
def test_partitions_without_a_reader_are_bad_even_if_no_record_waits(group: ConsumerGroup, words: str) -> None:
    result = checked(group=group)["workers"]
    assert (result.state, result.what, result.where) == ("bad", words, "consumer group g")


def test_workers_on_a_log_without_topics_are_unknown() -> None:
    nothing: dict[Any, int] = {}
    assert checked(goal=nothing, before=nothing, applied=nothing, ends=nothing)["workers"].state == "unknown"
