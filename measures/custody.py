"""What a detention counts for: arrival, waiting, authorisation, its clocks, its disposal; and voluntary attendance."""

from collections.abc import Sequence
from datetime import datetime

from facts.custody import DetaineeArrived, DetentionAuthorised, DetentionEnded, VoluntaryAttended
from facts.fact import SubjectFact
from facts.force import NONE
from measures import clock
from measures.outcome import LEFT_OUT, UNRECORDED, KindName, Outcomes, microseconds
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules

_NOTHING_RECORDED: tuple[KindName, ...] = (
    "arrived_to_authorised_unrecorded",
    "arrived_to_ended_unrecorded",
    "disposal_unrecorded",
)


def outcomes(facts: Sequence[SubjectFact], rules: Rules) -> Outcomes:
    """What the effective facts of one detention, or one voluntary attendance, count for.

    Args:
        facts: in order of event time.
        rules: the rules of the detention's force.
    """
    arrived = next((fact for fact in facts if isinstance(fact, DetaineeArrived)), None)
    voluntary = next((fact for fact in facts if isinstance(fact, VoluntaryAttended)), None)
    opening = arrived or voluntary
    builder = OutcomeBuilder("detention", opening.at if opening else facts[0].at)
    if voluntary:
        builder.count("voluntary_attended", voluntary.at, _dimensions(voluntary, rules))
    if arrived:
        _count_detention(arrived, facts, builder, _dimensions(arrived, rules))
    elif any(not isinstance(fact, VoluntaryAttended) for fact in facts):
        first = next(fact.at for fact in facts if not isinstance(fact, VoluntaryAttended))
        builder.incomplete(first)
        for kind in _NOTHING_RECORDED:
            builder.count(kind, first, (NONE, NONE), LEFT_OUT)
    return builder.outcomes()


def _dimensions(fact: DetaineeArrived | VoluntaryAttended, rules: Rules) -> tuple[str, str]:
    return rules.listed("suite", fact.suite), "yes" if fact.child else "no"


def _count_detention(
    arrived: DetaineeArrived, facts: Sequence[SubjectFact], builder: OutcomeBuilder, dimensions: tuple[str, ...]
) -> None:
    authorised = next((fact for fact in facts if isinstance(fact, DetentionAuthorised)), None)
    ended = next((fact for fact in facts if isinstance(fact, DetentionEnded)), None)
    builder.count("detainee_arrived", arrived.at, dimensions)
    if authorised:
        _count_span("arrived_to_authorised", arrived.at, authorised.at, builder, dimensions)
    if ended:
        _count_span("arrived_to_ended", arrived.at, ended.at, builder, dimensions)
        builder.count("detention_ended", ended.at, (*dimensions, ended.disposal))
    else:
        builder.add_open("in_custody", arrived.at, dimensions)
        if not authorised:
            builder.add_open("awaiting_authorisation", arrived.at, dimensions)
        _count_clocks(arrived, facts, builder, dimensions)


def _count_span(
    kind: KindName, arrived: datetime, end: datetime, builder: OutcomeBuilder, dimensions: tuple[str, ...]
) -> None:
    if builder.span(kind, arrived, end, dimensions) is None:
        builder.count(UNRECORDED[kind], arrived, dimensions, LEFT_OUT)


def _count_clocks(
    arrived: DetaineeArrived, facts: Sequence[SubjectFact], builder: OutcomeBuilder, dimensions: tuple[str, ...]
) -> None:
    """Add the two independent clocks: reviews run from the authorisation, the limit runs from the relevant time."""
    relevant_time = microseconds(arrived.relevant_time)
    builder.add_due("detention_limit", relevant_time, clock.limit(relevant_time, facts).deadline.due(), dimensions)
    review = clock.next_review(facts)
    if review:
        postponed_since = review.postponed_since()
        if postponed_since is None:
            builder.add_due("review_due", review.since, review.deadline.due(), dimensions)
        else:
            builder.add_due("review_postponed", postponed_since, None, dimensions)
    for pause in clock.pauses(facts):
        if pause.end is None:
            builder.add_due("custody_clock_paused", pause.start, None, dimensions)
