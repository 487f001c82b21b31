"""Simulates a custody sergeant's day and a half: arrests, reviews on time and late, hospital, bail and return, transfers, charges, warrants."""

import random
from collections.abc import Iterator
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
    WarrantApplied,
    WarrantIssued,
)
from facts.fact import SubjectFact


def custody_numbers(count: int, force: str, start: datetime, chance: random.Random) -> Iterator[list[SubjectFact]]:
    """The facts of custody numbers, in order; times are to the minute, as custody systems keep them."""
    for number in range(count):
        day = _Record(force, f"s{number}", start + timedelta(minutes=chance.randrange(20 * 60)), chance)
        day.arrest()
        yield day.facts


class _Record:
    """The custody record of one number."""

    def __init__(self, force: str, name: str, arrived: datetime, chance: random.Random) -> None:
        self.facts: list[SubjectFact] = []
        self._force, self._name, self._chance = force, name, chance
        self._arrived = self._now = arrived

    def arrest(self) -> None:
        """From the arrival to the end, by way of whatever happens."""
        relevant = self._arrived - timedelta(minutes=self._chance.choice([0, 0, 0, 40]))
        basis = self._chance.choice(["arrest"] * 9 + ["warrant"])
        self._add(DetaineeArrived, suite="one", child=self._chance.random() < 0.1, relevant_time=relevant, basis=basis)
        self._wait(5, 45)
        self._add(DetentionAuthorised)
        if self._chance.random() < 0.15:
            self._wait(5, 60)
            self._add(ClockPaused, reason="hospital")
            self._wait(60, 240)
            self._add(ClockResumed)
        if self._chance.random() < 0.1:
            self._wait(5, 60)
            self._add(DetaineeTransferred, suite="two")
        self._reviews(self._chance.randrange(0, 3))
        self._chance.choice([self._released, self._charged, self._bailed, self._kept_longer, self._bailed])()

    def _reviews(self, count: int) -> None:
        """Reviews, some of them late or postponed."""
        for number in range(count):
            self._wait(300 if not number else 480, 360 if not number else 570)
            if self._chance.random() < 0.2:
                self._add(ReviewPostponed)
                self._wait(10, 90)
            self._add(ReviewHeld)

    def _released(self) -> None:
        self._wait(30, 400)
        self._add(DetentionEnded, disposal=self._chance.choice(["no_further_action", "released_under_investigation"]))

    def _charged(self) -> None:
        self._wait(30, 200)
        self._add(DetaineeCharged)
        self._reviews(1)
        self._wait(30, 300)
        self._add(DetentionEnded, disposal="charged")

    def _bailed(self) -> None:
        self._wait(30, 200)
        self._add(DetentionEnded, disposal="bail")
        self._wait(120, 400)
        if self._chance.random() < 0.3:
            self._add(DetaineeArrived, suite="one", child=False, relevant_time=self._now, continues=False)
        else:
            self._add(DetaineeArrived, suite="two", child=False, continues=True)
        self._wait(5, 30)
        self._add(DetentionAuthorised)
        self._chance.choice([self._released, self._charged])()

    def _kept_longer(self) -> None:
        self._reviews(2)
        self._now = max(self._now, self._arrived + timedelta(hours=self._chance.choice([20, 23, 25])))
        self._add(ExtensionAuthorised, until=self._arrived + timedelta(hours=36))
        self._reviews(1)
        if self._chance.random() < 0.5:
            self._now = max(self._now, self._arrived + timedelta(hours=34))
            self._add(WarrantApplied, sits_at=self._arrived + timedelta(hours=self._chance.choice([35, 39])))
            self._wait(60, 300)
            self._add(WarrantIssued, hours=self._chance.randrange(6, 37), minutes=self._chance.choice([0, 30]))
        self._released()

    def _wait(self, least: int, most: int) -> None:
        self._now += timedelta(minutes=self._chance.randrange(least, most))

    def _add(self, kind: type[SubjectFact], **fields: Any) -> None:
        fact_id = f"{self._name}.{self._chance.randrange(10**9)}"
        self.facts.append(kind(fact_id=fact_id, force=self._force, subject_id=self._name, at=self._now, **fields))
