"""Occurrences: crimes and ASB as they are recorded, and when victims are referred."""

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
_OUT_OF_FORCE = "out_of_force"


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
        areas = {area: of_year(years, month.year) for area, years in of.areas.items()}
        for kind, years in of.types.items():
            self._record(month, kind, month_share(years, of.months, month), areas, 0.0, chance)
        within = {area: count for area, count in areas.items() if area != _OUT_OF_FORCE}
        crimes = month_share(of.crimes, of.months, month)
        self._record(month, "crime", crimes, within, of.victim_based_share, chance)

    def _record(
        self, month: Month, kind: str, count: int, areas: dict[str, int], victim_share: float, chance: Generator
    ) -> None:
        shape, force = self._parameters.occurrences.shape, self._parameters.force
        at = spread(month, count, shape.weekday_hours, shape.weekend_hours, shape.weekdays, chance)
        has_victim = chance.permutation(count) < round(victim_share * count)
        referred = iter(self._referral_seconds(month, int(has_victim.sum()), chance))
        columns = zip(at.tolist(), shuffled(chance, count, areas), has_victim.tolist(), strict=True)
        for number, (second, area, victim) in enumerate(columns):
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
