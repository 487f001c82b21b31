"""Tests that a profile is parsed, or refused with the place of the error."""

from datetime import date
from importlib.resources import files

import pytest

from facts.errors import ProfileError
from facts.force import in_force, parse, shift_minutes
from tests.support.forces import STRICT, shipped

_QUEUE = '[[queues]]\nlabel = "q"\nname = "Q"\nline = "999"\n'
_SINCE = "[[queues.targets]]\nsince = {}-01-01\n"
BASE = files("facts").joinpath("forces", "san_francisco_fire.toml").read_text()


@pytest.mark.parametrize("name", ["staffordshire", "san_francisco_fire"])
def test_the_shipped_profiles_are_valid(name: str) -> None:
    force = shipped(name)
    assert force.name == name
    assert {feed.topic for feed in force.feeds}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("name = ", "nane = "), "`nane`"),
        (('"America/Los_Angeles"', '"America/Los_Angles"'), "no time zone"),
        (('"America/Los_Angeles"', '"America"'), "no time zone"),
        (('"America/Los_Angeles"', '"Asia/Kolkata"'), "not in whole hours"),
        (('label = "B02"', 'label = "B01"'), "'B01' twice"),
        (('label = "B02"', 'label = "unlisted"'), "'unlisted'"),
        (("opened_to_dispatched_seconds = 120", "opened_to_dispatched_seconds = 0"), "grades[0].targets[0]"),
        (("end = 08:00:00", "end = 07:00:00"), "No shift covers 07:00"),
        (("[[grades]]", "[[grades"), "not valid TOML"),
        (("time_zone", 'duplicate_group = "x"\ntime_zone'), "'x' is not one of"),
        (("opened_to_dispatched_seconds = 120", "[[grades.targets]]\nsince = 2009-01-01"), "order of date"),
        (
            ("[[feeds]]", f"{_QUEUE}{_SINCE.format(2025)}{_SINCE.format(2024)}[[feeds]]"),
            "queue 'q' are not in order of date",
        ),
        (
            ("[[feeds]]", f"{_QUEUE}{_SINCE.format(2025)}{_SINCE.format(2025)}[[feeds]]"),
            "queue 'q' are not in order of date",
        ),
        (("[[feeds]]", f"{_QUEUE}[[queues.targets]]\nseconds = 10\n[[feeds]]"), "`since`"),
        (("[[feeds]]", f"{_QUEUE}{_SINCE.format(2025)}seconds = 0\n[[feeds]]"), "queues[0].targets[0].seconds"),
        (("[[feeds]]", f"{_QUEUE}target_seconds = 10\n[[feeds]]"), "write [[queues.targets]]"),
        (
            ("[[feeds]]", _QUEUE.replace("999", "101") + "[[feeds]]"),
            "None of the queues of 101 (q) is labelled 'triage'",
        ),
        (("[[feeds]]", _QUEUE.replace('"q"', '"local"') + "[[feeds]]"), "The queue 'local' is on the line 999"),
        (("time_zone = ", "# "), "Required here: name, title, time_zone."),
        (("[[feeds]]", '[[queues]]\nlabel = "q"\n[[feeds]]'), "Required here: label, name, line."),
        (("[[feeds]]", f"{_QUEUE}[[queues.targets]]\nseconds = 1\n[[feeds]]"), "Required here: since."),
        (("[[feeds]]", f"{_QUEUE}target_is_inclusive = true\n[[feeds]]"), "write [[queues.targets]]"),
        (("[[feeds]]", '[[ladder]]\ntell = "sergeant"\n[[feeds]]'), "now called `notify`"),
    ],
)
def test_an_invalid_profile_is_refused_with_the_place_of_the_error(change: tuple[str, str], words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse(BASE.replace(*change, 1), "mine.toml")
    assert words in str(caught.value)
    assert "mine.toml" in caught.value.where
    assert caught.value.hint


def test_the_fingerprint_depends_on_targets_and_labels_but_not_on_names() -> None:
    original = parse(BASE, "a").fingerprint()
    assert parse(BASE.replace('name = "Battalion 1"', 'name = "First Battalion"'), "a").fingerprint() == original
    assert (
        parse(
            BASE.replace("opened_to_dispatched_seconds = 120", "opened_to_dispatched_seconds = 60", 1), "a"
        ).fingerprint()
        != original
    )
    assert parse(BASE.replace('label = "B99"', 'label = "B98"'), "a").fingerprint() != original


def test_the_target_on_a_date() -> None:
    emergency, triage, local = (queue.targets for queue in STRICT.queues)
    assert in_force(emergency, date(2019, 12, 31)) is None
    assert in_force(emergency, date(2024, 10, 26)) == emergency[0]
    assert in_force(emergency, date(2024, 10, 27)) == in_force(emergency, date(2025, 3, 29)) == emergency[1]
    assert in_force(emergency, date(2030, 1, 1)) == emergency[-1]
    assert in_force(triage, date(2024, 10, 26)) is None
    ended = in_force(local, date(2024, 10, 27))
    assert ended is not None
    assert ended.seconds is None
    assert in_force((), date(2024, 10, 27)) is None


def test_a_night_shift_crosses_midnight() -> None:
    night = STRICT.shifts[1]
    minutes = shift_minutes(night)
    assert (minutes[0], minutes[-1], len(minutes)) == (18 * 60 + 30, 7 * 60 - 1, 12 * 60 + 30)
