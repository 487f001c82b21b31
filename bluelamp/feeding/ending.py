"""Ends by hand a subject whose end was never recorded: checks that it is open, and publishes the fact that a person ended it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from facts.errors import QuestionError
from facts.fact import EndedByHand, EndReason, EndRole
from facts.union import Topic
from measures.outcome import UNRECORDED_END, KindName, Subject
from producers.row_facts import digest
from producers.sink import Sink
from streams.readings import Reader

_OPEN: dict[Subject, KindName] = {"contact": "leg_waiting", "incident": "incident_open"}
_TOPICS: dict[Subject, Topic] = {"contact": "contacts", "incident": "incidents"}
SUBJECTS = tuple(_OPEN)
"""What a person may end: a contact that waits, and an incident."""


def end_by_hand(
    reader: Reader,
    sink: Callable[[], AbstractContextManager[Sink]],
    force: str,
    subject: Subject,
    subject_id: str,
    reason: EndReason,
    role: EndRole,
) -> EndedByHand:
    """Publish that a person ended a contact or an incident; returns once the log has it.

    Args:
        reader: reads what is open.
        sink: opens a publisher, only once the subject is known to be open.
        force: its force.
        subject: what it is, one of `SUBJECTS`.
        subject_id: its id.
        reason: why no end was recorded.
        role: the role of the person who decided it.

    Raises:
        QuestionError: it is not open.
        PublishError: the log may not have the fact.
    """
    if subject not in _OPEN:
        hint = "Only a contact or an incident can be ended by hand."
        raise QuestionError(f"A person cannot end a {subject}.", where="SUBJECT", hint=hint)
    reader.refresh()
    kinds = (_OPEN[subject], UNRECORDED_END[subject])
    if not any(subject_id == name for kind in kinds for name, _ in reader.open_subjects(force, kind)):
        hint = f"List what is open: `bluelamp explain {subject}_unrecorded_count`. It may have ended in the meantime."
        raise QuestionError(f"No {subject} with this id is open.", where=subject_id, hint=hint)
    at = reader.present(force)
    fact = EndedByHand(
        fact_id=digest("EndedByHand", force, subject_id, at.isoformat()),
        force=force,
        at=at,
        subject_id=subject_id,
        reason=reason,
        role=role,
    )
    with sink() as publisher:
        publisher.publish(fact, _TOPICS[subject])
        publisher.flush()
    return fact
