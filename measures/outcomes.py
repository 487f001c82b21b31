"""Evaluates a timeline: what its subject counts for."""

from collections.abc import Callable, Sequence

from facts.fact import SubjectFact
from facts.union import Topic
from measures import contact, custody, incident, occurrence
from measures.outcome import Outcomes
from measures.rules import Rules
from measures.timeline import Timeline, effective

_OUTCOMES: dict[Topic, Callable[[Sequence[SubjectFact], Rules], Outcomes]] = {
    "contacts": contact.outcomes,
    "incidents": incident.outcomes,
    "custody": custody.outcomes,
    "occurrences": occurrence.outcomes,
}


def outcomes_of(topic: Topic, timeline: Timeline, rules: Rules) -> Outcomes:
    """What a subject counts for: a pure function of the set of its facts.

    Args:
        topic: the topic of the subject.
        timeline: the subject's facts.
        rules: the rules of its force.
    """
    facts = effective(timeline)
    return _OUTCOMES[topic](facts, rules) if facts else Outcomes([], [])
