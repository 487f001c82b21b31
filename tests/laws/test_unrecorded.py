"""Ends that never come: what is open becomes unrecorded, a person may end it, and a real end counts. Both engines agree."""

from collections.abc import Sequence
from typing import cast

import pytest

from bluelamp.recount.load import from_records
from facts.fact import SubjectFact
from facts.union import AnyFact
from measures.catalogue import find
from measures.rules import Rules
from tests.recount.outcomes import records, topic_among
from tests.support.facts import (
    abandoned,
    answered,
    arrived,
    at,
    closed,
    dispatched,
    ended_by_hand,
    offered,
    opened,
    regraded,
    reopened,
    withdrawn,
)
from tests.support.forces import FORCES, STRICT
from tests.support.memory import MemoryState, deliver

FORCE = STRICT.name


Expected = tuple[str, str, float | None]
"""A measure, a time, and the value that the product and the recount must both have then."""


def check(facts: Sequence[AnyFact], *expected: Expected) -> None:
    """Deliver facts, the last first, and compare the figures."""
    topic = topic_among(facts)
    state = MemoryState({FORCE: Rules(STRICT)}, FORCE)
    deliver(state, [(topic, cast(SubjectFact, fact)) for fact in reversed(facts)], 3)
    with from_records(records(facts, topic), FORCES) as recount:
        for name, as_of, value in expected:
            question = find(name), "24h", at(as_of), ()
            found = state.figures(*question)
            ours = (found[0].value, found[0].n, found[0].met) if found else (0, 0, None)
            (theirs,) = recount.answer(question[0], FORCE, *question[1:])
            listed = recount.outcomes(question[0], FORCE, *question[1:])
            assert (name, as_of, theirs.value) == (name, as_of, value)
            assert ours == (theirs.value, theirs.n, theirs.met), (name, as_of)
            assert not found or (found[0].low, found[0].high, found[0].unrecorded) == (
                theirs.low,
                theirs.high,
                theirs.unrecorded,
            )
            assert sum(each.is_counted for each in listed) == theirs.n


_CALL = offered("09:00", subject_id="c1")
_LOCAL = offered("09:00", queue="local", line="101", subject_id="c1")
_TRIAGE = offered("09:00", queue="triage", line="101", subject_id="c1")
_GRADE_2, _GRADE_3 = opened("09:00", "2", subject_id="i1"), opened("09:00", "3", subject_id="i1")
_WAITING, _UNRECORDED = "contact_999_waiting_count", "contact_unrecorded_count"
_OPEN, _UNATTENDED, _ENDS = "incident_open_count", "incident_unattended_count", "incident_unrecorded_count"


_IN_TIME = "contact_999_answered_within_target_ratio"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # A call to 999 waits for at most an hour, one to 101 for twelve: from that moment its end is unrecorded. It no longer
        # counts as missed: whether it was answered in time is not known.
        (
            [_CALL],
            [
                (_WAITING, "09:59:59", 1),
                (_UNRECORDED, "09:59:59", 0),
                (_IN_TIME, "09:59", 0),
                (_WAITING, "10:00", 0),
                (_UNRECORDED, "10:00", 1),
                (_IN_TIME, "10:00", None),
            ],
        ),
        (
            [_LOCAL],
            [
                ("contact_101_waiting_count", "20:59:59", 1),
                ("contact_101_waiting_count", "21:00", 0),
                (_UNRECORDED, "21:00", 1),
            ],
        ),
        # A real end counts, whenever it arrives.
        ([_CALL, answered("09:00:05", subject_id="c1")], [(_UNRECORDED, "10:00", 0), (_IN_TIME, "11:00", 1)]),
        ([_CALL, abandoned("13:00", subject_id="c1")], [(_UNRECORDED, "14:00", 0)]),
        # An incident counts from its last fact on: a Grade 2 for 14 days, its closure for 28; a Grade 3 for 28.
        (
            [_GRADE_2],
            [
                (_UNATTENDED, "2024-12-16 08:59", 1),
                (_UNATTENDED, "2024-12-16 09:00", 0),
                (_ENDS, "2024-12-16 09:00", 1),
                (_OPEN, "2024-12-16 09:00", 1),
                (_OPEN, "2024-12-30 09:00", 0),
                (_ENDS, "2024-12-30 09:00", 2),
            ],
        ),
        ([_GRADE_2, dispatched("12:00", subject_id="i1")], [(_UNATTENDED, "2024-12-16 11:59", 1)]),
        (
            [_GRADE_2, arrived("12:00", subject_id="i1")],
            [(_ENDS, "2024-12-20 09:00", 0), (_ENDS, "2024-12-30 12:00", 1)],
        ),
        ([_GRADE_3], [(_UNATTENDED, "2024-12-30 08:59", 1), (_ENDS, "2024-12-30 09:00", 1)]),
        ([_GRADE_3, regraded("2024-12-08 09:00", "2", subject_id="i1")], [(_UNATTENDED, "2024-12-22 08:59", 1)]),
        # Queues and grades with ages of their own.
        ([_TRIAGE], [("contact_101_waiting_count", "10:29", 1), ("contact_101_waiting_count", "10:30", 0)]),
        (
            [opened("09:00", "1", subject_id="i1")],
            [(_UNATTENDED, "10:59", 1), (_UNATTENDED, "11:00", 0), (_OPEN, "13:59", 1), (_OPEN, "14:00", 0)],
        ),
        ([_GRADE_2, closed("2024-12-20 09:00", subject_id="i1")], [(_ENDS, "2024-12-30 09:00", 0)]),
    ],
)
def test_an_end_that_never_comes_is_unrecorded(facts: list[AnyFact], expected: list[Expected]) -> None:
    check(facts, *expected)


_HAND, _INCIDENT_HAND = ended_by_hand("09:30", subject_id="c1"), ended_by_hand("12:00", subject_id="i1")
_CALLS_ENDED, _INCIDENTS_ENDED = "contact_ended_by_hand_count", "incident_ended_by_hand_count"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            [_CALL, _HAND],
            [
                (_WAITING, "09:29", 1),
                (_WAITING, "09:30", 0),
                (_UNRECORDED, "10:30", 0),
                (_CALLS_ENDED, "10:30", 1),
                (_IN_TIME, "09:45", None),
            ],
        ),
        ([_CALL, ended_by_hand("2024-12-05 09:00", subject_id="c1")], [(_UNRECORDED, "2024-12-05 10:00", 0)]),
        # A real end counts, whenever it arrives and whichever is earlier.
        ([_CALL, _HAND, answered("09:00:05", subject_id="c1")], [(_CALLS_ENDED, "10:30", 0), (_IN_TIME, "10:30", 1)]),
        ([_CALL, _HAND, answered("09:40", subject_id="c1")], [(_CALLS_ENDED, "10:30", 0), (_IN_TIME, "10:30", 0)]),
        # Another offer begins another wait; an end from before an offer does not end it.
        ([_CALL, _HAND, offered("09:40", subject_id="c1")], [(_WAITING, "09:50", 1), (_CALLS_ENDED, "09:50", 0)]),
        ([offered("09:40", subject_id="c1"), _HAND], [(_WAITING, "09:50", 1)]),
        ([_CALL, _HAND, withdrawn(_HAND.fact_id, subject_id="c1")], [(_WAITING, "09:50", 1)]),
        # On its own it counts for nothing, and makes no contact incomplete.
        ([_CALL, ended_by_hand("08:00", subject_id="c2")], [("contact_incomplete_count", "10:30", 0)]),
        (
            [_GRADE_2, _INCIDENT_HAND],
            [
                (_OPEN, "11:59", 1),
                (_OPEN, "12:00", 0),
                (_UNATTENDED, "12:00", 0),
                (_ENDS, "2024-12-31 00:00", 0),
                (_INCIDENTS_ENDED, "13:00", 1),
                ("grade_2_opened_to_arrived_within_target_ratio", "13:00", None),
            ],
        ),
        # A later fact shows that the incident continues.
        (
            [_GRADE_2, _INCIDENT_HAND, dispatched("12:01", subject_id="i1")],
            [(_OPEN, "13:00", 1), (_INCIDENTS_ENDED, "13:00", 0)],
        ),
        ([_GRADE_2, _INCIDENT_HAND, closed("11:00", subject_id="i1")], [(_INCIDENTS_ENDED, "13:00", 0)]),
        (
            [_GRADE_2, closed("11:00", subject_id="i1"), reopened("11:30", subject_id="i1"), _INCIDENT_HAND],
            [(_INCIDENTS_ENDED, "13:00", 1)],
        ),
        # What was decided before remains.
        (
            [_GRADE_2, arrived("09:05", subject_id="i1"), _INCIDENT_HAND],
            [(_INCIDENTS_ENDED, "13:00", 1), ("grade_2_opened_to_arrived_within_target_ratio", "13:00", 1)],
        ),
    ],
)
def test_a_person_may_end_it(facts: list[AnyFact], expected: list[Expected]) -> None:
    check(facts, *expected)


def test_a_share_says_what_it_would_be_if_the_ends_that_never_came_were_known() -> None:
    """One call met its target; of another the end was never recorded, or a person ended it."""
    for lost in ([_CALL], [_CALL, _HAND]):
        facts = [*lost, offered("09:00", subject_id="c3"), answered("09:00:05", subject_id="c3")]
        check(facts, (_IN_TIME, "09:15", 0.5), (_IN_TIME, "11:00", 1))
        state = MemoryState({FORCE: Rules(STRICT)}, FORCE)
        deliver(state, [("contacts", cast(SubjectFact, fact)) for fact in facts], 3)
        (figure,) = state.figures(find(_IN_TIME), "24h", at("11:00"), ())
        assert (figure.value, figure.low, figure.high, figure.unrecorded) == (1, 0.5, 1, 1)
