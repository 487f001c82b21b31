"""How often the outlooks of the twin hold: a simulated force has the future that each of them should contain."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from math import inf
from typing import NamedTuple

from msgspec.structs import replace
from simpy import Environment

from dashboards.board.whatif.present import arrivals_of, happened
from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.force import TRIAGE
from facts.incident import IncidentClosed, IncidentOpened, IncidentRegraded, UnitDispatched, VideoResponseStarted
from facts.union import AnyFact
from measures.forecast import Forecast
from measures.outcome import SECOND
from measures.rules import Rules
from producers.simulate.arrivals import HORIZON_SECONDS, Arrivals
from producers.simulate.contacts import Contacts, Feeds
from producers.simulate.incidents import Incidents, shift_at
from producers.simulate.ledger import Ledger
from producers.simulate.months import midnight, month_at
from producers.simulate.parameters import packaged
from producers.simulate.scenario import NORMAL, Effects, load_scenario
from producers.simulate.twin import (
    QUEUES,
    RUNS,
    AnswerTarget,
    Outlook,
    Present,
    QueueName,
    Run,
    RunSpread,
    Tally,
    Twin,
    outlook,
)
from producers.simulate.twin_units import IncidentsNow, most_at_once

_RECORD_DAYS, _LOOK_BACK_SECONDS, _STEP_SECONDS = 65, 6 * 3600, 1800
_TITLES: dict[QueueName, str] = {"emergency": "999", "triage": "101 triage", "local": "101 after triage"}
_TARGET = AnswerTarget(10, is_inclusive=False)


class _Past(Ledger):
    """Keeps every fact with its time, in the order in which they were added."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[tuple[float, AnyFact]] = []

    def add(self, at: float, feed: str, fact: AnyFact) -> None:
        """Keep a fact."""
        del feed
        self.facts.append((at, fact))


class Held(NamedTuple):
    """A figure of the outlooks: its name, of how many moments it was known, and for how many the range held what came."""

    name: str
    moments: int
    inside: int


def held(rules: Rules, seed: int, start: date, days: int, count: int) -> list[Held]:
    """How often the ranges hold, at moments on which as many call takers are on for the two hours after them.

    Args:
        rules: the force's rules.
        seed: the seed of the simulated force.
        start: the first day of its record.
        days: how many days are simulated; the record before the first moment has 65.
        count: the greatest number of moments.
    """
    past, incidents, on_duty = _simulated(rules, seed, start, days)
    facts = sorted(past.facts, key=lambda each: each[0])
    grade_1, of_hours = _of_grade_1(incidents), _Hours(incidents)
    times, offered = [at for at, _ in facts], _offered(facts)
    first = midnight(start + timedelta(days=_RECORD_DAYS), rules.force.zone()) + 1200
    steady = [now for now in sorted(on_duty) if now >= first and _is_steady(on_duty, now)]
    moments = steady[:: max(len(steady) // count, 1)][:count]
    totals, inside = Counter[str](), Counter[str]()
    for now in moments:
        waiting, future = _actual(facts, times, now)
        present = Present(
            waiting=waiting,
            arrivals={queue: _arrivals(offered[queue], int(times[0]) // 3600 + 1, rules, now) for queue in QUEUES},
            local=on_duty[now][0],
            triage=on_duty[now][1],
            target=_TARGET,
            incidents=_incidents_now(grade_1, of_hours, rules, now),
            callbacks=_callbacks(facts, times, now),
        )
        future = replace(future, unresourced=most_at_once(_from(grade_1, now), HORIZON_SECONDS))
        for name, spread, value in _figures(outlook(Twin(packaged(), present).runs(count=RUNS)), future):
            if spread is not None and value is not None:
                totals[name] += 1
                inside[name] += spread.low <= value <= spread.high
    return [Held(name, totals[name], inside[name]) for name in totals]


class _GradeOne(NamedTuple):
    """An incident of Grade 1, in seconds since 1970: when it opened, and when it had a unit or was closed; infinite if never."""

    opened: float
    until: float


def _of_grade_1(past: _Past) -> list[_GradeOne]:
    """The incidents whose last grade is 1, each with the time from which it has a unit."""
    grade, opened, until = dict[str, str](), dict[str, float](), dict[str, float]()
    for at, fact in sorted(past.facts, key=lambda each: each[0]):
        if isinstance(fact, IncidentOpened):
            grade[fact.subject_id], opened[fact.subject_id] = fact.grade, at
        elif isinstance(fact, IncidentRegraded):
            grade[fact.subject_id] = fact.grade
        elif isinstance(fact, (UnitDispatched, IncidentClosed, VideoResponseStarted)):
            until.setdefault(fact.subject_id, at)
    return [_GradeOne(at, until.get(name, inf)) for name, at in opened.items() if grade[name] == "1"]


class _Hours:
    """The number of incidents of each hour: those of Grade 1 that opened, and those to which a first unit was sent.

    Args:
        past: the facts.
    """

    def __init__(self, past: _Past) -> None:
        grade: dict[str, str] = {}
        for _, fact in sorted(past.facts, key=lambda each: each[0]):
            if isinstance(fact, (IncidentOpened, IncidentRegraded)):
                grade[fact.subject_id] = fact.grade
        self.opened, self.sent, self.others = Counter[int](), Counter[int](), Counter[int]()
        seen = set[str]()
        for at, fact in past.facts:
            if isinstance(fact, IncidentOpened) and grade[fact.subject_id] == "1":
                self.opened[int(at) // 3600] += 1
            elif isinstance(fact, UnitDispatched) and fact.subject_id not in seen:
                seen.add(fact.subject_id)
                (self.sent if grade.get(fact.subject_id) == "1" else self.others)[int(at) // 3600] += 1
        self.first = min(self.opened) + 1


def _incidents_now(grade_1: list[_GradeOne], hours: _Hours, rules: Rules, now: float) -> IncidentsNow:
    """What is known of incidents and units at a moment."""
    hour, at, params, zone = int(now) // 3600, int(now * SECOND), packaged().incidents, rules.force.zone()
    counts = [{each: of[each] for each in range(hours.first, hour)} for of in (hours.opened, hours.sent, hours.others)]
    made = [Forecast(each, hour, rules) for each in counts]
    month = month_at(now, zone)
    shift = shift_at(datetime.fromtimestamp(now, zone).hour, params)
    return IncidentsNow(
        month=month,
        shift=shift,
        units=sum(each[shift] for each in params.units.values()),
        waiting=[now - each.opened for each in grade_1 if each.opened < now < each.until],
        opened=arrivals_of(made[0], at),
        sent=tuple(each for each in happened(made[1], counts[1], at) if each.start < 0),
        others=Arrivals(tuple(happened(made[2], counts[2], at)), made[2].dispersion),
    )


def _from(grade_1: list[_GradeOne], now: float) -> Iterator[tuple[float, float]]:
    """The waits for a unit, in seconds from a moment."""
    return ((each.opened - now, each.until - now) for each in grade_1 if each.until > now)


def _simulated(rules: Rules, seed: int, start: date, days: int) -> tuple[_Past, _Past, dict[float, tuple[int, int]]]:
    """The facts of the contact centre and of incidents, and how many are on locally and at triage, every half-hour."""
    zone, past, jobs, on_duty = rules.force.zone(), _Past(), _Past(), dict[float, tuple[int, int]]()
    environment = Environment(initial_time=midnight(start, zone))
    effects = Effects(load_scenario(NORMAL), start, zone)
    contacts = Contacts(environment, packaged(), effects, Feeds("a", "b", "c"), past, seed, "b")
    incidents = Incidents(environment, packaged(), effects, "i", jobs, seed, "b")
    end, month = midnight(start + timedelta(days=days), zone), None
    while environment.now < end:
        if (now := month_at(environment.now, zone)) is not month:
            month = now
            for process in (*contacts.month(month), *incidents.month(month)):
                environment.process(process)
        environment.run(until=environment.now + (1200 if environment.now % _STEP_SECONDS == 0 else 600))
        on_duty[environment.now] = (contacts.local.on_duty, contacts.triage.on_duty)
    return past, jobs, on_duty


def _is_steady(on_duty: dict[float, tuple[int, int]], now: float) -> bool:
    """Whether as many are on during the hour before a moment and the two hours after it."""
    return all(on_duty.get(now + step * 600) in (on_duty[now], None) for step in range(-6, HORIZON_SECONDS // 600 + 1))


def _actual(
    facts: list[tuple[float, AnyFact]], times: list[float], now: float
) -> tuple[dict[QueueName, list[float]], Run]:
    """Who waits at a moment, since how many seconds, and what then came."""
    tally = Tally()
    open_calls: dict[tuple[str, str], tuple[float, AnyFact]] = {}
    for at, fact in facts[bisect_left(times, now - _LOOK_BACK_SECONDS) : bisect_left(times, now)]:
        if isinstance(fact, ContactOffered):
            open_calls[fact.subject_id, fact.queue] = (at, fact)
        elif isinstance(fact, (ContactAnswered, ContactAbandoned, ContactConcluded)):
            open_calls.pop((fact.subject_id, fact.queue), None)
    waiting: dict[QueueName, list[float]] = {queue: [] for queue in QUEUES}
    for (_, queue), (at, fact) in open_calls.items():
        if queue in waiting:
            waiting[queue].append(now - at)
            tally.add(at - now, "", fact)
    for at, fact in facts[bisect_left(times, now) : bisect_left(times, now + HORIZON_SECONDS)]:
        if getattr(fact, "queue", "") in QUEUES:
            tally.add(at - now, "", fact)
    present = Present(waiting={}, arrivals={}, local=0, triage=0, target=_TARGET)
    return waiting, tally.figures(present)


def _callbacks(facts: list[tuple[float, AnyFact]], times: list[float], now: float) -> list[float]:
    """How many seconds ago each caller accepted a callback that has not been tried at a moment."""
    accepted: dict[str, float] = {}
    for at, fact in facts[bisect_left(times, now - _LOOK_BACK_SECONDS) : bisect_left(times, now)]:
        if isinstance(fact, ContactConcluded) and (fact.queue, fact.result) == (TRIAGE, "callback"):
            accepted[fact.subject_id] = at
        elif isinstance(fact, ContactOffered):
            accepted.pop(fact.subject_id, None)
    return [now - at for at in accepted.values()]


def _offered(facts: list[tuple[float, AnyFact]]) -> dict[str, Counter[int]]:
    """The calls from outside of each hour, by their first queue."""
    found: dict[str, Counter[int]] = {queue: Counter() for queue in QUEUES}
    seen = set[str]()
    for at, fact in facts:
        if isinstance(fact, ContactOffered) and fact.subject_id not in seen:
            seen.add(fact.subject_id)
            if fact.queue in found:
                found[fact.queue][int(at) // 3600] += 1
    return found


def _arrivals(counts: Counter[int], first: int, rules: Rules, now: float) -> Arrivals:
    """The forecast of the calls of a queue, from the hours before the moment."""
    hour = int(now) // 3600
    made = Forecast({each: counts[each] for each in range(first, hour)}, hour, rules)
    return arrivals_of(made, int(now * SECOND))


def _figures(found: Outlook, future: Run) -> Iterator[tuple[str, RunSpread | None, float | None]]:
    yield "999 answered within target", found.within_target, future.within_target
    for queue, title in _TITLES.items():
        yield f"Longest wait, {title}", found.longest_seconds[queue], future.longest_seconds[queue]
        yield f"Abandoned, {title}", found.abandoned[queue], future.abandoned[queue]
    yield "Grade 1 with no unit for 2 min, the most at one time", found.unresourced, future.unresourced
