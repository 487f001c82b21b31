"""Older history behind a live simulation: newest month first, whole subjects, and no period that looks whole too early."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest

from bluelamp.local.older_history import HistoryFiller, SavedHistory, load_history, reach_of, stretches
from bluelamp.local.saved_simulation import SavedSimulation
from bluelamp.recount.coverage import FeedCoverage
from facts.call_taker import CallTakerSignedOff, CallTakerSignedOn
from facts.contact import ContactOffered
from facts.fact import SubjectFact
from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from measures.coverage import Coverage, coverage_of
from measures.outcome import microseconds
from measures.reading import filling
from producers.simulate.reporting import ReportedFact
from producers.simulate.simulation import Simulation
from tests.oracle.memory import MemoryReader
from tests.simulate.worlds import simulation
from tests.support.facts import heartbeat
from tests.support.forces import shipped

FORCE = shipped("staffordshire")
BACK_TO, MIDDLE, START = date(2024, 12, 8), date(2024, 12, 9), date(2024, 12, 10)
PRESENT = datetime(2024, 12, 11, tzinfo=UTC)


class _Remembered(Simulation, frozen=True, kw_only=True):
    """A simulation that simulates each stretch once, with a single day of warm-up."""

    def subjects_before(self, end: date) -> list[list[ReportedFact]]:
        """Everything that begins from the first day and before a local day."""
        return _stretch(self.start, end)


@lru_cache(maxsize=4)
def _stretch(start: date, end: date) -> list[list[ReportedFact]]:
    return Simulation.subjects_before(day(start), end)


def day(start: date) -> Simulation:
    chosen = simulation(start=start)
    parameters = msgspec.structs.replace(chosen.parameters, warm_up_days=1)
    return _Remembered(**{**msgspec.structs.asdict(chosen), "parameters": parameters})


def subjects(start: date, end: date) -> list[list[ReportedFact]]:
    return day(start).subjects_before(end)


def ids(found: Sequence[Sequence[ReportedFact]]) -> set[str]:
    return {each.fact.subject_id for reports in found for each in reports if isinstance(each.fact, SubjectFact)}


def test_a_stretch_has_exactly_what_begins_in_it() -> None:
    """The next stretch begins where this one ends, so no subject is lost and none comes from both."""
    middle = datetime(2024, 12, 9, tzinfo=UTC)
    whole = subjects(BACK_TO, START)
    older = ids([reports for reports in whole if min(each.fact.at for each in reports) < middle])
    assert ids(subjects(BACK_TO, MIDDLE)) == older
    assert 1_000 < len(older) < len(whole)


def test_two_stretches_share_no_subject_and_together_have_what_one_has() -> None:
    """Call takers sign off where a stretch ends, and on again where the next begins, so that nobody is counted twice."""
    middle = datetime(2024, 12, 9, tzinfo=UTC)
    first, second, whole = subjects(BACK_TO, MIDDLE), subjects(MIDDLE, START), subjects(BACK_TO, START)
    assert ids(first).isdisjoint(ids(second))
    assert facts_of(first).isdisjoint(facts_of(second))
    others = [[each for each in found if each[0].topic != "call_takers"] for found in (first, second, whole)]
    assert ids(others[0]) | ids(others[1]) == ids(others[2])
    takers = [
        sorted((each.fact for each in reports), key=lambda fact: fact.fact_id)
        for reports in first
        if reports[0].topic == "call_takers"
    ]
    assert all(isinstance(facts[-1], CallTakerSignedOff) for facts in takers)
    assert max(fact.at for facts in takers for fact in facts) == middle
    off = sum(facts[-1].at == middle for facts in takers)
    on = [each.fact for reports in second for each in reports if isinstance(each.fact, CallTakerSignedOn)]
    assert off == sum(fact.at == middle for fact in on) > 5


def facts_of(found: Sequence[Sequence[ReportedFact]]) -> set[str]:
    return {each.fact.fact_id for reports in found for each in reports}


def test_a_stretch_has_all_that_follows_from_what_begins_in_it() -> None:
    end = datetime(2024, 12, 10, tzinfo=UTC)
    firsts = [min(each.fact.at for each in reports) for reports in subjects(BACK_TO, START)]
    assert max(firsts) < end
    last = max(each.fact.at for reports in subjects(BACK_TO, START) for each in reports)
    assert (last - end).days > 20, "weeks later, crimes are still closed"


@pytest.mark.parametrize(
    ("back_to", "reached", "expected"),
    [
        ("2024-10-20", "2024-12-10", ["2024-12-01/2024-12-10", "2024-11-01/2024-12-01", "2024-10-20/2024-11-01"]),
        ("2024-12-03", "2024-12-10", ["2024-12-03/2024-12-10"]),
        ("2024-11-30", "2024-12-01", ["2024-11-30/2024-12-01"]),
        ("2024-12-10", "2024-12-10", []),
        ("2024-12-11", "2024-12-10", []),
    ],
)
def test_history_is_filled_in_by_months_newest_first(back_to: str, reached: str, expected: list[str]) -> None:
    found = stretches(date.fromisoformat(back_to), date.fromisoformat(reached))
    assert [f"{start}/{end}" for start, end in found] == expected


class _Tape:
    """A sink that records which facts came together."""

    def __init__(self) -> None:
        self.together: list[Sequence[AnyFact]] = []
        self.flushed = 0

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        assert topic
        self.together.append([fact])

    def publish_together(self, facts: Sequence[AnyFact], topic: Topic | None = None) -> None:
        assert topic
        self.together.append(facts)

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        raise AssertionError((heartbeat, topic))  # only the live simulation vouches for its feeds

    def flush(self) -> None:
        self.flushed = len(self.together)


def filler(tape: _Tape, position: Path, now: datetime = PRESENT, *, is_stopped: bool = False) -> HistoryFiller:
    return HistoryFiller(day(START), tape, position, lambda: now, lambda: not is_stopped)


def begun() -> SavedHistory:
    return SavedHistory(back_to=BACK_TO, reached=START, upcoming_until=PRESENT)


def test_each_subject_is_published_at_once_and_what_is_not_due_yet_comes_later(tmp_path: Path) -> None:
    tape, position = _Tape(), tmp_path / "simulation.json"
    filled = filler(tape, position).fill(begun())
    assert filled.reached == BACK_TO
    assert load_history(position) == filled
    assert tape.flushed == len(tape.together)
    own = [{each.subject_id for each in facts if isinstance(each, SubjectFact)} for facts in tape.together]
    assert Counter(len(each) for each in own) == {1: len(own)}
    assert max(Counter(subject for each in own for subject in each).values()) == 1, "no subject comes in two parts"
    published = {each.fact_id for facts in tape.together for each in facts}
    due = {each.fact.fact_id for reports in subjects(BACK_TO, START) for each in reports}
    upcoming = _Tape()
    end = datetime(2026, 1, 1, tzinfo=UTC)
    filler(upcoming, position, end).publish_upcoming(filled, lambda _: False)
    later = {each.fact_id for facts in upcoming.together for each in facts}
    assert later
    assert published | later == due
    assert (load_history(position) or begun()).upcoming_until == end


def test_a_stop_resumes_with_the_month_that_was_not_finished(tmp_path: Path) -> None:
    position = tmp_path / "simulation.json"
    assert filler(_Tape(), position, is_stopped=True).fill(begun()).reached == START, "one chunk does not hold them all"
    assert load_history(position) is None
    saved = SavedSimulation(force=FORCE.name, seed=41, scenario="normal", start=START, history_from=BACK_TO)
    reach = reach_of(saved, position, FORCE)
    assert reach
    assert (reach.back_to, reach.reached) == (
        datetime(2024, 12, 8, tzinfo=UTC),
        datetime(2024, 12, 10, tzinfo=UTC),
    )
    filler(_Tape(), position).save(msgspec.structs.replace(begun(), reached=MIDDLE))
    reach = reach_of(saved, position, FORCE)
    assert reach
    assert reach.reached == datetime(2024, 12, 9, tzinfo=UTC)
    assert reach_of(msgspec.structs.replace(saved, history_from=None), position, FORCE) is None


# What readers see meanwhile.

JUNE, JULY, AUGUST = (datetime(2025, month, 1, tzinfo=UTC) for month in (6, 7, 8))


def offered(at: datetime, subject_id: str) -> ContactOffered:
    return ContactOffered(
        fact_id=f"{subject_id}.1", force=FORCE.name, at=at, subject_id=subject_id, line="999", queue="emergency"
    )


def beat(complete_from: datetime | None) -> FeedHeartbeat:
    given = {"history_from": JUNE, "complete_from": complete_from} if complete_from else {}
    return heartbeat("telephony_999", AUGUST, force=FORCE.name, **given)


REACHED = [
    ([JULY], JULY),
    ([AUGUST, JULY], JULY),  # the last heartbeat counts
    ([JULY, JUNE], JUNE),
    ([JULY, None], JUNE),
    ([None], JUNE),
]


@pytest.mark.parametrize(("reached", "begins"), REACHED)
def test_the_record_begins_no_earlier_than_the_history_that_has_arrived(
    reached: Sequence[datetime | None], begins: datetime
) -> None:
    """By the engine and by the recount: the oldest fact that has arrived would make a month look whole that is not."""
    feed = next(each for each in FORCE.feeds if each.name == "telephony_999")
    reader, coverage = MemoryReader(FORCE), FeedCoverage()
    reader.moment = microseconds(AUGUST)
    received: list[AnyFact] = [offered(JUNE, "c1"), offered(JULY, "c2"), *map(beat, reached)]
    for fact in received:
        reader.caches["contacts"].receive([fact], AUGUST)
        coverage.add(fact, "contacts", 0, AUGUST)
    (status,) = [each for each in reader.feeds(FORCE.name) if each.feed == feed.name]
    assert coverage_of([status]) == Coverage(microseconds(begins), microseconds(AUGUST))
    assert coverage.begins(FORCE.name, [feed]) == microseconds(begins)
    words = filling([status])
    is_filling = reached[-1] not in (None, JUNE)
    assert words is None or words.ratio(microseconds(AUGUST)) == pytest.approx(31 / 61)
    assert (words.words(reader.rules[FORCE.name]) if words else "") == (
        "History so far: from 1 July 2025. Loading back to 1 June 2025." if is_filling else ""
    )


def test_older_history_is_not_late() -> None:
    def late(*facts: AnyFact) -> int:
        contacts = MemoryReader(FORCE).caches["contacts"]
        others = [heartbeat(name, AUGUST, force=FORCE.name) for name in ("telephony_101", "digital")]
        contacts.receive([*others, *facts], AUGUST)
        return contacts.counts.get("late", 0)

    assert late(beat(JULY), offered(JUNE, "c1")) == 0
    assert late(beat(JULY), offered(JULY, "c1")) == 1
    assert late(beat(None), offered(JUNE, "c1")) == 1
