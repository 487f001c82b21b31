"""Odd but innocent data through the whole product as it really runs: no check may report any of it as wrong."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from kafka import KafkaProducer
from msgspec.structs import replace

from bluelamp.archive.full_log import recount_of
from bluelamp.rebuild.rebuild import Rebuilt, rebuild
from bluelamp.rebuild.rebuild import lines as rebuilt_lines
from bluelamp.recount.recount import Recount
from bluelamp.verify.audit import audit, lines, read_period
from bluelamp.verify.compare import Query, StateReadings, compare, every_query, read_state
from bluelamp.verify.explain import explain
from bluelamp.verify.state_and_log import read_or_reason
from bluelamp.wiring.clock import wall
from facts.fact import SubjectFact
from facts.union import AnyFact, topic_of
from facts.wire import encode
from measures.catalogue import CATALOGUE
from streams.readings import Reader
from tests.integration.conftest import EMBEDDED
from tests.support import every_kind
from tests.support import facts as made
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, STRICT_PROFILE
from tests.support.system import System, until
from tests.support.whole import Whole

pytestmark = EMBEDDED
QUIET = "quiet"
"""A force that sends heartbeats and nothing else."""
SOME = (
    "incident_contradiction_count",
    "incident_incomplete_count",
    "incident_count",
    "contact_999_answer_mean_seconds",
)
NOBODY = "nobody"
"""A force that has never sent anything."""


def odd() -> Iterator[AnyFact]:
    """Facts sent twice, withdrawn, corrected and late, on both nights on which clocks change, and of a queue at night."""
    yield made.opened("2024-12-02 18:00", subject_id="w1", fact_id="w1-opened")
    yield made.opened("2024-12-02 18:00", subject_id="w1", fact_id="w1-opened")
    yield made.withdrawn("w1-opened", subject_id="w1")
    yield made.opened("2024-12-02 18:00", subject_id="w2", fact_id="w2-opened")
    yield made.opened("2024-12-02 18:05", grade="2", subject_id="w2", corrects="w2-opened")
    for number, clock in enumerate(("2024-10-27 00:30", "2024-10-27 01:30", "2024-10-26 23:59", "2024-03-31 01:00")):
        yield made.opened(clock, subject_id=f"n{number}")
        yield made.arrived(f"{clock[:-2]}59", subject_id=f"n{number}")
        yield made.offered(clock, subject_id=f"q{number}")
        yield made.answered(f"{clock}:11", subject_id=f"q{number}")


def publish(system: System, facts: Iterable[AnyFact]) -> None:
    """Send facts as the strict force's, then heartbeats of its feeds and of the quiet force's feeds."""
    with system.publisher() as publisher:
        for fact in facts:
            topic = topic_of(type(fact)) or "incidents"
            publisher.publish(replace(fact, force=STRICT.name), topic)
    with system.publisher() as publisher:
        for name in (STRICT.name, QUIET):
            for feed in STRICT.feeds:
                publisher.heartbeat(heartbeat(feed.name, every_kind.AS_OF, force=name, replay=True), feed.topic)


@pytest.fixture
def system(new_system: Callable[..., System], tmp_path: Path) -> System:
    """Three forces with one worker, and an empty log."""
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    for name in (STRICT.name, QUIET, NOBODY):
        (profiles / f"{name}.toml").write_text(STRICT_PROFILE.replace('name = "strict"', f'name = "{name}"', 1))
    made = new_system(forces=str(profiles), exporter="none", board="none", inbox="none", gateway="none")
    made.settings = replace(made.settings, force=STRICT.name)
    made.start_workers(1)
    made.supervise()
    until(lambda: made.members() == 1, 60, "the worker", every=0.2)
    return made


def test_no_check_reports_an_empty_log(system: System) -> None:
    see_no_difference(system, STRICT.name, records=0)
    status, results = Whole(system, ()).check()
    assert (status, {name: each.state for name, each in results.items() if each.state not in ("good", "not set up")}) == (
        1, {f"force {STRICT.name}": "unknown"},
    )  # fmt: skip


def publish_odd(system: System) -> None:
    """Facts of every kind, records for the quarantine, and odd facts, all applied."""
    publish(system, (fact for _, fact in every_kind.facts() if isinstance(fact, SubjectFact)))
    with KafkaProducer(bootstrap_servers=system.settings.kafka) as producer:  # records for the quarantine
        too_late = replace(made.opened("2020-01-01 09:00"), force=STRICT.name)
        unlisted = replace(made.opened("09:00"), force="atlantis")
        for value in (b"{", encode([too_late]), encode([unlisted]), b""):
            producer.send("incidents", value, partition=0).get(30)
    publish(system, odd())  # after heartbeats that nothing older would come
    system.settle()
    assert system.count("quarantined") == 4
    assert system.count("late") > 10


def test_no_check_reports_odd_data(system: System) -> None:
    publish_odd(system)
    see_no_difference(system, STRICT.name, QUIET, NOBODY, records=sum(system.ends().values()))
    publish(system, ())  # feeds have been silent during the checks
    system.settle()
    status, results = Whole(system, ()).check()
    states = {name: each.state for name, each in results.items() if each.state not in ("good", "not set up")}
    replayed = {f"feed {force} {feed.name}": "warning" for force in (STRICT.name, QUIET) for feed in STRICT.feeds}
    assert (status, states) == (1, {**replayed, "quarantine": "warning"})
    assert results[f"force {NOBODY}"].state == "not set up"


@pytest.mark.faults
def test_no_rebuild_reports_odd_data(system: System) -> None:
    publish_odd(system)
    see_rebuild(system)


def see_no_difference(system: System, *names: str, records: int) -> None:
    """Neither an audit, nor a comparison of live windows, nor an explanation finds a difference."""
    reader, forces = system.reader(), [each.force for each in system.rules.values()]
    reader.refresh()
    with recount_of(system.settings, forces, reader.applied_offsets(), keeps_facts=True) as counted:
        for force in names:
            see_no_difference_of(system, reader, counted, force, records)


def see_no_difference_of(system: System, reader: Reader, counted: Recount, force: str, records: int) -> None:
    """The same for one force."""
    rules, present = system.rules[force], reader.present(force)
    period = every_kind.FIRST - timedelta(days=1), every_kind.END
    counts = read_period(reader, rules.force, *period, present, [CATALOGUE[name] for name in SOME])
    queries = [each for each in every_query(["24h"], rules.force) if not each.by or each.measure.name in SOME]
    readings = read_state(reader, force, queries, present)
    found = audit(counts, counted, rules, *period)
    assert found.is_clean(), "\n".join(lines(found))
    compared = compare(readings, counted)
    assert (compared.differences, compared.records) == ([], records)
    for name in SOME:
        query = Query(measure=CATALOGUE[name], window=f"{period[0]}/{period[1]}", by=("day",))
        moment, state = read_or_reason(system.settings, system.reader(), force, query, present)
        assert isinstance(state, StateReadings), state
        assert all(each.is_confirmed() for each in explain(counted, force, query, moment, state, 1))


def see_rebuild(system: System) -> None:
    """The rebuilt state is the same."""

    async def run() -> Rebuilt:
        return await rebuild(system.settings, system.rules, wall, lambda *_: None, print)

    found = asyncio.run(run())
    report = list(rebuilt_lines(found, 0))
    assert found.is_same(), report
    never = f"{NOBODY}, san_francisco_fire, staffordshire"
    assert f"Not compared: the figures of {never}, from which nothing was ever received." in report
