"""Scenarios: the figures recounted from each one's facts show what the scenario says people should see."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import lru_cache

import pytest

from bluelamp.recount.load import from_records
from bluelamp.recount.recount import Recount
from bluelamp.verify.calibration import records
from facts.contact import ContactOffered
from facts.errors import SettingError
from facts.incident import IncidentOpened, UnitDispatched
from measures.catalogue import CATALOGUE
from producers.simulate.scenario import load_scenario, parse_scenario, scenario_names
from tests.simulate.worlds import reports
from tests.support.forces import shipped


class Room:
    """Recounts of the facts that a scenario has reported by a time, each made once."""

    def __init__(self, resources: ExitStack) -> None:
        self._resources, self._recounts = resources, dict[tuple[str, datetime], Recount]()

    def at(self, scenario: str, moment: datetime) -> Recount:
        """The recount of what a scenario has reported by a time."""
        if (scenario, moment) not in self._recounts:
            days = 1 + (moment.date() - load_scenario(scenario).start).days
            facts = (each for each in reports(scenario, 41, days) if each.at < moment.timestamp())
            recount = from_records(records(facts), [shipped("staffordshire")])
            self._recounts[scenario, moment] = self._resources.enter_context(recount)
        return self._recounts[scenario, moment]

    def figure(self, scenario: str, measure: str, moment: datetime, window: str = "60m") -> float | None:
        """One figure of the force."""
        cells = self.at(scenario, moment).answer(CATALOGUE[measure], "staffordshire", window, moment)
        return None if cells[0].value is None else float(cells[0].value)


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    """One room for all scenarios."""
    with ExitStack() as resources:
        yield Room(resources)


@lru_cache(maxsize=8)
def offered_by_hour(scenario: str) -> Counter[tuple[str, int]]:
    """Contacts of the first day by queue and hour (UTC)."""
    return Counter(
        (each.fact.queue, each.fact.at.hour) for each in reports(scenario) if isinstance(each.fact, ContactOffered)
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


def test_an_unknown_or_invalid_scenario_is_refused() -> None:
    with pytest.raises(SettingError, match="no scenario 'riot'"):
        load_scenario("riot")
    with pytest.raises(SettingError, match="unknown field"):
        parse_scenario('title = "x"\nstart = 2024-01-01\ndays = 1\nsupervisors = []\n', "x")


def test_a_storm_night_overloads_the_999_line(room: Room) -> None:
    name = "contact_999_answered_within_target_ratio"
    evening = room.figure("surge", name, datetime(2024, 1, 21, 22, tzinfo=UTC))
    small_hours = room.figure("surge", name, datetime(2024, 1, 22, 4, tzinfo=UTC))
    assert evening is not None
    assert small_hours is not None
    assert evening < 0.7 < small_hours
    assert offered_by_hour("surge")["emergency", 20] > 2.5 * offered_by_hour("surge")["emergency", 15]


def test_disorder_leaves_grade_1_incidents_without_units_for_hours(room: Room) -> None:
    hours = [datetime(2024, 8, 3, hour, tzinfo=UTC) for hour in (16, 19, 22)]
    unresourced = [room.figure("disorder", "grade_1_unresourced_over_2_minutes_count", hour) for hour in hours]
    longest = [room.figure("disorder", "grade_1_longest_unattended_seconds", hour) for hour in hours]
    shares = [room.figure("disorder", "grade_1_opened_to_arrived_within_target_ratio", hour) for hour in hours]
    assert unresourced[0] is not None
    assert unresourced[0] < 12
    assert all(each is not None and each > 24 for each in unresourced[1:])
    assert longest[-1] is not None
    assert longest[-1] > 3600
    assert shares[0] is not None
    assert shares[-1] is not None
    assert shares[-1] < 0.1 < shares[0]


def test_a_silent_feed_reports_everything_afterwards() -> None:
    silence = datetime(2024, 11, 12, 14, tzinfo=UTC).timestamp(), datetime(2024, 11, 12, 15, 30, tzinfo=UTC).timestamp()
    inside = [each for each in reports("feed_outage") if silence[0] <= each.at < silence[1]]
    assert inside
    assert "telephony_999" not in {each.feed for each in inside}
    assert offered_by_hour("feed_outage")["emergency", 14] > 10


def test_a_quiet_line_has_no_calls_and_no_shares(room: Room) -> None:
    three, five, seven = (datetime(2024, 11, 13, hour, tzinfo=UTC) for hour in (3, 5, 7))
    assert room.figure("quiet_line", "contact_999_offered_count", five) == 0
    assert room.figure("quiet_line", "contact_999_answered_within_target_ratio", five) is None
    assert room.figure("quiet_line", "contact_999_offered_count", three)
    assert room.figure("quiet_line", "contact_999_offered_count", seven)


def test_the_sunday_of_the_clock_change_has_its_own_23_hours(room: Room) -> None:
    scenario = load_scenario("clock_change")
    assert (scenario.start, scenario.days) == (date(2024, 3, 30), 2)
    evening, midnight = datetime(2024, 3, 31, 22, 30, tzinfo=UTC), datetime(2024, 3, 31, 23, tzinfo=UTC)
    counted = room.figure("clock_change", "contact_999_offered_count", evening, "2024-03-31/2024-04-01")
    began = {
        each.fact.subject_id: each.fact.at
        for each in reports("clock_change", 41, 2)
        if isinstance(each.fact, ContactOffered) and each.fact.line == "999" and each.at < evening.timestamp()
    }
    assert counted == sum(datetime(2024, 3, 31, tzinfo=UTC) <= at < midnight for at in began.values())
    assert max(began.values()) < midnight


def test_a_bad_feed_gives_the_right_figures(room: Room) -> None:
    """Invalid facts, duplicates and repeats do not change a count, and corrections correct wrong reports."""
    evening = datetime(2024, 11, 14, 22, tzinfo=UTC)
    counted = room.figure("bad_feed", "incident_count", evening, "2024-11-14/2024-11-15")
    left_out = room.at("bad_feed", evening).loaded.left_out
    opened = {
        each.fact.subject_id
        for each in reports("bad_feed")
        if isinstance(each.fact, IncidentOpened)
        and not each.fact.fact_id.endswith(".bad")
        and each.at < evening.timestamp()
    }
    assert counted == len(opened)
    assert set(left_out) == {"unlisted_force", "bad_value", "implausible_time", "no_time_zone"}
    ids = Counter(each.fact.fact_id for each in reports("bad_feed") if isinstance(each.fact, UnitDispatched))
    assert sum(count > 1 for count in ids.values()) > 0.1 * len(ids)


def test_incidents_are_past_their_target_at_the_handover(room: Room) -> None:
    """Grade 1 incidents without a unit after 15 minutes: many at the handover, hardly any before."""
    late = [_unresourced_past_target(room, datetime(2024, 11, 15, hour, tzinfo=UTC)) for hour in (12, 15)]
    assert late[0] <= 2
    assert late[1] > 6


def _unresourced_past_target(room: Room, moment: datetime) -> int:
    open_items = room.at("handover", moment).open("incident_unresourced")
    due = (moment.timestamp() - 900) * 1_000_000
    return sum(each.since < due and each.dimensions[0] == "1" for each in open_items)
