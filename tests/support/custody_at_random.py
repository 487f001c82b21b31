"""Makes up custody numbers with any facts in any order: several stays, bail, transfers, charges, warrants and contradictions."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from facts.custody import (
    ClockPaused,
    ClockResumed,
    DetaineeArrived,
    DetaineeCharged,
    DetaineeTransferred,
    DetentionAuthorised,
    DetentionEnded,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    VoluntaryAttended,
    WarrantApplied,
    WarrantIssued,
    WarrantRefused,
)
from facts.fact import SubjectFact

_OTHERS: tuple[type[SubjectFact], ...] = (
    DetaineeArrived, DetaineeTransferred, DetentionAuthorised, DetentionAuthorised, ReviewPostponed, ReviewHeld, ReviewHeld,
    ExtensionAuthorised, WarrantApplied, WarrantRefused, WarrantIssued, DetaineeCharged, ClockPaused, ClockResumed,
    DetentionEnded, VoluntaryAttended,
)  # fmt: skip


def custody_numbers(count: int, force: str, start: datetime, chance: random.Random) -> Iterator[list[SubjectFact]]:
    """The facts of made-up custody numbers, each in a random order of reporting. Times are whole hours, so that many coincide."""
    for number in range(count):
        kinds: list[type[SubjectFact]] = [DetaineeArrived] if chance.random() < 0.9 else []
        kinds += chance.choices(_OTHERS, k=chance.randrange(1, 11))
        # Most stories run in order; some do not.
        hours = sorted(chance.randrange(0, 60) for _ in kinds)
        if chance.random() < 0.2:
            chance.shuffle(hours)
        names = chance.sample(range(100), len(kinds))
        facts = [
            kind(
                fact_id=f"f{name}",
                force=force,
                subject_id=f"d{number}",
                at=start + timedelta(hours=hour),
                **_fields(kind, start, hour, chance),
            )
            for kind, hour, name in zip(kinds, hours, names, strict=True)
        ]
        chance.shuffle(facts)
        yield facts


def _fields(kind: type[SubjectFact], start: datetime, hour: int, chance: random.Random) -> dict[str, Any]:
    def near() -> datetime:
        return start + timedelta(hours=hour + chance.randrange(-3, 14))

    if kind is DetaineeArrived:
        continues = chance.choice([None, None, None, True, False])
        has_time = not continues or chance.random() < 0.5
        basis = chance.choice(["arrest", "arrest", "arrest", "arrest", "warrant", "immigration"])
        time = {"relevant_time": near()} if has_time else {}
        return {"suite": _suite(chance), "child": chance.random() < 0.3, "basis": basis, "continues": continues, **time}
    makers: dict[type[SubjectFact], Callable[[], dict[str, Any]]] = {
        DetentionEnded: lambda: {
            "disposal": chance.choice(["bail", "bail", "transferred", "charged", "no_further_action"])
        },
        DetaineeTransferred: lambda: {"suite": _suite(chance)},
        ExtensionAuthorised: lambda: {"until": near(), "indictable": chance.choice([None, None, True, False])},
        WarrantApplied: lambda: {"sits_at": near()},
        WarrantIssued: lambda: {"hours": chance.randrange(1, 40), "minutes": chance.choice([0, 0, 30])},
        ClockPaused: lambda: {"reason": chance.choice(["hospital", "bail"])},
    }
    return makers[kind]() if kind in makers else {}


def _suite(chance: random.Random) -> str:
    return chance.choice(["one", "two", "two", "elsewhere"])
