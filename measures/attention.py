"""Whether a figure is normal, needs watching or needs action: decided by the worst possible value, limits, target and band."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from facts.errors import ProfileError
from facts.force import AttentionLimit, Force
from measures.band import Band
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.reading import NO_EVENTS, Reading

Word = Literal["normal", "watch", "act", "unknown"]
_WORST_FIRST: tuple[Word, ...] = ("act", "unknown", "watch", "normal")


def _limits() -> Iterable[AttentionLimit]:
    """The limits of forces that give none of their own. They equal the limits of the alert on the same measure, if there is one."""
    yield AttentionLimit(measure="contact_999_answered_within_target_ratio", watch=0.9, act=0.7)
    yield AttentionLimit(measure="contact_999_waiting_over_30_seconds_count", watch=0, act=2)
    yield AttentionLimit(measure="contact_999_abandoned_ratio", watch=0.05, act=0.15)
    yield AttentionLimit(measure="contact_999_answer_mean_seconds", watch=10, act=60)
    yield AttentionLimit(measure="contact_101_answer_mean_seconds", watch=900, act=1800)
    yield AttentionLimit(measure="triage_abandoned_ratio", watch=0.2, act=0.4)
    yield AttentionLimit(measure="post_triage_waiting_over_60_minutes_count", watch=0)
    yield AttentionLimit(measure="post_triage_abandoned_ratio", watch=0.5, act=0.8)
    yield AttentionLimit(measure="grade_1_unresourced_over_2_minutes_count", watch=0, act=7)
    yield AttentionLimit(measure="grade_1_unattended_over_15_minutes_count", watch=0, act=7)
    yield AttentionLimit(measure="grade_1_opened_to_arrived_within_target_ratio", watch=0.5, act=0.2)
    yield AttentionLimit(measure="grade_1_opened_to_arrived_median_seconds", watch=1800, act=3600)
    yield AttentionLimit(measure="grade_2_unattended_over_2_hours_count", watch=0)
    yield AttentionLimit(measure="grade_2_opened_to_arrived_within_target_ratio", watch=0.4, act=0.1)
    yield AttentionLimit(measure="grade_2_opened_to_arrived_median_seconds", watch=7200, act=14_400)
    yield AttentionLimit(measure="custody_awaiting_over_60_minutes_count", watch=0)
    yield AttentionLimit(measure="review_postponed_over_60_minutes_count", watch=0)
    yield AttentionLimit(measure="custody_clock_paused_over_12_hours_count", watch=0)
    for clock in ("review", "detention"):
        for who in ("child", "adult"):
            yield AttentionLimit(measure=f"{who}_{clock}_overdue_count", act=0)
            yield AttentionLimit(measure=f"{who}_{clock}_due_within_10_minutes_count", watch=0)
        yield AttentionLimit(measure=f"child_{clock}_due_within_30_minutes_count", watch=0)


LIMITS: Mapping[str, AttentionLimit] = MappingProxyType({each.measure: each for each in _limits()})
"""By measure."""


def limit_of(measure: Measure, force: Force) -> AttentionLimit | None:
    """The limit of a measure: the force's own if it gives one; None if there is none."""
    own = (each for each in force.attention if each.measure == measure.name)
    return next(own, LIMITS.get(measure.name))


def check_limits(force: Force) -> None:
    """Check the limits that a force gives.

    Raises:
        ProfileError: a measure does not exist, has no better side, is listed twice, or is to be watched only after action is due.
    """
    listed = [each.measure for each in force.attention]
    for each in force.attention:
        fault = _fault(each, listed)
        if fault:
            hint = "Correct it under [[attention]]; docs/feed/profiles.md describes it, and docs/understand/measures.md lists the measures."
            raise ProfileError(fault, where=f"the profile of {force.name}", hint=hint)


def _fault(limit: AttentionLimit, listed: list[str]) -> str:
    measure = CATALOGUE.get(limit.measure)
    if measure is None:
        return f"`attention` names the measure {limit.measure!r}, which does not exist."
    if measure.good == "neither":
        return f"`attention` names {limit.measure!r}, but neither a higher nor a lower value of it is better."
    if listed.count(limit.measure) > 1:
        return f"`attention` lists {limit.measure!r} twice."
    if limit.watch is not None and limit.act is not None and _is_beyond(limit.watch, limit.act, measure):
        return f"`attention` of {limit.measure!r} asks for action before it asks for watching."
    return ""


def status_of(reading: Reading, measure: Measure, limit: AttentionLimit | None, band: Band | None) -> Word | None:
    """The status of one figure; None if a live feed had too few cases to tell.

    Args:
        reading: the reading of the measure; one that is not live, or covers its window only in part, is never normal.
        measure: the measure; it must have a better direction, higher or lower.
        limit: the limit beyond which it asks for attention; None if it has none.
        band: what is normal for this hour of the week. If it is known, it replaces the limit for watching.
    """
    if reading.is_loading or reading.state == "stale":
        return "unknown"
    if reading.value is None or reading.state in ("no_data", "too_few"):
        return None if reading.state == "too_few" or reading.reason == NO_EVENTS else "unknown"
    word = judged(reading.value, _at_worst(reading, measure), measure, limit, band)
    return "unknown" if word == "normal" and reading.state != "live" else word


def judged(
    value: float, at_worst: float, measure: Measure, limit: AttentionLimit | None, band: Band | None = None
) -> Word:
    """The status of a value.

    Args:
        value: in the measure's unit.
        at_worst: the value if everything that is not recorded had gone badly.
        measure: its measure.
        limit: as in `status_of`.
        band: as in `status_of`.
    """
    if is_worst_possible(value, measure):
        return "act"
    is_past_act = limit is not None and _is_beyond(at_worst, limit.act, measure)
    if band is None:
        is_past_watch = limit is not None and _is_beyond(at_worst, limit.watch, measure)
        return "act" if is_past_act else "watch" if is_past_watch else "normal"
    is_unusual = _is_beyond(value, band.lower if measure.good == "higher" else band.upper, measure)
    if is_unusual and is_past_act:
        return "act"
    return "watch" if is_unusual or is_past_act or _is_beyond(at_worst, measure.target_value, measure) else "normal"


def is_worst_possible(value: float, measure: Measure) -> bool:
    """Whether a share is as bad as a share can be, such as 0.0% within target or 100% abandoned: it is always marked."""
    if measure.unit != "ratio" or measure.good == "neither":
        return False
    return value <= 0 if measure.good == "higher" else value >= 1


def _at_worst(reading: Reading, measure: Measure) -> float:
    """The value if everything that is not recorded had gone badly, so that missing records do not flatter the figure."""
    bound = reading.low if measure.good == "higher" else reading.high
    return bound if bound is not None else reading.value or 0.0


def _is_beyond(value: float, limit: float | None, measure: Measure) -> bool:
    """Whether a value is on the worse side of a limit; never without a limit, or where neither side is worse."""
    if limit is None or measure.good == "neither":
        return False
    return value < limit if measure.good == "higher" else value > limit


def worst(words: Iterable[Word | None]) -> Word:
    """The status of an area: its worst. Unknown outweighs watch; an area without figures is unknown."""
    found = {each for each in words if each}
    return next((each for each in _WORST_FIRST if each in found), "unknown")
