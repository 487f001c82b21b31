"""Helpers for the recount's tests: facts of a timeline, and their outcomes in the recount."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bluelamp.recount.cell import Finished, RecountOpenItem
from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.recount import Recount
from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.custody import DetaineeArrived, DetentionAuthorised, DetentionEnded, ReviewHeld, VoluntaryAttended
from facts.fact import EndedByHand, FactWithdrawn
from facts.feed import FeedHeartbeat
from facts.force import Force, parse
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
from facts.union import AnyFact, Topic, topic_of
from facts.wire import encode
from measures.outcome import KINDS

DAY = "2024-12-02"
"""A Monday in winter: the local clock of London is UTC."""

RECEIVED = datetime(2026, 6, 1, tzinfo=UTC)
"""When the log received every fact: long after it happened."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TESTSHIRE = """
name = "testshire"
title = "Testshire"
time_zone = "Europe/London"
duplicate_group = "dup"
bank_holidays = "england_and_wales"

# Grade 1 is promised less time from July 2024 on, and no more time to dispatch.
[[grades]]
label = "1"
name = "One"
response = "immediate"
[[grades.targets]]
since = 2020-01-01
opened_to_dispatched_seconds = 120
dispatched_to_arrived_seconds = 780
opened_to_arrived_seconds = 900
[[grades.targets]]
since = 2025-07-01
opened_to_arrived_seconds = 600

[[grades]]
label = "2"
name = "Two"
response = "priority"
[[grades.targets]]
since = 2020-01-01
opened_to_arrived_seconds = 7200

[[grades]]
label = "3"
name = "Three"
response = "scheduled"

# 999 is under 10 seconds, from the day the clocks go forward within 15, and from the day they go back it aims at nothing;
# triage within 120; the local queue aims at nothing.
[[queues]]
label = "emergency"
name = "999"
line = "999"
short_abandon_seconds = 5
[[queues.targets]]
since = 2020-01-01
seconds = 10
is_inclusive = false
[[queues.targets]]
since = 2025-03-30
seconds = 15
[[queues.targets]]
since = 2025-10-26
[[queues]]
label = "triage"
name = "Triage"
line = "101"
[[queues.targets]]
since = 2020-01-01
seconds = 120
[[queues]]
label = "local"
name = "Local"
line = "101"

[[channels]]
label = "contact_us"
name = "Contact us"
online_home = true
[[channels]]
label = "livechat"
name = "Chat"

[[areas]]
label = "north"
name = "North"
[[areas]]
label = "Zulu"
name = "Zulu"
[[groups]]
label = "crime"
name = "Crime"
[[groups]]
label = "transport"
name = "Transport"
[[groups]]
label = "dup"
name = "Duplicate"
[[categories]]
label = "home_burglary"
name = "Burglary"
[[suites]]
label = "castle"
name = "Castle"
[[occurrence_types]]
label = "crime"
name = "Crime"
family = "crime"

# Earlies and lates overlap by an hour.
[[shifts]]
label = "early"
name = "Earlies"
start = 07:00:00
end = 15:00:00
[[shifts]]
label = "late"
name = "Lates"
start = 14:00:00
end = 22:00:00
[[shifts]]
label = "night"
name = "Nights"
start = 22:00:00
end = 07:00:00

[[feeds]]
name = "telephony"
topic = "contacts"
[[feeds]]
name = "digital"
topic = "contacts"
[[feeds]]
name = "control"
topic = "incidents"
"""

_ELSEWHERE = """
name = "elsewhere"
title = "Elsewhere"
time_zone = "America/Los_Angeles"

[[grades]]
label = "E"
name = "Echo"
response = "immediate"
"""

TESTSHIRE: Force = parse(_TESTSHIRE, "testshire")
ELSEWHERE: Force = parse(_ELSEWHERE, "elsewhere")
FORCES = (TESTSHIRE, ELSEWHERE)

_number = itertools.count(1)


def at(clock: str) -> datetime:
    """A time in UTC: "09:00:09.95" on `DAY`, or "2024-10-27 00:30" on another day."""
    day, _, time = clock.rpartition(" ")
    return datetime.fromisoformat(f"{day or DAY}T{time}+00:00")


def clock(since_epoch: int) -> str:
    """The text that `at` reads, for a time in whole microseconds."""
    moment = EPOCH + timedelta(microseconds=since_epoch)
    time = moment.strftime("%H:%M:%S") + f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    day = moment.strftime("%Y-%m-%d")
    return time if day == DAY else f"{day} {time}"


def told(fact_type: Callable[..., AnyFact], when: str, **fields: Any) -> AnyFact:
    """A fact; by default of the subject "s1" of Testshire, with an id later than all before it."""
    given = {"fact_id": f"f{next(_number):06}", "force": "testshire", "subject_id": "s1", **fields}
    return fact_type(at=at(when), **given)


def withdrawn(names: str, when: str = "12:00", **fields: Any) -> AnyFact:
    """A fact that withdraws the fact with that id."""
    return told(FactWithdrawn, when, withdraws=names, **fields)


def ended_by_hand(when: str, **fields: Any) -> AnyFact:
    """A person ended what was still open; by default because of a fault of the system."""
    return told(EndedByHand, when, **{"reason": "system_fault", "role": "engineer", **fields})


def offered(when: str, queue: str = "emergency", line: str = "999", **fields: Any) -> AnyFact:
    """A contact joined a queue; by default 999."""
    return told(ContactOffered, when, queue=queue, line=line, **fields)


def answered(when: str, queue: str = "emergency", **fields: Any) -> AnyFact:
    """A person picked up."""
    return told(ContactAnswered, when, queue=queue, **fields)


def abandoned(when: str, queue: str = "emergency", **fields: Any) -> AnyFact:
    """The caller hung up."""
    return told(ContactAbandoned, when, queue=queue, **fields)


def concluded(when: str, queue: str = "emergency", result: str = "resolved", **fields: Any) -> AnyFact:
    """The contact ended."""
    return told(ContactConcluded, when, queue=queue, result=result, **fields)


def opened(when: str, grade: str = "1", **fields: Any) -> AnyFact:
    """An incident was opened; by default Grade 1."""
    return told(IncidentOpened, when, grade=grade, **fields)


def regraded(when: str, grade: str, **fields: Any) -> AnyFact:
    """It was given another grade."""
    return told(IncidentRegraded, when, grade=grade, **fields)


def reclassified(when: str, **fields: Any) -> AnyFact:
    """Its group, category or domestic flag was changed."""
    return told(IncidentReclassified, when, **fields)


def dispatched(when: str, unit: str = "u1", **fields: Any) -> AnyFact:
    """A unit was sent."""
    return told(UnitDispatched, when, unit=unit, **fields)


def arrived(when: str, unit: str = "u1", **fields: Any) -> AnyFact:
    """A unit was at the scene."""
    return told(UnitArrived, when, unit=unit, **fields)


def stood_down(when: str, unit: str = "u1", **fields: Any) -> AnyFact:
    """A unit was released."""
    return told(UnitStoodDown, when, unit=unit, **fields)


def met_by_video(when: str, **fields: Any) -> AnyFact:
    """An officer met the caller by video."""
    return told(VideoResponseStarted, when, **fields)


def closed(when: str, result: str = "attended", **fields: Any) -> AnyFact:
    """The incident was closed."""
    return told(IncidentClosed, when, result=result, **fields)


def reopened(when: str, **fields: Any) -> AnyFact:
    """It was opened again."""
    return told(IncidentReopened, when, **fields)


def detained(when: str, **fields: Any) -> AnyFact:
    """A detainee arrived at the castle suite; by default an adult."""
    return told(DetaineeArrived, when, **{"suite": "castle", "child": False, "relevant_time": at(when), **fields})


def authorised(when: str, **fields: Any) -> AnyFact:
    """Detention was authorised."""
    return told(DetentionAuthorised, when, **fields)


def reviewed(when: str, **fields: Any) -> AnyFact:
    """A review was held."""
    return told(ReviewHeld, when, **fields)


def ended(when: str, disposal: str = "charged", **fields: Any) -> AnyFact:
    """The detention ended."""
    return told(DetentionEnded, when, disposal=disposal, **fields)


def volunteered(when: str, **fields: Any) -> AnyFact:
    """A person attended voluntarily."""
    return told(VoluntaryAttended, when, **fields)


def recorded(when: str, **fields: Any) -> AnyFact:
    """An occurrence was recorded; by default a crime with a victim."""
    return told(OccurrenceRecorded, when, **{"type": "crime", "victim_based": True, **fields})


def linked(when: str, role: str = "victim", **fields: Any) -> AnyFact:
    """A party was linked; by default a victim, for the first time."""
    return told(PartyLinked, when, **{"role": role, "repeat": False, **fields})


def contract(when: str, compliance: str = "timely", **fields: Any) -> AnyFact:
    """The crime was closed; by default with a timely contract."""
    return told(VictimContractClosed, when, **{"compliance": compliance, **fields})


def referred(when: str, **fields: Any) -> AnyFact:
    """The victim was referred."""
    return told(VictimReferred, when, **fields)


def heartbeat(feed: str, complete_to: str, **fields: Any) -> AnyFact:
    """A feed has sent everything up to a time."""
    given = {"fact_id": f"h{next(_number)}", "force": "testshire", "seq": 1, **fields}
    return FeedHeartbeat(at=at(complete_to), feed=feed, complete_to=at(complete_to), **given)


def topic_among(facts: Iterable[AnyFact]) -> Topic:
    """The topic of these facts."""
    (topic,) = {topic for fact in facts if (topic := topic_of(type(fact)))}
    return topic


def records(facts: Iterable[AnyFact], topic: Topic | None = None, partition: int = 0) -> list[LogRecord]:
    """A record for each fact on one partition; withdrawals and heartbeats use the given topic."""
    return [
        LogRecord(topic_of(type(fact)) or topic or "contacts", partition, offset, RECEIVED, encode([fact]))
        for offset, fact in enumerate(facts)
    ]


def recount_of(*facts: AnyFact) -> Recount:
    """A recount of these facts; close it after use."""
    return from_records(records(facts), FORCES)


@dataclass(frozen=True)
class Story:
    """The outcomes and open items of facts, by kind."""

    finished: dict[str, list[Finished]]
    open: dict[str, list[RecountOpenItem]]

    def counts(self, kind: str) -> list[tuple[str, int]]:
        """When each outcome of a kind was decided, and its value."""
        return [(clock(outcome.decided), outcome.value) for outcome in self.finished.get(kind, [])]

    def times(self, kind: str) -> list[str]:
        """When each outcome of a kind was decided."""
        return [when for when, _ in self.counts(kind)]

    def words(self, kind: str) -> list[tuple[str, ...]]:
        """The words of each outcome of a kind."""
        return [outcome.dimensions for outcome in self.finished.get(kind, [])]

    def word(self, kind: str, dimension: str) -> list[str]:
        """One of the words of each outcome of a kind."""
        place = KINDS[kind].dimensions.index(dimension)
        return [words[place] for words in self.words(kind)]

    def began(self, kind: str) -> list[str]:
        """When the subject of each outcome of a kind began."""
        return [clock(outcome.began) for outcome in self.finished.get(kind, [])]

    def standing(self, kind: str) -> list[tuple[str, str | None]]:
        """Since when each matter of a kind stands open, and when it is due."""
        return [
            (clock(matter.since), None if matter.due is None else clock(matter.due))
            for matter in self.open.get(kind, [])
        ]

    def unrecorded(self, kind: str) -> list[str | None]:
        """From when the end of each open item of a kind counts as unrecorded."""
        return [
            None if each.unrecorded_from is None else clock(each.unrecorded_from) for each in self.open.get(kind, [])
        ]

    def kinds(self) -> set[str]:
        """Every kind of which there is something, finished or open."""
        return {*self.finished, *self.open}


def story(*facts: AnyFact) -> Story:
    """The outcomes and open items of facts of one topic."""
    topic = topic_among(facts)
    with from_records(records(facts, topic), FORCES) as recount:
        kinds = [kind.name for kind in KINDS.values() if kind.topic == topic]
        return Story(
            {kind: outcomes for kind in kinds if (outcomes := recount.finished(kind))},
            {kind: matters for kind in kinds if (matters := recount.open(kind))},
        )
