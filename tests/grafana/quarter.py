"""A busy quarter of an hour in Staffordshire around any time: every measure has enough cases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered, ContactResult
from facts.custody import DetaineeArrived, DetentionAuthorised, DetentionEnded, VoluntaryAttended
from facts.fact import SubjectFact
from facts.incident import (
    IncidentClosed,
    IncidentOpened,
    IncidentRegraded,
    UnitArrived,
    UnitDispatched,
    VideoResponseStarted,
)
from facts.occurrence import Compliance, OccurrenceRecorded, PartyLinked, Role, VictimContractClosed, VictimReferred
from facts.union import AnyFact

FORCE = "staffordshire"
NOW = datetime(2026, 6, 17, 12, 0, tzinfo=UTC)
"""In the middle of a month, of a day and of a shift."""
EARLIER = (
    datetime(2024, 5, 20, 12, 0, tzinfo=UTC),  # before the 24 months that are compared begin
    datetime(2025, 1, 15, 12, 0, tzinfo=UTC),  # in the 12 months before
    datetime(2026, 5, 12, 12, 0, tzinfo=UTC),  # in the last month, and so in the last 12
)
_Step = tuple[type[SubjectFact], float, dict[str, Any]]
"""A kind of fact, how many seconds before the given time it happened, and its fields."""
_EACH = 6
"""The number of cases of everything: one more than a ratio or a mean needs."""


def quarter(at: datetime, *, is_open: bool = False) -> Iterator[AnyFact]:
    """The facts of the 15 minutes before a time.

    Args:
        at: the instant; their ids carry its date.
        is_open: some of the cases are still open at that time.
    """
    subjects = [*_calls(), *_digital(), *_incidents(), *_custody(), *_occurrences(), *(_open() if is_open else ())]
    for number, steps in enumerate(subjects):
        subject = f"{at:%Y%m%d}-{number}"
        for index, (kind, seconds, own_fields) in enumerate(steps):
            moment = at - timedelta(seconds=seconds)
            own = {"relevant_time": moment} if kind is DetaineeArrived else {}
            fact = kind(fact_id=f"{subject}-{index}", force=FORCE, at=moment, subject_id=subject, **own_fields, **own)
            yield cast(AnyFact, fact)


def _leg(line: str, queue: str, offered: float, *ends: _Step, channel: str | None = None) -> list[_Step]:
    return [
        (ContactOffered, offered, {"line": line, "queue": queue, "channel": channel}),
        *((kind, offered - waited, {"queue": queue, **own_fields}) for kind, waited, own_fields in ends),
    ]


def _calls() -> Iterator[list[_Step]]:
    for number in range(_EACH):
        yield _leg("999", "emergency", 700, (ContactAnswered, 4.0 + 2 * number, {}))
        yield _leg("999", "emergency", 690, (ContactAbandoned, 3.0 + 4 * number, {}))
        yield _leg("101", "triage", 680, (ContactAbandoned, 30.0 + number, {}))
        yield _leg("101", "triage", 670, (ContactConcluded, 60.0, {"result": "callback"}))
        promised = {"result": "callback", "promised_for": NOW - timedelta(seconds=500)}
        left = _leg("101", "triage", 670, (ContactConcluded, 60.0, promised))
        yield [*left, *_leg("101", "triage", 600, (ContactAnswered, 10.0, {}))]
        for end in (ContactAnswered, ContactAbandoned):
            triage = _leg(
                "101", "triage", 660, (ContactAnswered, 20.0, {}), (ContactConcluded, 40.0, {"result": "to_local"})
            )
            yield [*triage, *_leg("101", "local", 620, (end, 100.0 + 10 * number, {}))]
    for result in get_args(ContactResult):
        yield _leg("101", "triage", 650, (ContactAnswered, 15.0, {}), (ContactConcluded, 90.0, {"result": result}))


def _digital() -> Iterator[list[_Step]]:
    for number in range(_EACH):
        result = "transferred" if number % 2 else "resolved"
        ends: tuple[_Step, ...] = ((ContactAnswered, 60.0, {}), (ContactConcluded, 120.0, {"result": result}))
        yield _leg("digital", "digital", 700, *ends, channel="contact_us")


def _incidents() -> Iterator[list[_Step]]:
    for number in range(_EACH):
        for opened in (
            {"grade": "1", "group": "crime", "area": "cannock"},
            {"grade": "2", "group": "domestic", "area": "stafford", "domestic": True},
            {"grade": "2", "group": "crime", "category": "home_burglary"},
            {"grade": "3", "group": "asb", "area": "tamworth"},
        ):
            yield [
                (IncidentOpened, 800, opened),
                (UnitDispatched, 750 - number, {"unit": "unit-1"}),
                (UnitArrived, 300 - number, {"unit": "unit-1"}),
                (IncidentClosed, 60, {"result": "attended"}),
            ]
    video = {"grade": "2", "group": "domestic", "domestic": True}
    yield [(IncidentOpened, 800, video), (VideoResponseStarted, 500, {}), (IncidentClosed, 90, {"result": "other"})]
    yield [(IncidentOpened, 800, {"grade": "3"}), (IncidentClosed, 400, {"result": "duplicate"})]
    regraded = (IncidentRegraded, 700, {"grade": "1"})
    yield [(IncidentOpened, 800, {"grade": "2"}), regraded, (UnitArrived, 200, {"unit": "unit-2"})]


def _custody() -> Iterator[list[_Step]]:
    for number in range(_EACH):
        for child in (True, False):
            yield [
                (DetaineeArrived, 800, {"suite": "north", "child": child}),
                (DetentionAuthorised, 700 - number, {}),
                (DetentionEnded, 100, {"disposal": "bail" if number % 2 else "released_under_investigation"}),
            ]
    yield [(VoluntaryAttended, 500, {"suite": "south", "child": False})]


def _occurrences() -> Iterator[list[_Step]]:
    for number in range(_EACH):
        crime = {"type": "other_theft", "area": "lichfield", "victim_based": True, "domestic": True}
        victim = {"role": "victim", "repeat": bool(number % 2), "domestic_repeat": bool(number % 3)}
        contract = {"compliance": get_args(Compliance)[number % 3]}
        yield [
            (OccurrenceRecorded, 800, crime),
            (PartyLinked, 700, victim),
            (VictimReferred, 100 + number, {}),
            (VictimContractClosed, 100, contract),
        ]
        parties: list[_Step] = [
            (PartyLinked, 700, {"role": role, "repeat": bool(number % 2)}) for role in get_args(Role)
        ]
        asb = {"type": "asb_personal", "area": "newcastle", "victim_based": False}
        yield [(OccurrenceRecorded, 800, asb), *parties]
        for kind in ("fatal_collision", "stop_and_search", "school_notification"):
            yield [(OccurrenceRecorded, 800, {"type": kind})]


def _open() -> Iterator[list[_Step]]:
    yield _leg("999", "emergency", 45)
    yield _leg("101", "triage", 200)
    yield _leg("101", "local", 250)
    yield _leg("digital", "digital", 300, channel="livechat")
    yield [(IncidentOpened, 400, {"grade": "1"})]
    yield [(IncidentOpened, 500, {"grade": "3"}), (UnitDispatched, 100, {"unit": "unit-3"})]
    yield [(DetaineeArrived, 600, {"suite": "south", "child": False})]
    yield [(DetaineeArrived, 650, {"suite": "south", "child": False}), (DetentionAuthorised, 540, {})]
