"""What an occurrence counts for: recorded, its parties linked, its victim referred in time, and the contract with the victim."""

from collections.abc import Sequence
from datetime import datetime

from facts.fact import SubjectFact
from facts.occurrence import OccurrenceRecorded, PartyLinked, VictimContractClosed, VictimReferred
from measures.outcome import Outcomes, Target, microseconds
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules

_REFERRAL = Target(48 * 3600)
_WORKING_DAYS = 2
_WORD = {True: "yes", False: "no"}


def outcomes(facts: Sequence[SubjectFact], rules: Rules) -> Outcomes:
    """What the effective facts of one occurrence count for.

    Args:
        facts: in order of event time.
        rules: of the occurrence's force.
    """
    recorded = next((fact for fact in facts if isinstance(fact, OccurrenceRecorded)), None)
    referred = next((fact for fact in facts if isinstance(fact, VictimReferred)), None)
    found = OutcomeBuilder("occurrence", recorded.at if recorded else facts[0].at)
    if recorded is None:
        found.incomplete(facts[0].at)
        return found.result()
    dimensions = rules.listed("type", recorded.type), rules.listed("area", recorded.area)
    found.count("occurrence_recorded", recorded.at, dimensions)
    for fact in facts:
        if isinstance(fact, PartyLinked):
            _link(fact, dimensions, found, is_domestic=recorded.domestic)
    closed = next((fact for fact in facts if isinstance(fact, VictimContractClosed)), None)
    if closed:
        found.count("victim_contract_closed", closed.at, (*dimensions, closed.compliance))
    span = found.span("recorded_to_referred", recorded.at, referred.at, dimensions) if referred else 0
    if recorded.victim_based and span is not None:
        _hold_to_promises(recorded.at, referred.at if referred else None, dimensions, found, rules)
    return found.result()


def _link(link: PartyLinked, dimensions: tuple[str, ...], found: OutcomeBuilder, *, is_domestic: bool) -> None:
    """Each link counts, and by itself: nobody here knows whether two of them are of one party."""
    found.count("party_linked", link.at, (*dimensions, _WORD[is_domestic], link.role, _WORD[link.repeat]))
    if is_domestic:
        found.count("domestic_party_linked", link.at, (*dimensions, link.role, _WORD[link.domestic_repeat]))


def _hold_to_promises(
    recorded: datetime, referred: datetime | None, dimensions: tuple[str, ...], found: OutcomeBuilder, rules: Rules
) -> None:
    """The report's 48 hours, and the Victims' Code's two working days where the profile says which days are worked."""
    found.decide("recorded_to_referred_decided", recorded, referred, _REFERRAL, dimensions)
    end = rules.working_days_end(microseconds(recorded), _WORKING_DAYS)
    if end is not None:
        found.settle("recorded_to_referred_within_2_working_days_decided", recorded, referred, end, dimensions)
