"""Section 4 of the semantics: the time span of each window, and what it counts."""

import pytest
from msgspec.structs import replace

from bluelamp.recount.interval import LiveInterval, Report, interval
from bluelamp.recount.load import from_records
from facts.errors import QuestionError
from facts.union import AnyFact
from measures.catalogue import find
from tests.recount.outcomes import records, recount_of
from tests.support.facts import answered, arrived, at, clock, offered, opened
from tests.support.forces import ELSEWHERE, STRICT


def live(window: str, as_of: str) -> tuple[str, str]:
    """The start and end of a live window of the strict force."""
    stretch = interval(window, STRICT, at(as_of))
    assert isinstance(stretch, LiveInterval)
    return clock(stretch.start), clock(stretch.end)


def report(window: str, as_of: str) -> tuple[str, str]:
    """The first day of a report window of the strict force, and the day after its last."""
    stretch = interval(window, STRICT, at(as_of))
    assert isinstance(stretch, Report)
    return stretch.first.isoformat(), stretch.end.isoformat()


def opened_each(*whens: str) -> list[AnyFact]:
    """An incident opened at each time."""
    return [opened(when, subject_id=f"s{number}") for number, when in enumerate(whens)]


def by_day(as_of: str, window: str, *whens: str, dimension: str = "day") -> dict[str, float | int | None]:
    """The number of these incidents in a window, by day."""
    with recount_of(*opened_each(*whens)) as recount:
        cells = recount.answer(find("incident_count"), "strict", window, at(as_of), (dimension,))
    return {cell.dimensions[dimension]: cell.value for cell in cells}


# --- live windows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "as_of", "expected"),
    [
        ("15m", "10:15:30", ("10:00:00", "10:16:00")),
        ("15m", "10:15:00", ("10:00:00", "10:15:00")),
        ("15m", "10:15:00.000001", ("10:00:00", "10:16:00")),
        ("15m", "10:15:59.999999", ("10:00:00", "10:16:00")),
        ("60m", "10:15:30", ("09:15:00", "10:16:00")),
        ("24h", "10:15:30", ("2024-12-01 10:15:00", "10:16:00")),
        ("7d", "10:15:30", ("2024-11-25 10:00:00", "10:16:00")),
        ("7d", "10:00:00", ("2024-11-25 10:00:00", "10:00:00")),
        ("today", "10:15:30", ("00:00:00", "10:16:00")),
        ("today", "00:00:00", ("00:00:00", "00:00:00")),
    ],
)
def test_live_windows_run_to_the_end_of_the_minute(window: str, as_of: str, expected: tuple[str, str]) -> None:
    assert live(window, as_of) == expected


@pytest.mark.parametrize(
    ("as_of", "start"),
    [
        # 27 October 2024 has 25 hours: from midnight in summer time to midnight in winter time.
        ("2024-10-26 22:59", "2024-10-25 23:00:00"),
        ("2024-10-26 23:30", "2024-10-26 23:00:00"),
        ("2024-10-27 12:00", "2024-10-26 23:00:00"),
        ("2024-10-27 23:59", "2024-10-26 23:00:00"),
        ("2024-10-28 00:01", "2024-10-28 00:00:00"),
        # 31 March 2024 has 23.
        ("2024-03-31 12:00", "2024-03-31 00:00:00"),
        ("2024-03-31 22:59", "2024-03-31 00:00:00"),
        ("2024-03-31 23:00", "2024-03-31 23:00:00"),
    ],
)
def test_today_begins_at_local_midnight(as_of: str, start: str) -> None:
    assert live("today", as_of)[0] == start


def test_rolling_windows_are_elapsed_time_also_when_the_clocks_change() -> None:
    assert live("24h", "2024-10-27 12:00")[0] == "2024-10-26 12:00:00"
    assert live("7d", "2024-10-27 12:34")[0] == "2024-10-20 12:00:00"


@pytest.mark.parametrize(
    ("as_of", "start"),
    [
        ("06:59:59", "2024-12-01 18:30:00"),
        ("07:00:00", "07:00:00"),
        ("18:29:59", "07:00:00"),
        # Day and night overlap for half an hour: the last to start is meant.
        ("18:30:00", "18:30:00"),
        ("18:45:00", "18:30:00"),
        ("19:00:00", "18:30:00"),
        ("23:59:59", "18:30:00"),
        # Nights of the change to winter: 18:30 is 17:30 UTC, 07:00 is 07:00 UTC.
        ("2024-10-27 00:30", "2024-10-26 17:30:00"),
        ("2024-10-27 06:59", "2024-10-26 17:30:00"),
        ("2024-10-27 07:00", "2024-10-27 07:00:00"),
        # Nights of the change to summer: 18:30 is 18:30 UTC, 07:00 is 06:00 UTC.
        ("2024-03-31 05:59", "2024-03-30 18:30:00"),
        ("2024-03-31 06:00", "2024-03-31 06:00:00"),
    ],
)
def test_the_current_shift_begins_by_the_local_clock(as_of: str, start: str) -> None:
    assert live("shift", as_of)[0] == start


def test_the_latest_of_overlapping_shifts_counts() -> None:
    turned = replace(STRICT, shifts=STRICT.shifts[::-1])
    stretch = interval("shift", turned, at("18:45"))
    assert isinstance(stretch, LiveInterval)
    assert clock(stretch.start) == "18:30:00"


def test_a_shift_may_last_the_whole_day() -> None:
    whole = replace(STRICT.shifts[0], start=STRICT.shifts[0].start, end=STRICT.shifts[0].start)
    stretch = interval("shift", replace(STRICT, shifts=(whole,)), at("06:00"))
    assert isinstance(stretch, LiveInterval)
    assert clock(stretch.start) == "2024-12-01 07:00:00"


def test_a_force_without_shifts_has_no_shift_window() -> None:
    with pytest.raises(QuestionError, match="No shift"):
        interval("shift", ELSEWHERE, at("09:00"))


def test_a_live_window_includes_its_start_and_excludes_its_end() -> None:
    whens = ("09:59:59.999999", "10:00:00", "10:14:59.999999", "10:15:00")
    with recount_of(*opened_each(*whens)) as recount:
        (at_minute,), (in_minute,) = (
            recount.answer(find("incident_count"), "strict", "15m", at(as_of)) for as_of in ("10:15", "10:15:00.5")
        )
    assert (at_minute.value, in_minute.value) == (2, 3)


# --- report windows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "as_of", "expected"),
    [
        ("this_month", "10:00", ("2024-12-01", "2024-12-03")),
        ("last_month", "10:00", ("2024-11-01", "2024-12-01")),
        ("12m", "10:00", ("2023-12-01", "2024-12-01")),
        ("previous_12m", "10:00", ("2022-12-01", "2023-12-01")),
        ("last_month", "2025-01-31 10:00", ("2024-12-01", "2025-01-01")),
        ("12m", "2025-01-31 10:00", ("2024-01-01", "2025-01-01")),
        ("previous_12m", "2025-01-31 10:00", ("2023-01-01", "2024-01-01")),
        # Half past midnight of the first of June by the local clock.
        ("this_month", "2024-05-31 23:30", ("2024-06-01", "2024-06-02")),
        ("12m", "2024-05-31 23:30", ("2023-06-01", "2024-06-01")),
        ("2024-02-28/2024-03-01", "10:00", ("2024-02-28", "2024-03-01")),
    ],
)
def test_report_windows_are_whole_local_days(window: str, as_of: str, expected: tuple[str, str]) -> None:
    assert report(window, as_of) == expected


@pytest.mark.parametrize("window", ["fortnight", "", "2024-01-01", "2024-01-01/", "2024-13-01/2024-12-01"])
def test_an_unknown_window_is_refused(window: str) -> None:
    with pytest.raises(QuestionError, match="is not a valid window"):
        interval(window, STRICT, at("09:00"))


@pytest.mark.parametrize("window", ["2024-01-01/2024-01-01", "2024-02-01/2024-01-01"])
def test_a_window_without_a_day_is_refused(window: str) -> None:
    with pytest.raises(QuestionError, match="contains no day"):
        interval(window, STRICT, at("09:00"))


def test_the_days_of_the_change_to_winter() -> None:
    whens = (
        "2024-10-26 22:59:59.999999", "2024-10-26 23:00", "2024-10-27 00:30", "2024-10-27 01:30",
        "2024-10-27 23:59:59.999999", "2024-10-28 00:00",
    )  # fmt: skip
    expected = {"2024-10-26": 1, "2024-10-27": 4, "2024-10-28": 1}
    assert by_day("2024-12-02 10:00", "2024-10-01/2024-11-01", *whens) == expected
    assert by_day("2024-12-02 10:00", "2024-10-27/2024-10-28", *whens) == {"2024-10-27": 4}


def test_the_days_of_the_change_to_summer() -> None:
    whens = (
        "2024-03-30 23:59:59.999999", "2024-03-31 00:00", "2024-03-31 22:59:59.999999", "2024-03-31 23:00",
    )  # fmt: skip
    assert by_day("2024-05-01 10:00", "2024-03-01/2024-05-01", *whens) == {
        "2024-03-30": 1, "2024-03-31": 2, "2024-04-01": 1,
    }  # fmt: skip
    assert by_day("2024-05-01 10:00", "2024-03-01/2024-05-01", *whens, dimension="month") == {
        "2024-03": 3, "2024-04": 1,
    }  # fmt: skip
    assert by_day("2024-04-01 10:00", "last_month", *whens, dimension="month") == {"2024-03": 3}


def test_the_first_and_the_last_day_of_twelve_months() -> None:
    whens = (
        "2022-11-30 23:59", "2022-12-01 00:00", "2023-11-30 23:59:59.999999", "2023-12-01 00:00",
        "2024-11-30 23:59:59.999999", "2024-12-01 00:00", "2024-12-02 23:59:59.999999", "2024-12-03 00:00",
    )  # fmt: skip
    assert by_day("10:00", "previous_12m", *whens, dimension="month") == {"2022-12": 1, "2023-11": 1}
    assert by_day("10:00", "12m", *whens, dimension="month") == {"2023-12": 1, "2024-11": 1}
    # What began later today is in this month as well: a figure covers the whole set of facts.
    assert by_day("10:00", "this_month", *whens, dimension="month") == {"2024-12": 2}


def test_days_follow_the_clock_of_the_force() -> None:
    facts = [
        opened("07:59:59", "E", force="elsewhere"),
        opened("08:00", "E", force="elsewhere", subject_id="s2"),
    ]
    with recount_of(*facts) as recount:
        days = recount.answer(find("incident_count"), "elsewhere", "2024-12-01/2025-01-01", at("10:00"), ("day",))
        assert recount.answer(find("incident_count"), "strict", "24h", at("10:00"))[0].value == 0
    assert [(cell.dimensions, cell.value) for cell in days] == [({"day": "2024-12-01"}, 1), ({"day": "2024-12-02"}, 1)]


def test_a_live_window_uses_the_decision_and_a_report_window_the_beginning() -> None:
    """Opened ten minutes before the month ended, attended five minutes after."""
    facts = [opened("2024-11-30 23:50"), arrived("2024-12-01 00:05")]
    measure = find("opened_to_arrived_median_seconds")
    with recount_of(*facts) as recount:
        n = {
            window: recount.answer(measure, "strict", window, at("2024-12-01 00:10"))[0].n
            for window in ("today", "this_month", "last_month", "12m", "15m", "2024-11-30/2024-12-01")
        }
    assert n == {"today": 1, "this_month": 0, "last_month": 1, "12m": 1, "15m": 1, "2024-11-30/2024-12-01": 1}


def test_a_leg_is_reported_under_the_day_its_contact_began() -> None:
    facts = [
        offered("2024-12-01 23:59", "triage", "101"),
        offered("00:01", "local", "101"),
        answered("00:02", "local"),
    ]
    with recount_of(*facts) as recount:
        (cell,) = recount.answer(
            find("post_triage_answer_median_seconds"), "strict", "this_month", at("10:00"), ("day",)
        )
    assert (cell.dimensions, cell.value) == ({"day": "2024-12-01"}, 60.0)


def test_days_can_be_filtered_by_word() -> None:
    with recount_of(*opened_each("2024-11-05 10:00", "2024-11-06 10:00")) as recount:
        (cell,) = recount.answer(
            find("incident_count"), "strict", "last_month", at("10:00"), where={"day": ("2024-11-06",)}
        )
    assert cell.value == 1


def test_a_day_that_a_time_zone_skipped_is_empty() -> None:
    """Samoa went from 29 December 2011 straight to 31 December."""
    samoa = replace(ELSEWHERE, time_zone="Pacific/Apia", name="samoa")
    facts = [
        opened(when, "E", force="samoa", subject_id=when[8:10] + when[11:13])
        for when in ("2011-12-30 09:59", "2011-12-30 10:00")
    ]
    with from_records(records(facts), [samoa]) as recount:
        cells = recount.answer(find("incident_count"), "samoa", "2011-12-01/2012-01-01", at("10:00"), ("day",))
    assert [cell.dimensions["day"] for cell in cells] == ["2011-12-29", "2011-12-31"]
