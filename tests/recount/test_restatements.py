"""Restatements: each day's figures as first published and as now, checked against the recount, with the reasons."""

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from msgspec.structs import replace

from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.recount import Recount
from bluelamp.verify.restatement_report import Restatements, lines, table
from bluelamp.verify.restatements import Cause, PartitionFacts, Restatement, open_days, read_partition, restated
from facts.contact import ContactAnswered, ContactOffered
from facts.fact import FactWithdrawn, SubjectFact
from facts.feed import FeedHeartbeat
from facts.incident import (
    IncidentClosed,
    IncidentOpened,
    IncidentReclassified,
    IncidentRegraded,
    UnitArrived,
    UnitDispatched,
)
from facts.partitioning import partition_of
from facts.union import Topic
from facts.wire import decode, encode
from measures.catalogue import CATALOGUE, find
from measures.measure import External, Measure
from measures.rules import Rules
from streams.record import Place, received
from tests.archive.logs import MemoryLog, record
from tests.support.facts import heartbeat
from tests.support.forces import STRICT

RULES = Rules(STRICT)
DAYS = [date(2024, 12, number) for number in (2, 3, 4)]
START = datetime(2024, 12, 2, tzinfo=UTC)
PRESENT = datetime(2024, 12, 6, 9, tzinfo=UTC)
FEEDS = {"incidents": ["dispatch"], "contacts": ["telephony", "digital"]}
Reported = tuple[datetime, Place, Any]
"""When the log receives a fact, on which partition, and the fact."""


def place_of(fact: SubjectFact) -> Place:
    topic = "contacts" if fact.subject_id.startswith("c") else "incidents"
    return topic, partition_of(fact.subject_id, 2)


def log_of(reported: Sequence[Reported], until: datetime = PRESENT) -> MemoryLog:
    """Facts as reported, with an hourly heartbeat of each feed on each partition."""
    places = [(topic, number) for topic in FEEDS for number in range(2)]
    hours = int((until - START).total_seconds() // 3600)
    beats = [
        (
            at,
            place,
            heartbeat(feed, at, fact_id=f"b{hour}", seq=hour),
        )
        for hour in range(1, hours + 1)
        for at in (START + timedelta(hours=hour),)
        for place in places
        for feed in FEEDS[place[0]]
    ]
    # A fact received on the hour comes before the heartbeat of that hour.
    every = sorted([*reported, *beats], key=lambda each: (each[0], isinstance(each[2], FeedHeartbeat)))
    log = MemoryLog({place: [] for place in places})
    for at, place, fact in every:
        log.add(place, [record(log.ends[place], int(at.timestamp() * 1000), encode([fact]))])
    return log


def kept_of(log: MemoryLog, days: Sequence[date] = DAYS) -> list[PartitionFacts]:
    return [read_partition(log, place, 2, span, RULES, days) for place, span in log.reach().items()]


def all_of(kept: Sequence[PartitionFacts], *names: str, by: tuple[str, ...] = ()) -> list[Restatement]:
    measures = [find(name) for name in names] or CATALOGUE.values()
    return list(restated(kept, RULES, DAYS, measures, by, PRESENT))


# Chance: everything that may happen to a fact, against the recount.


def by_chance(seed: int) -> list[Reported]:
    """Three days of incidents and calls: most reported at once, the others late, corrected, withdrawn, regraded or left open."""
    chance = random.Random(seed)
    reported: list[Reported] = []

    def report(fact: SubjectFact, delay_hours: float = 0.0) -> None:
        reported.append((max(fact.at, START) + timedelta(hours=delay_hours), place_of(fact), fact))

    for number in range(150):
        at = START + timedelta(minutes=chance.randrange(3 * 24 * 60))
        delay = chance.choice([0, 0, 0, 0, 0, 0, 2, 30])
        if number % 3:
            _incident(chance, f"i{number}", at, delay, report)
        else:
            common: dict[str, Any] = {"force": STRICT.name, "subject_id": f"c{number}", "queue": "emergency"}
            report(ContactOffered(fact_id="o", at=at, line="999", **common), delay)
            report(
                ContactAnswered(fact_id="a", at=at + timedelta(seconds=chance.randrange(30)), **common),
                chance.choice([0, 0, 40]),
            )
    return [each for each in reported if each[0] <= PRESENT]


def _incident(chance: random.Random, subject_id: str, at: datetime, delay: int, report: Any) -> None:
    common: dict[str, Any] = {"force": STRICT.name, "subject_id": subject_id}
    grade, area = chance.choice("123"), chance.choice(["north", "south"])
    report(IncidentOpened(fact_id="o", at=at, grade=grade, group="crime", area=area, **common), delay)
    arrived = at + timedelta(minutes=chance.choice([5, 14, 16, 100, 600, 1500]))
    if chance.random() < 0.8:
        report(UnitDispatched(fact_id="d", at=at + timedelta(minutes=2), unit="u", **common), delay)
        report(UnitArrived(fact_id="a", at=arrived, unit="u", **common), chance.choice([0, 0, 0, 35]))
    later = at + timedelta(hours=chance.randrange(1, 50))
    match chance.randrange(9):
        case 0:
            report(IncidentRegraded(fact_id="r", at=later, grade=chance.choice("123"), **common))
        case 1:
            report(FactWithdrawn(fact_id="w", at=later, withdraws="o", **common))
        case 2:
            report(
                IncidentOpened(fact_id="oo", at=at - timedelta(hours=20), grade="2", area=area, corrects="o", **common),
                44,
            )
        case 3:
            report(IncidentReclassified(fact_id="rc", at=later, group="duplicate", domestic=True, **common))
        case 4:
            report(IncidentOpened(fact_id="o", at=at, grade=grade, group="crime", area=area, **common), 50)
        case 5 | 6 | 7:
            report(IncidentClosed(fact_id="c", at=later, result="attended", **common))


Cell = tuple[float | None, int, int | None]


def cells(
    counted: Recount, measure: Measure, day: date, as_of: datetime, by: tuple[str, ...]
) -> dict[tuple[str, ...], Cell]:
    found = counted.answer(measure, STRICT.name, f"{day}/{day + timedelta(days=1)}", as_of, by=by)
    return {tuple(each.dimensions.values()): (each.value, each.n, each.met) for each in found}


def recounted(log: MemoryLog, until: dict[Place, int] | None = None) -> Recount:
    records = [
        LogRecord(cast(Topic, place[0]), place[1], each.offset, received(each.timestamp), each.value)
        for place, some in log.records.items()
        for each in some
        if until is None or each.offset < until[place]
    ]
    return from_records(records, [STRICT], {"contacts": 2, "incidents": 2})


def asked() -> Iterator[tuple[Measure, tuple[str, ...]]]:
    for measure in CATALOGUE.values():
        if measure.topics() <= FEEDS.keys() and not measure.is_open() and not isinstance(measure.statistic, External):
            for by in ((), *((name,) for name in measure.dimensions() if name in ("grade", "area", "domestic"))):
                yield measure, by


def test_first_and_current_figures_equal_the_recount() -> None:
    log = log_of(by_chance(seed=7))
    kept = kept_of(log)
    assert open_days(kept, DAYS) == {}
    compared = differing = 0
    with recounted(log) as now:
        for day in DAYS[:1]:
            end = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
            with recounted(log, {each.place: each.closed[day.toordinal()].offset for each in kept}) as first:
                for measure, by in asked():
                    was, is_ = cells(first, measure, day, end, by), cells(now, measure, day, PRESENT, by)
                    changed = {words for words in was | is_ if was.get(words) != is_.get(words)}
                    restated_figures = {
                        tuple(each.words.values()): each
                        for each in restated(kept, RULES, [day], [measure], by, PRESENT)
                    }
                    assert set(restated_figures) == changed, (day, measure.name, by)
                    for words, each in restated_figures.items():
                        assert (each.first, each.first_n) == was.get(words, (None, 0))[:2], (day, measure.name, words)
                        assert (each.now, each.now_n) == is_.get(words, (None, 0))[:2], (day, measure.name, words)
                        assert each.because, (day, measure.name, words)
                    compared += len(was | is_)
                    differing += len(changed)
    assert compared > 175
    assert differing > 75
    causes = {cause for each in all_of(kept) for cause in each.causes}
    assert causes == {
        "withdrawn",
        "corrected",
        "regraded",
        "reclassified",
        "late",
        "afterwards",
        "fell due",
        "unrecorded",
    }


# One of each: who and why.


def scene() -> list[Reported]:
    """Four incidents on 3 December. On the 4th, another arrives late, and one each is regraded, withdrawn and corrected."""
    at = [datetime(2024, 12, 3, hour, tzinfo=UTC) for hour in range(24)]
    after = datetime(2024, 12, 4, 9, 30, tzinfo=UTC)
    reported: list[Reported] = []

    def report(kind: type[SubjectFact], subject_id: str, moment: datetime, received: datetime, **fields: Any) -> None:
        fact = kind(force=STRICT.name, subject_id=subject_id, at=moment, **fields)
        reported.append((received, place_of(fact), fact))

    for number, grade in enumerate("1122"):
        report(IncidentOpened, f"i{number}", at[8 + number], at[8 + number], fact_id="o", grade=grade, area="north")
    report(IncidentOpened, "late", at[12], after, fact_id="o", grade="2", area="south")
    report(IncidentRegraded, "i0", after, after, fact_id="r", grade="3")
    report(UnitDispatched, "i0", after, after, fact_id="d", unit="u")  # which changes neither count nor grade
    report(FactWithdrawn, "i2", after, after, fact_id="w", withdraws="o")
    report(FactWithdrawn, "i3", after, after, fact_id="w", withdraws="o")
    report(IncidentOpened, "i1", at[9], after, fact_id="oo", grade="1", area="south", corrects="o")
    report(IncidentOpened, "i0", at[8], after, fact_id="o", grade="1", area="north")  # repeated: nothing new
    return reported


def restatement_of(found: Sequence[Restatement], *words: str) -> Restatement:
    (one,) = [each for each in found if tuple(each.words.values()) == words]
    return one


def reasons(one: Restatement) -> set[tuple[Cause, str]]:
    return {(each.cause, each.subject_id) for each in one.because}


def test_each_figure_has_its_change_and_the_facts_behind_it() -> None:
    kept = kept_of(log_of(scene()))
    (whole,) = all_of(kept, "incident_count")
    assert (whole.day, whole.first, whole.now) == (date(2024, 12, 3), 4, 3)
    assert reasons(whole) == {("late", "late"), ("withdrawn", "i2"), ("withdrawn", "i3")}
    assert whole.causes == {"late": 1, "withdrawn": 2}
    by_grade = all_of(kept, "incident_count", by=("grade",))
    assert (restatement_of(by_grade, "1").first, restatement_of(by_grade, "1").now) == (2, 1)
    assert reasons(restatement_of(by_grade, "1")) == {("regraded", "i0")}
    assert (restatement_of(by_grade, "3").first, restatement_of(by_grade, "3").now) == (None, 1)
    by_area = all_of(kept, "incident_count", by=("area",))
    assert reasons(restatement_of(by_area, "north")) == {("corrected", "i1"), ("withdrawn", "i2"), ("withdrawn", "i3")}
    assert reasons(restatement_of(by_area, "south")) == {("corrected", "i1"), ("late", "late")}
    assert whole.is_restated()


def test_repeated_facts_and_a_second_run_change_nothing() -> None:
    """Published figures are not stored: the same log gives the same result, even if every fact is repeated at its end."""
    reported = scene()
    once = all_of(kept_of(log_of(reported)))
    end = PRESENT - timedelta(minutes=1)
    twice = all_of(kept_of(log_of([*reported, *((end, place, fact) for _, place, fact in reported)])))
    assert [(each.measure, each.first, each.now, reasons(each)) for each in once] == [
        (each.measure, each.first, each.now, reasons(each)) for each in twice
    ]
    assert once


def test_facts_in_the_record_that_closes_a_day_are_in_its_first_figures() -> None:
    """A record is applied whole, so a batch that closes a day belongs to its first figures."""
    place = ("incidents", 0)
    log = log_of(scene())
    at = next(
        n
        for n, each in enumerate(log.records[place])
        if each.timestamp == _milliseconds(datetime(2024, 12, 4, tzinfo=UTC))
    )
    common: dict[str, Any] = {"force": STRICT.name, "at": datetime(2024, 12, 3, 22, tzinfo=UTC), "grade": "1"}
    beat = log.records[place][at]
    (known,) = decode(beat.value, "incidents", PRESENT).facts
    batch = encode([known[1], IncidentOpened(fact_id="o", subject_id="i9", **common)])
    log.records[place][at] = beat._replace(value=batch)
    (whole,) = all_of(kept_of(log), "incident_count")
    assert (whole.first, whole.now) == (5, 4)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def test_an_open_item_that_ends_later_is_not_a_restatement() -> None:
    at = datetime(2024, 12, 2, 23, 30, tzinfo=UTC)
    common: dict[str, Any] = {"force": STRICT.name, "subject_id": "i1"}
    facts: list[SubjectFact] = [
        IncidentOpened(fact_id="o", at=at, grade="2", **common),
        UnitArrived(fact_id="a", at=at + timedelta(hours=1), unit="u", **common),
        IncidentOpened(fact_id="o", at=at, grade="2", force=STRICT.name, subject_id="i2"),
    ]
    found = all_of(kept_of(log_of([(fact.at, place_of(fact), fact) for fact in facts])))
    (decided,) = [each for each in found if each.measure == "grade_2_opened_to_arrived_within_target_ratio"]
    assert (decided.first, decided.now, decided.now_n) == (None, 0.5, 2)
    assert reasons(decided) == {("afterwards", "i1"), ("fell due", "i2")}
    assert not any(each.is_restated() for each in found)


def test_a_day_that_is_not_closed_is_not_published() -> None:
    """One open partition is enough. Measures of other topics do not wait for it."""
    log = log_of(scene())
    place = ("incidents", 1)
    log.records[place] = [
        each for each in log.records[place] if each.timestamp < datetime(2024, 12, 3, 20, tzinfo=UTC).timestamp() * 1000
    ]
    kept = kept_of(log)
    assert open_days(kept, DAYS) == {DAYS[1]: ["incidents"], DAYS[2]: ["incidents"]}
    assert all_of(kept, "incident_count", by=("area",)) == []


def test_a_clock_that_is_briefly_ahead_closes_no_day() -> None:
    """On the afternoon of the first day, one heartbeat is two days ahead."""
    place, moments = ("incidents", 0), [START + timedelta(hours=hour) for hour in range(1, 30)]
    moments.insert(15, moments[14] + timedelta(days=2))
    log = MemoryLog({place: []})
    for offset, at in enumerate(moments):
        beat = heartbeat("dispatch", at)
        log.add(place, [record(offset, int(at.timestamp() * 1000), encode([beat]))])
    kept = read_partition(log, place, 1, log.reach()[place], RULES, DAYS)
    offsets = {day: closing.offset for day, closing in kept.closed.items()}
    assert offsets == {DAYS[0].toordinal(): moments.index(START + timedelta(hours=24)) + 1}


@pytest.fixture
def answer() -> Restatements:
    kept = kept_of(log_of(scene()))
    return Restatements(
        force="strict", start=DAYS[0], end=date(2024, 12, 5), as_of=PRESENT,
        restated=tuple(all_of(kept, "incident_count")), not_shown={date(2024, 12, 5): ["contacts"]},
    )  # fmt: skip


def test_the_lines_for_people(answer: Restatements) -> None:
    printed = list(lines(answer, 2))
    assert printed[0] == "2024-12-03  incident_count  first 4 (n 4), now 3 (n 3)  late 1, withdrawn 2"
    assert printed[1:3] == [
        "    i2",
        next(line for line in printed if line.startswith("      withdrawn, received 2024-12-04 09:30:00Z: {")),
    ]
    assert "    and 1 more subject: --limit 0 lists all." in printed
    assert printed[-2] == "Figures changed since first published: 1, on 1 day."
    assert printed[-1] == "2024-12-05 is not complete for contacts: its figures have not been published yet."


def test_the_table(answer: Restatements) -> None:
    rows = list(csv.DictReader(line for line in table(answer).splitlines() if not line.startswith("#")))
    (row,) = rows
    assert (row["first"], row["now"], row["difference"]) == ("4", "3", "-1")
    assert (row["causes"], row["subjects"]) == ("late 1; withdrawn 2", "i2 i3 late")
    assert replace(answer, restated=()) != answer
