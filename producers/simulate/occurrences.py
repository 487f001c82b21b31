"""Occurrences: crimes and ASB as they are recorded, and when victims are referred."""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from facts.occurrence import OccurrenceRecorded, VictimReferred
from producers.simulate.chance import lognormal, quantiles, shuffled, stream
from producers.simulate.ledger import Ledger
from producers.simulate.months import Month, instant, spread
from producers.simulate.parameters import Parameters, month_share, of_year

_LIMIT_SECONDS = 48 * 3600
_NO_AREA = "none"


class Records:
    """The records system of a force: it tells a ledger a month of occurrences and referrals.

    Args:
        parameters: of the force.
        feed: that carries its facts.
        ledger: is told the facts.
        seed: of the simulation.
        tag: begins every id, so that two simulations in one log stay apart.
    """

    def __init__(self, parameters: Parameters, feed: str, ledger: Ledger, seed: int, tag: str) -> None:
        self._parameters, self._feed, self._ledger, self._seed, self._tag = parameters, feed, ledger, seed, tag

    def month(self, month: Month) -> None:
        """Everything that is recorded in a month, and the referrals that follow."""
        of, chance = self._parameters.occurrences, stream(self._seed, "occurrences", month.ordinal)
        # Of each type and of each area as many as are its month's: over a year they add to what was published.
        types, areas = (
            {word: month_share(years, of.months, month) for word, years in each.items()}
            for each in (of.types, of.areas)
        )
        self._record(month, types, areas, sum(types.values()), 0.0, chance)
        crimes = month_share(of.crimes, of.months, month)
        self._record(month, of.crime_types, of.crime_areas, crimes, of.victim_based_share, chance)

    def _record(
        self,
        month: Month,
        types: Mapping[str, int],
        areas: Mapping[str, int],
        count: int,
        victim_share: float,
        chance: Generator,
    ) -> None:
        shape, force = self._parameters.occurrences.shape, self._parameters.force
        at = spread(month, count, shape.weekday_hours, shape.weekend_hours, shape.weekdays, chance)
        has_victim = chance.permutation(count) < round(victim_share * count)
        referred = iter(self._referral_seconds(month, int(has_victim.sum()), chance))
        words = shuffled(chance, count, types), shuffled(chance, count, areas)
        columns = zip(at.tolist(), *words, has_victim.tolist(), strict=True)
        for number, (second, kind, area, victim) in enumerate(columns):
            who, recorded = f"{self._tag}o-{kind}-{month.ordinal}-{number}", float(round(second))
            fact = OccurrenceRecorded(
                fact_id=f"{who}.recorded",
                force=force,
                at=instant(recorded),
                subject_id=who,
                type=kind,
                area=None if area == _NO_AREA else area,
                victim_based=victim,
            )
            self._ledger.add(recorded, self._feed, fact)
            if victim:
                sent = float(round(recorded + next(referred)))
                referral = VictimReferred(fact_id=f"{who}.referred", force=force, at=instant(sent), subject_id=who)
                self._ledger.add(sent, self._feed, referral)

    def _referral_seconds(self, month: Month, count: int, chance: Generator) -> list[float]:
        """Recorded to referred: the share within 48 hours is the month's, and the spread gives the year's mean."""
        of = self._parameters.occurrences
        share = of_year(of.referred_within_48_hours, month.year)[month.number - 1]
        sigma = of_year(of.referral_sigma, month.year)
        median = _LIMIT_SECONDS * float(np.exp(-NormalDist().inv_cdf(share) * sigma))
        values: list[float] = lognormal(quantiles(chance, count), median, sigma).tolist()
        return values
