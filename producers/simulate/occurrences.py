"""Simulates occurrences: recorded crimes and ASB, their parties, victims' referrals and contracts, and count-only records."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from facts.occurrence import OccurrenceRecorded, PartyLinked, VictimContractClosed, VictimReferred
from producers.simulate.ledger import Ledger
from producers.simulate.months import Month, spread, utc_time, whole_second
from producers.simulate.parameters import Parameters, month_share, of_year
from producers.simulate.parties import Link, OccurrenceRecord, Parties
from producers.simulate.random_draws import apportion, lognormal, quantiles, shuffled, stream

_LIMIT_SECONDS = 48 * 3600
_NO_AREA = "none"


class Ledgers(NamedTuple):
    """Separate ledgers of the records system, so that adding facts to one does not change how another is reported.

    Attributes:
        records: crimes, ASB and referrals.
        parties: parties, and domestic occurrences that are not crimes.
        counted: records that are only counted.
        contracts: victims' contracts.
    """

    records: Ledger
    parties: Ledger
    counted: Ledger
    contracts: Ledger


class Records:
    """The records system of a force: it records a month of occurrences, and what follows from them, in its ledgers.

    Args:
        parameters: the force's parameters.
        feed: the name of the feed that carries its facts.
        ledgers: receive the facts.
        seed: the simulation's seed.
        tag: the prefix of every id, so that ids of two simulations in one log differ.
    """

    def __init__(self, parameters: Parameters, feed: str, ledgers: Ledgers, seed: int, tag: str) -> None:
        self._parameters, self._feed, self._seed, self._tag = parameters, feed, seed, tag
        self._ledgers = ledgers

    def month(self, month: Month) -> None:
        """Record everything that begins in a month, and what follows from it."""
        params, rng = self._parameters.occurrences, stream(self._seed, "occurrences", month.ordinal)
        # Each month gets its share of each type and area, so that a year adds up to the published figures.
        types, areas = (
            {word: month_share(years, params.months, month) for word, years in each.items()}
            for each in (params.types, params.areas)
        )
        asb = list(self._drawn("a", month, types, areas, sum(types.values()), 0.0, rng))
        count = month_share(params.crimes, params.months, month)
        crimes = list(
            self._drawn("c", month, params.crime_types, params.crime_areas, count, params.victim_based_share, rng)
        )
        parties = Parties(params, month, stream(self._seed, "parties", month.ordinal))
        domestic = parties.domestic(crimes)
        self._record(self._ledgers.records, [*asb, *crimes], domestic)
        others = self._domestic_others(month)
        self._record(self._ledgers.parties, others, {each.subject_id for each in others})
        self._link(parties.of_asb(asb))
        self._link(parties.victims(crimes, others, domestic))
        self._record(self._ledgers.counted, self._counted(month), ())
        self._close([each for each in crimes if each.has_victim], month)

    def _domestic_others(self, month: Month) -> list[OccurrenceRecord]:
        """Domestic occurrences that are not crimes."""
        params, rng = self._parameters.occurrences, stream(self._seed, "domestic others", month.ordinal)
        count = month_share(params.domestic.others, params.months, month)
        return list(self._drawn("d", month, {params.domestic.other_type: 1}, params.crime_areas, count, 0.0, rng))

    def _counted(self, month: Month) -> Iterator[OccurrenceRecord]:
        """Records that are only counted, drawn separately for each type."""
        params = self._parameters.occurrences
        for place, (kind, years) in enumerate(params.counted.items()):
            rng = stream(self._seed, f"counted {kind}", month.ordinal)
            count = of_year(years, month.year)[month.number - 1]
            yield from self._drawn(f"n{place}-", month, {kind: 1}, params.crime_areas, count, 0.0, rng)

    def _drawn(
        self,
        letter: str,
        month: Month,
        types: Mapping[str, int],
        areas: Mapping[str, int],
        count: int,
        victim_share: float,
        rng: Generator,
    ) -> Iterator[OccurrenceRecord]:
        shape = self._parameters.occurrences.shape
        at = spread(month, count, shape.weekday_hours, shape.weekend_hours, shape.weekdays, rng)
        has_victim = rng.permutation(count) < round(victim_share * count)
        referred = iter(self._referral_seconds(month, int(has_victim.sum()), rng))
        words = shuffled(rng, count, types), shuffled(rng, count, areas)
        columns = zip(at.tolist(), *words, has_victim.tolist(), strict=True)
        for number, (second, kind, area, victim) in enumerate(columns):
            subject_id, recorded = f"{self._tag}o-{letter}{month.ordinal}-{number}", whole_second(second)
            yield OccurrenceRecord(
                subject_id, recorded, kind, area, victim, whole_second(recorded + next(referred)) if victim else None
            )

    def _record(self, ledger: Ledger, records: Iterable[OccurrenceRecord], domestic: Container[str]) -> None:
        force = self._parameters.force
        for each in records:
            subject_id = each.subject_id
            fact = OccurrenceRecorded(
                fact_id=f"{subject_id}.recorded",
                force=force,
                at=utc_time(each.at),
                subject_id=subject_id,
                type=each.type,
                area=None if each.area == _NO_AREA else each.area,
                victim_based=each.has_victim,
                domestic=subject_id in domestic,
            )
            ledger.add(each.at, self._feed, fact)
            if each.referred is not None:
                sent = utc_time(each.referred)
                referral = VictimReferred(fact_id=f"{subject_id}.referred", force=force, at=sent, subject_id=subject_id)
                ledger.add(each.referred, self._feed, referral)

    def _link(self, links: Iterable[Link]) -> None:
        for each in links:
            subject_id = each.record.subject_id
            fact = PartyLinked(
                fact_id=f"{subject_id}.{each.role}",
                force=self._parameters.force,
                at=utc_time(each.at),
                subject_id=subject_id,
                role=each.role,
                repeat=each.is_repeat,
                domestic_repeat=each.is_domestic_repeat,
            )
            self._ledgers.parties.add(each.at, self._feed, fact)

    def _close(self, crimes: Sequence[OccurrenceRecord], month: Month) -> None:
        """Close the month's number of crimes with a victim; which, when and how is random."""
        params, rng = self._parameters.occurrences.contracts, stream(self._seed, "contracts", month.ordinal)
        count = min(month_share(params.years, self._parameters.occurrences.months, month), len(crimes))
        chosen = rng.permutation(len(crimes))[:count].tolist()
        spans = params.closed_after.draw(rng, count)
        numbers = zip(params.compliance, apportion(count, list(params.compliance.values())), strict=True)
        words = [word for word, number in numbers for _ in range(number)]
        for place, span, compliance in zip(chosen, spans, words, strict=True):
            subject_id, at = crimes[place].subject_id, whole_second(crimes[place].at + span)
            fact = VictimContractClosed(
                fact_id=f"{subject_id}.closed",
                force=self._parameters.force,
                at=utc_time(at),
                subject_id=subject_id,
                compliance=compliance,
            )
            self._ledgers.contracts.add(at, self._feed, fact)

    def _referral_seconds(self, month: Month, count: int, rng: Generator) -> list[float]:
        """Seconds from recording to referral: the month's share is within 48 hours, and the spread gives the year's mean."""
        params = self._parameters.occurrences
        share = of_year(params.referred_within_48_hours, month.year)[month.number - 1]
        sigma = of_year(params.referral_sigma, month.year)
        median = _LIMIT_SECONDS * float(np.exp(-NormalDist().inv_cdf(share) * sigma))
        values: list[float] = lognormal(quantiles(rng, count), median, sigma).tolist()
        return values
