"""A custody record without a further fact is noted as silent after an age, and the person stays in custody."""

from datetime import datetime, timedelta

import msgspec
import pytest

from facts.fact import SubjectFact
from facts.union import AnyFact
from measures.outcome import OpenItem, instant
from measures.outcomes import outcomes_of
from measures.rules import Rules
from measures.timeline import Timeline, add
from tests.support.facts import authorised, detained, ended, reviewed, time_of, volunteered
from tests.support.forces import STRICT

DAY = timedelta(hours=24)


def silent(*facts: AnyFact, age_seconds: int | None = None) -> list[datetime]:
    """From when each record is silent."""
    return [
        instant(item.since)
        for item in opened(*facts, age_seconds=age_seconds)
        if item.kind == "custody_note" and item.dimensions[-1] == "record_silent"
    ]


def opened(*facts: AnyFact, age_seconds: int | None = None) -> list[OpenItem]:
    """The open items of one custody number, with the age of the profile."""
    timeline: Timeline = {}
    for fact in facts:
        assert isinstance(fact, SubjectFact)
        add(timeline, fact)
    force = msgspec.structs.replace(STRICT, detention_silent_after_seconds=age_seconds)
    return outcomes_of("custody", timeline, Rules(force)).open


@pytest.mark.parametrize(
    ("facts", "last"),
    [
        ([detained("09:00")], "09:00"),
        ([detained("09:00"), authorised("09:20")], "09:20"),
        ([reviewed("15:00"), detained("09:00"), authorised("09:20")], "15:00"),
        ([authorised("09:20"), reviewed("15:00")], "15:00"),
        ([detained("09:00"), ended("10:00", "bail"), detained("12:00", continues=True)], "12:00"),
    ],
    ids=["arrived", "authorised", "in any order", "no arrival", "returned"],
)
def test_a_record_is_silent_a_day_after_its_last_fact(facts: list[AnyFact], last: str) -> None:
    assert silent(*facts) == [time_of(last) + DAY]


def test_the_profile_may_set_another_age() -> None:
    assert silent(detained("09:00"), age_seconds=7200) == [time_of("11:00")]


def test_nobody_who_has_left_or_came_voluntarily_is_silent() -> None:
    assert silent(detained("09:00"), ended("10:00")) == silent(volunteered("09:00")) == []
    assert silent(authorised("09:00"), ended("10:00")) == []


def test_the_person_stays_in_custody_however_old_the_record_is() -> None:
    (custody,) = [item for item in opened(detained("09:00"), authorised("09:20")) if item.kind == "in_custody"]
    assert custody.unrecorded_from is None
