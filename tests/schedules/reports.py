"""The facts that a force's systems report in one schedule, about contacts and incidents: in any order, repeated, corrected, withdrawn."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct, field

from tests.schedules.choices import Choices

FORCE = "strict"
TOPICS: tuple[str, ...] = ("contacts", "incidents")
"""The topics of a schedule."""
_SUBJECTS = 12


class Subject(Struct):
    """A contact or an incident as reported so far."""

    name: str
    topic: str
    began: datetime
    is_abandoned: bool
    reported: list[dict[str, Any]] = field(default_factory=list)


class Reports:
    """Makes up facts, choice by choice.

    Args:
        choices: decide what happens.
        start: the earliest time of a fact.
    """

    def __init__(self, choices: Choices, start: datetime) -> None:
        self._choices, self._start = choices, start
        self.subjects: list[Subject] = []
        self._number = 0

    def next(self, now: datetime) -> tuple[Subject, dict[str, Any]]:
        """A fact and its subject; it may have been reported before."""
        is_new = len(self.subjects) < 2 or (len(self.subjects) < _SUBJECTS and self._choices.happens(3))
        subject = self._begin(now) if is_new else self._choices.pick(self.subjects)
        if subject.reported and self._choices.happens(5):
            return subject, self._choices.pick(subject.reported)
        fact = self._fact(subject, now)
        subject.reported.append(fact)
        return subject, fact

    def _begin(self, now: datetime) -> Subject:
        topic = self._choices.pick(TOPICS)
        began = max(self._start, now - timedelta(seconds=self._choices.below(1500)))
        subject = Subject(f"s{len(self.subjects)}", topic, began, self._choices.happens(3))
        self.subjects.append(subject)
        return subject

    def _fact(self, subject: Subject, now: datetime) -> dict[str, Any]:
        """Another fact of a subject: its opening, its end, a regrade, a correction or a withdrawal, in any order."""
        kinds = _KINDS[subject.topic]
        kind = kinds[min(len(subject.reported), self._choices.below(len(kinds)))]
        if subject.reported and self._choices.happens(4):
            return self._change(subject, now)
        name = ("ContactAbandoned" if subject.is_abandoned else "ContactAnswered") if kind == "end" else kind
        offset = 0 if kind == kinds[0] else self._choices.below(40) + (600 if kind == "UnitArrived" else 0)
        at = min(subject.began + timedelta(seconds=offset), now)
        return self._made(name, subject, at)

    def _change(self, subject: Subject, now: datetime) -> dict[str, Any]:
        before = self._choices.pick(subject.reported)
        if self._choices.happens(2):
            return self._made("FactWithdrawn", subject, now, withdraws=before["fact_id"])
        if before["fact"] == "FactWithdrawn":
            return before
        return self._made(before["fact"], subject, before["at"], corrects=before["fact_id"])

    def _made(self, kind: str, subject: Subject, at: datetime, **more: Any) -> dict[str, Any]:
        self._number += 1
        fact = {
            "fact": kind,
            "fact_id": f"f{self._number}",
            "force": FORCE,
            "at": at,
            "subject_id": subject.name,
            **more,
        }
        return fact | {name: self._field(name) for name in _FIELDS.get(kind, ())}

    def _field(self, name: str) -> str:
        return {"line": "999", "queue": "emergency", "unit": "u1"}.get(name) or self._choices.pick(("1", "2"))


_KINDS = {"contacts": ("ContactOffered", "end"), "incidents": ("IncidentOpened", "UnitArrived", "IncidentRegraded")}
_FIELDS = {
    "ContactOffered": ("line", "queue"),
    "ContactAnswered": ("queue",),
    "ContactAbandoned": ("queue",),
    "IncidentOpened": ("grade",),
    "IncidentRegraded": ("grade",),
    "UnitArrived": ("unit",),
}


def as_record(facts: list[dict[str, Any]]) -> bytes:
    """Facts as one record of the log."""
    return msgspec.json.encode(facts[0] if len(facts) == 1 else facts)
