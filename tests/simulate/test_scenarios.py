"""Scenarios: what each says that people should see is there, in the figures recounted from its facts."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache

import pytest

from bluelamp.calibration import records
from bluelamp.recount.load import from_records
from bluelamp.recount.recount import Recount
from facts.contact import ContactOffered
from facts.errors import SettingError
from facts.incident import IncidentOpened, UnitDispatched
from measures.catalogue import CATALOGUE
from producers.simulate.scenario import load_scenario, parse_scenario, scenario_names
from tests.simulate.worlds import told
from tests.support.forces import shipped


@contextmanager
def recounted(scenario: str, days: int = 1, seed: int = 41) -> Iterator[Recount]:
    """The recount of the first days of a scenario."""
    with from_records(records(told(scenario, seed, days)), [shipped("staffordshire")]) as recount:
        yield recount


def figure(recount: Recount, measure: str, as_of: datetime, window: str = "60m") -> float | None:
    """One figure of a recount."""
    value = recount.answer(CATALOGUE[measure], "staffordshire", window, as_of)[0].value
    return None if value is None else float(value)


def figures(scenario: str, measure: str, window: str, *as_of: datetime, days: int = 1) -> list[float | None]:
    """A figure at several instants."""
    with recounted(scenario, days) as recount:
        return [figure(recount, measure, each, window) for each in as_of]


@lru_cache(maxsize=8)
def offered_by_hour(scenario: str) -> Counter[tuple[str, int]]:
    """Contacts of the first day by queue and hour (UTC)."""
    return Counter(
        (each.fact.queue, each.fact.at.hour) for each in told(scenario) if isinstance(each.fact, ContactOffered)
    )


def test_every_scenario_says_what_each_person_should_see() -> None:
    assert set(scenario_names()) == {
        "normal",
        "surge",
        "disorder",
        "feed_outage",
        "quiet_line",
        "clock_change",
        "bad_feed",
        "handover",
    }
    for name in scenario_names():
        scenario = load_scenario(name)
        assert scenario.title
        assert all(line.endswith(".") for line in (*scenario.supervisor, *scenario.inspector))
        assert scenario.supervisor
        assert scenario.inspector


def test_there_is_no_scenario_of_another_name() -> None:
    with pytest.raises(SettingError, match="no scenario 'riot'"):
        load_scenario("riot")
    with pytest.raises(SettingError, match="unknown field"):
        parse_scenario('title = "x"\nstart = 2024-01-01\ndays = 1\nsupervisors = []\n', "x")


def test_a_storm_night_swamps_the_emergency_line() -> None:
    evening, small_hours = datetime(2024, 1, 21, 22, tzinfo=UTC), datetime(2024, 1, 22, 4, tzinfo=UTC)
    shares = figures("surge", "contact_999_answered_within_target_ratio", "60m", evening, small_hours, days=2)
    assert shares[0] is not None
    assert shares[1] is not None
    assert shares[0] < 0.7 < shares[1]
    assert offered_by_hour("surge")["emergency", 20] > 2.5 * offered_by_hour("surge")["emergency", 15]


def test_disorder_leaves_immediate_incidents_without_units_for_hours() -> None:
    hours = [datetime(2024, 8, 3, hour, tzinfo=UTC) for hour in (15, 20, 21, 22)]
    unresourced = figures("disorder", "grade_1_unresourced_over_2_minutes_count", "60m", *hours)
    longest = figures("disorder", "grade_1_longest_unattended_seconds", "60m", *hours)
    assert unresourced[0] is not None
    assert unresourced[0] < 12
    assert all(each is not None and each > 24 for each in unresourced[1:])
    assert longest[-1] is not None
    assert longest[-1] > 3600


def test_a_silent_feed_tells_everything_when_it_speaks_again() -> None:
    silence = datetime(2024, 11, 12, 14, tzinfo=UTC).timestamp(), datetime(2024, 11, 12, 15, 30, tzinfo=UTC).timestamp()
    inside = [each for each in told("feed_outage") if silence[0] <= each.at < silence[1]]
    assert inside
    assert "telephony_999" not in {each.feed for each in inside}
    assert offered_by_hour("feed_outage")["emergency", 14] > 10


def test_a_quiet_line_has_no_calls_and_no_shares() -> None:
    hours = (
        datetime(2024, 11, 13, 3, tzinfo=UTC),
        datetime(2024, 11, 13, 5, tzinfo=UTC),
        datetime(2024, 11, 13, 7, tzinfo=UTC),
    )
    assert figures("quiet_line", "contact_999_offered_count", "60m", hours[1]) == [0]
    assert figures("quiet_line", "contact_999_answered_within_target_ratio", "60m", hours[1]) == [None]
    before, _, after = figures("quiet_line", "contact_999_offered_count", "60m", *hours)
    assert before
    assert after


def test_the_sunday_of_the_clock_change_has_one_hour_less() -> None:
    scenario = load_scenario("clock_change")
    assert (scenario.start, scenario.days) == (date(2024, 3, 30), 2)
    with recounted("clock_change", 2) as recount:
        sunday = datetime(2024, 3, 31, 12, tzinfo=UTC)
        window = "2024-03-31/2024-04-01"
        cells = recount.answer(CATALOGUE["contact_999_offered_count"], "staffordshire", window, sunday)
    local = [
        each.fact
        for each in told("clock_change", 41, 2)
        if isinstance(each.fact, ContactOffered) and each.fact.line == "999"
    ]
    hours = 23
    started = datetime(2024, 3, 31, tzinfo=UTC)
    inside = {fact.subject_id for fact in local if 0 <= (fact.at - started).total_seconds() < hours * 3600}
    assert cells[0].value == len(inside)


def test_a_bad_feed_gives_the_figures_of_the_good_one() -> None:
    """Poison, duplicates and replays do not change a count; corrections put right what they were told wrong."""
    evening = datetime(2024, 11, 14, 22, tzinfo=UTC)
    with recounted("bad_feed") as recount:
        counted = figure(recount, "incident_count", evening, "2024-11-14/2024-11-15")
        left_out = recount.loaded.left_out
    opened = {
        each.fact.subject_id
        for each in told("bad_feed")
        if isinstance(each.fact, IncidentOpened) and not each.fact.fact_id.endswith(".bad")
    }
    assert counted == len(opened)
    assert set(left_out) == {"unlisted_force", "bad_value", "implausible_time", "no_time_zone"}
    ids = Counter(each.fact.fact_id for each in told("bad_feed") if isinstance(each.fact, UnitDispatched))
    assert sum(count > 1 for count in ids.values()) > 0.1 * len(ids)


def test_breaches_stand_open_over_the_handover() -> None:
    noon, handover = datetime(2024, 11, 15, 12, tzinfo=UTC), datetime(2024, 11, 15, 15, tzinfo=UTC)
    before, at = figures("handover", "grade_1_longest_unattended_seconds", "60m", noon, handover)
    assert at is not None
    assert at > 900
    assert before is None or at > before
    (standing,) = figures("handover", "grade_1_unresourced_over_2_minutes_count", "60m", handover)
    assert standing is not None
    assert standing > 3
