"""Generates messy records: any facts in any order, duplicated, corrected, withdrawn or contradictory."""

import random
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from facts.call_taker import CallTakerFact, CallTakerSignedOff, CallTakerSignedOn, CallTakerStateChanged, TakerState
from facts.contact import (
    CallbackDeclined,
    ContactAbandoned,
    ContactAnswered,
    ContactConcluded,
    ContactFact,
    ContactOffered,
    ContactResult,
    Line,
)
from facts.custody import (
    Basis,
    ClockPaused,
    ClockResumed,
    CustodyFact,
    DetaineeArrived,
    DetaineeCharged,
    DetaineeTransferred,
    DetentionAuthorised,
    DetentionEnded,
    Disposal,
    ExtensionAuthorised,
    PauseReason,
    ReviewHeld,
    ReviewPostponed,
    VoluntaryAttended,
    WarrantApplied,
    WarrantIssued,
    WarrantRefused,
)
from facts.fact import EndedByHand, EndReason, FactWithdrawn, SubjectFact
from facts.incident import (
    IncidentClosed,
    IncidentFact,
    IncidentOpened,
    IncidentReclassified,
    IncidentRegraded,
    IncidentReopened,
    IncidentResult,
    UnitArrived,
    UnitDispatched,
    UnitStoodDown,
    VideoResponseStarted,
)
from facts.occurrence import (
    Compliance,
    OccurrenceFact,
    OccurrenceRecorded,
    PartyLinked,
    Role,
    VictimContractClosed,
    VictimReferred,
)
from facts.union import AnyFact, Topic

TopicFact = tuple[Topic, SubjectFact]
FORCE = "strict"
# The night on which clocks go back and the strict force's targets change; spans reach both ways over it.
START = datetime(2024, 10, 26, 20, 0, tzinfo=UTC)
AS_OF = START + timedelta(hours=9, seconds=17)

_gaps = st.one_of(
    st.integers(0, 50),  # ties, and spans around rounding
    st.sampled_from(
        [9900, 9950, 10000, 10050, 15049, 15050, 60049, 60050, 119950, 120049, 120050, 600499, 600500, 899500, 900500]
    ),
    st.integers(0, 3_600_000),
    st.integers(0, 12 * 3_600_000),
)
# Local midnight, when the targets change, is three hours after the start.
_MIDNIGHT = 3 * 3_600_000
_moments = st.tuples(st.sampled_from([0, 0, _MIDNIGHT - 5_000, _MIDNIGHT]), _gaps).map(
    lambda parts: START + timedelta(milliseconds=sum(parts))
)
# Whole hours, so that clocks reach their limits exactly.
_hours = st.integers(-96, 12).map(lambda hours: START + timedelta(hours=hours))
# Few times, so that they tie; often none. Whole seconds and fractions sort differently as text.
_recorded = st.sampled_from(
    [None, None, None, *(AS_OF + timedelta(milliseconds=each) for each in (0, 500, 1000, 1050))]
)
_grades, _areas = st.sampled_from(["1", "2", "3", "9"]), st.sampled_from([None, "north", "south", "elsewhere"])
_units = st.sampled_from(["U1", "U2"])
_queues = st.sampled_from(["emergency", "triage", "local", "odd"])

_CONTACT: list[st.SearchStrategy[dict[str, Any]]] = [
    st.fixed_dictionaries(
        {
            "kind": st.just(ContactOffered),
            "line": st.sampled_from(get_args(Line)),
            "queue": _queues,
            "channel": st.sampled_from([None, "contact_us", "livechat", "fax"]),
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.sampled_from([ContactAnswered, ContactAbandoned, CallbackDeclined]), "queue": _queues}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just(ContactConcluded),
            "queue": _queues,
            "result": st.sampled_from(["callback", *get_args(ContactResult)]),
            "promised_for": st.one_of(st.none(), _hours),
        }
    ),
]
_INCIDENT: list[st.SearchStrategy[dict[str, Any]]] = [
    st.fixed_dictionaries(
        {
            "kind": st.just(IncidentOpened),
            "grade": _grades,
            "group": st.sampled_from([None, "crime", "riot"]),
            "area": _areas,
            "domestic": st.booleans(),
            "category": st.sampled_from([None, "home_burglary"]),
        }
    ),
    st.fixed_dictionaries({"kind": st.just(IncidentRegraded), "grade": _grades}),
    st.fixed_dictionaries(
        {
            "kind": st.just(IncidentReclassified),
            "group": st.sampled_from([None, "crime"]),
            "domestic": st.sampled_from([None, True, False]),
        }
    ),
    st.fixed_dictionaries({"kind": st.sampled_from([UnitDispatched, UnitArrived, UnitStoodDown]), "unit": _units}),
    st.fixed_dictionaries({"kind": st.sampled_from([VideoResponseStarted, IncidentReopened])}),
    st.fixed_dictionaries({"kind": st.just(IncidentClosed), "result": st.sampled_from(get_args(IncidentResult))}),
]
_CUSTODY: list[st.SearchStrategy[dict[str, Any]]] = [
    st.fixed_dictionaries(
        {
            "kind": st.just(DetaineeArrived),
            "suite": st.sampled_from(["one", "two"]),
            "child": st.booleans(),
            "relevant_time": st.one_of(_moments, _hours),
            "basis": st.sampled_from(["arrest", "arrest", "arrest", *get_args(Basis)]),
            "continues": st.sampled_from([None, None, True, False]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just(DetaineeArrived),
            "suite": st.sampled_from(["one", "two", "odd"]),
            "child": st.booleans(),
            "continues": st.just(True),
            "at": _hours,
        }
    ),
    st.fixed_dictionaries({"kind": st.just(DetaineeTransferred), "suite": st.sampled_from(["one", "two"])}),
    st.fixed_dictionaries({"kind": st.sampled_from([DetaineeCharged, WarrantRefused]), "at": _hours}),
    st.fixed_dictionaries({"kind": st.just(WarrantApplied), "sits_at": _hours, "at": _hours}),
    st.fixed_dictionaries(
        {"kind": st.just(DetentionEnded), "disposal": st.sampled_from(["bail", "transferred"]), "at": _hours}
    ),
    st.fixed_dictionaries({"kind": st.sampled_from([DetentionAuthorised, ReviewHeld, VoluntaryAttended])}),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from([DetentionAuthorised, ReviewHeld, ReviewHeld, ReviewPostponed, ClockResumed]),
            "at": _hours,
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.just(ClockPaused), "reason": st.sampled_from(get_args(PauseReason)), "at": _hours}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just(ExtensionAuthorised),
            "until": st.one_of(_moments, _hours),
            "indictable": st.sampled_from([None, None, True, False]),
            "at": _hours,
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.just(WarrantIssued), "hours": st.integers(1, 60), "minutes": st.sampled_from([0, 30]), "at": _hours}
    ),
    st.fixed_dictionaries({"kind": st.just(DetentionEnded), "disposal": st.sampled_from(get_args(Disposal))}),
]
_OCCURRENCE: list[st.SearchStrategy[dict[str, Any]]] = [
    st.fixed_dictionaries(
        {
            "kind": st.just(OccurrenceRecorded),
            "type": st.sampled_from(["asb_personal", "theft", "search", "odd"]),
            "area": _areas,
            "victim_based": st.booleans(),
            "domestic": st.booleans(),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just(PartyLinked),
            "role": st.sampled_from(get_args(Role)),
            "repeat": st.booleans(),
            "domestic_repeat": st.booleans(),
        }
    ),
    st.fixed_dictionaries({"kind": st.just(VictimReferred)}),
    st.fixed_dictionaries({"kind": st.just(VictimContractClosed), "compliance": st.sampled_from(get_args(Compliance))}),
]

_CALL_TAKER: list[st.SearchStrategy[dict[str, Any]]] = [
    st.fixed_dictionaries(
        {"kind": st.just(CallTakerSignedOn), "skill": st.sampled_from(["all_calls", "routine", "odd"])}
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just(CallTakerStateChanged),
            "state": st.sampled_from(get_args(TakerState)),
            "queue": st.sampled_from([None, "emergency", "triage", "odd"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just(CallTakerStateChanged),
            "state": st.sampled_from(["on_contact", "on_hold", "wrapping_up"]),
            "queue": st.just("emergency"),
            "at": _hours,
        }
    ),
    st.fixed_dictionaries({"kind": st.just(CallTakerSignedOff)}),
]


def _plain(fact_type: type[AnyFact]) -> st.SearchStrategy[dict[str, Any]]:
    """Any fields of their types; any time."""
    own = get_type_hints(fact_type).keys() - get_type_hints(SubjectFact).keys() - {"FACT"}
    fields = {name: hint for name, hint in get_type_hints(fact_type).items() if name in own}
    return st.fixed_dictionaries({"kind": st.just(fact_type), **{name: _of(hint) for name, hint in fields.items()}})


def _of(hint: Any) -> st.SearchStrategy[Any]:
    known = {datetime: _moments, str: st.sampled_from(["odd", "north"]), int: st.integers(1, 60)}
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(_of, get_args(hint)))
    return known.get(hint) or st.from_type(hint)


def _with_every_fact(
    strategies: list[st.SearchStrategy[dict[str, Any]]], every: UnionType
) -> list[st.SearchStrategy[dict[str, Any]]]:
    """The strategies above, and a plain one for each type of fact that this module does not name."""
    return [*strategies, *(_plain(each) for each in get_args(every) if each not in globals().values())]


_TOPICS: dict[Topic, list[st.SearchStrategy[dict[str, Any]]]] = {
    "contacts": _with_every_fact(_CONTACT, ContactFact),
    "incidents": _with_every_fact(_INCIDENT, IncidentFact),
    "custody": _with_every_fact(_CUSTODY, CustodyFact),
    "occurrences": _with_every_fact(_OCCURRENCE, OccurrenceFact),
    "call_takers": _with_every_fact(_CALL_TAKER, CallTakerFact),
}


@st.composite
def _ended_by_hand(draw: st.DrawFn, subject_id: str, index: int) -> EndedByHand:
    return EndedByHand(
        fact_id=f"{subject_id}-e{index}",
        force=FORCE,
        at=draw(_moments),
        subject_id=subject_id,
        recorded_at=draw(_recorded),
        reason=draw(st.sampled_from(get_args(EndReason))),
        role="analyst",
    )


@st.composite
def _subject(draw: st.DrawFn, topic: Topic, number: int) -> list[TopicFact]:
    """The facts of one subject. Most have an opening event, some do not; some facts withdraw or correct others."""
    subject_id = f"{topic}-{number}"
    first, *others = _TOPICS[topic]
    parts = [draw(first)] if draw(st.integers(0, 9)) else []
    parts += draw(st.lists(st.one_of(first, *others, *others), min_size=0 if parts else 1, max_size=7))
    facts: list[SubjectFact] = []
    for index, part in enumerate(parts):
        kind = part.pop("kind")
        known = [fact.fact_id for fact in facts]
        corrects = draw(st.sampled_from(known)) if known and not draw(st.integers(0, 7)) else None
        fact_id = f"{subject_id}-{draw(st.integers(0, index)) if not draw(st.integers(0, 11)) else index}"
        at = part.pop("at", None) or draw(_moments)
        envelope = {"fact_id": fact_id, "subject_id": subject_id, "corrects": corrects, "recorded_at": draw(_recorded)}
        facts.append(kind(force=FORCE, at=at, **envelope, **part))
    facts += [draw(_ended_by_hand(subject_id, index)) for index in range(draw(st.sampled_from([0, 0, 1, 2])))]
    for index in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        target = draw(st.sampled_from([fact.fact_id for fact in facts]))
        one = withdrawal(facts[0], f"{subject_id}-w{index}", target, draw(_moments))
        facts.append(msgspec.structs.replace(one, recorded_at=draw(_recorded)))
    return [(topic, fact) for fact in facts]


def withdrawal(of: SubjectFact, fact_id: str, target: str, at: datetime) -> FactWithdrawn:
    """A withdrawal of a fact of the same subject."""
    return FactWithdrawn(fact_id=fact_id, force=of.force, at=at, subject_id=of.subject_id, withdraws=target)


@st.composite
def records(draw: st.DrawFn) -> list[TopicFact]:
    """The facts of several subjects of every topic."""
    facts: list[TopicFact] = []
    for topic in _TOPICS:
        for number in range(draw(st.integers(0, 4))):
            facts += draw(_subject(topic, number))
    return facts


def another(fact: SubjectFact, fact_id: str) -> SubjectFact:
    """The same fact with another id."""
    return msgspec.structs.replace(fact, fact_id=fact_id)


def chances() -> st.SearchStrategy[random.Random]:
    """Chance for a law. It is drawn before the law runs, so that no fault of the product changes what is drawn."""
    return st.integers(0, 2**32 - 1).map(random.Random)
