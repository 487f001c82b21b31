"""Tests readings of periods that the record does not cover, or covers only in part."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from msgspec.structs import replace

from measures.catalogue import find
from measures.judging import coverage, judge, verdict_of
from measures.measure import Where
from measures.outcome import instant, microseconds
from measures.reading import NO_EVENTS, SIMULATION, FeedStatus, Figure, Question, Reading
from measures.window import resolve
from tests.support.forces import rules, shipped

FORCE = shipped("staffordshire")
RULES = rules(FORCE)[FORCE.name]
NOW = datetime(2025, 9, 10, 12, 0, 30, tzinfo=UTC)
BEGINS = datetime(2025, 7, 30, 5, 12, 5, tzinfo=UTC)
"""06:12:05 in local time, in summer."""
COUNT, SHARE = find("incident_count"), find("grade_1_opened_to_arrived_within_target_ratio")


def feeds(
    begins: datetime | None = BEGINS, complete_to: datetime | None = NOW, **of: datetime | None
) -> list[FeedStatus]:
    """Every feed of the force, with the same first event and `complete_to`; feeds given by name began at another time."""
    return [
        FeedStatus(
            feed.name,
            feed.topic,
            complete_to=_at(complete_to),
            heartbeat_at=_at(complete_to),
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
    statuses: list[FeedStatus] | None = None,
    measure: str = "incident_count",
    by: tuple[str, ...] = (),
    where: Where | None = None,
    as_of: datetime = NOW,
    *,
    is_now: bool = True,
) -> list[Reading]:
    """The readings of figures; of a count of 7 unless others are given."""
    question = Question(find(measure), resolve(window, as_of, FORCE), as_of, by, where or {}, is_now)
    given = [Figure({}, 7, 7)] if figures is None else figures
    return judge(question, given, feeds() if statuses is None else statuses, RULES, NOW)


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
def test_a_figure_needs_a_record_of_its_period(window: str, state: str, value: int | None, coverage: str) -> None:
    (found,) = read(window)
    assert (found.state, found.value, found.coverage) == (state, value, coverage)
    assert (found.n is None) == (value is None)
    assert (found.begins == BEGINS) == (found.start < BEGINS)


def test_the_reason_says_which_time_the_record_covers() -> None:
    (before,) = read("previous_12m")
    assert (before.reason, before.note) == ("The record begins on 30 July 2025: there is no data before then.", "")
    (part,) = read("2025-07-01/2025-08-01")
    assert part.reason == (
        "The record begins on 30 July 2025 at 06:12: "
        "this figure covers only the time from then to 1 August 2025 at 00:00."
    )
    assert part.note == ""
    (in_progress,) = read("2025-07-01/2025-10-01")
    assert in_progress.reason.endswith("from then to 10 September 2025 at 13:00.")
    (later,) = read("2025-09-11/2025-09-12", [Figure({}, 0, 0)])  # a day in the future
    assert (later.state, later.value, later.n, later.coverage) == ("no_data", None, None, "none")
    assert (
        later.reason == "The record is complete only to 10 September 2025 at 13:00 and does not cover this period yet."
    )


def test_without_a_record_a_share_has_no_value_and_no_n() -> None:
    (found,) = read("previous_12m", [Figure({}, None, 0, 0)], measure=SHARE.name)
    assert (found.value, found.n, found.met, found.spread) == (None, None, None, None)
    (nothing,) = read("last_month", [Figure({}, None, 0, 0)], measure=SHARE.name)
    assert (nothing.state, nothing.reason, nothing.n, nothing.met) == ("no_data", NO_EVENTS, 0, 0)


def test_too_few_in_part_of_a_window_says_both() -> None:
    (found,) = read("2025-07-01/2025-08-01", [Figure({}, 0.5, 2, 1)], measure=SHARE.name)
    assert found.state == "too_few"
    assert found.note.startswith("The record begins on 30 July 2025 at 06:12: this figure covers only")


# The feeds of a measure.


def test_each_feed_of_a_topic_has_its_own_record() -> None:
    later = feeds(digital=datetime(2025, 8, 20, tzinfo=UTC))
    (digital,) = read("2025-08-01/2025-08-15", statuses=later, measure="digital_offered_count")
    (calls,) = read("2025-08-01/2025-08-15", statuses=later, measure="contact_999_offered_count")
    assert (digital.state, digital.value) == ("no_data", None)
    assert (calls.state, calls.value) == ("live", 7)


def test_a_measure_of_several_feeds_begins_when_the_last_feed_began() -> None:
    later = feeds(digital=datetime(2025, 8, 20, tzinfo=UTC))
    every = find("contact_end_unrecorded_count")
    assert len(every.feeds(FORCE)) == 3
    assert coverage(every, later, RULES).begins == microseconds(datetime(2025, 8, 20, tzinfo=UTC))
    (found,) = read("2025-08-01/2025-08-15", statuses=later, measure=every.name)
    assert (found.state, found.value, found.n) == ("no_data", None, None)


def test_without_any_heartbeat_from_a_feed_everything_is_unknown() -> None:
    for window in ("60m", "24h", "last_month"):
        (found,) = read(window, statuses=feeds(begins=None, complete_to=None))
        assert (found.state, found.value, found.n) == ("no_data", None, None), window


@pytest.mark.parametrize("window", ["24h", "7d", "last_month", "12m"])
def test_a_force_without_facts_has_no_zeros(window: str) -> None:
    (found,) = read(window, [Figure({}, 0, 0)], feeds(begins=None))
    assert (found.state, found.value, found.n) == ("no_data", None, None)
    assert found.reason == "No facts have been received from command_and_control yet."


@pytest.mark.parametrize("window", ["15m", "60m"])
def test_a_feed_with_heartbeats_and_no_events_has_0_in_the_last_hour(window: str) -> None:
    (found,) = read(window, [Figure({}, 0, 0)], feeds(begins=None))
    assert (found.state, found.value, found.coverage) == ("live", 0, "part")
    (past,) = read(window, [Figure({}, 0, 0)], feeds(begins=None), is_now=False)
    assert (past.state, past.value) == ("no_data", None), "past times are unknown"


# A force that has just begun.


@pytest.mark.parametrize(
    ("window", "minutes", "state", "has_note"),
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
def test_a_short_window_is_live_with_a_note_and_a_long_window_is_in_part(
    window: str, minutes: int, state: str, has_note: bool
) -> None:
    (found,) = read(window, statuses=feeds(begins=NOW - timedelta(minutes=minutes)))
    assert (found.state, found.value) == (state, 7)
    assert (found.begins is not None) == ("only the time from then" in found.note + found.reason) == has_note


def test_an_hour_before_the_record_begins_has_no_data() -> None:
    past = BEGINS.replace(hour=4, minute=0, second=0)
    (found,) = read("60m", as_of=past, is_now=False)
    assert (found.state, found.value) == ("no_data", None)
    assert found.reason == "The record begins on 30 July 2025 at 06:12: there is no data before then."


# The end of the record.


def test_a_month_is_not_whole_until_its_feeds_are_complete_to_its_end() -> None:
    august_ended = datetime(2025, 8, 31, 22, 59, 40, tzinfo=UTC)
    just_after = datetime(2025, 8, 31, 23, 0, 10, tzinfo=UTC)
    question = Question(COUNT, resolve("last_month", just_after, FORCE), just_after)
    statuses = feeds(begins=datetime(2025, 7, 1, tzinfo=UTC), complete_to=august_ended)
    (found,) = judge(question, [Figure({}, 7, 7)], statuses, RULES, just_after)
    assert (found.state, found.coverage) == ("live", "part"), (
        "the feeds are within the time allowed, but August is not complete"
    )
    (complete,) = judge(question, [Figure({}, 7, 7)], feeds(datetime(2025, 7, 1, tzinfo=UTC)), RULES, just_after)
    assert complete.coverage == "whole"


@pytest.mark.parametrize(
    ("behind", "state", "value"),
    [(timedelta(seconds=50), "live", 0), (timedelta(minutes=10), "stale", 0), (timedelta(minutes=16), "stale", None)],
)
def test_a_live_window_after_a_feed_stopped_is_never_0(behind: timedelta, state: str, value: int | None) -> None:
    statuses = feeds(complete_to=NOW - behind)
    (found,) = read("15m", [Figure({}, 0, 0)], statuses)
    assert (found.state, found.value, found.n) == (state, value, value)
    (reported,) = read("15m", statuses=statuses)
    assert (reported.state, reported.value) == (state, 7), "reported events count, whatever the heartbeats say"


def test_just_after_midnight_today_is_live_if_its_feed_is_within_the_time_allowed() -> None:
    midnight = datetime(2025, 9, 9, 23, 0, 20, tzinfo=UTC)
    question = Question(COUNT, resolve("today", midnight, FORCE), midnight)
    statuses = feeds(complete_to=midnight - timedelta(seconds=30))
    (found,) = judge(question, [Figure({}, 0, 0)], statuses, RULES, midnight)
    assert (found.state, found.value, found.coverage) == ("live", 0, "whole")


def test_months_after_a_feed_fell_silent_have_no_figure_and_earlier_months_keep_theirs() -> None:
    silent = feeds(datetime(2025, 4, 1, tzinfo=UTC), complete_to=datetime(2025, 7, 10, 12, tzinfo=UTC))
    counted = [Figure({"month": "2025-05"}, 5, 5), Figure({"month": "2025-07"}, 2, 2)]
    months = read("2025-03-01/2025-09-01", counted, silent, by=("month",))
    assert [(each.dimensions["month"], each.state, each.value, each.coverage) for each in months] == [
        ("2025-03", "no_data", None, "none"),
        # April is covered and had no events, so it has no cell.
        ("2025-05", "live", 5, "whole"),
        ("2025-07", "stale", 2, "part"),
        ("2025-08", "stale", None, "none"),
    ]
    june = read("2025-06-01/2025-07-01", [Figure({}, 0, 0)], silent)
    assert [(each.state, each.value, each.coverage) for each in june] == [("live", 0, "whole")]


# Breakdowns by day and month.


def test_months_before_the_record_or_covered_in_part_have_a_cell() -> None:
    counted = [Figure({"month": "2025-08"}, 9, 9)]
    months = read("2025-05-01/2025-09-01", counted, by=("month",))
    assert [(each.dimensions["month"], each.state, each.value) for each in months] == [
        ("2025-05", "no_data", None),
        ("2025-06", "no_data", None),
        ("2025-07", "in_part", 0),
        ("2025-08", "live", 9),
    ]


def test_days_not_covered_have_a_cell_for_each_word_that_occurs() -> None:
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
    assert read("2025-05-01/2025-07-01", [], by=("day", "grade")) == [], "no word is invented"


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
def test_a_window_limited_to_months_is_judged_by_those_months(where: Where, state: str, value: int | None) -> None:
    (found,) = read("2025-05-01/2025-09-01", where=where)
    assert (found.state, found.value) == (state, value)


def test_open_items_are_live_whenever_the_record_begins() -> None:
    (found,) = read("60m", statuses=feeds(begins=NOW - timedelta(minutes=1)), measure="incident_open_count")
    assert (found.state, found.value, found.begins, found.coverage) == ("live", 7, None, "whole")


def test_a_simulated_reading_says_so_even_without_a_record() -> None:
    question = Question(COUNT, resolve("previous_12m", NOW, FORCE), NOW)
    (found,) = judge(question, [Figure({}, 7, 7)], feeds(), RULES, NOW, is_simulated=True)
    assert (found.note, found.value) == (SIMULATION, None)


def test_the_beginning_of_the_record_is_in_local_time() -> None:
    (found,) = read("12m")
    assert found.begins is not None
    assert (found.begins, f"{found.begins:%H:%M}") == (instant(microseconds(BEGINS)), "06:12")


def test_equal_figures_with_equal_verdicts_have_equal_states() -> None:
    """The exporter does not judge a figure again while its verdict stays the same."""
    moments = [None, *(NOW - timedelta(minutes=each) for each in (-60, 0, 50, 300, 15_000, 70_000, 600_000))]
    figures = [Figure({}, None, 0), Figure({}, 0, 0), Figure({}, 0.5, 2), Figure({}, 0.5, 900)]
    found: dict[object, set[object]] = {}
    for begins, complete_to, heard, history_to, window in product(
        moments, moments[:6], moments[:4], (None, NOW), ("15m", "24h", "today", "this_month", "last_month", "12m")
    ):
        statuses = [
            replace(each, heartbeat_at=_at(heard), history_to=_at(history_to)) for each in feeds(begins, complete_to)
        ]
        question = Question(SHARE, resolve(window, NOW, FORCE), NOW)
        verdict = verdict_of(question, statuses, RULES, NOW)
        for figure, each in zip(figures, judge(question, figures, statuses, RULES, NOW), strict=True):
            exported = (each.state, each.coverage, each.begins is None, each.value, each.n, each.end <= each.as_of)
            found.setdefault((verdict, figure.value, figure.n), set()).add(exported)
    assert [key for key, each in found.items() if len(each) > 1] == []
    assert len({verdict for verdict, *_ in found}) > 20  # type: ignore[misc, has-type]
