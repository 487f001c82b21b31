"""The part of the twin about units: how many Grade 1 incidents have no unit, in each run of the next hours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from math import exp, inf, log
from statistics import NormalDist
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.random import Generator
from simpy import Environment
from simpy.events import Timeout

from producers.simulate.arrivals import HORIZON_SECONDS, Arrivals, Arriving, arrival_times
from producers.simulate.incidents import LEAST_READY_SECONDS, RESOURCED, immediate_times
from producers.simulate.months import Month
from producers.simulate.parameters import IncidentParameters, Parameters, of_year
from producers.simulate.random_draws import Floats, apportion, lognormal, quantiles, stream
from producers.simulate.units import UnitRequest, Units

LEAST_SECONDS = 120.0
"""How long an incident must be without a unit to count, as in the live figure."""
BUSY_SECONDS = 6 * 3600
"""Assumed: units that were sent longer ago than this are no longer busy."""
_GRADE_1, _OTHERS = "1", "2"
_LEAST_URGENT = 9
_LONGEST_USUAL = 3.09
"""Standard deviations of the logarithm: one request for a unit in a thousand comes later."""


class IncidentsNow(Struct, frozen=True, kw_only=True):
    """What is known of incidents and units at the present.

    Attributes:
        month: the month, for the parameters of its times.
        shift: the number of the shift, for the division of the units into areas.
        units: how many units are on duty.
        waiting: for how many seconds each Grade 1 incident has had no unit.
        opened: the Grade 1 incidents that are expected to open.
        sent: the Grade 1 incidents to which a first unit was sent before the present, from `-BUSY_SECONDS`.
        others: the other incidents to which a first unit was sent, and is expected to be sent.
    """

    month: Month
    shift: int
    units: int
    waiting: Sequence[float]
    opened: Arrivals
    sent: tuple[Arriving, ...]
    others: Arrivals


class UnitChange(Struct, frozen=True):
    """What would be different.

    Attributes:
        units: how many more units; negative for fewer.
        busier: how many more incidents, as a share of those expected.
        after_seconds: from the present until the change begins.
    """

    units: int = 0
    busier: float = 0.0
    after_seconds: float = 0.0


class _Incident:
    """An incident of one run.

    Attributes:
        since: when it began to have no unit, in seconds from the present.
        asks: when a unit is requested; None if none is.
        until: when it has a unit or is closed; infinite while neither is so.
        is_immediate: whether its grade is 1.
        job: what the unit does.
        has_second: whether a second unit follows the first.
    """

    __slots__ = ("asks", "has_second", "is_immediate", "job", "since", "until")

    def __init__(
        self, since: float, asks: float | None, until: float, job: UnitRequest, is_immediate: bool, has_second: bool
    ) -> None:
        self.since, self.asks, self.until = since, asks, until
        self.job, self.is_immediate, self.has_second = job, is_immediate, has_second
        job.note = self


class UnitsTwin:
    """Runs the units of a force forward.

    Args:
        parameters: how incidents and units behave.
        now: what is known of the present.
        seed: the random seed: runs with the same seed and number have the same incidents, so that two changes can be compared.
        pause: called between runs, to let other threads run.
        horizon_seconds: how far to look ahead.
    """

    def __init__(
        self,
        parameters: Parameters,
        now: IncidentsNow,
        seed: int,
        pause: Callable[[], None],
        horizon_seconds: int = HORIZON_SECONDS,
    ) -> None:
        self._parameters, self._params, self._now = parameters, parameters.incidents, now
        self._seed, self._pause, self._horizon = seed, pause, horizon_seconds
        self._areas = tuple(self._params.units)
        self._weights = [on_duty[now.shift] for on_duty in self._params.units.values()]

    def runs(self, change: UnitChange, count: int) -> list[int]:
        """For each run, the most Grade 1 incidents that have no unit for two minutes or more at one time."""
        now, more = self._now, max(change.busier, 0.0)
        usual = self._new(now.opened, "immediate", 0.0, 1.0, count, is_immediate=True)
        others = self._new(now.others, "others", 0.0, 1.0, count, is_immediate=False)
        added = self._new(now.opened, "more immediate", change.after_seconds, more, count, is_immediate=True)
        added_others = self._new(now.others, "more others", change.after_seconds, more, count, is_immediate=False)
        found = []
        for number in range(count):
            rng = stream(self._seed, "units", number)
            came = [*_thinned([*usual[number], *others[number]], change, stream(self._seed, "fewer units", number))]
            run = _UnitRun(
                self._params, self._on_duty(0), [*self._waiting(rng), *came, *added[number], *added_others[number]]
            )
            run.occupy(self._busy(rng), self._on_duty(0), rng)
            found.append(run.most(change.after_seconds, self._on_duty(change.units), self._horizon))
            self._pause()
        return found

    def _on_duty(self, more: int) -> Mapping[str, int]:
        return dict(zip(self._areas, apportion(max(self._now.units + more, 0), self._weights), strict=True))

    def _new(
        self, arrivals: Arrivals, name: str, from_second: float, share: float, count: int, *, is_immediate: bool
    ) -> list[list[_Incident]]:
        """The incidents that come, by run. All runs are drawn together, so that they are stratified over all runs and not within each."""
        found: list[list[_Incident]] = [[] for _ in range(count)]
        if share == 0:
            return found
        rng = stream(self._seed, f"incidents {name}", 0)
        times = [arrival_times(arrivals, from_second, share, rng) for _ in range(count)]
        owners = np.repeat(np.arange(count), [len(each) for each in times])
        drawn = self._drawn(np.concatenate(times), rng, is_immediate=is_immediate)
        for owner, incident in zip(owners.tolist(), drawn, strict=True):
            found[owner].append(incident)
        return found

    def _drawn(self, opened: Floats, rng: Generator, *, is_immediate: bool) -> Iterator[_Incident]:
        count = len(opened)
        if is_immediate:
            ready, travel = immediate_times(self._parameters, self._now.month, rng, count)
        else:  # a unit is requested when it would be sent
            ready = np.zeros(count)
            travel = lognormal(quantiles(rng, count), self._params.travel.median_seconds, self._params.travel.sigma)
        grade = _GRADE_1 if is_immediate else _OTHERS
        columns = zip(
            opened.tolist(),
            np.maximum(ready, LEAST_READY_SECONDS if is_immediate else 0.0).tolist(),
            travel.tolist(),
            self._params.at_scene[grade].draw(rng, count),
            self._params.closing[grade].draw_up_to(rng, count, self._params.unattended_longest_seconds),
            self._drawn_areas(rng, count),
            (rng.random(count) < self._resourced_share()).tolist(),
            (rng.random(count) < self._params.second_unit_share).tolist(),
            strict=True,
        )
        for since, waits, travels, stays, closing, area, is_resourced, has_second in columns:
            job = UnitRequest("", area, 0 if is_immediate else 1, travels, stays)
            is_sent = is_resourced or not is_immediate
            asks, until = (since + waits, inf) if is_sent else (None, since + waits + closing)
            yield _Incident(since, asks, until, job, is_immediate, has_second and is_immediate)

    def _drawn_areas(self, rng: Generator, count: int) -> list[str]:
        shares = np.array(self._weights, dtype=float)
        chosen = rng.choice(len(self._areas), count, p=shares / shares.sum())
        return [self._areas[place] for place in chosen.tolist()]

    def _resourced_share(self) -> float:
        """The share of Grade 1 incidents to which a unit is sent."""
        ways, month = self._params.handling[_GRADE_1], self._now.month
        needed = 1 - sum(ways.not_needed.values())
        arrived = of_year(ways.arrived, month.year)[month.number - 1]
        sent = sum(share for way, share in ways.otherwise.items() if way in RESOURCED) / sum(ways.otherwise.values())
        return needed * (arrived + (1 - arrived) * sent)

    def _waiting(self, rng: Generator) -> Iterator[_Incident]:
        """The Grade 1 incidents without a unit at the present. The time until the request is that of incidents that have waited as long."""
        median, sigma = self._ready()
        waited = np.array(sorted(self._now.waiting, reverse=True))
        for seconds, incident in zip(waited.tolist(), self._drawn(-waited, rng, is_immediate=True), strict=True):
            gone = NormalDist().cdf(log(seconds / median) / sigma) if seconds > 0 else 0.0
            place = gone + (1 - gone) * rng.random()
            left = median * exp(sigma * NormalDist().inv_cdf(place)) - seconds if 0 < place < 1 - 1e-9 else 0.0
            incident.asks, incident.until = max(left, 0.0), inf
            yield incident

    def _ready(self) -> tuple[float, float]:
        """The median time until a unit is requested for a Grade 1 incident, and the standard deviation of its logarithm."""
        params, month = self._params.immediate, self._now.month
        medians, sigmas = (of_year(each, month.year) for each in (params.dispatch_seconds, params.dispatch_sigma))
        return medians[month.number - 1], sigmas[month.number - 1]

    def _busy(self, rng: Generator) -> list[float]:
        """How much longer each busy unit is busy: of those sent in the hours before, or of all units if an incident waits unusually long."""
        median, sigma = self._ready()
        if max(self._now.waiting, default=0.0) > median * exp(_LONGEST_USUAL * sigma):
            return self._lasting(np.zeros(self._now.units), rng, _GRADE_1, is_length_biased=True)
        immediate = arrival_times(Arrivals(self._now.sent), -BUSY_SECONDS, 1.0, rng)
        seconds = rng.random(len(immediate)) < self._params.second_unit_share
        others = arrival_times(self._now.others, -BUSY_SECONDS, 1.0, rng)
        left = self._lasting(np.concatenate([immediate, immediate[seconds]]), rng, _GRADE_1)
        return left + self._lasting(others[others < 0], rng, _OTHERS)

    def _lasting(self, sent: Floats, rng: Generator, grade: str, *, is_length_biased: bool = False) -> list[float]:
        """How much longer units that were sent at these times are busy, for those that still are."""
        stays = self._params.at_scene[grade]
        # A job in progress is more likely to be a long one, and how much of it has passed is drawn at random.
        median = stays.median_seconds * (exp(stays.sigma**2) if is_length_biased else 1.0)
        lasts = np.exp(stays.sigma * rng.standard_normal(len(sent))) * median
        if is_length_biased:
            return list((lasts * rng.random(len(sent))).tolist())
        travel = self._params.travel.median_seconds * np.exp(self._params.travel.sigma * rng.standard_normal(len(sent)))
        left = sent + travel + lasts
        return list(left[left > 0].tolist())


def _thinned(incidents: Sequence[_Incident], change: UnitChange, rng: Generator) -> Iterator[_Incident]:
    """All incidents before the change, and the share of the later ones that still come."""
    for each in incidents:
        if each.since < change.after_seconds or change.busier >= 0 or rng.random() < 1 + change.busier:
            yield each


class _UnitRun:
    """One run: its incidents, and the units that go to them."""

    def __init__(self, params: IncidentParameters, on_duty: Mapping[str, int], incidents: Sequence[_Incident]) -> None:
        self._environment, self._incidents = Environment(), incidents
        self._units = Units(self._environment, self, tuple(on_duty), params.lent_travel_factor)
        self._units.staff(on_duty)
        for each in incidents:
            if each.asks is not None:
                self._after(each.asks, each.job)

    def occupy(self, busy: Sequence[float], on_duty: Mapping[str, int], rng: Generator) -> None:
        """Keep units busy for these times, in any areas; if there are more than units, the rest wait for a unit as the least urgent."""
        areas = [area for area, count in on_duty.items() for _ in range(count)]
        for place, seconds in zip(cycle(rng.permutation(len(areas)).tolist()), busy, strict=False):
            self._units.request(UnitRequest("", areas[place], _LEAST_URGENT, seconds, 0.0))

    def most(self, after_seconds: float, then_on_duty: Mapping[str, int], horizon: float) -> int:
        """The most Grade 1 incidents without a unit at one time, until the horizon."""
        if 0 < after_seconds < horizon:
            self._environment.run(until=after_seconds)
        if after_seconds < horizon:
            self._units.staff(then_on_duty)
        self._environment.run(until=horizon)
        return most_at_once(((each.since, each.until) for each in self._incidents if each.is_immediate), horizon)

    def dispatched(self, job: UnitRequest, unit: str, at: float, arrives: float, released: float) -> None:
        """A unit is sent. The first ends the wait of its incident, and a second may follow it."""
        del unit, released
        incident: _Incident | None = job.note
        if incident is None:
            return
        incident.until = at
        if incident.has_second:
            second = UnitRequest(
                "", job.area, job.urgency + 1, job.travel_seconds, (job.at_scene_seconds or 0.0) / 2, 2
            )
            self._after(arrives + 300.0 - at, second)

    def _after(self, seconds: float, job: UnitRequest) -> None:
        callbacks: Any = Timeout(self._environment, seconds, job).callbacks
        callbacks.append(self._request)

    def _request(self, event: Any) -> None:
        self._units.request(event.value)


def most_at_once(waits: Iterator[tuple[float, float]], horizon: float) -> int:
    """The most that have had no unit for two minutes or more at one time, from the present to a horizon.

    Args:
        waits: of each incident, the times in seconds from the present at which its wait for a unit begins and ends.
        horizon: in seconds from the present.
    """
    steps = []
    for since, until in waits:
        begins, ends = max(since + LEAST_SECONDS, 0.0), min(until, horizon)
        if begins < ends:
            steps += [(begins, 1), (ends, -1)]
    most = at_once = 0
    for _, step in sorted(steps):
        at_once += step
        most = max(most, at_once)
    return most
