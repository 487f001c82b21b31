"""Repeats: what the records system says of each link, and restated when it says otherwise."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from facts.fact import FactWithdrawn
from facts.occurrence import OccurrenceRecorded, PartyLinked
from facts.wire import decode
from measures.catalogue import CATALOGUE, find
from measures.published import PUBLISHED
from tests.support.forces import STRICT
from tests.support.memory import RECEIVED
from tests.support.story import Story

_RATIOS = ("asb_repeat_victim_ratio", "crime_repeat_victim_ratio", "domestic_repeat_victim_ratio")
_NOTHING = (None, 0)


def told() -> Story:
    """Two victims of an ASB record, one of them before: told at ten."""
    story = Story(STRICT)
    story.tell(OccurrenceRecorded, "10:00", type="asb_personal", area="north", fact_id="recorded")
    story.tell(PartyLinked, "10:10", role="victim", repeat=True, fact_id="first")
    story.tell(PartyLinked, "10:20", role="victim", repeat=False, fact_id="second")
    story.tell(PartyLinked, "10:20", role="suspect", repeat=True)
    return story


def shares(story: Story) -> list[tuple[float | None, int]]:
    """Share and n of each measure of repeat victims, today."""
    return [story.value(name, "20:00", "today") for name in _RATIOS]


def test_a_share_is_of_the_links_of_one_role() -> None:
    story = told()
    assert shares(story) == [(0.5, 2), _NOTHING, _NOTHING]
    assert story.value("asb_repeat_suspect_ratio", "20:00", "today") == (1.0, 1)
    assert story.value("asb_repeat_address_ratio", "20:00", "today") == _NOTHING
    assert story.value("asb_party_linked_count", "20:00", "today") == (3, 3)


@pytest.mark.parametrize(
    ("tell", "expected"),
    [
        # Linked hours after the recording.
        (
            lambda story: story.tell(PartyLinked, "19:00", role="victim", repeat=True),
            [(2 / 3, 3), _NOTHING, _NOTHING],
        ),
        # Known to be a repeat after all.
        (
            lambda story: story.tell(PartyLinked, "10:20", role="victim", repeat=True, corrects="second"),
            [(1.0, 2), _NOTHING, _NOTHING],
        ),
        # Linked by mistake.
        (
            lambda story: story.tell(FactWithdrawn, "11:00", withdraws="first", topic="occurrences"),
            [(0.0, 1), _NOTHING, _NOTHING],
        ),
        # The record is of a crime, and was never of ASB: its links go with it.
        (
            lambda story: story.tell(OccurrenceRecorded, "10:00", type="theft", corrects="recorded"),
            [_NOTHING, (0.5, 2), _NOTHING],
        ),
        # It was domestic: the same links count of domestic abuse, too, and none is a repeat of that.
        (
            lambda story: story.tell(
                OccurrenceRecorded, "10:00", type="asb_personal", domestic=True, corrects="recorded"
            ),
            [(0.5, 2), _NOTHING, (0.0, 2)],
        ),
        # It was no occurrence.
        (
            lambda story: story.tell(FactWithdrawn, "11:00", withdraws="recorded", topic="occurrences"),
            [_NOTHING, _NOTHING, _NOTHING],
        ),
    ],
)
def test_what_is_told_otherwise_restates(
    tell: Callable[[Story], Any], expected: list[tuple[float | None, int]]
) -> None:
    story = told()
    tell(story)
    assert shares(story) == expected
    assert story.state.least_count() >= 1


def test_a_month_takes_a_link_by_the_day_of_recording() -> None:
    story = told()
    story.tell(PartyLinked, "34:00", role="victim", repeat=True)
    assert story.value("asb_repeat_victim_ratio", "40:00", "2024-12-03/2024-12-04") == (2 / 3, 3)
    assert story.value("asb_repeat_victim_ratio", "40:00", "today") == (1.0, 1)


@pytest.mark.parametrize("name", _RATIOS)
def test_few_are_too_few(name: str) -> None:
    assert find(name).minimum_n == 5
    assert {"area", "type"} <= {*CATALOGUE[name].dimensions()}


@pytest.mark.parametrize("wrong", ['"role":"witness"', '"role":"victim","name":"J"', '"role":"victim","party":"p-1"'])
def test_a_role_that_is_none_and_whoever_it_is_are_refused(wrong: str) -> None:
    """Nothing that says who, not even a pseudonym, can be put into the fact."""
    text = (
        f'{{"fact":"PartyLinked","fact_id":"f","force":"strict","at":"2024-12-03T10:00:00Z","subject_id":"s",{wrong},'
        '"repeat":false}'
    )
    parcel = decode(text.encode(), "occurrences", RECEIVED)
    assert parcel.facts == []
    assert len(parcel.unreadable) == 1


@pytest.mark.parametrize("of", ["crime", "domestic"])
def test_what_the_printed_tables_come_to_by_links_is_as_the_note_says(of: str) -> None:
    """Of so many links, as many are no repeat within the year as there are victims: all others are at least."""
    notes = " ".join(find(f"{of}_repeat_victim_ratio").notes)
    for links in PUBLISHED[f"{of}_victim_linked_count"]:
        (share,) = [each for each in PUBLISHED[f"{of}_repeat_victim_ratio"] if each.period == links.period]
        (victims,) = re.findall(r"of (\d+) victims", share.note)
        assert victims in links.note
        assert f"{100 * (1 - int(victims) / int(links.figure)):.1f} %" in notes
