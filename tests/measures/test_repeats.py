"""Tests repeats: shares of the links that the records system reports as repeats, which later facts restate."""

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


def linked_parties() -> Story:
    """An ASB occurrence with two victims, one of them a repeat, and a repeat suspect."""
    story = Story(STRICT)
    story.report(OccurrenceRecorded, "10:00", type="asb_personal", area="north", fact_id="recorded")
    story.report(PartyLinked, "10:10", role="victim", repeat=True, fact_id="first")
    story.report(PartyLinked, "10:20", role="victim", repeat=False, fact_id="second")
    story.report(PartyLinked, "10:20", role="suspect", repeat=True)
    return story


def shares(story: Story) -> list[tuple[float | None, int]]:
    """Today's share and n of each measure of repeat victims."""
    return [story.value(name, "20:00", "today") for name in _RATIOS]


def test_a_share_counts_the_links_of_one_role() -> None:
    story = linked_parties()
    assert shares(story) == [(0.5, 2), _NOTHING, _NOTHING]
    assert story.value("asb_repeat_suspect_ratio", "20:00", "today") == (1.0, 1)
    assert story.value("asb_repeat_address_ratio", "20:00", "today") == _NOTHING
    assert story.value("asb_party_linked_count", "20:00", "today") == (3, 3)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        # A victim is linked hours after the recording.
        (
            lambda story: story.report(PartyLinked, "19:00", role="victim", repeat=True),
            [(2 / 3, 3), _NOTHING, _NOTHING],
        ),
        # The link turns out to be a repeat.
        (
            lambda story: story.report(PartyLinked, "10:20", role="victim", repeat=True, corrects="second"),
            [(1.0, 2), _NOTHING, _NOTHING],
        ),
        # The link was a mistake.
        (
            lambda story: story.report(FactWithdrawn, "11:00", withdraws="first", topic="occurrences"),
            [(0.0, 1), _NOTHING, _NOTHING],
        ),
        # The occurrence is a crime and never was ASB: its links move with it.
        (
            lambda story: story.report(OccurrenceRecorded, "10:00", type="theft", corrects="recorded"),
            [_NOTHING, (0.5, 2), _NOTHING],
        ),
        # It was domestic: the same links count for domestic abuse too, where none is a repeat.
        (
            lambda story: story.report(
                OccurrenceRecorded, "10:00", type="asb_personal", domestic=True, corrects="recorded"
            ),
            [(0.5, 2), _NOTHING, (0.0, 2)],
        ),
        # There was no occurrence.
        (
            lambda story: story.report(FactWithdrawn, "11:00", withdraws="recorded", topic="occurrences"),
            [_NOTHING, _NOTHING, _NOTHING],
        ),
    ],
)
def test_later_facts_restate_the_figures(
    report: Callable[[Story], Any], expected: list[tuple[float | None, int]]
) -> None:
    story = linked_parties()
    report(story)
    assert shares(story) == expected
    assert story.state.least_count() >= 1


def test_a_report_window_counts_a_link_by_day_of_recording() -> None:
    story = linked_parties()
    story.report(PartyLinked, "34:00", role="victim", repeat=True)
    assert story.value("asb_repeat_victim_ratio", "40:00", "2024-12-03/2024-12-04") == (2 / 3, 3)
    assert story.value("asb_repeat_victim_ratio", "40:00", "today") == (1.0, 1)


@pytest.mark.parametrize("name", _RATIOS)
def test_fewer_than_five_links_are_too_few(name: str) -> None:
    assert find(name).minimum_n == 5
    assert {"area", "type"} <= {*CATALOGUE[name].dimensions()}


@pytest.mark.parametrize("wrong", ['"role":"witness"', '"role":"victim","name":"J"', '"role":"victim","party":"p-1"'])
def test_an_unknown_role_and_anything_that_identifies_the_party_are_refused(wrong: str) -> None:
    """The fact cannot contain anything that identifies the party, not even a pseudonym."""
    text = (
        f'{{"fact":"PartyLinked","fact_id":"f","force":"strict","at":"2024-12-03T10:00:00Z","subject_id":"s",{wrong},'
        '"repeat":false}'
    )
    decoded = decode(text.encode(), "occurrences", RECEIVED)
    assert decoded.facts == []
    assert len(decoded.unreadable) == 1


@pytest.mark.parametrize("of", ["crime", "domestic"])
def test_the_notes_give_the_shares_by_links_of_the_printed_tables(of: str) -> None:
    """Within the year, one link of each victim is not a repeat; all others are, which gives the least share."""
    notes = " ".join(find(f"{of}_repeat_victim_ratio").notes)
    for links in PUBLISHED[f"{of}_victim_linked_count"]:
        (share,) = [each for each in PUBLISHED[f"{of}_repeat_victim_ratio"] if each.period == links.period]
        (victims,) = re.findall(r"of (\d+) victims", share.note)
        assert victims in links.note
        assert f"{100 * (1 - int(victims) / int(links.figure)):.1f}%" in notes
