"""What a detention counts for: arrival, waiting, authorisation, its clocks, its disposal; and voluntary attendance."""

from collections.abc import Sequence

from facts.custody import DetaineeArrived, DetentionAuthorised, DetentionEnded, VoluntaryAttended
from facts.fact import SubjectFact
from measures import clock
from measures.outcome import Outcomes, microseconds
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules


def outcomes(facts: Sequence[SubjectFact], rules: Rules) -> Outcomes:
    """What the effective facts of one detention, or one voluntary attendance, count for.

    Args:
        facts: in order of event time.
        rules: of the detention's force.
    """
    arrived = next((fact for fact in facts if isinstance(fact, DetaineeArrived)), None)
    voluntary = next((fact for fact in facts if isinstance(fact, VoluntaryAttended)), None)
    beginning = arrived or voluntary
    found = OutcomeBuilder("detention", beginning.at if beginning else facts[0].at)
    if voluntary:
        found.count("voluntary_attended", voluntary.at, _dimensions(voluntary, rules))
    if arrived:
        _count_detention(arrived, facts, found, _dimensions(arrived, rules))
    elif any(not isinstance(fact, VoluntaryAttended) for fact in facts):
        found.incomplete(next(fact.at for fact in facts if not isinstance(fact, VoluntaryAttended)))
    return found.result()


def _dimensions(fact: DetaineeArrived | VoluntaryAttended, rules: Rules) -> tuple[str, str]:
    return rules.listed("suite", fact.suite), "yes" if fact.child else "no"


def _count_detention(
    arrived: DetaineeArrived, facts: Sequence[SubjectFact], found: OutcomeBuilder, dimensions: tuple[str, ...]
) -> None:
    authorised = next((fact for fact in facts if isinstance(fact, DetentionAuthorised)), None)
    ended = next((fact for fact in facts if isinstance(fact, DetentionEnded)), None)
    found.count("detainee_arrived", arrived.at, dimensions)
    if authorised:
        found.span("arrived_to_authorised", arrived.at, authorised.at, dimensions)
    if ended:
        found.span("arrived_to_ended", arrived.at, ended.at, dimensions)
        found.count("detention_ended", ended.at, (*dimensions, ended.disposal))
    else:
        found.stand("in_custody", arrived.at, dimensions)
        if not authorised:
            found.stand("awaiting_authorisation", arrived.at, dimensions)
        _count_clocks(arrived, facts, found, dimensions)


def _count_clocks(
    arrived: DetaineeArrived, facts: Sequence[SubjectFact], found: OutcomeBuilder, dimensions: tuple[str, ...]
) -> None:
    """The two clocks, never one from the other: reviews run from the authorisation, the limit from the relevant time."""
    relevant_time = microseconds(arrived.relevant_time)
    found.fall_due("detention_limit", relevant_time, clock.limit(relevant_time, facts).deadline.due(), dimensions)
    review = clock.next_review(facts)
    if review:
        postponed_since = review.postponed_since()
        if postponed_since is None:
            found.fall_due("review_due", review.since, review.deadline.due(), dimensions)
        else:
            found.fall_due("review_postponed", postponed_since, None, dimensions)
    for pause in clock.pauses(facts):
        if pause.end is None:
            found.fall_due("custody_clock_paused", pause.start, None, dimensions)
