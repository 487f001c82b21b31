"""What an occurrence counts for: its recording, its linked parties, the victim's referral and the victim contract."""

from collections.abc import Sequence

from facts.fact import SubjectFact
from facts.force import NONE
from facts.occurrence import OccurrenceRecorded, PartyLinked, VictimContractClosed, VictimReferred
from measures.outcome import LEFT_OUT, NO_TARGET, Outcomes, Target, microseconds
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules

_REFERRAL = Target(48 * 3600)
_WORKING_DAYS = 2
_WORD = {True: "yes", False: "no"}


def outcomes(facts: Sequence[SubjectFact], rules: Rules) -> Outcomes:
    """What the effective facts of one occurrence count for.

    Args:
        facts: in order of event time.
        rules: the rules of the occurrence's force.
    """
    recorded = next((fact for fact in facts if isinstance(fact, OccurrenceRecorded)), None)
    builder = OutcomeBuilder("occurrence", microseconds(recorded.at if recorded else facts[0].at))
    if recorded is None:
        builder.incomplete(builder.began)
        _count_unrecorded((NONE, NONE), builder, rules, is_victim_based=True)
        if any(isinstance(fact, VictimContractClosed) for fact in facts):
            builder.count("victim_contract_unrecorded", builder.began, (NONE, NONE), LEFT_OUT)
        return builder.outcomes()
    dimensions = rules.listed("type", recorded.type), rules.listed("area", recorded.area)
    builder.count("occurrence_recorded", builder.began, dimensions)
    for fact in facts:
        if isinstance(fact, PartyLinked):
            _link(fact, dimensions, builder, is_domestic=recorded.domestic)
    closed = next((fact for fact in facts if isinstance(fact, VictimContractClosed)), None)
    if closed:
        builder.count("victim_contract_closed", microseconds(closed.at), (*dimensions, closed.compliance))
    referred = next((microseconds(fact.at) for fact in facts if isinstance(fact, VictimReferred)), None)
    span = 0 if referred is None else builder.span("recorded_to_referred", builder.began, referred, dimensions)
    if span is None:
        _count_unrecorded(dimensions, builder, rules, is_victim_based=recorded.victim_based)
    elif recorded.victim_based:
        _decide_referral(referred, dimensions, builder, rules)
    return builder.outcomes()


def _link(link: PartyLinked, dimensions: tuple[str, ...], builder: OutcomeBuilder, *, is_domestic: bool) -> None:
    """Count each link by itself: facts do not say whether two links are to the same party."""
    at = microseconds(link.at)
    builder.count("party_linked", at, (*dimensions, _WORD[is_domestic], link.role, _WORD[link.repeat]))
    if is_domestic:
        builder.count("domestic_party_linked", at, (*dimensions, link.role, _WORD[link.domestic_repeat]))


def _count_unrecorded(
    dimensions: tuple[str, ...], builder: OutcomeBuilder, rules: Rules, *, is_victim_based: bool
) -> None:
    """Count a referral that is not recorded or in doubt; only a victim-based occurrence has a target."""
    at, value = builder.began, LEFT_OUT if is_victim_based else NO_TARGET
    builder.count("recorded_to_referred_unrecorded", at, dimensions, value)
    if is_victim_based and rules.force.bank_holidays:
        builder.count("recorded_to_referred_within_2_working_days_unrecorded", at, dimensions, LEFT_OUT)


def _decide_referral(referred: int | None, dimensions: tuple[str, ...], builder: OutcomeBuilder, rules: Rules) -> None:
    """Count the report's 48 hours and, if the profile gives bank holidays, the Victims' Code's two working days."""
    recorded = builder.began
    builder.decide("recorded_to_referred_decided", recorded, referred, _REFERRAL, dimensions)
    end = rules.working_days_end(recorded, _WORKING_DAYS)
    if end is not None:
        builder.settle("recorded_to_referred_within_2_working_days_decided", recorded, referred, end, dimensions)
