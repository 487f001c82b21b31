"""The parameters of a simulated force, read from a TOML file: volumes, daily patterns, staffing, delays and shares."""

import math
from calendar import monthrange
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from numpy.random import Generator

from facts.custody import Basis
from facts.errors import SettingError
from facts.occurrence import Compliance, Role
from facts.toml import TOMLDecodeError, read_toml
from producers.simulate.months import Month
from producers.simulate.random_draws import apportion, bounded_lognormal, lognormal, quantiles
from producers.strict import Strict

_Number = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Hours = Annotated[tuple[_Number, ...], Meta(min_length=24, max_length=24)]
Weekdays = Annotated[tuple[_Number, ...], Meta(min_length=7, max_length=7)]
Twelve = Annotated[tuple[_Number, ...], Meta(min_length=12, max_length=12)]
Years = Mapping[str, Twelve]
"""By year, a figure for each month."""
Counts = Mapping[str, Annotated[tuple[int, ...], Meta(min_length=12, max_length=12)]]
"""By year, a number for each month."""
Shares = Mapping[str, _Number]
"""Weights by label; they need not add up to 1."""
_T = TypeVar("_T")


class Shape(Strict, frozen=True, kw_only=True):
    """When things happen, as weights.

    Attributes:
        weekday_hours: weights of the local hours, Monday to Friday.
        weekend_hours: weights of the local hours, Saturday and Sunday.
        weekdays: weights of the days of the week, Monday first.
    """

    weekday_hours: Hours
    weekend_hours: Hours
    weekdays: Weekdays


class Lognormal(Strict, frozen=True, kw_only=True):
    """A length of time with a lognormal distribution.

    Attributes:
        median_seconds: the median.
        sigma: standard deviation of the logarithm.
    """

    median_seconds: _Number
    sigma: _Number

    @property
    def mean_seconds(self) -> float:
        """The mean."""
        return self.median_seconds * math.exp(self.sigma**2 / 2)

    def draw(self, rng: Generator, count: int) -> list[float]:
        """Draw lengths of time in seconds, one from each of `count` equal strata."""
        values: list[float] = lognormal(quantiles(rng, count), self.median_seconds, self.sigma).tolist()
        return values

    def draw_up_to(self, rng: Generator, count: int, longest_seconds: float) -> list[float]:
        """Draw likewise, without a tail: longer times are spread over the last two thirds up to the longest."""
        places = quantiles(rng, count)
        values: list[float] = bounded_lognormal(places, self.median_seconds, self.sigma, longest_seconds).tolist()
        return values


class CallerPatience(Strict, frozen=True, kw_only=True):
    """How long callers wait before they give up.

    Attributes:
        at_once_share: share of callers who leave almost at once, such as pocket calls.
        at_once_mean_seconds: how long these callers wait on average.
        staying: how long the others wait.
    """

    at_once_share: Share
    at_once_mean_seconds: _Number
    staying: Lognormal


class Volume(Strict, frozen=True, kw_only=True):
    """Number in a year, and its division into months.

    Attributes:
        years: total by year.
        months: weight of a day in each month.
    """

    years: Mapping[str, int]
    months: Twelve


class EmergencyCalls(Strict, frozen=True, kw_only=True):
    """999 calls."""

    volume: Volume
    shape: Shape
    ring: Lognormal
    handling: Lognormal
    patience: CallerPatience
    results: Shares


class Team(Strict, frozen=True, kw_only=True):
    """Call takers with one skill.

    Attributes:
        skill: their skill.
        wrap_share: the wrap-up as a share of the handling time of any call.
        takers: the usual number on duty, by local hour.
        takers_by_month: factor for each month, by year.
        absence_sigma: standard deviation of the number on duty between shifts, in call takers.
        break_share: the number on a break, as a share of the number on duty, which does not include them.
    """

    skill: str
    wrap_share: Share
    takers: Hours
    takers_by_month: Years
    absence_sigma: _Number
    break_share: Share

    def usual(self, year: int, month: int, hour: int) -> float:
        """The usual number on duty at a local hour, before rounding."""
        return self.takers[hour] * of_year(self.takers_by_month, year)[month - 1]

    def on_break(self, on_duty: int) -> int:
        """The number on a break, not counting those on duty."""
        return round(on_duty * self.break_share)


class Triage(Team, frozen=True, kw_only=True):
    """101 calls at triage, and 101 calls that go straight to the local queue.

    Attributes:
        volume: number of calls offered to triage.
        direct_share: calls offered straight to the local queue, as a share of those offered to triage, by year and month.
        shape: when calls arrive.
        ring: ringing time.
        handling: talking time and wrap-up.
        patience: how long callers wait at triage.
        results: weights of the results of calls that triage answers.
        callback_after_seconds: how long a caller waits before being offered a callback.
        callback_share: share of the callers offered a callback who accept.
        callback_delay: from accepting to being called.
        callback_promised_seconds: from accepting a callback to the time by which it is promised.
    """

    volume: Volume
    direct_share: Years
    shape: Shape
    ring: Lognormal
    handling: Lognormal
    patience: CallerPatience
    results: Shares
    callback_after_seconds: _Number
    callback_share: Share
    callback_delay: Lognormal
    callback_promised_seconds: _Number


class Local(Team, frozen=True, kw_only=True):
    """The local call takers, who answer 999 calls, and 101 calls after triage.

    Attributes:
        ring: ringing time of a 101 call.
        handling: handling time of a 101 call.
        patience: how long callers wait in the local queue.
        results: weights of the results of its 101 calls.
        kept_free: call takers kept free for 999 calls.
        hold_after_seconds: how long a 999 call waits before a 101 call is put on hold for it.
        shift_hours: local hours at which a shift begins.
    """

    ring: Lognormal
    handling: Lognormal
    patience: CallerPatience
    results: Shares
    kept_free: int
    hold_after_seconds: _Number
    shift_hours: tuple[int, ...]


class Digital(Strict, frozen=True, kw_only=True):
    """Digital contacts.

    Attributes:
        channels: number in each month, by channel and year.
        shape: when they arrive.
        answer: from the form's arrival until a person answers.
        handling: from the answer to the end.
        results: weights of the results.
        contact_us_results: weights of the results of the "Contact us" form.
    """

    channels: Mapping[str, Counts]
    shape: Shape
    answer: Lognormal
    handling: Lognormal
    results: Shares
    contact_us_results: Shares


class Immediate(Strict, frozen=True, kw_only=True):
    """Grade 1: times to dispatch and travel times, by month.

    Attributes:
        dispatch_seconds: median from opening to dispatch.
        dispatch_sigma: standard deviation of its logarithm.
        travel_seconds: median from dispatch to arrival.
        travel_sigma: standard deviation of its logarithm.
        correlation: correlation of the two; negative if incidents that wait for a unit are then reached sooner.
    """

    dispatch_seconds: Years
    dispatch_sigma: Years
    travel_seconds: Years
    travel_sigma: Years
    correlation: Annotated[float, Meta(gt=-1, lt=1)]


class Priority(Strict, frozen=True, kw_only=True):
    """Grade 2 incidents that are not domestic.

    Attributes:
        arrival_seconds: median from opening to arrival, by month.
        sigma: standard deviation of its logarithm.
        longest_seconds: the longest time until one is reached or closed.
    """

    arrival_seconds: Years
    sigma: _Number
    longest_seconds: _Number


class DomesticPriority(Strict, frozen=True, kw_only=True):
    """Domestic Grade 2 incidents.

    Attributes:
        volumes: number by month.
        arrival_seconds: median from opening to arrival, by month.
        arrived_share: share that a unit reaches, of those that need attendance.
        quick_share: share reached at once, of those reached; the others wait for an appointment.
        quick: time from opening to arrival of those reached at once.
        later_sigma: standard deviation of the logarithm of that time for the others.
        video_share: share answered by video instead of a unit, of those reached.
        longest_seconds: the longest time until one is reached or closed.
    """

    volumes: Years
    arrival_seconds: Years
    arrived_share: Share
    quick_share: Years
    quick: Lognormal
    later_sigma: _Number
    video_share: Years
    longest_seconds: _Number


class Handling(Strict, frozen=True, kw_only=True):
    """How the incidents of a grade are dealt with.

    Attributes:
        not_needed: share of incidents closed without attendance, by result.
        arrived: share of the rest with a recorded arrival, by year and month.
        otherwise: weights of the other ways: unrecorded, turned_back, not_attended, other.
    """

    not_needed: Mapping[str, Share]
    arrived: Years
    otherwise: Shares


class HomeBurglary(Strict, frozen=True, kw_only=True):
    """Home burglaries, a category of crime incidents.

    Attributes:
        years: number by year.
        grade: their grade.
        attended_share: share that is attended.
    """

    years: Mapping[str, int]
    grade: str
    attended_share: Share


class IncidentParameters(Strict, frozen=True, kw_only=True):
    """Incidents and the units that go to them.

    Attributes:
        months: weight of a day in each month.
        groups: number by group and year.
        areas: number by area and year; `none` means no area.
        shape: when incidents are opened.
        grades: weights of the grades, by group; for domestic incidents, without Grade 2.
        immediate: Grade 1 incidents.
        priority: Grade 2 incidents that are not domestic.
        domestic: domestic Grade 2 incidents.
        later: time from opening to arrival for the other grades, by grade.
        travel: time from dispatch to arrival, except for Grade 1.
        handling: how incidents are dealt with, by grade.
        at_scene: time from arrival to release, by grade.
        closing: time from release, or from opening if no unit goes, to closure, by grade.
        unattended_longest_seconds: for Grade 1 incidents that no unit is recorded to have reached, the longest time at the scene,
            and the longest until closure.
        home_burglary: home burglaries.
        duplicate_group: group of duplicates and out-of-force incidents.
        duplicate_results: weights of these two results.
        duplicate_opened_as: weights of the groups that they are opened with.
        duplicate_known: time from opening until they are recognised.
        regraded_share: share of incidents that are regraded once.
        upgrade_share: share of regrades that raise the grade.
        reclassified_share: share of incidents whose group is changed.
        reopened_share: share of closed incidents that are reopened.
        reopened_after: time from closure to reopening.
        second_unit_share: share of Grade 1 incidents that get a second unit.
        units: units on duty in each shift, by area.
        shift_hours: local hours at which the shifts begin.
        lent_travel_factor: factor on the travel time of a unit from another area.
    """

    months: Twelve
    groups: Mapping[str, Mapping[str, int]]
    areas: Mapping[str, Mapping[str, int]]
    shape: Shape
    grades: Mapping[str, Shares]
    immediate: Immediate
    priority: Priority
    domestic: DomesticPriority
    later: Mapping[str, Lognormal]
    travel: Lognormal
    handling: Mapping[str, Handling]
    at_scene: Mapping[str, Lognormal]
    closing: Mapping[str, Lognormal]
    unattended_longest_seconds: _Number
    home_burglary: HomeBurglary
    duplicate_group: str
    duplicate_results: Shares
    duplicate_opened_as: Shares
    duplicate_known: Lognormal
    regraded_share: Share
    upgrade_share: Share
    reclassified_share: Share
    reopened_share: Share
    reopened_after: Lognormal
    second_unit_share: Share
    units: Mapping[str, tuple[int, ...]]
    shift_hours: tuple[int, ...]
    lent_travel_factor: _Number


class Custody(Strict, frozen=True, kw_only=True):
    """Detentions and voluntary attendances.

    Attributes:
        arrests: number in each month, by year.
        child_detentions: number of children detained in each month, by year.
        stay_seconds: mean from arrival to the end for everybody, by year and month.
        child_stay_seconds: mean from arrival to the end for children, by year and month.
        wait_seconds: mean from arrival to authorisation, by year and month.
        wait_sigma: standard deviation of its logarithm.
        stay_concentration: concentration of the beta distribution of stays of less than a day.
        extended_share: share of adults detained beyond 24 hours.
        bail: bail as a share of disposals, by year and month.
        under_investigation: release under investigation as a share of disposals, by year and month.
        otherwise: weights of the other disposals.
        not_authorised_share: share of arrivals whose detention is refused.
        shape: when detainees arrive.
        suites: weights of the suites.
        early_relevant_share: share of detainees whose relevant time is before their arrival.
        hospital_share: share of detentions paused for treatment in hospital.
        transferred_share: share of detentions of more than four hours in which the detainee is transferred to another suite.
        charged_held_share: share of those charged who are then kept for court.
        not_arrest_share: of the adults who leave to go elsewhere, the share who were not arrested for an offence.
        bases: weights of the reasons why these are detained.
        extension_early_share: share of extensions that are first authorised before the second review, without effect.
        court_after_limit_share: of the applications for a warrant, the share that the court hears after the 36 hours.
        warrant_refused_share: share of people detained for 30 to 36 hours for whom a court refuses a warrant.
        returned_share: share of those bailed who return to custody and whose clocks count on.
        rearrested_share: share of those bailed who are arrested again on new evidence.
        returned_after: time from bail to the return, at least a day.
        returned_stay: time from the return to the end.
        returned_disposals: weights of how these stays end.
        review_late_share: share of reviews that are late.
        review_postponed_share: share of reviews that are first recorded as postponed.
        review_methods: weights of the methods.
        voluntary: number of voluntary attendances in each month, by year.
        voluntary_child_share: share of voluntary attendances that are by children.
    """

    arrests: Years
    child_detentions: Years
    stay_seconds: Years
    child_stay_seconds: Years
    wait_seconds: Years
    wait_sigma: _Number
    stay_concentration: _Number
    extended_share: Share
    bail: Years
    under_investigation: Years
    otherwise: Shares
    not_authorised_share: Share
    shape: Shape
    suites: Shares
    early_relevant_share: Share
    hospital_share: Share
    transferred_share: Share
    charged_held_share: Share
    not_arrest_share: Share
    bases: Mapping[Basis, _Number]
    extension_early_share: Share
    court_after_limit_share: Share
    warrant_refused_share: Share
    returned_share: Share
    rearrested_share: Share
    returned_after: Lognormal
    returned_stay: Lognormal
    returned_disposals: Shares
    review_late_share: Share
    review_postponed_share: Share
    review_methods: Shares
    voluntary: Years
    voluntary_child_share: Share


class Links(Strict, frozen=True, kw_only=True):
    """Parties of one role that are linked to occurrences.

    Attributes:
        years: number by year.
        repeat_share: share that are repeats, by year.
    """

    years: Mapping[str, int]
    repeat_share: Mapping[str, Share]


class Domestic(Strict, frozen=True, kw_only=True):
    """Occurrences with domestic abuse flagged.

    Attributes:
        crimes: number of domestic crimes, by year.
        crime_types: weights of their types.
        others: number of domestic occurrences that are not crimes, by year.
        other_type: type of those that are not crimes.
        repeat_share: share of their victims who are repeat victims of domestic abuse, by year.
    """

    crimes: Mapping[str, int]
    crime_types: Mapping[str, int]
    others: Mapping[str, int]
    other_type: str
    repeat_share: Mapping[str, Share]


class Contracts(Strict, frozen=True, kw_only=True):
    """Crimes with a victim that are closed, and the contracts with the victims.

    Attributes:
        years: number by year.
        compliance: weights of the contracts' compliance.
        closed_after: time from recording to closure.
    """

    years: Mapping[str, int]
    compliance: Mapping[Compliance, _Number]
    closed_after: Lognormal


class Occurrences(Strict, frozen=True, kw_only=True):
    """Crimes and ASB records, their parties, victims' referrals and contracts, and count-only records.

    Attributes:
        months: weight of a day in each month.
        types: number of ASB records, by type and year.
        areas: number of ASB records, by area and year.
        crimes: number of crimes, by year.
        crime_types: weights of the types of crime.
        crime_areas: weights of the areas of crimes.
        victim_based_share: share of crimes that are victim-based.
        shape: when occurrences are recorded.
        referred_within_48_hours: share of victims referred within 48 hours, by year and month.
        referral_sigma: standard deviation of the logarithm of the time to refer, by year.
        domestic: occurrences with domestic abuse flagged.
        crime_victims: victims linked to crimes, at most one to each.
        asb_parties: parties linked to ASB records, by role; at most one of each role to each record.
        linked_after: time from recording an occurrence to linking a party.
        contracts: contracts with victims.
        counted: number of count-only records in each month, by type and year.
    """

    months: Twelve
    types: Mapping[str, Mapping[str, int]]
    areas: Mapping[str, Mapping[str, int]]
    crimes: Mapping[str, int]
    crime_types: Mapping[str, int]
    crime_areas: Mapping[str, int]
    victim_based_share: Share
    shape: Shape
    referred_within_48_hours: Years
    referral_sigma: Mapping[str, float]
    domestic: Domestic
    crime_victims: Links
    asb_parties: Mapping[Role, Links]
    linked_after: Lognormal
    contracts: Contracts
    counted: Mapping[str, Counts]


class Reporting(Strict, frozen=True, kw_only=True):
    """How reports differ from what happened.

    Attributes:
        delay_mean_seconds: mean time from an event to its report, which changes the order of facts.
        delay_seconds_max: the longest usual delay; heartbeats stay this far behind.
        late_share: share of dispatch, custody and records facts that are reported much later.
        late: how much later.
        duplicated_share: share of facts that are reported twice.
        duplicated_after: time from the first report to the second.
        corrected_share: share of dispatch, custody and party facts that are first reported wrongly, then corrected.
        corrected_after: time from the first report to the correction.
        wrong_by_seconds: the most by which a wrong time is wrong.
        withdrawn_share: share of unit arrivals and parties with a second, mistaken report that is withdrawn.
    """

    delay_mean_seconds: _Number
    delay_seconds_max: _Number
    late_share: Share
    late: Lognormal
    duplicated_share: Share
    duplicated_after: Lognormal
    corrected_share: Share
    corrected_after: Lognormal
    wrong_by_seconds: _Number
    withdrawn_share: Share


class Parameters(Strict, frozen=True, kw_only=True):
    """All the parameters of a simulated force.

    Attributes:
        force: name of the force's profile.
        warm_up_days: days simulated before the first day and not reported, so that queues are at their usual lengths.
    """

    force: str
    warm_up_days: Annotated[int, Meta(ge=1, le=28)]
    emergency: EmergencyCalls
    triage: Triage
    local: Local
    digital: Digital
    incidents: IncidentParameters
    custody: Custody
    occurrences: Occurrences
    reporting: Reporting


def parse(text: str, source: str) -> Parameters:
    """Read a file of parameters.

    Args:
        text: the file's content, in TOML.
        source: the file's name, for errors.

    Raises:
        SettingError: the file is invalid; the error says where.
    """
    try:
        return msgspec.convert(read_toml(text), Parameters)
    except TOMLDecodeError as error:
        raise SettingError(f"This is not TOML: {error}.", where=source, hint="Correct the line named.") from None
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        hint = "producers/simulate/parameters.py describes every key."
        raise SettingError(f"{what}.", where=f"{source}, {path or '$'}", hint=hint) from None


@lru_cache(maxsize=8)
def packaged(name: str = "staffordshire") -> Parameters:
    """The supplied parameters."""
    return parse(files("producers.simulate").joinpath(f"{name}.toml").read_text("utf-8"), f"{name}.toml")


def of_year(table: Mapping[str, _T], year: int) -> _T:
    """The entry for a year, or for the nearest year in the table: years after the report use its last year."""
    return table[min(table, key=lambda given: abs(int(given) - year))]


def month_total(volume: Volume, month: Month) -> int:
    """A month's part of a year's number."""
    weights = [weight * monthrange(month.year, number)[1] for number, weight in enumerate(volume.months, start=1)]
    return apportion(of_year(volume.years, month.year), weights)[month.number - 1]


def month_share(years: Mapping[str, int], months: Twelve, month: Month) -> int:
    """A month's part of a year's number, given the weight of a day in each month."""
    return month_total(Volume(years=years, months=months), month)
