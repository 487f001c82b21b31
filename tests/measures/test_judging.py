"""No record, no figure: what is said of figures whose period the feeds have not, or not wholly, reported on."""

from datetime import UTC, datetime, timedelta

import pytest

from measures.catalogue import find
from measures.judging import coverage, judge
from measures.measure import Where
from measures.outcome import instant, microseconds
from measures.reading import NO_EVENTS, SIMULATION, FeedStatus, Figure, Question, Reading
from measures.window import resolve
from tests.support.forces import rules, shipped

FORCE = shipped("staffordshire")
RULES = rules(FORCE)[FORCE.name]
NOW = datetime(2025, 9, 10, 12, 0, 30, tzinfo=UTC)
BEGINS = datetime(2025, 7, 30, 5, 12, 5, tzinfo=UTC)
"""06:12:05 by the force's clock, in summer."""
COUNT, SHARE = find("incident_count"), find("grade_1_opened_to_arrived_within_target_ratio")


def feeds(
    begins: datetime | None = BEGINS, complete_to: datetime | None = NOW, **of: datetime | None
) -> list[FeedStatus]:
    """Every feed of the force, begun and complete alike; those that are named begun at another time."""
    return [
        FeedStatus(
            feed.name,
            feed.topic,
            complete_to=_at(complete_to),
            heard_at=_at(complete_to),
            first_event_at=_at(of.get(feed.name, begins)),
            last_event_at=None if of.get(feed.name, begins) is None else microseconds(NOW),
        )
        for feed in FORCE.feeds
    ]


def _at(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


def read(
    window: str,
    figures: list[Figure] | None = None,
    known: list[FeedStatus] | None = None,
    measure: str = "incident_count",
    by: tuple[str, ...] = (),
    where: Where | None = None,
    as_of: datetime = NOW,
    *,
    is_now: bool = True,
) -> list[Reading]:
    """What is said of figures: of a count of 7 unless others are given."""
    question = Question(find(measure), resolve(window, as_of, FORCE), as_of, by, where or {}, is_now)
    given = [Figure({}, 7, 7)] if figures is None else figures
    return judge(question, given, feeds() if known is None else known, RULES, NOW)


@pytest.mark.parametrize(
    ("window", "state", "value", "coverage"),
    [
        ("2025-01-01/2025-07-30", "no_data", None, "none"),
        ("2025-07-01/2025-08-01", "in_part", 7, "part"),
        ("2025-07-30/2025-07-31", "in_part", 7, "part"),
        ("2025-07-31/2025-09-10", "live", 7, "whole"),
        ("last_month", "live", 7, "whole"),
        ("this_month", "live", 7, "part"),  # it is in progress
        ("12m", "in_part", 7, "part"),
        ("previous_12m", "no_data", None, "none"),
        ("60m", "live", 7, "whole"),
        ("24h", "live", 7, "whole"),
    ],
)
def test_no_record_no_figure(window: str, state: str, value: int | None, coverage: str) -> None:
    (found,) = read(window)
    assert (found.state, found.value, found.coverage) == (state, value, coverage)
    assert (found.n is None) == (value is None)
    assert (found.begins == BEGINS) == (found.start < BEGINS)


def test_the_reason_says_what_is_known_in_plain_words() -> None:
    (before,) = read("previous_12m")
    assert (before.reason, before.note) == ("The record begins on 30 July 2025: there is no data before then.", "")
    (part,) = read("2025-07-01/2025-08-01")
    assert part.reason == (
        "The record begins on 30 July 2025 at 06:12: "
        "this figure covers only the time from then to 1 August 2025 at 00:00."
    )
    assert part.note == ""
    (going_on,) = read("2025-07-01/2025-10-01")
    assert going_on.reason.endswith("from then to 10 September 2025 at 13:00.")
    (later,) = read("2025-09-11/2025-09-12", [Figure({}, 0, 0)])  # it is still to come
    assert (later.state, later.value, later.n, later.coverage) == ("no_data", None, None, "none")
    assert later.reason == "The record is complete only to 10 September 2025 at 13:00, before this period begins."


def test_a_share_or_a_spread_of_no_record_is_not_of_none_either() -> None:
    (found,) = read("previous_12m", [Figure({}, None, 0, 0)], measure=SHARE.name)
    assert (found.value, found.n, found.met, found.spread) == (None, None, None, None)
    (nothing,) = read("last_month", [Figure({}, None, 0, 0)], measure=SHARE.name)
    assert (nothing.state, nothing.reason, nothing.n, nothing.met) == ("no_data", NO_EVENTS, 0, 0)


def test_of_too_few_in_part_of_a_window_both_are_said() -> None:
    (found,) = read("2025-07-01/2025-08-01", [Figure({}, 0.5, 2, 1)], measure=SHARE.name)
    assert found.state == "too_few"
    assert found.note.startswith("The record begins on 30 July 2025 at 06:12: this figure covers only")


# The feeds of a measure.


def test_a_feed_that_began_later_than_the_others_of_its_topic_begins_its_own_record() -> None:
    later = feeds(digital=datetime(2025, 8, 20, tzinfo=UTC))
    (digital,) = read("2025-08-01/2025-08-15", known=later, measure="digital_offered_count")
    (calls,) = read("2025-08-01/2025-08-15", known=later, measure="contact_999_offered_count")
    assert (digital.state, digital.value) == ("no_data", None)
    assert (calls.state, calls.value) == ("live", 7)


def test_a_measure_of_several_feeds_begins_with_the_last_of_them() -> None:
    later = feeds(digital=datetime(2025, 8, 20, tzinfo=UTC))
    every = find("contact_end_unrecorded_count")
    assert len(every.feeds(FORCE)) == 3
    assert coverage(every, later, RULES).begins == microseconds(datetime(2025, 8, 20, tzinfo=UTC))
    (found,) = read("2025-08-01/2025-08-15", known=later, measure=every.name)
    assert (found.state, found.value, found.n) == ("no_data", None, None)


def test_a_feed_that_was_never_received_leaves_everything_unknown() -> None:
    for window in ("60m", "24h", "last_month"):
        (found,) = read(window, known=feeds(begins=None, complete_to=None))
        assert (found.state, found.value, found.n) == ("no_data", None, None), window


@pytest.mark.parametrize("window", ["24h", "7d", "last_month", "12m"])
def test_a_force_of_which_no_fact_was_received_has_no_zeros(window: str) -> None:
    (found,) = read(window, [Figure({}, 0, 0)], feeds(begins=None))
    assert (found.state, found.value, found.n) == ("no_data", None, None)
    assert found.reason == "No facts have been received from command_and_control yet."


@pytest.mark.parametrize("window", ["15m", "60m"])
def test_a_quiet_line_with_heartbeats_is_zero_in_its_last_hour(window: str) -> None:
    (found,) = read(window, [Figure({}, 0, 0)], feeds(begins=None))
    assert (found.state, found.value, found.coverage) == ("live", 0, "part")
    (past,) = read(window, [Figure({}, 0, 0)], feeds(begins=None), is_now=False)
    assert (past.state, past.value) == ("no_data", None), "of the past it says nothing"


# A force that has only just begun.


@pytest.mark.parametrize(
    ("window", "minutes", "state", "is_said"),
    [
        ("60m", 70, "live", False),
        ("60m", 57, "live", False),  # less than a tenth is missing
        ("60m", 20, "live", True),
        ("15m", 3, "live", True),
        ("24h", 180, "in_part", True),
        ("24h", 23 * 60 + 30, "live", False),
        ("today", 60, "in_part", True),
        ("7d", 60 * 24, "in_part", True),
    ],
)
def test_a_short_window_is_shown_with_since_when_and_a_long_one_is_in_part(
    window: str, minutes: int, state: str, is_said: bool
) -> None:
    (found,) = read(window, known=feeds(begins=NOW - timedelta(minutes=minutes)))
    assert (found.state, found.value) == (state, 7)
    assert (found.begins is not None) == ("only the time from then" in found.note + found.reason) == is_said


def test_an_hour_before_the_record_begins_is_unknown_however_short() -> None:
    past = BEGINS.replace(hour=4, minute=0, second=0)
    (found,) = read("60m", as_of=past, is_now=False)
    assert (found.state, found.value) == ("no_data", None)
    assert found.reason == "The record begins on 30 July 2025 at 06:12: there is no data before then."


# The end of the record.


def test_a_month_that_the_feeds_are_not_complete_to_is_not_whole() -> None:
    august_ended = datetime(2025, 8, 31, 22, 59, 40, tzinfo=UTC)
    just_after = datetime(2025, 8, 31, 23, 0, 10, tzinfo=UTC)
    question = Question(COUNT, resolve("last_month", just_after, FORCE), just_after)
    known = feeds(begins=datetime(2025, 7, 1, tzinfo=UTC), complete_to=august_ended)
    (found,) = judge(question, [Figure({}, 7, 7)], known, RULES, just_after)
    assert (found.state, found.coverage) == ("live", "part"), "within the time allowed, and yet not all of August"
    (complete,) = judge(question, [Figure({}, 7, 7)], feeds(datetime(2025, 7, 1, tzinfo=UTC)), RULES, just_after)
    assert complete.coverage == "whole"


@pytest.mark.parametrize(
    ("behind", "state", "value"),
    [(timedelta(seconds=50), "live", 0), (timedelta(minutes=10), "stale", 0), (timedelta(minutes=16), "stale", None)],
)
def test_a_live_window_after_a_feed_stopped_has_no_zero(behind: timedelta, state: str, value: int | None) -> None:
    known = feeds(complete_to=NOW - behind)
    (found,) = read("15m", [Figure({}, 0, 0)], known)
    assert (found.state, found.value, found.n) == (state, value, value)
    (reported,) = read("15m", known=known)
    assert (reported.state, reported.value) == (state, 7), "what was reported is there, whatever the heartbeats say"


def test_just_after_midnight_today_is_live_while_its_feed_is_no_later_than_it_may_be() -> None:
    midnight = datetime(2025, 9, 9, 23, 0, 20, tzinfo=UTC)
    question = Question(COUNT, resolve("today", midnight, FORCE), midnight)
    known = feeds(complete_to=midnight - timedelta(seconds=30))
    (found,) = judge(question, [Figure({}, 0, 0)], known, RULES, midnight)
    assert (found.state, found.value, found.coverage) == ("live", 0, "whole")


def test_months_after_a_feed_fell_silent_have_no_figure_and_those_before_stay() -> None:
    silent = feeds(datetime(2025, 4, 1, tzinfo=UTC), complete_to=datetime(2025, 7, 10, 12, tzinfo=UTC))
    counted = [Figure({"month": "2025-05"}, 5, 5), Figure({"month": "2025-07"}, 2, 2)]
    months = read("2025-03-01/2025-09-01", counted, silent, by=("month",))
    assert [(each.dimensions["month"], each.state, each.value, each.coverage) for each in months] == [
        ("2025-03", "no_data", None, "none"),
        # Nothing happened in April, and all of it is known: it has no cell, as ever.
        ("2025-05", "live", 5, "whole"),
        ("2025-07", "stale", 2, "part"),
        ("2025-08", "stale", None, "none"),
    ]
    june = read("2025-06-01/2025-07-01", [Figure({}, 0, 0)], silent)
    assert [(each.state, each.value, each.coverage) for each in june] == [("live", 0, "whole")]


# Broken down by days and months.


def test_a_month_before_the_record_has_a_cell_that_says_so_and_one_in_part_too() -> None:
    counted = [Figure({"month": "2025-08"}, 9, 9)]
    months = read("2025-05-01/2025-09-01", counted, by=("month",))
    assert [(each.dimensions["month"], each.state, each.value) for each in months] == [
        ("2025-05", "no_data", None),
        ("2025-06", "no_data", None),
        ("2025-07", "in_part", 0),
        ("2025-08", "live", 9),
    ]


def test_days_by_another_word_have_a_cell_for_each_word_that_there_is() -> None:
    counted = [Figure({"day": "2025-07-31", "grade": grade}, 1, 1) for grade in ("1", "2")]
    found = read("2025-07-29/2025-08-01", counted, by=("day", "grade"))
    assert [(*each.dimensions.values(), each.state, each.value) for each in found] == [
        ("2025-07-29", "1", "no_data", None),
        ("2025-07-29", "2", "no_data", None),
        ("2025-07-30", "1", "in_part", 0),
        ("2025-07-30", "2", "in_part", 0),
        ("2025-07-31", "1", "live", 1),
        ("2025-07-31", "2", "live", 1),
    ]
    assert read("2025-05-01/2025-07-01", [], by=("day", "grade")) == [], "no word is made up"


@pytest.mark.parametrize(
    ("where", "state", "value"),
    [
        ({"month": ("2025-08",)}, "live", 7),
        ({"month": ("2025-07", "2025-08")}, "in_part", 7),
        ({"month": ("2025-06",)}, "no_data", None),
        ({"day": ("2025-06-30",), "month": ("2025-06",)}, "no_data", None),
        ({"month": ("2024-06",)}, "no_data", None),
    ],
)
def test_a_window_limited_to_months_is_of_those_alone(where: Where, state: str, value: int | None) -> None:
    (found,) = read("2025-05-01/2025-09-01", where=where)
    assert (found.state, found.value) == (state, value)


def test_what_is_open_now_is_open_whenever_the_record_begins() -> None:
    (found,) = read("60m", known=feeds(begins=NOW - timedelta(minutes=1)), measure="incident_open_count")
    assert (found.state, found.value, found.begins, found.coverage) == ("live", 7, None, "whole")


def test_a_simulated_figure_is_noted_as_such_wherever_the_record_begins() -> None:
    question = Question(COUNT, resolve("previous_12m", NOW, FORCE), NOW)
    (found,) = judge(question, [Figure({}, 7, 7)], feeds(), RULES, NOW, is_simulated=True)
    assert (found.note, found.value) == (SIMULATION, None)


def test_where_the_record_begins_is_said_by_the_clock_of_the_force() -> None:
    (found,) = read("12m")
    assert found.begins is not None
    assert (found.begins, f"{found.begins:%H:%M}") == (instant(microseconds(BEGINS)), "06:12")
