"""Turns what happened into reports: delayed, out of order, late, duplicated, corrected or withdrawn."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct
from numpy.random import Generator

from facts.fact import FactWithdrawn, SubjectFact
from facts.incident import UnitArrived
from facts.occurrence import OccurrenceRecorded, PartyLinked, VictimContractClosed, VictimReferred
from facts.union import AnyFact, Topic, topic_of
from producers.simulate.ledger import Happened
from producers.simulate.months import utc_time
from producers.simulate.parameters import Reporting
from producers.simulate.random_draws import stream
from producers.simulate.scenario import Effects

_NEVER_WRONG = (OccurrenceRecorded, VictimReferred)
_TELEPHONY: tuple[Topic, ...] = ("contacts", "call_takers")
_MINUTE_SECONDS = 60.0


class ReportedFact(Struct, frozen=True, gc=False):
    """A fact as a feed reports it.

    Attributes:
        at: when it is reported, in seconds since 1970; never before it happened.
        feed: name of the feed.
        topic: topic to publish it to.
        fact: the fact.
    """

    at: float
    feed: str
    topic: Topic
    fact: AnyFact


class Reporter:
    """Reports what happened, with the delays and mistakes of systems and people.

    Args:
        reporting: rates of delays and mistakes.
        effects: the scenario's effects: feeds that fall silent or repeat themselves, and invalid facts.
        seed: the simulation's seed.
        name: name of its random stream.
    """

    def __init__(self, reporting: Reporting, effects: Effects, seed: int, name: str = "reporting") -> None:
        self._params, self._effects, self._seed, self._name = reporting, effects, seed, name
        self._has_trouble = bool(effects.spells("feed_silent") or effects.spells("feed_replayed"))
        self._unreported: list[tuple[float, int, ReportedFact]] = []
        self._number = 0

    def report(self, happened: Sequence[Happened], before: float) -> Sequence[ReportedFact]:
        """The reports made before a time, in order.

        Args:
            happened: the facts between the last call's time and this one, in order.
            before: the time, in seconds since 1970.
        """
        rng = stream(self._seed, self._name, int(before))
        delays = rng.exponential(self._params.delay_mean_seconds, len(happened)).clip(
            0.1, self._params.delay_seconds_max
        )
        fates = rng.random(len(happened)).tolist()
        for (at, _, feed, fact), delay, fate in zip(happened, delays.tolist(), fates, strict=True):
            self._schedule(at, feed, fact, delay, fate, rng)
        self._unreported.sort()  # serial numbers are unique, so reports themselves are never compared
        count = bisect_left(self._unreported, before, key=itemgetter(0))
        due, self._unreported = self._unreported[:count], self._unreported[count:]
        return [reported for _, _, reported in due]

    def is_idle(self) -> bool:
        """Whether everything that happened has been reported."""
        return not self._unreported

    def _schedule(self, at: float, feed: str, fact: AnyFact, delay: float, fate: float, rng: Generator) -> None:
        topic = topic_of(type(fact)) or "contacts"
        params, reported_at = self._params, at + delay
        if fate < params.duplicated_share:
            self._put(
                reported_at + _drawn(rng, params.duplicated_after.median_seconds, params.duplicated_after.sigma),
                feed,
                topic,
                fact,
            )
        elif topic not in _TELEPHONY:
            # The cases below use the same random number, so that each fact has at most one of these mistakes.
            fate -= params.duplicated_share
            if fate < params.late_share:
                reported_at += _drawn(rng, params.late.median_seconds, params.late.sigma)
            elif fate < params.late_share + params.corrected_share and not isinstance(fact, _NEVER_WRONG):
                fact = self._wrong_at_first(reported_at, feed, topic, fact, rng)
            elif fate < params.late_share + params.corrected_share + params.withdrawn_share and isinstance(
                fact, UnitArrived | PartyLinked
            ):
                self._withdraw(reported_at, feed, topic, fact, rng)
        self._put(reported_at, feed, topic, fact)
        if self._effects.scenario.poison_share and rng.random() < self._effects.scenario.poison_share:
            self._put(reported_at, feed, topic, _poisoned(fact, int(rng.integers(len(_POISONS)))))

    def _wrong_at_first(self, reported_at: float, feed: str, topic: Topic, fact: AnyFact, rng: Generator) -> AnyFact:
        """The first, wrong report of a fact; a correction follows. The time is wrong, or for parties and contracts a word."""
        if not isinstance(fact, SubjectFact):
            return fact
        right = msgspec.structs.replace(fact, fact_id=f"{fact.fact_id}.c", corrects=fact.fact_id)
        after = _MINUTE_SECONDS + _drawn(
            rng, self._params.corrected_after.median_seconds, self._params.corrected_after.sigma
        )
        self._put(reported_at + after, feed, topic, right)
        if isinstance(fact, PartyLinked):
            return msgspec.structs.replace(fact, repeat=not fact.repeat)
        if isinstance(fact, VictimContractClosed):
            return msgspec.structs.replace(fact, compliance="late" if fact.compliance == "timely" else "timely")
        wrong_by = timedelta(seconds=1 + int(rng.random() * self._params.wrong_by_seconds))
        return msgspec.structs.replace(fact, at=fact.at - wrong_by)

    def _withdraw(
        self, reported_at: float, feed: str, topic: Topic, fact: UnitArrived | PartyLinked, rng: Generator
    ) -> None:
        """Report a second arrival or party by mistake, with a time some minutes early, and then withdraw it."""
        mistaken = msgspec.structs.replace(
            fact, fact_id=f"{fact.fact_id}.x", at=fact.at - timedelta(seconds=1 + int(rng.random() * 120))
        )
        self._put(reported_at, feed, topic, mistaken)
        withdrawn_at = round(reported_at + 2 * _MINUTE_SECONDS + rng.random() * 30 * _MINUTE_SECONDS, 1)
        withdrawal = FactWithdrawn(
            fact_id=f"{fact.fact_id}.w",
            force=fact.force,
            at=utc_time(withdrawn_at),
            subject_id=fact.subject_id,
            withdraws=mistaken.fact_id,
        )
        self._put(withdrawn_at + 1.0, feed, topic, withdrawal)

    def _put(self, reported_at: float, feed: str, topic: Topic, fact: AnyFact) -> None:
        if not self._has_trouble:
            self._number += 1
            self._unreported.append((reported_at, self._number, ReportedFact(reported_at, feed, topic, fact)))
            return
        again_at = self._effects.repeated_at(feed, reported_at)
        reported_at = self._effects.delayed_until(feed, reported_at) or reported_at
        for at in (reported_at,) if again_at is None else (reported_at, again_at):
            self._number += 1
            self._unreported.append((at, self._number, ReportedFact(at, feed, topic, fact)))


def _drawn(rng: Generator, median_seconds: float, sigma: float) -> float:
    return float(median_seconds * rng.lognormal(0.0, sigma))


def _poisoned(fact: AnyFact, kind: int) -> AnyFact:
    """An invalid copy of a fact, as broken feeds send them; workers quarantine it with the reason."""
    return msgspec.structs.replace(fact, fact_id=f"{fact.fact_id}.bad", **_POISONS[kind])


_POISONS: tuple[dict[str, Any], ...] = (
    {"force": "nowhere"},
    {"force": "not a label"},
    {"at": datetime(2099, 1, 1, tzinfo=UTC)},
    {"at": datetime(2024, 1, 1)},  # noqa: DTZ001 - the missing zone is the fault
)
