"""Measures of the record itself: what is incomplete, and what contradicts itself."""

from measures.measure import Count, Measure, Selection


def _incomplete(subject: str) -> Measure:
    return Measure(
        name=f"{subject}_incomplete_count",
        title=f"{subject.capitalize()}s without a beginning",
        question=f"How many {subject}s have facts but no beginning yet?",
        population=f"{subject.capitalize()}s of which the fact that opens them has not been told.",
        statistic=Count(Selection(f"{subject}_incomplete")),
        unit="count",
        good="lower",
        notes=("What hangs on the beginning is in no other figure until it is told.",),
    )


def _contradiction(subject: str) -> Measure:
    return Measure(
        name=f"{subject}_contradiction_count",
        title=f"Contradictions in {subject}s",
        question=f"How many times does the record of a {subject} say two things that cannot both be?",
        population="Spans that end before they start, and ends that exclude each other; in no mean and no share.",
        statistic=Count(Selection(f"{subject}_contradiction")),
        unit="count",
        good="lower",
    )


RECORD = (
    *(
        declare(subject)
        for subject in ("contact", "incident", "detention", "occurrence")
        for declare in (_incomplete, _contradiction)
    ),
    Measure(
        name="contact_end_unrecorded_count",
        title="Contacts that moved on unexplained",
        question="How many times did a contact join another queue with no end told of the one before?",
        population="Stays in a queue with neither answer, abandonment nor conclusion, followed by another stay.",
        statistic=Count(Selection("leg_end_unrecorded")),
        unit="count",
        good="lower",
    ),
    Measure(
        name="dispatch_unrecorded_count",
        title="Arrived, dispatch not recorded",
        question="How many incidents did a unit reach that was never dispatched?",
        population="Incidents with an arrival and no dispatch; they are in no figure of dispatch.",
        statistic=Count(Selection("dispatch_unrecorded")),
        unit="count",
        good="lower",
    ),
)
