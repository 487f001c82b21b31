"""Builds facts of the strict force: one function for each fact, with the fields that most tests do not name.

Times are texts, see `at`, or times. Every fact has an id later than all before it, and the subject "s1", unless given otherwise.
"""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from facts.call_taker import CallTakerSignedOff, CallTakerSignedOn, CallTakerStateChanged
from facts.contact import CallbackDeclined, ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.custody import DetaineeArrived, DetentionAuthorised, DetentionEnded, ReviewHeld, VoluntaryAttended
from facts.fact import EndedByHand, FactWithdrawn
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
from facts.union import AnyFact
from tests.support.forces import STRICT

DAY = "2024-12-02"
"""A Monday in winter: the local clock of London is UTC."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_number = itertools.count(1)


def at(clock: str) -> datetime:
    """A time in UTC: "09:00:09.95" on `DAY`, or "2024-10-27 00:30" on another day."""
    day, _, time = clock.rpartition(" ")
    return datetime.fromisoformat(f"{day or DAY}T{time}+00:00")


def time_of(when: str | datetime) -> datetime:
    """A time, or the time of a text."""
    return at(when) if isinstance(when, str) else when


def clock(since_epoch: int) -> str:
    """The text that `at` reads, for a time in whole microseconds."""
    moment = EPOCH + timedelta(microseconds=since_epoch)
    time = moment.strftime("%H:%M:%S") + f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    day = moment.strftime("%Y-%m-%d")
    return time if day == DAY else f"{day} {time}"


def build(fact_type: Callable[..., AnyFact], when: str | datetime, **fields: Any) -> AnyFact:
    """A fact; by default of the subject "s1", with an id later than all before it."""
    given = {"fact_id": f"f{next(_number):06}", "force": STRICT.name, "subject_id": "s1", **fields}
    return fact_type(at=time_of(when), **given)


def withdrawn(names: str, when: str | datetime = "12:00", **fields: Any) -> AnyFact:
    """A fact that withdraws the fact with that id."""
    return build(FactWithdrawn, when, withdraws=names, **fields)


def ended_by_hand(when: str | datetime, **fields: Any) -> AnyFact:
    """A person ended what was still open; by default because of a fault of the system."""
    return build(EndedByHand, when, **{"reason": "system_fault", "role": "engineer", **fields})


def offered(when: str | datetime, queue: str = "emergency", line: str = "999", **fields: Any) -> AnyFact:
    """A contact joined a queue; by default 999."""
    return build(ContactOffered, when, queue=queue, line=line, **fields)


def answered(when: str | datetime, queue: str = "emergency", **fields: Any) -> AnyFact:
    """A person picked up."""
    return build(ContactAnswered, when, queue=queue, **fields)


def abandoned(when: str | datetime, queue: str = "emergency", **fields: Any) -> AnyFact:
    """The caller hung up."""
    return build(ContactAbandoned, when, queue=queue, **fields)


def concluded(when: str | datetime, queue: str = "emergency", result: str = "resolved", **fields: Any) -> AnyFact:
    """The contact ended."""
    return build(ContactConcluded, when, queue=queue, result=result, **fields)


def declined(when: str | datetime, queue: str = "triage", **fields: Any) -> AnyFact:
    """The caller declined a callback."""
    return build(CallbackDeclined, when, queue=queue, **fields)


def opened(when: str | datetime, grade: str = "1", **fields: Any) -> AnyFact:
    """An incident was opened; by default Grade 1."""
    return build(IncidentOpened, when, grade=grade, **fields)


def regraded(when: str | datetime, grade: str, **fields: Any) -> AnyFact:
    """It was given another grade."""
    return build(IncidentRegraded, when, grade=grade, **fields)


def reclassified(when: str | datetime, **fields: Any) -> AnyFact:
    """Its group, category or domestic flag was changed."""
    return build(IncidentReclassified, when, **fields)


def dispatched(when: str | datetime, unit: str = "u1", **fields: Any) -> AnyFact:
    """A unit was sent."""
    return build(UnitDispatched, when, unit=unit, **fields)


def arrived(when: str | datetime, unit: str = "u1", **fields: Any) -> AnyFact:
    """A unit was at the scene."""
    return build(UnitArrived, when, unit=unit, **fields)


def stood_down(when: str | datetime, unit: str = "u1", **fields: Any) -> AnyFact:
    """A unit was released."""
    return build(UnitStoodDown, when, unit=unit, **fields)


def met_by_video(when: str | datetime, **fields: Any) -> AnyFact:
    """An officer met the caller by video."""
    return build(VideoResponseStarted, when, **fields)


def closed(when: str | datetime, result: str = "attended", **fields: Any) -> AnyFact:
    """The incident was closed."""
    return build(IncidentClosed, when, result=result, **fields)


def reopened(when: str | datetime, **fields: Any) -> AnyFact:
    """It was opened again."""
    return build(IncidentReopened, when, **fields)


def detained(when: str | datetime, **fields: Any) -> AnyFact:
    """A detainee arrived at a suite; by default an adult."""
    return build(DetaineeArrived, when, **{"suite": "one", "child": False, "relevant_time": time_of(when), **fields})


def authorised(when: str | datetime, **fields: Any) -> AnyFact:
    """Detention was authorised."""
    return build(DetentionAuthorised, when, **fields)


def reviewed(when: str | datetime, **fields: Any) -> AnyFact:
    """A review was held."""
    return build(ReviewHeld, when, **fields)


def ended(when: str | datetime, disposal: str = "charged", **fields: Any) -> AnyFact:
    """The detention ended."""
    return build(DetentionEnded, when, disposal=disposal, **fields)


def volunteered(when: str | datetime, **fields: Any) -> AnyFact:
    """A person attended voluntarily."""
    return build(VoluntaryAttended, when, **fields)


def recorded(when: str | datetime, **fields: Any) -> AnyFact:
    """An occurrence was recorded; by default a theft with a victim."""
    return build(OccurrenceRecorded, when, **{"type": "theft", "victim_based": True, **fields})


def linked(when: str | datetime, role: str = "victim", **fields: Any) -> AnyFact:
    """A party was linked; by default a victim, for the first time."""
    return build(PartyLinked, when, **{"role": role, "repeat": False, **fields})


def contract(when: str | datetime, compliance: str = "timely", **fields: Any) -> AnyFact:
    """The crime was closed; by default with a timely contract."""
    return build(VictimContractClosed, when, **{"compliance": compliance, **fields})


def referred(when: str | datetime, **fields: Any) -> AnyFact:
    """The victim was referred."""
    return build(VictimReferred, when, **fields)


def signed_on(when: str | datetime, skill: str = "all_calls", **fields: Any) -> AnyFact:
    """A call taker signed on; by default for all calls."""
    return build(CallTakerSignedOn, when, skill=skill, **fields)


def changed(when: str | datetime, state: str = "available", **fields: Any) -> AnyFact:
    """The call taker's state changed; by default to available."""
    return build(CallTakerStateChanged, when, state=state, **fields)


def signed_off(when: str | datetime, **fields: Any) -> AnyFact:
    """The call taker signed off."""
    return build(CallTakerSignedOff, when, **fields)


def heartbeat(feed: str, complete_to: str | datetime, **fields: Any) -> FeedHeartbeat:
    """A feed has sent everything up to a time."""
    moment = time_of(complete_to)
    given = {"fact_id": f"h{next(_number)}", "force": STRICT.name, "at": moment, "seq": 1, **fields}
    return FeedHeartbeat(feed=feed, complete_to=moment, **given)
