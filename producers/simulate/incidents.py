"""Simulates incidents, a month at a time: opened, graded, sent a limited number of units, closed and reopened."""

import math
from collections.abc import Generator as Process
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.random import Generator
from simpy import Environment, Event
from simpy.events import Timeout

from facts.incident import (
    IncidentClosed,
    IncidentOpened,
    IncidentReclassified,
    IncidentRegraded,
    IncidentReopened,
    UnitArrived,
    UnitDispatched,
    UnitStoodDown,
    VideoResponseStarted,
)
from producers.simulate.ledger import Ledger
from producers.simulate.months import Month, spread, utc_time, whole_second
from producers.simulate.parameters import IncidentParameters, Parameters, month_share, of_year
from producers.simulate.random_draws import (
    Floats,
    bounded_lognormal,
    lognormal,
    normal,
    quantiles,
    quantiles_in_blocks,
    shuffled,
    stream,
)
from producers.simulate.scenario import Effects
from producers.simulate.units import UnitRequest, Units

NO_AREA = "none"
_GRADES = ("1", "2", "3", "res_centre", "other")
RESOURCED = ("arrived", "unrecorded", "turned_back")
LEAST_READY_SECONDS = 20.0
_LONGEST_LATER_SECONDS = 7 * 86_400.0
"""Assumed: an incident of a lower grade is reached, or its closing begins, within a week."""
_LONGEST_CLOSING_SECONDS = 3 * 86_400.0
"""Assumed: closing takes at most three days, so that no incident stays open for twelve days."""
_REGRADED_BY_SHARE = 0.7
"""A regrade happens this far into the time to dispatch, so that the new grade's target can still be met."""
_REGRADED_WITHIN_SECONDS = {"1": 600.0, "2": 5400.0}
"""Assumed: a grade that was too high is lowered within its own target, and not after a lower grade's wait of hours."""
_RESULTS = {"arrived": "attended", "unrecorded": "attended", "turned_back": "not_attended", "video": "other"}


class IncidentPlan(Struct, gc=False):
    """Everything about one incident except when a unit is free.

    Attributes:
        subject_id: id of the incident.
        opened: when it opens, in seconds since 1970.
        group: final group; for a duplicate, the group it was opened with.
        area: area, or `none`.
        domestic: whether it is finally recorded as domestic.
        grade: final grade.
        category: category, or None.
        handling: how it is dealt with: arrived, unrecorded, turned_back, not_attended, telephone_resolved, cancelled, video,
            other, duplicate, out_of_force.
        ready_seconds: from opening to the request for a unit.
        travel_seconds: from dispatch to arrival.
        at_scene_seconds: from arrival to release.
        closing_seconds: from release, or from opening if no unit goes, to closure.
        first_grade: the grade before a regrade, if there is one.
        first_group: the group before a reclassification, if there is one.
        second_unit_seconds: from the first unit's arrival to the request for a second, if there is one.
        reopened_seconds: from closure to reopening, if it is reopened.
        duplicate_of: for a duplicate, the incident it duplicates.
    """

    subject_id: str
    opened: float
    group: str
    area: str
    domestic: bool
    grade: str
    category: str | None
    handling: str
    ready_seconds: float = 0.0
    travel_seconds: float = 0.0
    at_scene_seconds: float = 0.0
    closing_seconds: float = 0.0
    first_grade: str | None = None
    first_group: str | None = None
    second_unit_seconds: float | None = None
    reopened_seconds: float | None = None
    duplicate_of: str | None = None


class Incidents:
    """The control room's incidents and the units that go to them.

    Args:
        environment: the SimPy environment; its time is in seconds since 1970.
        parameters: the force's parameters.
        effects: the scenario's effects.
        feed: the name of the feed that carries its facts.
        ledger: receives the facts.
        seed: the simulation's seed.
        tag: the prefix of every id, so that ids of two simulations in one log differ.
    """

    def __init__(
        self,
        environment: Environment,
        parameters: Parameters,
        effects: Effects,
        feed: str,
        ledger: Ledger,
        seed: int,
        tag: str,
    ) -> None:
        self._environment, self._parameters, self._params = environment, parameters, parameters.incidents
        self._effects, self._feed, self._ledger, self._seed, self._tag = effects, feed, ledger, seed, tag
        self._areas = tuple(self._params.units)
        self.units = Units(environment, self, self._areas, self._params.lent_travel_factor)

    def month(self, month: Month) -> Iterable[Process[Event, Any, None]]:
        """The SimPy processes of a month: requests for units, and shifts of units."""
        plans = plan_month(self._parameters, self._effects, month, self._seed, self._tag)
        for plan in plans:
            self._report_opening(plan)
        resourced = [plan for plan in plans if plan.handling in RESOURCED]
        resourced.sort(key=lambda plan: plan.opened + plan.ready_seconds)
        yield self._request_units(resourced)
        yield self._change_shifts(month)

    def _change_shifts(self, month: Month) -> Process[Event, Any, None]:
        for hour in month.hours:
            wait_seconds = hour.start - self._environment.now
            if wait_seconds < 0:
                continue
            yield Timeout(self._environment, wait_seconds)
            shift = shift_at(hour.of_day, self._params)
            present = self._effects.factor("units", hour.start)
            self.units.staff({area: round(on_duty[shift] * present) for area, on_duty in self._params.units.items()})

    def _request_units(self, plans: Sequence[IncidentPlan]) -> Process[Event, Any, None]:
        environment = self._environment
        for plan in plans:
            wait_seconds = plan.opened + plan.ready_seconds - environment.now
            if wait_seconds < 0:
                continue  # the simulation begins within the month
            yield Timeout(environment, wait_seconds)
            self.units.request(self._job(plan))

    def _job(self, plan: IncidentPlan) -> UnitRequest:
        area = plan.area if plan.area != NO_AREA else self._areas[int(plan.opened) % len(self._areas)]
        stays = None if plan.handling == "turned_back" else plan.at_scene_seconds
        return UnitRequest(
            plan.subject_id, area, min(_GRADES.index(plan.grade), 2), plan.travel_seconds, stays, 1, plan
        )

    # Events of units.

    def dispatched(self, job: UnitRequest, unit: str, at: float, arrives: float, released: float) -> None:
        """A unit is dispatched, arrives and is released."""
        plan: IncidentPlan = job.note
        subject_id, number = job.subject_id, job.number
        at, arrives, released = whole_second(at), whole_second(arrives), whole_second(released)
        common: dict[str, Any] = {"force": self._parameters.force, "subject_id": subject_id, "unit": unit}
        add, feed = self._ledger.add, self._feed
        add(at, feed, UnitDispatched(fact_id=f"{subject_id}.dispatched-{number}", at=utc_time(at), **common))
        if plan.handling == "arrived":
            add(arrives, feed, UnitArrived(fact_id=f"{subject_id}.arrived-{number}", at=utc_time(arrives), **common))
        add(released, feed, UnitStoodDown(fact_id=f"{subject_id}.released-{number}", at=utc_time(released), **common))
        if number == 1:
            self._report_closing(plan, released + plan.closing_seconds)
            if plan.second_unit_seconds is not None:
                self._send_another(job, plan, arrives + plan.second_unit_seconds - at)

    def _send_another(self, job: UnitRequest, plan: IncidentPlan, after_seconds: float) -> None:
        stays = plan.at_scene_seconds / 2
        another = UnitRequest(
            job.subject_id, job.area, job.urgency + 1, plan.travel_seconds, stays, job.number + 1, plan
        )
        callbacks: Any = Timeout(self._environment, after_seconds, another).callbacks
        callbacks.append(self._request_again)

    def _request_again(self, event: Any) -> None:
        self.units.request(event.value)

    # Other facts of an incident.

    def _report_opening(self, plan: IncidentPlan) -> None:
        group = plan.first_group or plan.group
        fact = IncidentOpened(
            fact_id=f"{plan.subject_id}.opened",
            force=self._parameters.force,
            at=utc_time(plan.opened),
            subject_id=plan.subject_id,
            grade=plan.first_grade or plan.grade,
            group=group,
            area=None if plan.area == NO_AREA else plan.area,
            domestic=group == "domestic",
            category=plan.category,
        )
        self._ledger.add(plan.opened, self._feed, fact)
        if plan.first_grade:
            self._report_regrade(plan)
        if plan.handling == "video":
            self._report_video(plan)
        if plan.handling not in RESOURCED:
            self._report_closing(plan, plan.opened + plan.ready_seconds + plan.closing_seconds)

    def _report_regrade(self, plan: IncidentPlan) -> None:
        after_seconds = max(plan.ready_seconds, LEAST_READY_SECONDS) * _REGRADED_BY_SHARE
        at = whole_second(
            plan.opened + min(after_seconds, _REGRADED_WITHIN_SECONDS.get(plan.first_grade or "", math.inf))
        )
        fact = IncidentRegraded(
            fact_id=f"{plan.subject_id}.regraded",
            force=self._parameters.force,
            at=utc_time(at),
            subject_id=plan.subject_id,
            grade=plan.grade,
        )
        self._ledger.add(at, self._feed, fact)

    def _report_video(self, plan: IncidentPlan) -> None:
        at = whole_second(plan.opened + plan.ready_seconds)
        fact = VideoResponseStarted(
            fact_id=f"{plan.subject_id}.video",
            force=self._parameters.force,
            at=utc_time(at),
            subject_id=plan.subject_id,
        )
        self._ledger.add(at, self._feed, fact)

    def _report_closing(self, plan: IncidentPlan, second: float) -> None:
        at = whole_second(second)
        common: dict[str, Any] = {"force": self._parameters.force, "subject_id": plan.subject_id}
        if plan.first_group:
            reclassified = IncidentReclassified(
                fact_id=f"{plan.subject_id}.reclassified",
                at=utc_time(at),
                group=plan.group,
                domestic=plan.domestic,
                **common,
            )
            self._ledger.add(at, self._feed, reclassified)
        result = _RESULTS.get(plan.handling, plan.handling)
        self._report_closed(plan, at, result, "closed", common)
        if plan.reopened_seconds is not None:
            again = whole_second(at + plan.reopened_seconds)
            reopened = IncidentReopened(fact_id=f"{plan.subject_id}.reopened", at=utc_time(again), **common)
            self._ledger.add(again, self._feed, reopened)
            self._report_closed(plan, again + max(plan.closing_seconds, 600.0), result, "closed-again", common)

    def _report_closed(
        self, plan: IncidentPlan, second: float, result: str, word: str, common: Mapping[str, Any]
    ) -> None:
        at = whole_second(second)
        closed = IncidentClosed(
            fact_id=f"{plan.subject_id}.{word}",
            at=utc_time(at),
            result=result,  # type: ignore[arg-type]
            duplicate_of=plan.duplicate_of,
            **common,
        )
        self._ledger.add(at, self._feed, closed)


def shift_at(hour: int, params: IncidentParameters) -> int:
    """The number of the shift at a local hour. Before the first shift of the day begins, it is the last one of the day before."""
    return (sum(hour >= begin for begin in params.shift_hours) - 1) % len(params.shift_hours)


def plan_month(parameters: Parameters, effects: Effects, month: Month, seed: int, tag: str) -> list[IncidentPlan]:
    """Every incident opened in a month, in order, with groups, areas and grades in the numbers of the year's figures."""
    rng = stream(seed, "incidents", month.ordinal)
    plans = _open(parameters, month, rng, tag)
    plans += _added(parameters, effects, month, stream(seed, "more incidents", month.ordinal), tag, plans)
    plans.sort(key=attrgetter("opened"))
    by_grade: dict[str, list[IncidentPlan]] = {grade: [] for grade in _GRADES}
    for plan in plans:
        by_grade[plan.grade].append(plan)
    for grade, graded in by_grade.items():
        _set_handling(parameters, month, rng, grade, graded)
        _set_times(parameters, month, rng, grade, graded)
    _set_duplicates(rng, plans, parameters)
    _set_changes(rng, plans, parameters)
    return plans


def _open(parameters: Parameters, month: Month, rng: Generator, tag: str) -> list[IncidentPlan]:
    """The incidents of a month with group, area, grade and category."""
    params = parameters.incidents
    groups = [(group, month_share(years, params.months, month)) for group, years in params.groups.items()]
    kinds = [(group, grade) for group, count in groups for grade in _grades(parameters, month, rng, group, count)]
    order = rng.permutation(len(kinds)).tolist()
    areas = shuffled(rng, len(kinds), {area: of_year(years, month.year) for area, years in params.areas.items()})
    shape = params.shape
    at = spread(month, len(kinds), shape.weekday_hours, shape.weekend_hours, shape.weekdays, rng)
    burglaries = month_share(params.home_burglary.years, params.months, month)
    plans: list[IncidentPlan] = []
    for number, (opened, area, index) in enumerate(zip(at.tolist(), areas, order, strict=True)):
        group, grade = kinds[index]
        is_burglary = burglaries > 0 and group == "crime" and grade == params.home_burglary.grade
        burglaries -= is_burglary
        category = "home_burglary" if is_burglary else None
        subject_id = f"{tag}i{month.ordinal}-{number}"
        plans.append(
            IncidentPlan(subject_id, whole_second(opened), group, area, group == "domestic", grade, category, "")
        )
    return plans


def _added(
    parameters: Parameters, effects: Effects, month: Month, rng: Generator, tag: str, plans: Sequence[IncidentPlan]
) -> list[IncidentPlan]:
    """The incidents that a scenario adds, of one grade and group: a multiple of the ordinary ones in its hours."""
    areas = list(parameters.incidents.units)
    found: list[IncidentPlan] = []
    for spell in effects.spells("incidents"):
        if not month.start <= spell.start < month.end:
            continue
        ordinary = sum(spell.start <= plan.opened < spell.end for plan in plans)
        count = round(max(0.0, spell.effect.factor - 1) * ordinary)
        at = spell.start + rng.random(count) * (spell.end - spell.start)
        for second, area in zip(at.tolist(), rng.integers(0, len(areas), count).tolist(), strict=True):
            subject_id = f"{tag}j{month.ordinal}-{len(found)}"
            grade, group = spell.effect.grade, spell.effect.group
            found.append(IncidentPlan(subject_id, whole_second(second), group, areas[area], False, grade, None, ""))
    return found


def _grades(parameters: Parameters, month: Month, rng: Generator, group: str, count: int) -> list[str]:
    params = parameters.incidents
    if group != "domestic":
        return shuffled(rng, count, params.grades[group])
    # The report gives the number of Grade 2 domestic incidents for each month.
    priority = min(count, round(of_year(params.domestic.volumes, month.year)[month.number - 1]))
    return ["2"] * priority + shuffled(rng, count - priority, params.grades[group])


def _set_handling(parameters: Parameters, month: Month, rng: Generator, grade: str, plans: list[IncidentPlan]) -> None:
    """Set how the incidents of a grade are dealt with: those that need no attendance, and which others are reached."""
    params = parameters.incidents
    for is_domestic in (False, True):
        chosen = [plan for plan in plans if plan.domestic is is_domestic and plan.category is None]
        ways = params.handling[grade]
        arrived = of_year(ways.arrived, month.year)[month.number - 1]
        if grade == "2" and is_domestic:
            arrived = params.domestic.arrived_share
        needed = 1 - sum(ways.not_needed.values())
        failed = sum(ways.otherwise.values())
        shares = {
            **ways.not_needed,
            "arrived": needed * arrived,
            **{handling: needed * (1 - arrived) * share / failed for handling, share in ways.otherwise.items()},
        }
        for plan, handling in zip(chosen, shuffled(rng, len(chosen), shares), strict=True):
            plan.handling = handling
    burglaries = [plan for plan in plans if plan.category]
    attended = params.home_burglary.attended_share
    shares = {"arrived": attended, "not_attended": 1 - attended}
    for plan, handling in zip(burglaries, shuffled(rng, len(burglaries), shares), strict=True):
        plan.handling = handling


def _set_times(parameters: Parameters, month: Month, rng: Generator, grade: str, plans: list[IncidentPlan]) -> None:
    """Set how long each step takes, stratified over the incidents reached, because only those count for medians."""
    params = parameters.incidents
    reached = [plan for plan in plans if plan.handling == "arrived" and not plan.duplicate_of]
    rest = [plan for plan in plans if plan.handling != "arrived"]
    for chosen in (reached, rest):
        count = len(chosen)
        if grade == "1":
            ready, travel = immediate_times(parameters, month, rng, count)
        else:
            travel = lognormal(quantiles(rng, count), params.travel.median_seconds, params.travel.sigma)
            ready = _ready_times(parameters, month, rng, grade, chosen) - travel
        # Without these limits, a few emergencies would be open and unattended for half a day, and a few other incidents open for weeks.
        if grade == "1" and chosen is rest:
            longest = params.unattended_longest_seconds
            at_scene = params.at_scene[grade].draw_up_to(rng, count, longest)
        else:
            longest = _LONGEST_CLOSING_SECONDS
            at_scene = params.at_scene[grade].draw(rng, count)
        closing = params.closing[grade].draw_up_to(rng, count, longest)
        for plan, *times in zip(chosen, ready.tolist(), travel.tolist(), at_scene, closing, strict=True):
            plan.ready_seconds = max(LEAST_READY_SECONDS, times[0])
            plan.travel_seconds, plan.at_scene_seconds, plan.closing_seconds = times[1:]
    _set_video(parameters, month, rng, grade, reached)


def immediate_times(parameters: Parameters, month: Month, rng: Generator, count: int) -> tuple[Floats, Floats]:
    """Times from opening to dispatch and from dispatch to arrival, which are correlated."""
    params, index = parameters.incidents.immediate, month.number - 1
    first = quantiles(rng, count)
    ready = lognormal(
        first, of_year(params.dispatch_seconds, month.year)[index], of_year(params.dispatch_sigma, month.year)[index]
    )
    # The ranks of a correlated second draw keep both distributions. Its independent part is stratified among neighbours of
    # the first draw, because the share within a target depends on the sum of the two.
    own = np.empty(count)
    own[np.argsort(first)] = normal(quantiles_in_blocks(rng, count))
    correlated = params.correlation * normal(first) + (1 - params.correlation**2) ** 0.5 * own
    second = (np.argsort(np.argsort(correlated)) + rng.random(count)) / max(count, 1)
    travel = lognormal(
        second, of_year(params.travel_seconds, month.year)[index], of_year(params.travel_sigma, month.year)[index]
    )
    return ready, travel


def _ready_times(
    parameters: Parameters, month: Month, rng: Generator, grade: str, plans: Sequence[IncidentPlan]
) -> Floats:
    """Time from opening to arrival, if units were always available."""
    params, index = parameters.incidents, month.number - 1
    if grade != "2":
        later = params.later[grade]
        return bounded_lognormal(quantiles(rng, len(plans)), later.median_seconds, later.sigma, _LONGEST_LATER_SECONDS)
    median = of_year(params.priority.arrival_seconds, month.year)[index]
    domestic = [number for number, plan in enumerate(plans) if plan.domestic]
    found = np.empty(len(plans))
    others = np.array([not plan.domestic for plan in plans], dtype=bool)
    places = quantiles(rng, len(plans) - len(domestic))
    found[others] = bounded_lognormal(places, median, params.priority.sigma, params.priority.longest_seconds)
    found[domestic] = _domestic_times(parameters, month, rng, len(domestic))
    return found


def _domestic_times(parameters: Parameters, month: Month, rng: Generator, count: int) -> Floats:
    """Arrival times of domestic Grade 2: some are reached at once, others by appointment; the median is the report's."""
    params, index = parameters.incidents.domestic, month.number - 1
    quick = of_year(params.quick_share, month.year)[index]
    median = of_year(params.arrival_seconds, month.year)[index]
    places = quantiles(rng, count)
    middle = float(normal(np.array([(0.5 - quick) / (1 - quick)]))[0])
    later = bounded_lognormal(
        np.clip((places - quick) / (1 - quick), 0, 1),
        median * 2.718281828 ** (-middle * params.later_sigma),
        params.later_sigma,
        params.longest_seconds,
    )
    soon = lognormal(np.clip(places / quick, 0, 1), params.quick.median_seconds, params.quick.sigma)
    return np.where(places < quick, soon, later)


def _set_video(parameters: Parameters, month: Month, rng: Generator, grade: str, plans: Sequence[IncidentPlan]) -> None:
    """Choose domestic Grade 2 incidents that get an enhanced video response and no unit."""
    eligible = [plan for plan in plans if grade == "2" and plan.domestic]
    share = of_year(parameters.incidents.domestic.video_share, month.year)[month.number - 1]
    count = round(share * len(eligible))
    if not count:
        return
    # Choose evenly over the sorted times, so that video is neither quicker nor slower than a unit.
    eligible.sort(key=lambda plan: plan.ready_seconds)
    for place in (np.arange(count) + rng.random()) / count * len(eligible):
        plan = eligible[int(place)]
        plan.handling = "video"
        plan.ready_seconds += plan.travel_seconds


def _set_duplicates(rng: Generator, plans: list[IncidentPlan], parameters: Parameters) -> None:
    """Set duplicates and out-of-force incidents, which open like any other and are recognised within minutes."""
    params = parameters.incidents
    chosen = [(number, plan) for number, plan in enumerate(plans) if plan.group == params.duplicate_group]
    results = shuffled(rng, len(chosen), params.duplicate_results)
    groups = shuffled(rng, len(chosen), params.duplicate_opened_as)
    parents = rng.random(len(chosen)).tolist()
    known = params.duplicate_known.draw(rng, len(chosen))
    for (number, plan), result, group, place, seconds in zip(chosen, results, groups, parents, known, strict=True):
        plan.handling, plan.group, plan.domestic = result, group, group == "domestic"
        plan.ready_seconds, plan.closing_seconds = LEAST_READY_SECONDS, seconds
        if result == "duplicate" and number:
            plan.duplicate_of = plans[max(0, number - 1 - int(place * 20))].subject_id


def _set_changes(rng: Generator, plans: list[IncidentPlan], parameters: Parameters) -> None:
    """Set regrades, reclassifications, second units and reopenings."""
    params = parameters.incidents
    count = len(plans)
    draws = rng.random((count, 4)).tolist()
    ups = rng.random(count).tolist()
    groups = shuffled(rng, count, {group: of_year(years, 2024) for group, years in params.groups.items()})
    reopened = params.reopened_after.draw(rng, count)
    for plan, (regrade, reclass, second, reopen), up, group, seconds in zip(
        plans, draws, ups, groups, reopened, strict=True
    ):
        if plan.duplicate_of or plan.handling == "out_of_force":
            continue
        if regrade < params.regraded_share:
            plan.first_grade = _grade_before(plan.grade, is_upgrade=up < params.upgrade_share)
        if reclass < params.reclassified_share and group not in (plan.group, params.duplicate_group):
            plan.first_group = group
        if second < params.second_unit_share and plan.grade == "1" and plan.handling == "arrived":
            plan.second_unit_seconds = 60 + 600 * up
        if reopen < params.reopened_share:
            plan.reopened_seconds = seconds


def _grade_before(grade: str, *, is_upgrade: bool) -> str | None:
    """The neighbouring grade that it was raised or lowered from; None if there is none."""
    index = _GRADES.index(grade) + (1 if is_upgrade else -1)
    return _GRADES[index] if 0 <= index < len(_GRADES) - 1 else None
