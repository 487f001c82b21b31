"""A force whose record begins in the middle of a month, in the product's reader in memory and in the independent recount.

Telephony, incidents and occurrences begin in the morning of 30 July 2025, custody on 12 September, digital contact in the
first hour of October. Every feed is complete to the present, 3 January 2026.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from bluelamp.recount.coverage import KnownFigure
from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.recount import Recount
from dashboards.report.figures import NO_RECORD, Ask, ReportFigure, figure
from facts.contact import ContactAnswered, ContactConcluded, ContactOffered
from facts.custody import DetaineeArrived, DetentionAuthorised, DetentionEnded
from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.incident import IncidentClosed, IncidentOpened, UnitArrived, UnitDispatched
from facts.occurrence import OccurrenceRecorded
from facts.union import TOPICS, AnyFact, Topic, topic_of
from facts.wire import encode
from measures.measure import Measure, Where
from measures.reading import NO_EVENTS
from tests.oracle.memory import MemoryReader
from tests.support.facts import heartbeat
from tests.support.forces import shipped

Facts = tuple[tuple[Topic, AnyFact], ...]
FORCE: Force = shipped("staffordshire")
ZONE = FORCE.zone()
BEGINS = datetime(2025, 7, 30, 5, tzinfo=ZONE)
AS_OF = datetime(2026, 1, 3, 12, tzinfo=ZONE)
CUSTODY, DIGITAL = datetime(2025, 9, 12, tzinfo=ZONE), datetime(2025, 10, 1, tzinfo=ZONE)
_MINUTE = timedelta(minutes=1)
_TRIAGE, _LOCAL = {"queue": "triage"}, {"queue": "local"}
_AREAS = [area.label for area in FORCE.areas]
_TYPES = [each.label for each in FORCE.occurrence_types]


def _of_day(day: date, number: int) -> Iterator[tuple[Any, datetime, str, dict[str, Any]]]:
    """The facts of one day: type, time, subject and fields."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE)
    at = [midnight + minute * 17 * _MINUTE + 10 * _MINUTE for minute in range(80)]
    for call in range(3 + number % 3):
        fields = {"queue": "emergency"}
        yield ContactOffered, at[9 * call], f"e{number}.{call}", {"line": "999", **fields}
        yield ContactAnswered, at[9 * call] + timedelta(seconds=4 + 3 * call), f"e{number}.{call}", fields
    for call in range(2):
        name, first = f"n{number}.{call}", at[20 * call]
        yield ContactOffered, first, name, {"line": "101", **_TRIAGE}
        yield ContactAnswered, first + _MINUTE, name, _TRIAGE
        yield ContactConcluded, first + 2 * _MINUTE, name, {"result": "to_local", **_TRIAGE}
        yield ContactOffered, first + 2 * _MINUTE, name, {"line": "101", **_LOCAL}
        yield ContactAnswered, first + (5 + 9 * call) * _MINUTE, name, _LOCAL
    for form in range(1 + number % 2 if midnight >= DIGITAL else 0):
        fields = {"line": "digital", "queue": "digital", "channel": "contact_us"}
        yield ContactOffered, at[30 * form], f"d{number}.{form}", fields
    for job in range(3 + number % 4):
        name, area = f"i{number}.{job}", _AREAS[(number + job) % len(_AREAS)]
        yield IncidentOpened, at[11 * job], name, {"grade": str(1 + job % 3), "group": "crime", "area": area}
        yield UnitDispatched, at[11 * job] + 3 * _MINUTE, name, {"unit": "u"}
        yield UnitArrived, at[11 * job] + (9 + job) * _MINUTE, name, {"unit": "u"}
        yield IncidentClosed, at[11 * job] + 40 * _MINUTE, name, {"result": "attended"}
    for stay in range(1 + number % 2 if midnight >= CUSTODY else 0):
        name, arrival = f"c{number}.{stay}", at[33 + 11 * stay]
        detained: dict[str, Any] = {"suite": "north", "child": number % 5 == 0, "relevant_time": arrival}
        yield DetaineeArrived, arrival, name, detained
        yield DetentionAuthorised, arrival + 20 * _MINUTE, name, {}
        yield DetentionEnded, arrival + 300 * _MINUTE, name, {"disposal": "charged"}
    for each in range(2):
        recorded: dict[str, Any] = {
            "type": _TYPES[(number + each) % len(_TYPES)],
            "area": _AREAS[number % len(_AREAS)],
            "victim_based": True,
        }
        yield OccurrenceRecorded, at[25 + 20 * each], f"o{number}.{each}", recorded


@lru_cache(maxsize=1)
def all_facts() -> Facts:
    """Every fact, then a heartbeat of each feed."""
    found: list[tuple[Topic, AnyFact]] = []
    days = [BEGINS.date() + timedelta(days=day) for day in range((AS_OF.date() - BEGINS.date()).days)]
    for number, day in enumerate(days):
        for place, (kind, at, subject, fields) in enumerate(_of_day(day, number)):
            if at >= BEGINS:
                fact = kind(fact_id=f"{subject}-{place}", force=FORCE.name, at=at, subject_id=subject, **fields)
                found.append((topic_of(kind) or "contacts", fact))
    return *found, *beats(AS_OF)


def facts_by(now: datetime, complete_to: datetime | None = None) -> Facts:
    """The facts from before a time, with every feed complete to that time or to another."""
    until = complete_to or now
    past = tuple(each for each in all_facts() if each[1].at < until and not isinstance(each[1], FeedHeartbeat))
    return *past, *beats(until)


def beats(complete_to: datetime) -> Facts:
    """A heartbeat of each feed."""
    return tuple((feed.topic, beat(feed.name, complete_to)) for feed in FORCE.feeds)


def beat(feed: str, complete_to: datetime) -> FeedHeartbeat:
    """A heartbeat of a feed."""
    return heartbeat(feed, complete_to, fact_id=f"beat-{feed}", force=FORCE.name)


def read_by(facts: Facts, now: datetime = AS_OF) -> MemoryReader:
    """The product's reader of these facts, at a time."""
    reader = MemoryReader(FORCE)
    reader.moment = round(now.timestamp() * 1_000_000)
    for topic in TOPICS:
        reader.caches[topic].receive([fact for name, fact in facts if name == topic], now)
    return reader


def recount_of(facts: Facts) -> Recount:
    """The recount of these facts; the caller closes it."""
    return from_records(_records(facts), [FORCE])


def _records(facts: Facts) -> Iterator[LogRecord]:
    return (LogRecord(topic, 0, place, AS_OF, encode([fact])) for place, (topic, fact) in enumerate(facts))


def ask_recount(counted: Recount, as_of: datetime = AS_OF) -> Ask:
    """The figures of the recount, with its own calculation of coverage, in the product's words."""

    def ask(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        return [_figure(measure, each, as_of) for each in counted.known(measure, FORCE.name, window, as_of, by, where)]

    return ask


def _figure(measure: Measure, known: KnownFigure, as_of: datetime) -> ReportFigure:
    begins, until = _local(known.begins), _local(known.until)
    part = instead = ""
    if known.coverage == "none":
        assert begins is not None, "in this record every feed has begun"
        instead, part = NO_RECORD, f"The record begins on {begins.day} {begins:%B %Y}: there is no data before then."
    elif begins is not None and until is not None:
        until = min(until, as_of)
        part = (
            f"The record begins on {begins.day} {begins:%B %Y at %H:%M}: "
            f"this figure covers only the time from then to {until.day} {until:%B %Y at %H:%M}."
        )
    trouble = " ".join(each for each in (_too_few(measure, known), part) if each)
    return replace(figure(measure, known), trouble=trouble, instead=instead, is_whole=known.coverage == "whole")


def _local(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at / 1_000_000, ZONE)


def _too_few(measure: Measure, known: KnownFigure) -> str:
    if known.n is None or known.coverage == "none":
        return ""
    if known.value is None:
        return NO_EVENTS
    is_little = known.n < measure.minimum_n and measure.unit != "count"
    return f"n is {known.n}: fewer than {measure.minimum_n} is too few to rely on." if is_little else ""
