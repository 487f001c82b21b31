"""What a simulated force is like, read from one documented file: volumes, shapes, staffing, delays, shares."""

import tomllib
from calendar import monthrange
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from facts.errors import SettingError
from facts.occurrence import Compliance, Role
from producers.simulate.months import Month
from producers.simulate.random_draws import apportion

_Number = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Hours = Annotated[tuple[_Number, ...], Meta(min_length=24, max_length=24)]
Weekdays = Annotated[tuple[_Number, ...], Meta(min_length=7, max_length=7)]
Twelve = Annotated[tuple[_Number, ...], Meta(min_length=12, max_length=12)]
Years = Mapping[str, Twelve]
"""Year to a figure for each of its months."""
Counts = Mapping[str, Annotated[tuple[int, ...], Meta(min_length=12, max_length=12)]]
"""Year to how many in each of its months."""
Shares = Mapping[str, _Number]
"""Label to a weight; they need not add to 1."""
_T = TypeVar("_T")


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file; unknown keys are refused, so that a misspelt one is reported and not ignored."""


class Shape(_Part, frozen=True, kw_only=True):
    """When things happen, as weights.

    Attributes:
        weekday_hours: by the local clock, Monday to Friday.
        weekend_hours: likewise, Saturday and Sunday.
        weekdays: Monday first.
    """

    weekday_hours: Hours
    weekend_hours: Hours
    weekdays: Weekdays


class Lognormal(_Part, frozen=True, kw_only=True):
    """A time whose logarithm is normal.

    Attributes:
        median_seconds: the middle one.
        sigma: spread of the logarithm.
    """

    median_seconds: _Number
    sigma: _Number


class CallerPatience(_Part, frozen=True, kw_only=True):
    """How long callers stay before they give up.

    Attributes:
        at_once_share: of callers who do not mean to stay: pocket calls, second thoughts.
        at_once_mean_seconds: how long these stay on average.
        staying: how long the others do.
    """

    at_once_share: Share
    at_once_mean_seconds: _Number
    staying: Lognormal


class Volume(_Part, frozen=True, kw_only=True):
    """How many a year, and how they divide over its months.

    Attributes:
        years: year to its total.
        months: weight of a day in each month.
    """

    years: Mapping[str, int]
    months: Twelve


class EmergencyCalls(_Part, frozen=True, kw_only=True):
    """999 calls."""

    volume: Volume
    shape: Shape
    ring: Lognormal
    handling: Lognormal
    patience: CallerPatience
    results: Shares


class Triage(_Part, frozen=True, kw_only=True):
    """101 calls at triage, and those that go to the local queue without it.

    Attributes:
        volume: of calls offered to triage.
        direct_share: year to the calls offered to the local queue at once, as a share of those offered to triage.
        shape: when they come.
        ring: a call taker's pick-up.
        handling: speaking, and what is to be written afterwards.
        patience: at triage.
        results: of the calls that triage answers.
        callback_after_seconds: a caller who waits so long is offered a callback.
        callback_share: of the callers offered one who accept.
        callback_delay: from accepting to being rung.
        takers: on duty at triage, by the local clock.
        takers_by_month: year to a factor for each month.
        absence_sigma: how much the number on duty differs from shift to shift, in call takers.
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
    takers: Hours
    takers_by_month: Years
    absence_sigma: _Number


class Local(_Part, frozen=True, kw_only=True):
    """The local pool: it answers 999, and 101 after triage.

    Attributes:
        ring: a call taker's pick-up of a 101 call.
        handling: of a 101 call.
        patience: of a caller in the local queue.
        results: of its 101 calls.
        takers: on duty, by the local clock.
        takers_by_month: year to a factor for each month.
        kept_free: call takers whom a 101 call may not take.
        hold_after_seconds: a 999 call that waited so long takes the call taker of a 101 call.
        absence_sigma: how much the number on duty differs from shift to shift, in call takers.
        shift_hours: the local hours at which a shift begins.
    """

    ring: Lognormal
    handling: Lognormal
    patience: CallerPatience
    results: Shares
    takers: Hours
    takers_by_month: Years
    kept_free: int
    hold_after_seconds: _Number
    absence_sigma: _Number
    shift_hours: tuple[int, ...]


class Digital(_Part, frozen=True, kw_only=True):
    """Digital contacts.

    Attributes:
        channels: channel to the volume of each month.
        shape: when they come.
        answer: from the form to a person's taking it up.
        handling: from then to its end.
        results: how they end.
        contact_us_results: likewise for the "Contact us" form.
    """

    channels: Mapping[str, Counts]
    shape: Shape
    answer: Lognormal
    handling: Lognormal
    results: Shares
    contact_us_results: Shares


class Immediate(_Part, frozen=True, kw_only=True):
    """Grade 1: how soon a unit is sent and how long it travels, by month.

    Attributes:
        dispatch_seconds: median, opened to dispatched.
        dispatch_sigma: spread of its logarithm.
        travel_seconds: median, dispatched to arrived.
        travel_sigma: spread of its logarithm.
        correlation: of the two; negative where jobs that wait for a unit are then reached sooner.
    """

    dispatch_seconds: Years
    dispatch_sigma: Years
    travel_seconds: Years
    travel_sigma: Years
    correlation: Annotated[float, Meta(gt=-1, lt=1)]


class Priority(_Part, frozen=True, kw_only=True):
    """Grade 2 that is not domestic.

    Attributes:
        arrival_seconds: median by month, opened to arrived.
        sigma: spread of its logarithm.
    """

    arrival_seconds: Years
    sigma: _Number


class DomesticPriority(_Part, frozen=True, kw_only=True):
    """Grade 2 that is domestic.

    Attributes:
        volumes: by month.
        arrival_seconds: median by month, opened to arrived.
        arrived_share: of those that need attendance.
        quick_share: of those reached, the share that is reached at once; the others wait for an appointment.
        quick: opened to arrived, of those reached at once.
        slow_sigma: spread of the logarithm of the others' time.
        video_share: of those reached, the share met by video instead of a unit.
    """

    volumes: Years
    arrival_seconds: Years
    arrived_share: Share
    quick_share: Years
    quick: Lognormal
    slow_sigma: _Number
    video_share: Years


class Courses(_Part, frozen=True, kw_only=True):
    """What becomes of the incidents of a grade.

    Attributes:
        not_needed: result to the share of all that is closed so, without attendance.
        arrived: year to the share of the rest, month by month, that a unit is recorded to have reached.
        otherwise: course to a weight, for what is left: unrecorded, turned_back, not_attended, other.
    """

    not_needed: Mapping[str, Share]
    arrived: Years
    otherwise: Shares


class HomeBurglary(_Part, frozen=True, kw_only=True):
    """Home burglaries, a category of crime incidents.

    Attributes:
        years: year to their number.
        grade: that they are given.
        attended_share: of them.
    """

    years: Mapping[str, int]
    grade: str
    attended_share: Share


class IncidentParameters(_Part, frozen=True, kw_only=True):
    """Incidents and the units that go to them.

    Attributes:
        months: weight of a day in each month.
        groups: group to year to its number.
        areas: area to year to its number; `none` names none.
        shape: when they are opened.
        grades: group to the weights of its grades; of domestic ones, besides Grade 2.
        immediate: Grade 1.
        priority: Grade 2 that is not domestic.
        domestic: Grade 2 that is.
        later: grade to the time from opened to arrived, for the other grades.
        travel: dispatched to arrived, of all but Grade 1.
        courses: grade to what becomes of its incidents.
        at_scene: grade to the time from arrival to release.
        closing: grade to the time from release, or from opening where nobody goes, to the closure.
        home_burglary: a category of its own.
        duplicate_group: the group of duplicates and incidents out of force.
        duplicate_results: weights of the two.
        duplicate_opened_as: weights of the groups they are opened with.
        duplicate_known: how soon they are known for what they are.
        regraded_share: of incidents whose grade is changed once.
        upgrade_share: of regrades that raise it.
        reclassified_share: of incidents whose group is changed.
        reopened_share: of closed incidents that are opened again.
        reopened_after: how long after the closure.
        second_unit_share: of Grade 1 that a second unit goes to.
        units: area to the units on duty in each shift.
        shift_hours: the local hours at which the shifts begin.
        lent_travel_factor: how much longer a unit of another area travels.
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
    courses: Mapping[str, Courses]
    at_scene: Mapping[str, Lognormal]
    closing: Mapping[str, Lognormal]
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


class Custody(_Part, frozen=True, kw_only=True):
    """Detentions and voluntary attendances.

    Attributes:
        arrests: year to the number in each month.
        children: year to how many of them are children.
        stay_seconds: year to the mean from arrival to the end, month by month, of all.
        child_stay_seconds: likewise of children.
        wait_seconds: year to the mean from arrival to authorisation, month by month.
        wait_sigma: spread of its logarithm.
        stay_concentration: how closely stays of less than a day gather about their mean: of a beta distribution.
        extended_share: of adults held beyond 24 hours.
        bail: year to the share of disposals, month by month.
        under_investigation: likewise of release under investigation.
        otherwise: weights of the other disposals.
        not_authorised_share: of arrivals whose detention is refused.
        shape: when detainees arrive.
        suites: weights.
        early_relevant_share: of detainees whose relevant time is before their arrival.
        hospital_share: of detentions paused for treatment in hospital.
        review_late_share: of reviews held late.
        review_postponed_share: of reviews recorded as postponed first.
        review_methods: weights.
        voluntary: year to the number of voluntary attendances in each month.
        voluntary_child_share: of them.
    """

    arrests: Years
    children: Years
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
    review_late_share: Share
    review_postponed_share: Share
    review_methods: Shares
    voluntary: Years
    voluntary_child_share: Share


class Links(_Part, frozen=True, kw_only=True):
    """Parties of one role that are linked to occurrences.

    Attributes:
        years: year to how many.
        repeat_share: year to the share of them that are repeats.
    """

    years: Mapping[str, int]
    repeat_share: Mapping[str, Share]


class Domestic(_Part, frozen=True, kw_only=True):
    """Occurrences with domestic abuse flagged.

    Attributes:
        crimes: year to how many of the crimes.
        crime_types: type of crime to how many of these.
        others: year to how many that are no crime.
        other_type: of those that are no crime.
        repeat_share: year to the share of their victims who are repeat victims of domestic abuse.
    """

    crimes: Mapping[str, int]
    crime_types: Mapping[str, int]
    others: Mapping[str, int]
    other_type: str
    repeat_share: Mapping[str, Share]


class Contracts(_Part, frozen=True, kw_only=True):
    """Crimes with a victim that are closed, and the contracts with the victims.

    Attributes:
        years: year to how many.
        compliance: weights of how the contracts were made.
        closed_after: from the recording to the closing.
    """

    years: Mapping[str, int]
    compliance: Mapping[Compliance, _Number]
    closed_after: Lognormal


class Occurrences(_Part, frozen=True, kw_only=True):
    """Crimes and ASB records, their parties, referrals of and contracts with victims, and what is only counted.

    Attributes:
        months: weight of a day in each month.
        types: ASB type to year to its number.
        areas: area to year to its number of ASB records.
        crimes: year to the number of crimes.
        crime_types: type of crime to how many of all there are.
        crime_areas: area to how many crimes of all there are.
        victim_based_share: of crimes.
        shape: when they are recorded.
        referred_within_48_hours: year to the share, month by month.
        referral_sigma: year to the spread of the logarithm of the time to refer.
        domestic: those with domestic abuse flagged.
        crime_victims: linked to crimes, one at most to each.
        asb_parties: role to those linked to ASB records, one at most of each role to each.
        linked_after: from the recording of an occurrence to the linking of a party.
        contracts: with victims.
        counted: type of what is only counted to year to its number in each month.
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


class Reporting(_Part, frozen=True, kw_only=True):
    """How what is told differs from what happened.

    Attributes:
        delay_mean_seconds: between what happened and its telling, commonly; it is what changes the order.
        delay_seconds_max: and at most; the heartbeat stays so far behind.
        late_share: of facts of dispatch, custody and records that are told much later.
        late: how much.
        duplicated_share: of facts that are told twice.
        duplicated_after: how long after the first telling.
        corrected_share: of facts of dispatch, custody and parties first told wrongly, and put right.
        corrected_after: how long after the first telling.
        wrong_by_seconds: how wrong that time is, at most.
        withdrawn_share: of arrivals of units and of parties for which a second, wrong one is told and withdrawn.
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


class Parameters(_Part, frozen=True, kw_only=True):
    """Everything a simulated force is like.

    Attributes:
        force: the profile it belongs to.
        warm_up_days: simulated and not told before the first day, so that the queues are as on any day.
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
        text: the file, in TOML.
        source: its name, for errors.

    Raises:
        SettingError: with the place of the fault.
    """
    try:
        return msgspec.convert(tomllib.loads(text), Parameters)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"This is not TOML: {error}.", where=source, hint="Mend the line it names.") from None
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        hint = "producers/simulate/parameters.py says what each key may hold."
        raise SettingError(f"{what}.", where=f"{source}, {path or '$'}", hint=hint) from None


@lru_cache(maxsize=8)
def packaged(name: str = "staffordshire") -> Parameters:
    """The parameters that come with the project."""
    return parse(files("producers.simulate").joinpath(f"{name}.toml").read_text("utf-8"), f"{name}.toml")


def of_year(table: Mapping[str, _T], year: int) -> _T:
    """The entry of a year, or of the nearest one that is given: what comes after the report goes on as its last year."""
    return table[min(table, key=lambda given: abs(int(given) - year))]


def month_total(volume: Volume, month: Month) -> int:
    """How many of a year's fall in a month."""
    weights = [weight * monthrange(month.year, number)[1] for number, weight in enumerate(volume.months, start=1)]
    return apportion(of_year(volume.years, month.year), weights)[month.number - 1]


def month_share(years: Mapping[str, int], months: Twelve, month: Month) -> int:
    """How many of a year's fall in a month, by the weight of a day in each month."""
    return month_total(Volume(years=years, months=months), month)
