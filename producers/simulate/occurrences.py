"""Occurrences: crimes and ASB as they are recorded, their parties, when victims are referred, and what is only counted."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from facts.occurrence import OccurrenceRecorded, PartyLinked, VictimContractClosed, VictimReferred
from producers.simulate.chance import apportion, lognormal, quantiles, shuffled, stream
from producers.simulate.ledger import Ledger
from producers.simulate.months import Month, instant, spread
from producers.simulate.parameters import Parameters, month_share, of_year
from producers.simulate.parties import Link, OccurrenceRecord, Parties

_LIMIT_SECONDS = 48 * 3600
_NO_AREA = "none"


class Ledgers(NamedTuple):
    """What the records system is told apart in: how many facts one holds shifts nothing of how those of another are told.

    Attributes:
        records: of crimes, ASB and referrals.
        parties: of parties, and of domestic occurrences that are no crime.
        counted: of what is only counted.
        contracts: of victims' contracts.
    """

    records: Ledger
    parties: Ledger
    counted: Ledger
    contracts: Ledger


class Records:
    """The records system of a force: it tells its ledgers a month of occurrences and what follows from them.

    Args:
        parameters: of the force.
        feed: that carries its facts.
        ledgers: are told the facts.
        seed: of the simulation.
        tag: begins every id, so that two simulations in one log stay apart.
    """

    def __init__(self, parameters: Parameters, feed: str, ledgers: Ledgers, seed: int, tag: str) -> None:
        self._parameters, self._feed, self._seed, self._tag = parameters, feed, seed, tag
        self._ledgers = ledgers

    def month(self, month: Month) -> None:
        """Everything that is recorded in a month, and what follows."""
        of, chance = self._parameters.occurrences, stream(self._seed, "occurrences", month.ordinal)
        # Of each type and of each area as many as are its month's: over a year they add to what was published.
        types, areas = (
            {word: month_share(years, of.months, month) for word, years in each.items()}
            for each in (of.types, of.areas)
        )
        asb = list(self._drawn("a", month, types, areas, sum(types.values()), 0.0, chance))
        count = month_share(of.crimes, of.months, month)
        crimes = list(self._drawn("c", month, of.crime_types, of.crime_areas, count, of.victim_based_share, chance))
        parties = Parties(of, month, stream(self._seed, "parties", month.ordinal))
        domestic = parties.domestic(crimes)
        self._record(self._ledgers.records, [*asb, *crimes], domestic)
        others = self._domestic_others(month)
        self._record(self._ledgers.parties, others, {each.subject_id for each in others})
        self._link(parties.of_asb(asb))
        self._link(parties.victims(crimes, others, domestic))
        self._record(self._ledgers.counted, self._counted(month), ())
        self._close([each for each in crimes if each.has_victim], month)

    def _domestic_others(self, month: Month) -> list[OccurrenceRecord]:
        """Domestic occurrences that are no crime."""
        of, chance = self._parameters.occurrences, stream(self._seed, "domestic others", month.ordinal)
        count = month_share(of.domestic.others, of.months, month)
        return list(self._drawn("d", month, {of.domestic.other_type: 1}, of.crime_areas, count, 0.0, chance))

    def _counted(self, month: Month) -> Iterator[OccurrenceRecord]:
        """What is only counted; each type by itself, as many as are its month's."""
        of = self._parameters.occurrences
        for place, (kind, years) in enumerate(of.counted.items()):
            chance = stream(self._seed, f"counted {kind}", month.ordinal)
            count = of_year(years, month.year)[month.number - 1]
            yield from self._drawn(f"n{place}-", month, {kind: 1}, of.crime_areas, count, 0.0, chance)

    def _drawn(
        self,
        letter: str,
        month: Month,
        types: Mapping[str, int],
        areas: Mapping[str, int],
        count: int,
        victim_share: float,
        chance: Generator,
    ) -> Iterator[OccurrenceRecord]:
        shape = self._parameters.occurrences.shape
        at = spread(month, count, shape.weekday_hours, shape.weekend_hours, shape.weekdays, chance)
        has_victim = chance.permutation(count) < round(victim_share * count)
        referred = iter(self._referral_seconds(month, int(has_victim.sum()), chance))
        words = shuffled(chance, count, types), shuffled(chance, count, areas)
        columns = zip(at.tolist(), *words, has_victim.tolist(), strict=True)
        for number, (second, kind, area, victim) in enumerate(columns):
            who, recorded = f"{self._tag}o-{letter}{month.ordinal}-{number}", float(round(second))
            yield OccurrenceRecord(
                who, recorded, kind, area, victim, float(round(recorded + next(referred))) if victim else None
            )

    def _record(self, ledger: Ledger, records: Iterable[OccurrenceRecord], domestic: Container[str]) -> None:
        force = self._parameters.force
        for each in records:
            who = each.subject_id
            fact = OccurrenceRecorded(
                fact_id=f"{who}.recorded",
                force=force,
                at=instant(each.at),
                subject_id=who,
                type=each.type,
                area=None if each.area == _NO_AREA else each.area,
                victim_based=each.has_victim,
                domestic=who in domestic,
            )
            ledger.add(each.at, self._feed, fact)
            if each.referred is not None:
                sent = instant(each.referred)
                referral = VictimReferred(fact_id=f"{who}.referred", force=force, at=sent, subject_id=who)
                ledger.add(each.referred, self._feed, referral)

    def _link(self, links: Iterable[Link]) -> None:
        for each in links:
            who = each.record.subject_id
            fact = PartyLinked(
                fact_id=f"{who}.{each.role}",
                force=self._parameters.force,
                at=instant(each.at),
                subject_id=who,
                role=each.role,
                repeat=each.is_repeat,
                domestic_repeat=each.is_domestic_repeat,
            )
            self._ledgers.parties.add(each.at, self._feed, fact)

    def _close(self, crimes: Sequence[OccurrenceRecord], month: Month) -> None:
        """Some of the crimes with a victim are closed, as many as are the month's; chance says which, when and how."""
        of, chance = self._parameters.occurrences.contracts, stream(self._seed, "contracts", month.ordinal)
        count = min(month_share(of.years, self._parameters.occurrences.months, month), len(crimes))
        some = chance.permutation(len(crimes))[:count].tolist()
        spans = lognormal(quantiles(chance, count), of.closed_after.median_seconds, of.closed_after.sigma).tolist()
        numbers = zip(of.compliance, apportion(count, list(of.compliance.values())), strict=True)
        words = [word for word, number in numbers for _ in range(number)]
        for place, span, compliance in zip(some, spans, words, strict=True):
            who, at = crimes[place].subject_id, float(round(crimes[place].at + span))
            fact = VictimContractClosed(
                fact_id=f"{who}.closed",
                force=self._parameters.force,
                at=instant(at),
                subject_id=who,
                compliance=compliance,
            )
            self._ledgers.contracts.add(at, self._feed, fact)

    def _referral_seconds(self, month: Month, count: int, chance: Generator) -> list[float]:
        """Recorded to referred: the share within 48 hours is the month's, and the spread gives the year's mean."""
        of = self._parameters.occurrences
        share = of_year(of.referred_within_48_hours, month.year)[month.number - 1]
        sigma = of_year(of.referral_sigma, month.year)
        median = _LIMIT_SECONDS * float(np.exp(-NormalDist().inv_cdf(share) * sigma))
        values: list[float] = lognormal(quantiles(chance, count), median, sigma).tolist()
        return values
