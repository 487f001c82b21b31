"""The words normal, watch, act and unknown: each appears when it must, for every kind of figure and of trouble."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from alerts.rule import Threshold
from alerts.table import RULES
from facts.errors import ProfileError
from facts.force import AttentionLimit
from measures.attention import LIMITS, check_limits, limit_of, status_of, worst
from measures.band import Band
from measures.catalogue import CATALOGUE, find
from measures.reading import NO_EVENTS, Reading
from tests.support.forces import shipped

NOW = datetime(2024, 12, 3, 15, 40, tzinfo=UTC)
LIVE = Reading(
    measure="", force="", dimensions={}, window="60m", start=NOW, end=NOW, as_of=NOW, value=None, unit="", n=50, met=None,
    state="live", reason="", stale_since=None, note="", is_simulated=False, is_loading=False,
    begins=None, spread=None,
)  # fmt: skip
ANSWERED, ABANDONED = "contact_999_answered_within_target_ratio", "contact_999_abandoned_ratio"
ARRIVED, UNRESOURCED = "grade_1_opened_to_arrived_within_target_ratio", "grade_1_unresourced_over_2_minutes_count"
ANSWER, CALLS = "contact_101_answer_mean_seconds", "contact_999_offered_count"
OVERDUE, SOON = "adult_review_overdue_count", "child_review_due_within_30_minutes_count"
USUAL = Band(0.5, 0.7, 0.95, 8)
WORDS: list[tuple[str, dict[str, Any], Band | None, str | None]] = [
    # By the limits, until a band is known. A value at its limit is not beyond it.
    (ANSWERED, {"value": 0.95}, None, "normal"),
    (ANSWERED, {"value": 0.9}, None, "normal"),
    (ANSWERED, {"value": 0.89}, None, "watch"),
    (ANSWERED, {"value": 0.69}, None, "act"),
    (ABANDONED, {"value": 0.05}, None, "normal"),
    (ABANDONED, {"value": 0.06}, None, "watch"),
    (ABANDONED, {"value": 0.16}, None, "act"),
    (UNRESOURCED, {"value": 0.0}, None, "normal"),
    (UNRESOURCED, {"value": 1.0}, None, "watch"),
    (UNRESOURCED, {"value": 8.0}, None, "act"),
    (ANSWER, {"value": 901.0}, None, "watch"),
    (ANSWER, {"value": 1801.0}, None, "act"),
    (OVERDUE, {"value": 1.0}, None, "act"),
    (SOON, {"value": 1.0}, None, "watch"),
    # A long median or mean is not plain either.
    ("grade_1_opened_to_arrived_median_seconds", {"value": 2000.0}, None, "watch"),
    ("grade_1_opened_to_arrived_median_seconds", {"value": 13_052.0}, None, "act"),
    ("grade_2_opened_to_arrived_median_seconds", {"value": 15_000.0}, None, "act"),
    ("contact_999_answer_mean_seconds", {"value": 137.0}, None, "act"),
    ("post_triage_abandoned_ratio", {"value": 0.93}, None, "act"),
    # What is not recorded counts as if it had gone badly.
    (ANSWERED, {"value": 0.95, "low": 0.85, "high": 0.96}, None, "watch"),
    (ABANDONED, {"value": 0.04, "low": 0.03, "high": 0.2}, None, "act"),
    # The worst possible share is never plain: not without limits, and not where it is usual.
    (ARRIVED, {"value": 0.0}, None, "act"),
    (ARRIVED, {"value": 0.0}, Band(0.0, 0.1, 0.3, 8), "act"),
    ("contact_101_answered_within_target_ratio", {"value": 0.0}, None, "act"),
    ("post_triage_abandoned_ratio", {"value": 1.0}, None, "act"),
    # A band decides in place of the limit for watching, but never makes a missed target or a limit for action normal.
    (ARRIVED, {"value": 0.55}, Band(0.6, 0.7, 0.8, 8), "watch"),
    (ARRIVED, {"value": 0.4}, Band(0.3, 0.4, 0.5, 8), "normal"),
    (ANSWERED, {"value": 0.93}, USUAL, "normal"),
    (ANSWERED, {"value": 0.8}, USUAL, "watch"),
    (ANSWERED, {"value": 0.65}, USUAL, "watch"),
    (ANSWERED, {"value": 0.4}, USUAL, "act"),
    (ANSWER, {"value": 700.0}, Band(100, 300, 600, 8), "watch"),
    # Where neither side is better, no value is worse.
    (CALLS, {"value": 500.0}, Band(10, 20, 30, 8), "normal"),
    # What is not known is never normal.
    (ANSWERED, {"value": 0.95, "state": "stale"}, None, "unknown"),
    (ANSWERED, {"value": 0.1, "state": "stale"}, None, "unknown"),
    (ANSWERED, {"value": 0.95, "state": "in_part"}, None, "unknown"),
    (ANSWERED, {"value": 0.5, "state": "in_part"}, None, "act"),
    (ANSWERED, {"value": 0.95, "is_loading": True, "state": "stale"}, None, "unknown"),
    (ANSWERED, {"state": "no_data", "reason": "The record begins later."}, None, "unknown"),
    # A live feed with too few cases says nothing, good or bad.
    (ANSWERED, {"state": "no_data", "reason": NO_EVENTS}, None, None),
    (ANSWERED, {"value": 0.0, "state": "too_few"}, None, None),
]


@pytest.mark.parametrize(("name", "fields", "band", "word"), WORDS)
def test_every_word_appears_when_it_must(
    name: str, fields: dict[str, Any], band: Band | None, word: str | None
) -> None:
    measure = find(name)
    assert status_of(replace(LIVE, **fields), measure, LIMITS.get(name), band) == word


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("normal", "act", "unknown"), "act"),
        (("watch", "unknown", "normal"), "unknown"),
        (("normal", "watch"), "watch"),
        (("normal", None), "normal"),
        ((None,), "unknown"),
        ((), "unknown"),
    ],
)
def test_an_area_has_its_worst_word_and_without_evidence_it_is_unknown(words: tuple[Any, ...], word: str) -> None:
    assert worst(words) == word


def test_the_limits_agree_with_the_alerts_of_the_same_measure() -> None:
    """A warning must not be raised while the board says normal, nor a critical alert while it does not say act."""
    compared = 0
    for rule in RULES:
        limit, condition = LIMITS.get(rule.measure), rule.condition
        if limit is None or not isinstance(condition, Threshold):
            continue
        least = limit.act if rule.severity == "critical" and limit.act is not None else limit.watch
        assert least == condition.limit or (least is None and limit.act == condition.limit), rule.name
        compared += 1
    assert compared > 20


def test_every_limited_measure_has_a_better_side() -> None:
    assert all(CATALOGUE[name].good != "neither" for name in LIMITS)


def test_a_force_gives_its_own_limits() -> None:
    measure, force = find(ANSWERED), shipped("staffordshire")
    own = AttentionLimit(measure=ANSWERED, watch=0.8)
    assert limit_of(measure, force) == LIMITS[ANSWERED]
    assert limit_of(measure, replace(force, attention=(own,))) == own
    assert limit_of(find(CALLS), force) is None


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        ([AttentionLimit(measure="nothing", watch=1)], "does not exist"),
        ([AttentionLimit(measure=CALLS, watch=1)], "neither a higher nor a lower value"),
        ([AttentionLimit(measure=ANSWERED, watch=0.5, act=0.6)], "asks for action before"),
        ([AttentionLimit(measure=ABANDONED, watch=0.5, act=0.4)], "asks for action before"),
        ([AttentionLimit(measure=ANSWERED, watch=0.5), AttentionLimit(measure=ANSWERED)], "twice"),
    ],
)
def test_a_wrong_limit_in_a_profile_is_refused(limits: list[AttentionLimit], what: str) -> None:
    with pytest.raises(ProfileError, match=what):
        check_limits(replace(shipped("staffordshire"), attention=tuple(limits)))
