"""Measures with a target name the force's own target from its profile, with dates if it changed."""

from datetime import UTC, date, datetime
from fractions import Fraction

import msgspec
import pytest

from dashboards.report.explore import Exploration, ExploreQuery, Within
from dashboards.report.figures import ReportFigure
from dashboards.report.layout import sections, worded
from dashboards.report.series import SeriesQuery, series
from dashboards.report.targets import always, changed, days_of, promise, target_words
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.window import resolve
from tests.support.forces import STRICT, shipped

STAFFORDSHIRE = shipped("staffordshire")
YEARS = (date(2023, 1, 1), date(2025, 1, 1))
BEFORE, AFTER = (date(2024, 10, 1), date(2024, 10, 27)), (date(2024, 10, 27), date(2024, 11, 1))
SHARE_999, SHARE_101 = "contact_999_answered_within_target_ratio", "contact_101_answered_within_target_ratio"
GRADE_1 = "grade_1_opened_to_arrived_within_target_ratio"


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (SHARE_999, "in under 10 seconds"),
        (SHARE_101, "within 2 minutes"),
        ("grade_1_opened_to_dispatched_within_target_ratio", "within 2 minutes"),
        (GRADE_1, "within 15 minutes"),
        ("grade_2_opened_to_arrived_within_target_ratio", "within 2 hours"),
        ("domestic_grade_2_opened_to_attended_within_target_ratio", "within 2 hours"),
        ("opened_to_arrived_within_target_ratio", "within target"),
    ],
)
def test_the_target_is_the_force_s_own(measure: str, words: str) -> None:
    assert target_words(CATALOGUE[measure], STAFFORDSHIRE, YEARS) == words
    assert changed(CATALOGUE[measure], STAFFORDSHIRE, YEARS) == ()


@pytest.mark.parametrize(
    ("measure", "before", "after"),
    [
        (SHARE_999, "within 15 seconds", "in under 10 seconds"),
        (GRADE_1, "within 10 minutes", "within 15 minutes"),
        # Triage aims at nothing before, and local at nothing after: of the line as a whole there is no one target.
        (SHARE_101, "within target", "within target"),
    ],
)
def test_a_changed_target_is_named_on_the_days_when_it_applied(measure: str, before: str, after: str) -> None:
    """The strict force changes its targets on 27 October 2024."""
    found = CATALOGUE[measure]
    assert [target_words(found, STRICT, days) for days in (BEFORE, AFTER, YEARS)] == [before, after, "within target"]
    assert changed(found, STRICT, BEFORE) == changed(found, STRICT, AFTER) == ()
    (remark,) = changed(found, STRICT, YEARS)
    dated = (
        f": {before} to 26 Oct 2024; {after} from 27 Oct 2024." if "target" not in before else "more than one target"
    )
    assert remark.endswith(dated) if "target" not in before else dated in remark


def test_before_its_first_date_there_is_no_target() -> None:
    assert target_words(CATALOGUE[SHARE_999], STRICT, (date(2019, 1, 1), date(2020, 1, 1))) == "within target"
    (remark,) = changed(CATALOGUE[SHARE_999], STRICT, (date(2019, 1, 1), date(2021, 1, 1)))
    assert remark.endswith(": no target to 31 Dec 2019; within 15 seconds from 1 Jan 2020.")
    silent = msgspec.structs.replace(STAFFORDSHIRE, grades=())
    assert target_words(CATALOGUE[GRADE_1], silent, YEARS) == "within target"
    assert always(CATALOGUE[GRADE_1], silent) == "no target"


def test_a_contract_gives_every_target_with_its_dates() -> None:
    said = (
        "within 15 seconds to 26 Oct 2024; in under 10 seconds from 27 Oct 2024 to 29 Mar 2025; "
        "within 15 seconds from 30 Mar 2025 to 25 Oct 2025; no target from 26 Oct 2025"
    )
    assert always(CATALOGUE[SHARE_999], STRICT) == said
    assert always(CATALOGUE[SHARE_999], STAFFORDSHIRE) == "in under 10 seconds"
    assert always(CATALOGUE["incident_count"], STRICT) == ""


@pytest.mark.parametrize(
    ("window", "as_of", "days"),
    [
        # The day on which the clocks go back, which is 25 hours long; and an hour over its midnight, at 23:00 UTC.
        ("today", "2024-10-27T23:30+00:00", (date(2024, 10, 27), date(2024, 10, 28))),
        ("60m", "2024-10-26T23:20+00:00", (date(2024, 10, 26), date(2024, 10, 28))),
        ("60m", "2024-10-26T23:00+00:00", (date(2024, 10, 26), date(2024, 10, 27))),
        ("last_month", "2024-11-05T12:00+00:00", (date(2024, 10, 1), date(2024, 11, 1))),
    ],
)
def test_the_days_of_a_window_are_local(window: str, as_of: str, days: tuple[date, date]) -> None:
    assert days_of(resolve(window, datetime.fromisoformat(as_of), STRICT), STRICT) == days


def test_an_exploration_has_each_target_of_its_window() -> None:
    """Not only today's: the bins reach the longest target, and the default limit is the latest one."""
    figure = ReportFigure({}, Fraction(8), n=4)
    asked = ExploreQuery(CATALOGUE["contact_999_answer_mean_seconds"], "last_month")
    spread: dict[tuple[str, ...], dict[int, int]] = {(): {40: 3, 160: 1}}
    found = Exploration(lambda *_: [figure], lambda *_: spread, STRICT, asked, (BEFORE[0], AFTER[1]))
    assert [str(each.first) for each in found.held] == ["2024-10-01", "2024-10-27"]
    assert [each.promise() for each in found.held] == [promise(asked.measure, STRICT, days) for days in (BEFORE, AFTER)]
    assert (found.bins()[-1].over_seconds or 0) >= 15
    assert found.within() == Within(Fraction("9.9"), 3, 4)


def test_a_chart_over_the_change_says_so() -> None:
    asked, as_of = SeriesQuery(CATALOGUE[SHARE_999]), datetime(2025, 1, 5, tzinfo=UTC)
    found = series(lambda *_: [ReportFigure({}, Fraction(1, 2), n=9)], STRICT, asked, as_of)
    assert found.summary[0] == changed(CATALOGUE[SHARE_999], STRICT, YEARS)[0]
    later = series(lambda *_: [ReportFigure({}, Fraction(1, 2), n=9)], STRICT, asked, datetime(2030, 1, 5, tzinfo=UTC))
    assert "target" not in later.summary[0]


@pytest.mark.parametrize("force", [STAFFORDSHIRE, STRICT, shipped("san_francisco_fire")])
def test_every_row_is_filled_in(force: Force) -> None:
    assert "{target}" not in repr(worded(sections(force), force, YEARS))
