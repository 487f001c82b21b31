"""The bounds of a share and what is not recorded (semantics section 12): named cases, in the product and in the recount."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bluelamp.recount.recount import Recount
from facts.union import AnyFact, topic_of
from measures.catalogue import find
from tests.recount.outcomes import recount_of
from tests.support.facts import (
    abandoned,
    answered,
    arrived,
    at,
    closed,
    concluded,
    contract,
    detained,
    dispatched,
    ended,
    met_by_video,
    offered,
    opened,
    recorded,
    referred,
    regraded,
)
from tests.support.forces import STRICT, rules
from tests.support.memory import MemoryState, deliver

RULES = rules(STRICT)
WITHIN = "contact_999_answered_within_target_ratio"
SERVICE = "contact_999_service_level_ratio"
ABANDONED = "contact_999_abandoned_ratio"
ARRIVED = "grade_1_opened_to_arrived_within_target_ratio"
DISPATCHED = "grade_1_opened_to_dispatched_within_target_ratio"
TRAVEL = "grade_1_dispatched_to_arrived_within_target_ratio"

Expected = tuple[float | None, float | None, float | None, int]
Story = tuple[str, Sequence[AnyFact], str, Expected]


def answered_in_time(subject: str = "known") -> list[AnyFact]:
    """A 999 call answered after 5 seconds."""
    return [offered("09:00", subject_id=subject), answered("09:00:05", subject_id=subject)]


def attended_in_time(subject: str = "known") -> list[AnyFact]:
    """A Grade 1 incident with a unit at the scene after 10 minutes."""
    return [
        opened("09:00", subject_id=subject),
        dispatched("09:01", subject_id=subject),
        arrived("09:10", subject_id=subject),
        closed("10:00", subject_id=subject),
    ]


_SENT_ON = [offered("09:00", "emergency"), offered("09:01", "triage", "101"), answered("09:02", "triage")]
_BOTH = [offered("09:00"), answered("09:00:05"), abandoned("09:00:08")]
_BOTH_LATE = [offered("09:00"), answered("09:00:20"), abandoned("09:00:30")]
_LEFT_FIRST = [offered("09:00"), abandoned("09:00:07"), answered("09:00:09")]
_BEFORE = [offered("09:00"), answered("08:59")]
_NEVER_OFFERED = [answered("09:00")]
_WAITING = [offered("22:59:55")]
_CLOSED_ONLY = [opened("09:00"), closed("10:00")]

STORIES: list[Story] = [
    ("all is recorded", answered_in_time(), WITHIN, (1, 1, 1, 0)),
    ("nothing is recorded", [], WITHIN, (None, None, None, 0)),
    ("only what is not recorded", _NEVER_OFFERED, WITHIN, (None, None, None, 1)),
    ("a leg without an end", [*answered_in_time(), *_SENT_ON], WITHIN, (1, 1 / 2, 1, 1)),
    ("a leg without an end may have been abandoned", [*answered_in_time(), *_SENT_ON], ABANDONED, (0, 0, 1 / 2, 1)),
    ("answered before the offer", [*answered_in_time(), *_BEFORE], WITHIN, (1, 1 / 2, 1, 1)),
    ("never offered", [*answered_in_time(), *_NEVER_OFFERED], SERVICE, (1, 1 / 2, 1, 1)),
    ("never offered, in a queue of another line", [*answered_in_time(), answered("09:00", "local")], WITHIN, (1, 1, 1, 0)),
    ("both, the answer first: counted as met", [*answered_in_time(), *_BOTH], WITHIN, (1, 1 / 2, 1, 1)),
    ("both, the answer late: counted as missed", [*answered_in_time(), *_BOTH_LATE], WITHIN, (1 / 2, 1 / 2, 1, 1)),
    ("both, counted as answered", [*answered_in_time(), *_BOTH], ABANDONED, (0, 0, 1 / 2, 1)),
    ("both, counted as abandoned", [*answered_in_time(), *_LEFT_FIRST], ABANDONED, (1 / 2, 0, 1 / 2, 1)),
    ("a caller who waits has an outcome still to come", [*answered_in_time(), *_WAITING], WITHIN, (1, 1, 1, 0)),
    ("a wait whose end never came may have been abandoned", [*answered_in_time(), offered("09:00")], ABANDONED, (0, 0, 1 / 2, 1)),
    ("a wait whose end never came may have been answered", [*answered_in_time(), offered("09:00")], WITHIN, (1, 1 / 2, 1, 1)),
    ("a mean lacks a wait whose end never came", [*answered_in_time(), offered("09:00")], "contact_999_answer_mean_seconds",
     (5, None, None, 1)),
    ("a mean lacks a time", [*answered_in_time(), *_BEFORE], "contact_999_answer_mean_seconds", (5, None, None, 1)),
    (
        "no result, because no end",
        [offered("09:00", "triage", "101"), concluded("09:01", "triage"), offered("09:05", "triage", "101", subject_id="s2"),
         offered("09:06", "local", "101", subject_id="s2")],
        "triage_resolved_ratio",
        (1, 1 / 2, 1, 1),
    ),
    ("all is recorded of an incident", attended_in_time(), ARRIVED, (1, 1, 1, 0)),
    ("closed as attended without an arrival", [*attended_in_time(), *_CLOSED_ONLY], ARRIVED, (1 / 2, 1 / 2, 1, 1)),
    ("closed as attended without a dispatch", [*attended_in_time(), *_CLOSED_ONLY], DISPATCHED, (1 / 2, 1 / 2, 1, 1)),
    ("closed as attended without either: no journey", [*attended_in_time(), *_CLOSED_ONLY], TRAVEL, (1, 1 / 2, 1, 1)),
    ("closed without attendance is known", [*attended_in_time(), opened("09:00"), closed("10:00", "not_attended")], ARRIVED,
     (1 / 2, 1 / 2, 1 / 2, 0)),
    ("arrived without a dispatch", [*attended_in_time(), opened("09:00"), arrived("09:10")], DISPATCHED, (1, 1 / 2, 1, 1)),
    ("arrived before opening", [*attended_in_time(), opened("09:00"), arrived("08:50")], ARRIVED, (1, 1 / 2, 1, 1)),
    ("opened twice", [*attended_in_time(), *attended_in_time("s1"), opened("12:00")], ARRIVED, (1, 1 / 2, 1, 1)),
    ("no opening, and no grade", [*attended_in_time(), arrived("09:00")], ARRIVED, (1, 1, 1, 0)),
    ("no opening, but graded 1 later", [*attended_in_time(), regraded("09:00", "1")], ARRIVED, (1, 1 / 2, 1, 1)),
    ("no opening counts for the whole force", [*attended_in_time(), arrived("09:00")], "opened_to_arrived_within_target_ratio",
     (1, 1 / 2, 1, 1)),
    ("a grade without a target has no share", [*attended_in_time(), opened("09:00", "3"), closed("10:00")],
     "opened_to_arrived_within_target_ratio", (1, 1, 1, 0)),
    ("a grade without a target lacks a time", [*attended_in_time(), opened("09:00", "3"), closed("10:00")],
     "opened_to_arrived_median_seconds", (600, None, None, 1)),
    ("closed as a duplicate needs no attendance", [*attended_in_time(), opened("09:00"), closed("09:05", "duplicate")], ARRIVED,
     (1, 1, 1, 0)),
    (
        "attended by video",
        [opened("09:00", category="home_burglary"), met_by_video("09:05"), closed("09:10")],
        "home_burglary_attended_ratio",
        (1, 1, 1, 0),
    ),
    (
        "closed as attended, but by nobody",
        [opened("09:00", category="home_burglary"), closed("09:10")],
        "home_burglary_attended_ratio",
        (0, 0, 1, 1),
    ),
    (
        "a detention without an arrival",
        [detained("09:00"), ended("12:00", "bail"), ended("12:00", "charged", subject_id="s2")],
        "bail_ratio",
        (1, 1 / 2, 1, 1),
    ),
    ("a detention ended before it began", [detained("09:00"), ended("08:00")], "detention_mean_seconds", (None, None, None, 1)),
    (
        "a referral before the recording",
        [recorded("09:00"), referred("10:00"), recorded("09:00", subject_id="s2"), referred("08:00", subject_id="s2")],
        "victim_referred_within_48_hours_ratio",
        (1, 1 / 2, 1, 1),
    ),
    (
        "an occurrence without a recording",
        [recorded("09:00"), contract("10:00"), contract("10:00", "missed", subject_id="s2")],
        "victim_contract_compliant_ratio",
        (1, 1 / 2, 1, 1),
    ),
]  # fmt: skip


def _on_day(number: int, facts: Sequence[AnyFact]) -> list[AnyFact]:
    """The facts of a story on a day of its own, with subjects of its own."""
    later, moved = timedelta(days=number), []
    for fact in facts:
        values = {name: getattr(fact, name) for name in fact.__struct_fields__}
        times: dict[str, Any] = {name: value + later for name, value in values.items() if isinstance(value, datetime)}
        moved.append(replace(fact, **times, subject_id=f"{number}-{values['subject_id']}"))
    return moved


@pytest.fixture(scope="module")
def recounted() -> Iterator[Recount]:
    """One recount of all stories, because each recount takes a second."""
    with recount_of(*(fact for number, story in enumerate(STORIES) for fact in _on_day(number, story[1]))) as recount:
        yield recount


@pytest.mark.parametrize("number", range(len(STORIES)), ids=[story[0] for story in STORIES])
def test_the_bounds_of_a_figure_follow_from_what_is_not_recorded(number: int, recounted: Recount) -> None:
    _, facts, measure, expected = STORIES[number]
    declared, as_of, day = (
        find(measure),
        at("23:00") + timedelta(days=number),
        date(2024, 12, 2) + timedelta(days=number),
    )
    window = f"{day}/{day + timedelta(days=1)}"
    state = MemoryState(RULES, STRICT.name)
    deliver(state, [(topic_of(type(fact)), fact) for fact in _on_day(number, facts)])  # type: ignore[misc]
    (ours,) = state.figures(declared, window, as_of)
    assert (ours.value, ours.low, ours.high, ours.unrecorded) == expected
    (theirs,) = recounted.answer(declared, STRICT.name, window, as_of)
    assert (theirs.value, theirs.low, theirs.high, theirs.unrecorded) == expected
