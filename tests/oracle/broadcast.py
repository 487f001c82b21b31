"""What a scenario publishes: facts in the order in which they are reported, heartbeats every two seconds, and earlier weeks."""

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
from tests.oracle.meaning import Beat
from tests.simulate.worlds import reports, simulation

BEAT_SECONDS = 5
WEEK = timedelta(weeks=1)


class Broadcast(Struct, frozen=True):
    """Everything that a scenario publishes.

    Attributes:
        simulation: the simulation behind it.
        reported: its facts in the order in which they are reported, after those of the weeks before.
        heartbeats: its heartbeats, in order.
        start: the beginning of the scenario, in microseconds since 1970.
        end: the end, in the same unit.
    """

    simulation: Simulation
    reported: Sequence[ReportedFact]
    heartbeats: Sequence[Beat]
    start: int
    end: int


def broadcast(scenario: str, hours: tuple[float, float] | None = None, *, weeks: int = 0) -> Broadcast:
    """Everything that a scenario publishes, and the weeks before it.

    Args:
        scenario: its name.
        hours: the hours to watch, counted from the scenario's beginning; all of it by default.
        weeks: the number of weeks before it; control limits need five.
    """
    world, days = simulation(scenario), load_scenario(scenario).days
    first, last = hours or (0, (world.end_of(days) - world.end_of(0)) / 3600)
    start, end = world.end_of(0) + first * 3600, world.end_of(0) + last * 3600
    seen = ceil(last / 24)
    before = [each for week in range(weeks, 0, -1) for each in week_before(scenario, seen, week)]
    # No alert is about call takers, whose facts would be a third of all.
    facts = [each for each in reports(scenario, 41, seen) if each.at < end and each.topic != "call_takers"]
    beats = list(heartbeats(world, start, end))
    return Broadcast(world, [*before, *facts], beats, round(start * SECOND), round(end * SECOND))


def heartbeats(world: Simulation, start: float, end: float) -> Iterator[Beat]:
    """The heartbeats of a simulation played live: each feed without a backlog is complete, except for the longest delay."""
    effects, behind = world.effects(), round(world.reporting().delay_seconds_max * SECOND)
    for second in range(int(start), int(end), BEAT_SECONDS):
        for feed in world.force.feeds:
            if not effects.has_backlog(feed.name, second):
                yield Beat(feed.name, second * SECOND, second * SECOND - behind)


def week_before(scenario: str, days: int, week: int) -> Iterator[ReportedFact]:
    """The same days in an earlier week: ordinary days, each week with a different part of their calls and incidents."""
    chance = random.Random(week)
    share = 0.7 + 0.05 * chance.randrange(7)
    kept: dict[str, bool] = {}
    for each in _ordinary(scenario, days):
        assert isinstance(each.fact, SubjectFact)
        if kept.setdefault(each.fact.subject_id, chance.random() < share):
            yield _moved(each, week)


def _moved(report: ReportedFact, week: int) -> ReportedFact:
    """The same report some weeks earlier, about another subject."""
    fact, back = report.fact, (week - 1) * WEEK
    assert isinstance(fact, SubjectFact)
    names = {"fact_id": f"{fact.fact_id}.{week}", "subject_id": f"{fact.subject_id}.{week}"}
    if fact.corrects:
        names["corrects"] = f"{fact.corrects}.{week}"
    if isinstance(fact, FactWithdrawn):
        names["withdraws"] = f"{fact.withdraws}.{week}"
    return replace(report, at=report.at - back.total_seconds(), fact=replace(fact, at=fact.at - back, **names))


@lru_cache(maxsize=8)
def _ordinary(scenario: str, days: int) -> list[ReportedFact]:
    """The reports of the same days a week earlier, about calls and incidents that began and ended on these days."""
    world = simulation("normal", 41, load_scenario(scenario).start - WEEK)
    before = [each for each in world.reported_before(world.end_of(days)) if each.topic in ("contacts", "incidents")]
    begun, ended = set[str](), set[str]()
    for each in before:
        assert isinstance(each.fact, SubjectFact)
        if isinstance(each.fact, ContactOffered | IncidentOpened):
            begun.add(each.fact.subject_id)
            ended.discard(each.fact.subject_id)
        elif each.topic == "contacts" or isinstance(each.fact, IncidentClosed):
            ended.add(each.fact.subject_id)
    whole = begun & ended
    return [each for each in before if isinstance(each.fact, SubjectFact) and each.fact.subject_id in whole]
