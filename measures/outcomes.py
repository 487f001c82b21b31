"""Evaluates a timeline: what its subject counts for."""

from collections.abc import Callable, Sequence

from facts.fact import EndedByHand, SubjectFact
from facts.union import Topic
from measures import call_taker, contact, custody, incident, occurrence
from measures.outcome import Outcomes
from measures.rules import Rules
from measures.timeline import Timeline, effective, without_ends_by_hand

_OUTCOMES: dict[Topic, Callable[[Sequence[SubjectFact], Rules, Sequence[EndedByHand]], Outcomes]] = {
    "contacts": contact.outcomes,
    "incidents": incident.outcomes,
    "custody": lambda facts, rules, _: custody.outcomes(facts, rules),
    "occurrences": lambda facts, rules, _: occurrence.outcomes(facts, rules),
    "call_takers": lambda facts, rules, _: call_taker.outcomes(facts, rules),
}


def outcomes_of(topic: Topic, timeline: Timeline, rules: Rules) -> Outcomes:
    """What a subject counts for: a pure function of the set of its facts.

    Args:
        topic: the topic of the subject.
        timeline: the subject's facts.
        rules: the rules of its force.
    """
    facts, by_hand = without_ends_by_hand(effective(timeline))
    return _OUTCOMES[topic](facts, rules, by_hand) if facts else Outcomes([], [])
