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
        notes=("They are in no other figure until their beginning is told.",),
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


RECORD = tuple(
    declare(subject)
    for subject in ("contact", "incident", "detention", "occurrence")
    for declare in (_incomplete, _contradiction)
)
