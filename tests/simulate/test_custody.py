"""Simulated custody: every kind of fact in it, the shares of the parameters, and clocks that the law allows."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeVar, get_args
from zoneinfo import ZoneInfo

import pytest

from bluelamp.recount.load import LogRecord, from_records
from facts.custody import (
    CustodyFact,
    DetaineeArrived,
    DetaineeCharged,
    DetaineeTransferred,
    DetentionEnded,
    ExtensionAuthorised,
)
from facts.fact import SubjectFact
from facts.wire import encode
from measures.clock import limit
from measures.detention import detentions
from measures.outcome import OpenItem, microseconds
from measures.outcomes import outcomes_of
from measures.rules import Rules
from measures.timeline import Timeline, add
from producers.simulate.custody import CustodyRecord
from producers.simulate.ledger import Ledger
from producers.simulate.months import month_of
from producers.simulate.parameters import packaged
from tests.support.forces import shipped
from tests.support.memory import RECEIVED

MONTHS = ((2024, 9), (2024, 10), (2024, 11))
FORCE = shipped("staffordshire")
RULES = Rules(FORCE)
_Fact = TypeVar("_Fact", bound=SubjectFact)


@lru_cache(maxsize=1)
def subjects() -> tuple[tuple[SubjectFact, ...], ...]:
    """The facts of everybody who arrives in three months, whenever they happen, by custody number."""
    ledger = Ledger()
    record = CustodyRecord(packaged(), "custody", ledger, 41, "s41-")
    for year, number in MONTHS:
        record.month(month_of(year, number, ZoneInfo("Europe/London")))
    found: dict[str, list[SubjectFact]] = defaultdict(list)
    for _, _, _, fact in ledger.remove_before(datetime(2026, 1, 1, tzinfo=UTC).timestamp()):
        assert isinstance(fact, SubjectFact)
        found[fact.subject_id].append(fact)
    return tuple(map(tuple, found.values()))


def of_kind(kind: type[_Fact]) -> Iterator[_Fact]:
    """Every fact of a kind."""
    return (fact for facts in subjects() for fact in facts if isinstance(fact, kind))


def open_items(facts: Sequence[SubjectFact]) -> Sequence[OpenItem]:
    """What the product has open after some facts."""
    timeline: Timeline = {}
    for fact in facts:
        add(timeline, fact)
    return outcomes_of("custody", timeline, RULES).open


def test_every_kind_of_custody_fact_is_simulated() -> None:
    assert {type(fact) for facts in subjects() for fact in facts} == set(get_args(CustodyFact))


def test_the_shares_are_those_of_the_parameters() -> None:
    params = packaged().custody
    arrivals, ends = list(of_kind(DetaineeArrived)), Counter(fact.disposal for fact in of_kind(DetentionEnded))
    again = [fact for fact in arrivals if fact.continues is not None]
    first = len(arrivals) - len(again)
    assert sum(bool(fact.continues) for fact in again) == pytest.approx(params.returned_share * ends["bail"], rel=0.4)
    assert 0 < sum(fact.continues is False for fact in again) < 0.02 * ends["bail"]
    held = len(list(of_kind(DetaineeCharged))) - len(again) * params.returned_disposals["charged"] / 100
    assert held == pytest.approx(params.charged_held_share * ends["charged"], rel=0.15)
    assert len(list(of_kind(DetaineeTransferred))) == pytest.approx(params.transferred_share * first, rel=0.25)
    other = params.not_arrest_share * (ends["transferred"] + ends["other"])
    assert sum(fact.basis != "arrest" for fact in arrivals) == pytest.approx(other, rel=0.25)
    assert {fact.basis for fact in arrivals} == {"arrest", *params.bases}
    assert all((fact.relevant_time is None) is (fact.basis != "arrest" or bool(fact.continues)) for fact in arrivals)


def test_nobody_is_kept_without_charge_beyond_the_limit_and_few_reviews_are_late() -> None:
    late = held = 0
    for facts in subjects():
        for place, fact in enumerate(facts):
            items = {item.kind: item for item in open_items(facts[:place])} if place else {}
            for kind in ("detention_limit", "review_due"):
                due = items[kind].due if kind in items else None
                is_late = due is not None and microseconds(fact.at) > due
                assert not (is_late and kind == "detention_limit"), facts
                held, late = held + (kind == "review_due"), late + is_late
    assert 0 < late < 0.05 * held


def test_an_extension_authorised_too_early_is_the_only_one_without_effect() -> None:
    notes = Counter(
        remark.note
        for facts in subjects()
        for detention in detentions(facts)
        for remark in getattr(limit(detention), "remarks", ())
    )
    assert set(notes) == {"extension_before_second_review", "warrant_refused"}
    extended = len({fact.subject_id for fact in of_kind(ExtensionAuthorised)})
    assert notes["extension_before_second_review"] == pytest.approx(0.15 * extended, rel=0.5)


def test_product_and_recount_have_the_same_open_at_every_time() -> None:
    start = min(fact.at for fact in of_kind(DetaineeArrived))
    for days in (33, 85):
        now = start + timedelta(days=days)
        known = [fact for facts in subjects() for fact in facts if now - timedelta(days=60) < fact.at <= now]
        by_subject: dict[str, list[SubjectFact]] = defaultdict(list)
        for fact in known:
            by_subject[fact.subject_id].append(fact)
        ours = Counter(
            (item.kind, item.since, item.due, item.dimensions)
            for facts in by_subject.values()
            for item in open_items(facts)
        )
        records = (LogRecord("custody", 0, place, RECEIVED, encode([fact])) for place, fact in enumerate(known))
        with from_records(records, [FORCE]) as recount:
            theirs = Counter(
                (kind, each.since, each.due, each.dimensions)
                for kind in {kind for kind, *_ in ours}
                for each in recount.open(kind)
            )
        assert ours == theirs
