"""A scenario as the log hears it: facts in order of telling, heartbeats every two seconds, and the weeks before it."""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from facts.contact import ContactOffered
from facts.fact import FactWithdrawn, SubjectFact
from facts.incident import IncidentClosed, IncidentOpened
from producers.simulate.reporting import ReportedFact
from producers.simulate.scenario import load_scenario
from producers.simulate.simulation import Simulation
from tests.oracle.knowledge import SECOND
from tests.oracle.meaning import Heard
from tests.simulate.worlds import reports, simulation

BEAT_SECONDS = 2
WEEK = timedelta(weeks=1)


class Broadcast(Struct, frozen=True):
    """What is heard of a scenario.

    Attributes:
        simulation: whose.
        told: its facts, in order of telling, and before them those of the weeks before.
        heard: its heartbeats, in order.
        start: the first instant of the scenario, in microseconds since 1970.
        end: where it ends.
    """

    simulation: Simulation
    told: Sequence[ReportedFact]
    heard: Sequence[Heard]
    start: int
    end: int


def broadcast(scenario: str, hours: tuple[float, float] | None = None, *, weeks: int = 0) -> Broadcast:
    """A scenario with so many weeks before it.

    Args:
        scenario: its name.
        hours: from when to when it is watched, counted from its beginning; all of it unless given.
        weeks: how many weeks before it are told before it starts; control limits need five.
    """
    world, days = simulation(scenario), load_scenario(scenario).days
    first, last = hours or (0, (world.end_of(days) - world.end_of(0)) / 3600)
    start, end = world.end_of(0) + first * 3600, world.end_of(0) + last * 3600
    seen = ceil(last / 24)
    before = [each for week in range(weeks, 0, -1) for each in week_before(scenario, seen, week)]
    facts = [each for each in reports(scenario, 41, seen) if each.at < end]
    heard = list(heartbeats(world, start, end))
    return Broadcast(world, [*before, *facts], heard, round(start * SECOND), round(end * SECOND))


def heartbeats(world: Simulation, start: float, end: float) -> Iterator[Heard]:
    """The heartbeats of a simulation that is played live: each feed that speaks is complete but for the longest delay."""
    effects, behind = world.effects(), round(world.reporting().delay_seconds_max * SECOND)
    for second in range(int(start), int(end), BEAT_SECONDS):
        for feed in world.force.feeds:
            if not effects.has_backlog(feed.name, second):
                yield Heard(feed.name, second * SECOND, second * SECOND - behind)


def week_before(scenario: str, days: int, week: int) -> Iterator[ReportedFact]:
    """The same days so many weeks before: ordinary ones, each week with another part of their calls and incidents."""
    chance = random.Random(week)
    share = 0.7 + 0.05 * chance.randrange(7)
    kept: dict[str, bool] = {}
    for each in _ordinary(scenario, days):
        assert isinstance(each.fact, SubjectFact)
        if kept.setdefault(each.fact.subject_id, chance.random() < share):
            yield _moved(each, week)


def _moved(told: ReportedFact, week: int) -> ReportedFact:
    """The same told weeks earlier, about another subject."""
    fact, back = told.fact, (week - 1) * WEEK
    assert isinstance(fact, SubjectFact)
    names = {"fact_id": f"{fact.fact_id}.{week}", "subject_id": f"{fact.subject_id}.{week}"}
    if fact.corrects:
        names["corrects"] = f"{fact.corrects}.{week}"
    if isinstance(fact, FactWithdrawn):
        names["withdraws"] = f"{fact.withdraws}.{week}"
    return replace(told, at=told.at - back.total_seconds(), fact=replace(fact, at=fact.at - back, **names))


@lru_cache(maxsize=8)
def _ordinary(scenario: str, days: int) -> list[ReportedFact]:
    """What is told on the same days of the week before of calls and incidents that began and ended on them."""
    world = simulation("normal", 41, load_scenario(scenario).start - WEEK)
    told_then = [each for each in world.reported_before(world.end_of(days)) if each.topic in ("contacts", "incidents")]
    begun, ended = set[str](), set[str]()
    for each in told_then:
        assert isinstance(each.fact, SubjectFact)
        if isinstance(each.fact, ContactOffered | IncidentOpened):
            begun.add(each.fact.subject_id)
            ended.discard(each.fact.subject_id)
        elif each.topic == "contacts" or isinstance(each.fact, IncidentClosed):
            ended.add(each.fact.subject_id)
    whole = begun & ended
    return [each for each in told_then if isinstance(each.fact, SubjectFact) and each.fact.subject_id in whole]
