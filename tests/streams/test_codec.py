"""Timelines as the state stores them: compressed or not, they are the same facts, and damage is never taken for facts."""

from collections.abc import Iterable
from functools import cache

import pytest

from facts.fact import SubjectFact
from measures.timeline import Timeline
from streams.codec import decode_timeline, encode_timeline, subject_key
from tests.simulate.worlds import reports
from tests.support.every_kind import facts as every_kind


def timelines(facts: Iterable[SubjectFact]) -> dict[str, Timeline]:
    found: dict[str, Timeline] = {}
    for fact in facts:
        found.setdefault(subject_key(fact.force, fact.subject_id), {})[fact.fact_id] = fact
    return found


@cache
def simulated() -> dict[str, Timeline]:
    """The timelines of a simulated week."""
    return timelines(each.fact for each in reports() if isinstance(each.fact, SubjectFact))


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_stored_timeline_holds_the_same_facts(is_closed: bool) -> None:
    for known in (simulated(), timelines(fact for _, fact in every_kind() if isinstance(fact, SubjectFact))):
        for key, timeline in known.items():
            stored = encode_timeline(timeline, key, is_closed=is_closed)
            assert decode_timeline(stored, key) == timeline
            assert stored.isascii()


def test_a_closed_timeline_takes_a_third_of_the_space() -> None:
    sizes = [
        sum(len(encode_timeline(timeline, key, is_closed=is_closed)) for key, timeline in simulated().items())
        for is_closed in (True, False)
    ]
    assert sizes[0] < sizes[1] / 3


def test_a_damaged_timeline_is_never_read_as_facts() -> None:
    key, timeline = max(simulated().items(), key=lambda each: len(each[1]))
    stored = encode_timeline(timeline, key, is_closed=True)
    for damaged in (
        stored[:-4],
        stored[: len(stored) // 2],
        stored + "AAAA",
        "z",
        "zz",
        stored[:9] + "!" + stored[10:],
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - each library has its own words
            decode_timeline(damaged, key)
