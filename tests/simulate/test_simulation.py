"""A simulation's facts: their bytes, order and subjects, and how reports differ from what happened."""

import hashlib
import math
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest

from facts import wire
from facts.errors import SettingError
from facts.fact import FactWithdrawn, SubjectFact
from facts.incident import UnitArrived
from facts.union import AnyFact
from producers.simulate.parameters import packaged, parse
from producers.simulate.reporting import ReportedFact
from producers.simulate.simulation import Simulation
from tests.simulate.worlds import reports, simulation
from tests.support.forces import STRICT

RECEIVED = timedelta(seconds=1)


def digest(facts: tuple[ReportedFact, ...]) -> str:
    """A digest of the facts' bytes."""
    return hashlib.sha256(b"\n".join(wire.encode([each.fact]) for each in facts)).hexdigest()


def _words(each: ReportedFact) -> tuple[str, datetime]:
    """The type and time of a fact, without its id."""
    return type(each.fact).__name__, each.fact.at


def _corrects(fact: AnyFact) -> bool:
    return isinstance(fact, SubjectFact) and fact.corrects is not None


def day(seed: int = 41) -> Simulation:
    """A simulation that starts quickly, with a single day of warm-up."""
    chosen = simulation(seed=seed, start=date(2024, 12, 10))
    return msgspec.structs.replace(chosen, parameters=msgspec.structs.replace(chosen.parameters, warm_up_days=1))


@lru_cache(maxsize=1)
def two_days() -> tuple[ReportedFact, ...]:
    """The reports of its first two days."""
    return first_days(day(), 2)


def first_days(chosen: Simulation, days: int = 1) -> tuple[ReportedFact, ...]:
    return tuple(chosen.reported_before(chosen.end_of(days)))


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert digest(first_days(day(), 2)) == digest(two_days())


def test_another_seed_gives_other_facts() -> None:
    other = tuple(islice(day(seed=42).reported(), 500))
    assert Counter(_words(each) for each in other) != Counter(_words(each) for each in two_days()[:500])


def test_the_end_and_the_way_of_reading_do_not_change_earlier_facts() -> None:
    steps = day().reported()
    reports = (*islice(steps, 1000), *islice(steps, 4000))
    assert digest(reports) == digest(two_days()[:5000])
    end = day().end_of(1)
    one = sum(each.at < end for each in two_days())
    assert digest(first_days(day())) == digest(two_days()[:one])


def test_facts_are_reported_in_order_and_never_before_they_happened() -> None:
    facts = reports(days=2)
    assert all(one.at <= other.at for one, other in pairwise(facts))
    assert min(each.at - each.fact.at.timestamp() for each in facts) > 0


@pytest.mark.parametrize("scenario", ["normal", "feed_outage"])  # one of the longest names
def test_every_fact_can_be_decoded(scenario: str) -> None:
    for each in reports(scenario, days=2):
        decoded = wire.decode(wire.encode([each.fact]), each.topic, datetime.fromtimestamp(each.at, UTC) + RECEIVED)
        assert decoded.facts == [(0, each.fact)], decoded.unreadable


def test_every_subject_is_reported_from_its_beginning() -> None:
    """The first day has no ends of subjects that began before it."""
    begins = {
        "ContactOffered",
        "IncidentOpened",
        "DetaineeArrived",
        "VoluntaryAttended",
        "OccurrenceRecorded",
        "CallTakerSignedOn",
    }
    subjects: dict[str, set[str]] = defaultdict(set)
    for each in reports(days=2):
        assert isinstance(each.fact, SubjectFact)
        subjects[each.fact.subject_id].add(type(each.fact).__name__)
    late = [subject for subject, kinds in subjects.items() if not kinds & begins]
    assert len(late) <= 0.005 * len(subjects)  # their beginning is a late entry, reported after the second day


def test_a_fact_reported_twice_is_the_same_fact() -> None:
    by_id: dict[str, SubjectFact] = {}
    for each in reports(days=2):
        assert isinstance(each.fact, SubjectFact)
        assert by_id.setdefault(each.fact.fact_id, each.fact) == each.fact
    assert len(by_id) < len(reports(days=2))


def test_late_duplicated_and_corrected_facts_have_the_stated_rates() -> None:
    of, facts = packaged().reporting, reports(days=7)
    ids = Counter(each.fact.fact_id for each in facts)
    assert sum(count - 1 for count in ids.values()) / len(ids) == pytest.approx(of.duplicated_share, rel=0.25)
    kept = [each for each in facts if each.topic in ("incidents", "custody") and isinstance(each.fact, SubjectFact)]
    corrected = sum(each.fact.corrects is not None for each in kept if isinstance(each.fact, SubjectFact))
    assert corrected / len(kept) == pytest.approx(of.corrected_share, rel=0.25)
    wrong = {each.fact.corrects for each in kept if isinstance(each.fact, SubjectFact)}
    usual = [each for each in kept if ids[each.fact.fact_id] == 1 and each.fact.fact_id not in wrong]
    late = sum(each.at - each.fact.at.timestamp() > 120 and not _corrects(each.fact) for each in usual)
    assert late / len(kept) == pytest.approx(of.late_share, rel=0.4)
    arrivals = sum(isinstance(each.fact, UnitArrived) for each in kept)
    withdrawn = sum(isinstance(each.fact, FactWithdrawn) for each in kept)
    expected = of.withdrawn_share * arrivals
    assert withdrawn == pytest.approx(expected, abs=3 * math.sqrt(expected)), "within three standard deviations"


def test_corrections_and_withdrawals_name_a_fact_reported_before() -> None:
    known: set[str] = set()
    for each in reports(days=7):
        fact = each.fact
        assert isinstance(fact, SubjectFact)
        names = [fact.corrects] if fact.corrects else [fact.withdraws] if isinstance(fact, FactWithdrawn) else []
        assert set(names) <= known
        known.add(fact.fact_id)


@pytest.mark.parametrize(("start", "hours"), [(date(2024, 3, 31), 23), (date(2024, 10, 27), 25)])
def test_a_day_has_the_hours_of_the_local_clock(start: date, hours: int) -> None:
    chosen = simulation(start=start)
    assert chosen.end_of(1) - chosen.end_of(0) == hours * 3600
    offered = [each for each in first_days(chosen) if type(each.fact).__name__ == "ContactOffered"]
    local = Counter(each.fact.at.astimezone(ZoneInfo("Europe/London")).hour for each in offered)
    assert (1 in local) is (hours == 25)


def test_a_force_without_parameters_is_refused() -> None:
    with pytest.raises(SettingError, match="no parameters for strict"):
        next(msgspec.structs.replace(day(), force=STRICT).reported())


def test_a_misspelt_parameter_is_refused_with_its_place() -> None:
    with pytest.raises(SettingError, match="unknown field") as refused:
        parse('force = "staffordshire"\nwarm_up = 7\n', "here.toml")
    assert "here.toml" in refused.value.where
