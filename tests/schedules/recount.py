"""Counts the figures of a page again from the facts of the log: simple code that shares nothing with the product."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

Fact = Mapping[str, Any]
"""A fact from its JSON, with parsed times."""
TARGET = timedelta(seconds=10)
"""The target of the queue `emergency`: a wait of exactly this long misses it. For Grade 1, exactly ten minutes meets the target."""
_GRADE_1 = timedelta(seconds=600)
_WAIT_LOST = timedelta(hours=1)
"""From this long after the offer, the end of a wait is unrecorded: the caller no longer waits, and has missed no target."""
_ATTENDANCE_LOST = {"1": timedelta(hours=2), "2": timedelta(days=14)}
"""From this long after an incident's last fact, its attendance is unrecorded, by grade."""


class Cell(NamedTuple):
    """One cell of a page: value, n, and for a ratio the number that met the condition."""

    value: float | None
    n: int
    met: int | None


class Call(NamedTuple):
    """A contact according to its facts."""

    offered: datetime
    answered: datetime | None
    is_over: bool

    def decided(self, as_of: datetime) -> tuple[datetime, bool] | None:
        """When it was decided whether it was answered in time, and the result; None while it is open, or if the caller left."""
        if self.answered and self.answered - self.offered < TARGET:
            return self.answered, True
        is_overdue = not self.is_over and TARGET <= as_of - self.offered < _WAIT_LOST
        is_missed = self.answered is not None or is_overdue
        return (self.offered + TARGET - timedelta(seconds=0.05), False) if is_missed else None

    def is_waiting(self, as_of: datetime) -> bool:
        """Whether the caller is still waiting."""
        return not self.is_over and self.offered <= as_of < self.offered + _WAIT_LOST


class Job(NamedTuple):
    """An incident according to its facts."""

    opened: datetime
    grade: str
    arrived: datetime | None
    last: datetime

    def is_unattended(self, as_of: datetime) -> bool:
        """Whether it is open and nobody has arrived."""
        return self.arrived is None and self.opened <= as_of < self.last + _ATTENDANCE_LOST[self.grade]


def count(facts: Iterable[Fact], as_of: datetime) -> dict[tuple[str, ...], Cell]:
    """Every cell of a page, by measure, window and words.

    Args:
        facts: all facts, in any order; some may be repeated.
        as_of: the time of the page.
    """
    subjects: dict[str, dict[str, Fact]] = {}
    for fact in facts:
        subjects.setdefault(fact["subject_id"], {})[fact["fact_id"]] = fact
    effective = [_effective(found) for found in subjects.values()]
    calls = [call for found in effective if (call := _call(found))]
    jobs = [job for found in effective if (job := _job(found))]
    cells: dict[tuple[str, ...], Cell] = {
        ("contact_999_waiting_count", "now"): _number(sum(each.is_waiting(as_of) for each in calls))
    }
    for window in ("60m", "day"):
        cells |= _windowed(window, calls, jobs, as_of)
    for grade in ("1", "2"):
        unattended = sum(each.is_unattended(as_of) for each in jobs if each.grade == grade)
        if unattended:
            cells["incident_unattended_count", "now", grade] = _number(unattended)
    return cells


def _windowed(window: str, calls: list[Call], jobs: list[Job], as_of: datetime) -> dict[tuple[str, ...], Cell]:
    def holds(decided: datetime, began: datetime) -> bool:
        if window == "day":
            return began.date() == as_of.date()
        floor = as_of.replace(second=0, microsecond=0)
        end = floor if floor == as_of else floor + timedelta(minutes=1)
        return floor - timedelta(minutes=60) <= decided < end

    offered = sum(holds(each.offered, each.offered) for each in calls)
    decided = [(each, found) for each in calls if (found := each.decided(as_of))]
    shares = [is_met for each, (at, is_met) in decided if holds(at, each.offered)]
    spans = [
        (each.arrived - each.opened).total_seconds()
        for each in jobs
        if each.grade == "1" and each.arrived and holds(each.arrived, each.opened)
    ]
    cells: dict[tuple[str, ...], Cell] = {
        ("contact_999_offered_count", window): _number(offered),
        ("contact_999_answered_within_target_ratio", window): Cell(
            sum(shares) / len(shares) if shares else None, len(shares), sum(shares)
        ),
        ("grade_1_opened_to_arrived_median_seconds", window): Cell(median(spans) if spans else None, len(spans), None),
    }
    for grade in ("1", "2"):
        if opened := sum(each.grade == grade and holds(each.opened, each.opened) for each in jobs):
            cells["incident_count", window, grade] = _number(opened)
    return cells


def _number(count: int) -> Cell:
    return Cell(count, count, None)


def _effective(facts: Mapping[str, Fact]) -> list[Fact]:
    """The facts that count, in order of time: those that no other effective fact withdraws or corrects."""

    def is_removed(fact_id: str) -> bool:
        return any(
            fact_id in (each.get("withdraws"), each.get("corrects")) and not is_removed(each["fact_id"])
            for each in facts.values()
        )

    return sorted(
        (each for each in facts.values() if not is_removed(each["fact_id"])),
        key=lambda each: (each["at"], each["fact_id"]),
    )


def _first(facts: Iterable[Fact], kind: str) -> datetime | None:
    return next((each["at"] for each in facts if each["fact"] == kind), None)


def _call(facts: list[Fact]) -> Call | None:
    offered = _first(facts, "ContactOffered")
    if offered is None:
        return None
    answered, abandoned = _first(facts, "ContactAnswered"), _first(facts, "ContactAbandoned")
    return Call(offered, answered, bool(answered or abandoned))


def _job(facts: list[Fact]) -> Job | None:
    opened = _first(facts, "IncidentOpened")
    if opened is None:
        return None
    at_first = next(each["grade"] for each in facts if each["fact"] == "IncidentOpened")
    regrades = [each["grade"] for each in facts if each["fact"] == "IncidentRegraded"]
    return Job(opened, [at_first, *regrades][-1], _first(facts, "UnitArrived"), max(each["at"] for each in facts))
