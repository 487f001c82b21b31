"""The union of all types of fact, and the topic of each."""

from typing import Literal, get_args

from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.custody import (
    ClockPaused,
    ClockResumed,
    DetaineeArrived,
    DetentionAuthorised,
    DetentionEnded,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    VoluntaryAttended,
    WarrantIssued,
)
from facts.fact import FactWithdrawn, SubjectFact
from facts.feed import FeedHeartbeat
from facts.incident import (
    IncidentClosed,
    IncidentOpened,
    IncidentReclassified,
    IncidentRegraded,
    IncidentReopened,
    UnitArrived,
    UnitDispatched,
    UnitStoodDown,
    VideoResponseStarted,
)
from facts.occurrence import OccurrenceRecorded, PartyLinked, VictimContractClosed, VictimReferred

Topic = Literal["contacts", "incidents", "custody", "occurrences"]
TOPICS: tuple[Topic, ...] = get_args(Topic)

ContactFact = ContactOffered | ContactAnswered | ContactAbandoned | ContactConcluded
IncidentFact = (
    IncidentOpened
    | IncidentRegraded
    | IncidentReclassified
    | UnitDispatched
    | UnitArrived
    | UnitStoodDown
    | VideoResponseStarted
    | IncidentClosed
    | IncidentReopened
)
CustodyFact = (
    DetaineeArrived
    | DetentionAuthorised
    | ReviewHeld
    | ReviewPostponed
    | ExtensionAuthorised
    | WarrantIssued
    | ClockPaused
    | ClockResumed
    | DetentionEnded
    | VoluntaryAttended
)
OccurrenceFact = OccurrenceRecorded | PartyLinked | VictimReferred | VictimContractClosed
AnyFact = ContactFact | IncidentFact | CustodyFact | OccurrenceFact | FactWithdrawn | FeedHeartbeat

FACT_TYPES: tuple[type[AnyFact], ...] = get_args(AnyFact)

_TOPIC_OF: dict[type[SubjectFact], Topic] = {
    **dict.fromkeys(get_args(ContactFact), "contacts"),
    **dict.fromkeys(get_args(IncidentFact), "incidents"),
    **dict.fromkeys(get_args(CustodyFact), "custody"),
    **dict.fromkeys(get_args(OccurrenceFact), "occurrences"),
}


def topic_of(fact_type: type[AnyFact]) -> Topic | None:
    """The topic of a type of fact; None for types that are sent on every topic."""
    return _TOPIC_OF.get(fact_type)  # type: ignore[arg-type]
