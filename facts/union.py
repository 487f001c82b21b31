"""The union of all types of fact, and the topic of each."""

from datetime import datetime
from typing import Literal, get_args

from facts.call_taker import CallTakerFact
from facts.contact import ContactFact
from facts.custody import CustodyFact
from facts.fact import EndedByHand, FactWithdrawn, SubjectFact
from facts.feed import FeedHeartbeat
from facts.incident import IncidentFact
from facts.occurrence import OccurrenceFact

Topic = Literal["contacts", "incidents", "custody", "occurrences", "call_takers"]
TOPICS: tuple[Topic, ...] = get_args(Topic)

AnyFact = (
    ContactFact
    | IncidentFact
    | CustodyFact
    | OccurrenceFact
    | CallTakerFact
    | FactWithdrawn
    | EndedByHand
    | FeedHeartbeat
)

FACT_TYPES: tuple[type[AnyFact], ...] = get_args(AnyFact)

_PLACE_IN_AN_INSTANT: dict[type[SubjectFact], int] = {
    fact_type: place
    for place, fact_type in enumerate(
        (
            *get_args(ContactFact),
            *get_args(IncidentFact),
            *get_args(CustodyFact),
            *get_args(OccurrenceFact),
            *get_args(CallTakerFact),
        )
    )
}
"""The order of facts of one subject with the same time: as the unions list them, then an `EndedByHand`."""

_TOPIC_OF: dict[type[SubjectFact], Topic] = {
    **dict.fromkeys(get_args(ContactFact), "contacts"),
    **dict.fromkeys(get_args(IncidentFact), "incidents"),
    **dict.fromkeys(get_args(CustodyFact), "custody"),
    **dict.fromkeys(get_args(OccurrenceFact), "occurrences"),
    **dict.fromkeys(get_args(CallTakerFact), "call_takers"),
}


def topic_of(fact_type: type[AnyFact]) -> Topic | None:
    """The topic of a type of fact; None for types that are sent on every topic."""
    return _TOPIC_OF.get(fact_type)  # type: ignore[arg-type]


def order_of(fact: SubjectFact) -> tuple[datetime, int, str]:
    """The sort key of the facts of one subject: time, then meaning (an arrival precedes what follows from it), then id."""
    return fact.at, _PLACE_IN_AN_INSTANT.get(type(fact), len(_PLACE_IN_AN_INSTANT)), fact.fact_id
