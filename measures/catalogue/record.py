"""Measures of the record's quality: incomplete subjects, contradictions and missing events."""

from typing import get_args

from measures.measure import Count, Measure, OpenCount, Selection, Shown
from measures.outcome import CONTRADICTION, ENDED_BY_HAND, INCOMPLETE, UNRECORDED_END, Subject

_OPENING = "Excluded from other figures until the opening event arrives."
_INCOMPLETE: dict[Subject, tuple[str, str]] = {
    "contact": (
        "Contacts answered, abandoned or concluded in a queue, with no offer to that queue.",
        "What happened in that queue is excluded from other figures until the offer arrives.",
    ),
    "incident": ("Incidents whose opening event has not arrived.", _OPENING),
    "detention": ("Detentions whose opening event has not arrived.", _OPENING),
    "occurrence": ("Occurrences whose opening event has not arrived.", _OPENING),
    "call_taker": ("Call takers whose sign-on has not arrived.", "They count in no other figure until it arrives."),
}
"""The population of the incomplete subjects, and the note on them."""
_SPANS = "Spans that end before they start: they are excluded from means and shares."
_CONTRADICTIONS: dict[Subject, str] = {
    "contact": f"{_SPANS} Stays in a queue that were both answered and abandoned: the earlier of the two counts.",
    "incident": f"{_SPANS} Incidents opened more than once: the first opening counts.",
    "detention": _SPANS,
    "occurrence": _SPANS,
    "call_taker": "Changes of state while signed off: they have no effect.",
}
_SHOWN: dict[Subject, Shown] = {"contact": ("emergency",), "incident": ("incidents",)}


def _incomplete(subject: Subject) -> Measure:
    words = subject.replace("_", " ")
    population, note = _INCOMPLETE[subject]
    return Measure(
        name=f"{subject}_incomplete_count",
        title=f"{words.capitalize()}s without an opening event",
        question=f"How many {words}s have facts but no opening event yet?",
        population=population,
        statistic=Count(Selection(INCOMPLETE[subject])),
        unit="count",
        good="lower",
        notes=(note,),
    )


def _contradiction(subject: Subject) -> Measure:
    words = subject.replace("_", " ")
    return Measure(
        name=f"{subject}_contradiction_count",
        title=f"Contradictions in {words}s",
        question=f"How many times do two facts of the same {words} contradict each other?",
        population=_CONTRADICTIONS[subject],
        statistic=Count(Selection(CONTRADICTION[subject])),
        unit="count",
        good="lower",
    )


def _unrecorded(subject: Subject) -> Measure:
    return Measure(
        name=f"{subject}_unrecorded_count",
        show=_SHOWN.get(subject, ()),
        title=f"{subject.capitalize()}s with an unrecorded end now",
        question=f"How many {subject}s should have a recorded end by now, and have none?",
        population=f"Open {subject}s so old that their end counts as unrecorded. The force's profile can set the age. "
        "They are left out of what is open now, and of shares within target.",
        clock="From the time at which the end counts as unrecorded until now.",
        statistic=OpenCount(Selection(UNRECORDED_END[subject])),
        unit="count",
        good="lower",
        notes=("Each remains until an end is recorded, or until a person ends it by hand (`bluelamp end`).",),
    )


def _ended_by_hand(subject: Subject) -> Measure:
    return Measure(
        name=f"{subject}_ended_by_hand_count",
        title=f"{subject.capitalize()}s ended by hand",
        question=f"How many {subject}s did a person end because no end was recorded?",
        population=f"{subject.capitalize()}s ended by hand, with no end recorded since. Whether they met a target is not known.",
        statistic=Count(Selection(ENDED_BY_HAND[subject])),
        unit="count",
        good="lower",
    )


RECORD = (
    *(declare(subject) for subject in get_args(Subject) for declare in (_incomplete, _contradiction)),
    *(declare(subject) for subject in UNRECORDED_END for declare in (_unrecorded, _ended_by_hand)),
    Measure(
        name="contact_end_unrecorded_count",
        title="Contacts with no end recorded for a queue",
        question="How many times did a contact join another queue with no end recorded for the one before?",
        population="Stays in a queue with no answer, abandonment or conclusion, followed by another stay.",
        statistic=Count(Selection("leg_end_unrecorded")),
        unit="count",
        good="lower",
    ),
    Measure(
        name="dispatch_unrecorded_count",
        title="Arrived, dispatch not recorded",
        question="How many incidents had a unit arrive without a dispatch on record?",
        population="Incidents with an arrival but no dispatch. They are excluded from dispatch times.",
        statistic=Count(Selection("dispatch_unrecorded")),
        unit="count",
        good="lower",
    ),
)
