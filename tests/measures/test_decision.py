"""Tests that there is no survivorship bias: an overdue item counts as missed from its due time on."""

import pytest

from facts.contact import ContactAbandoned, ContactAnswered, ContactOffered
from facts.incident import (
    IncidentClosed,
    IncidentOpened,
    IncidentRegraded,
    IncidentReopened,
    UnitArrived,
    UnitDispatched,
    UnitStoodDown,
    VideoResponseStarted,
)
from tests.support.forces import STRICT, shipped
from tests.support.story import Story

ARRIVED = "opened_to_arrived_within_target_ratio"


@pytest.fixture
def story() -> Story:
    """Staffordshire on a December day."""
    return Story(shipped("staffordshire"))


def opened(story: Story, clock: str, subject_id: str = "s1", **fields: object) -> None:
    """Report the opening of an incident, with Grade 1 unless given otherwise."""
    story.report(IncidentOpened, clock, subject_id, **{"grade": "1", "group": "crime", **fields})


def test_an_unattended_grade_1_is_missed_from_its_due_time(story: Story) -> None:
    opened(story, "22:00")
    story.report(UnitDispatched, "22:05", unit="u1")
    assert story.value(ARRIVED, "22:15") == (None, 0)
    assert story.value(ARRIVED, "22:15:00.4") == (None, 0)
    assert story.value(ARRIVED, "22:15:00.5") == (0.0, 1)
    story.report(UnitArrived, "22:40", unit="u1")
    for clock in ("22:15:00.5", "22:40", "23:00"):
        assert story.value(ARRIVED, clock) == (0.0, 1), "the arrival must not move it"


def test_an_arrival_in_time_counts_as_met_when_it_happens(story: Story) -> None:
    opened(story, "22:00")
    story.report(UnitDispatched, "22:01", unit="u1")
    story.report(UnitArrived, "22:15:00.4", unit="u1")
    assert story.value(ARRIVED, "22:15") == (None, 0)
    assert story.value(ARRIVED, "22:16") == (1.0, 1)


def test_a_regrade_moves_the_incident_and_keeps_the_sum(story: Story) -> None:
    opened(story, "22:00", grade="2")
    opened(story, "22:01", "s2", grade="2")
    before = story.figures("incident_count", "22:10", by=("grade",))
    story.report(IncidentRegraded, "22:10", grade="1")
    after = story.figures("incident_count", "22:11", by=("grade",))
    assert [(each.dimensions["grade"], each.n) for each in before] == [("2", 2)]
    assert [(each.dimensions["grade"], each.n) for each in after] == [("1", 1), ("2", 1)]
    assert story.value("incident_regraded_count", "22:11", grade="1", from_grade="2") == (1, 1)


def test_the_live_clock_of_an_upgrade_starts_at_the_upgrade(story: Story) -> None:
    opened(story, "20:00", grade="2")
    story.report(IncidentRegraded, "22:00", grade="1")
    story.report(UnitDispatched, "22:02", unit="u1")
    story.report(UnitArrived, "22:10", unit="u1")
    assert story.value("graded_to_arrived_within_target_ratio", "22:11") == (1.0, 1)
    assert story.value("graded_to_arrived_median_seconds", "22:11") == (600.0, 1)
    assert story.value(ARRIVED, "22:11", window="today") == (0.0, 1)


@pytest.mark.parametrize("result", ["duplicate", "out_of_force", "telephone_resolved", "cancelled"])
def test_an_incident_that_needs_no_attendance_is_subtracted_and_counted_separately(story: Story, result: str) -> None:
    opened(story, "22:00")
    assert story.value(ARRIVED, "22:30") == (0.0, 1)
    story.report(IncidentClosed, "22:31", result=result)
    assert story.value(ARRIVED, "22:32") == (None, 0)
    assert story.value("attendance_not_required_count", "22:32", result=result) == (1, 1)
    assert story.value("incident_count", "22:32") == (1, 1)


def test_a_duplicate_moves_to_its_own_group(story: Story) -> None:
    opened(story, "22:00")
    story.report(IncidentClosed, "22:31", result="duplicate")
    assert story.value("incident_count", "22:32", group="duplicate_out_of_force") == (1, 1)
    assert story.value("incident_count", "22:32", group="crime") == (0, 0)
    story.report(IncidentReopened, "22:40")
    assert story.value("incident_count", "22:41", group="crime") == (1, 1)


def test_an_incident_closed_as_attended_without_an_arrival_is_missed_and_counted(story: Story) -> None:
    opened(story, "22:00")
    story.report(UnitDispatched, "22:01", unit="u1")
    story.report(IncidentClosed, "22:05", result="attended")
    assert story.value(ARRIVED, "22:06") == (0.0, 1)
    assert story.value("arrival_unrecorded_ratio", "22:06") == (1.0, 1)


def test_an_arrival_not_recorded_counts_when_the_incident_is_closed_even_after_a_video_response(story: Story) -> None:
    opened(story, "18:00", grade="2", domestic=True)
    story.report(VideoResponseStarted, "18:30")
    assert story.value("arrival_unrecorded_ratio", "18:31") == (None, 0)
    story.report(IncidentClosed, "22:05", result="attended")
    assert story.value("arrival_unrecorded_ratio", "22:06", window="15m") == (1.0, 1)


def test_a_video_response_counts_as_attended_and_not_as_arrived(story: Story) -> None:
    opened(story, "20:00", grade="2", domestic=True)
    story.report(VideoResponseStarted, "20:30")
    assert story.value("domestic_grade_2_opened_to_attended_median_seconds", "20:31") == (1800.0, 1)
    assert story.value("domestic_grade_2_opened_to_arrived_median_seconds", "20:31") == (None, 0)
    assert story.value("incident_unattended_count", "20:31") == (0, 0)


def test_an_incident_has_no_unit_after_its_last_unit_stood_down(story: Story) -> None:
    opened(story, "22:00")
    story.report(UnitDispatched, "22:01", unit="u1")
    story.report(UnitDispatched, "22:02", unit="u2")
    story.report(UnitStoodDown, "22:03", unit="u1")
    assert story.value("incident_unresourced_count", "22:04") == (0, 0)
    story.report(UnitStoodDown, "22:05", unit="u2")
    assert story.value("incident_unresourced_count", "22:06") == (1, 1)
    assert story.value("grade_1_unresourced_over_2_minutes_count", "22:06:59") == (0, 0)
    assert story.value("grade_1_unresourced_over_2_minutes_count", "22:07") == (1, 1)
    assert story.value("opened_to_dispatched_median_seconds", "22:07") == (60.0, 1)


def test_a_waiting_999_caller_is_missed_at_ten_seconds_and_stays_so(story: Story) -> None:
    under, service = "contact_999_answered_within_target_ratio", "contact_999_service_level_ratio"
    story.report(ContactOffered, "10:00:00", "c1", line="999", queue="emergency")
    assert story.value(under, "10:00:09.9") == (None, 0)
    assert story.value(under, "10:00:10") == (0.0, 1)
    assert story.value("contact_999_waiting_count", "10:00:10") == (1, 1)
    assert story.value("contact_999_longest_wait_seconds", "10:00:10") == (10.0, 1)
    story.report(ContactAbandoned, "10:00:20", "c1", queue="emergency")
    assert story.value(under, "10:00:21") == (None, 0)
    assert story.value(service, "10:00:21") == (0.0, 1)
    assert story.value("contact_999_abandoned_ratio", "10:00:21") == (1.0, 1)


@pytest.mark.parametrize(("answered", "is_met"), [("10:00:09.94", 1.0), ("10:00:09.95", 0.0), ("10:00:10", 0.0)])
def test_under_ten_seconds_is_judged_on_tenths_of_a_second(story: Story, answered: str, is_met: float) -> None:
    story.report(ContactOffered, "10:00:00", "c1", line="999", queue="emergency")
    story.report(ContactAnswered, answered, "c1", queue="emergency")
    assert story.value("contact_999_answered_within_target_ratio", "10:01") == (is_met, 1)


def test_targets_apply_from_their_date() -> None:
    """The strict force doubles its dispatch target on 27 October 2024."""
    for day, is_met in (("2024-10-26", 0.0), ("2024-10-27", 1.0)):
        story = Story(STRICT, day)
        opened(story, "12:00")
        story.report(UnitDispatched, "12:01:30", unit="u1")
        assert story.value("opened_to_dispatched_within_target_ratio", "12:02") == (is_met, 1)


SERVICE = "contact_999_service_level_ratio"


def test_a_leg_has_the_target_of_the_local_day_of_its_offer() -> None:
    """The strict force's target changes from within 15 s to under 10 s at the midnight before the clocks go back, 23:00 UTC.

    The same wait of 12 s is in time before and late after, whether the caller is answered, gives up or is still waiting.
    """
    story = Story(STRICT, "2024-10-26")
    for subject_id, offered, answered in (("c1", "23:59:55", "24:00:07"), ("c2", "24:00:00", "24:00:12")):
        story.report(ContactOffered, offered, subject_id, line="999", queue="emergency")
        story.report(ContactAnswered, answered, subject_id, queue="emergency")
    for subject_id, offered, abandoned in (("c3", "23:59:55", "24:00:07"), ("c4", "24:00:00", "24:00:12")):
        story.report(ContactOffered, offered, subject_id, line="999", queue="emergency")
        story.report(ContactAbandoned, abandoned, subject_id, queue="emergency")
    assert story.value(SERVICE, "24:01") == (1 / 3, 3), "giving up after 12 s is a failure only under the new target"
    assert story.value(SERVICE, "24:01", window="2024-10-26/2024-10-27") == (1.0, 1)
    assert story.value(SERVICE, "24:01", window="2024-10-27/2024-10-28") == (0.0, 2)
    story.report(ContactOffered, "23:59:59.9", "c5", line="999", queue="emergency")
    assert story.value(SERVICE, "24:00:14") == (1 / 3, 3), "a caller from before midnight has 15 s"
    assert story.value(SERVICE, "24:00:15") == (1 / 4, 4)


def test_a_leg_after_midnight_has_the_target_of_its_own_day() -> None:
    """The day of the leg's own offer counts, not the day on which the contact began."""
    story = Story(STRICT, "2024-10-26")
    share = "contact_101_answered_within_target_ratio"
    story.report(ContactOffered, "23:59:00", line="101", queue="triage")
    story.report(ContactAnswered, "23:59:10", queue="triage")
    assert story.value(share, "24:01") == (None, 0), "triage has no target before its first date"
    story.report(ContactOffered, "24:00:00", queue="triage", line="101")
    story.report(ContactAnswered, "24:00:30", queue="triage")
    assert story.value(share, "24:01") == (1.0, 1)
    story.report(ContactOffered, "24:00:40", "s2", line="101", queue="local")
    story.report(ContactAnswered, "24:00:45", "s2", queue="local")
    assert story.value(share, "24:01") == (1.0, 1), "the local queue has no target any more"


def test_a_live_window_counts_by_decision_and_a_report_window_by_beginning(story: Story) -> None:
    opened(story, "23:50")
    story.report(UnitDispatched, "23:51", unit="u1")
    story.report(UnitArrived, "24:03", unit="u1")
    assert story.value(ARRIVED, "24:10", window="today") == (1.0, 1)
    assert story.value(ARRIVED, "24:10", window="2024-12-03/2024-12-04") == (1.0, 1)
    assert story.value(ARRIVED, "24:10", window="2024-12-04/2024-12-05") == (None, 0)


def test_an_overdue_open_incident_counts_in_its_report_window_too(story: Story) -> None:
    opened(story, "22:00")
    assert story.value(ARRIVED, "22:14", window="2024-12-03/2024-12-04") == (None, 0)
    assert story.value(ARRIVED, "22:16", window="2024-12-03/2024-12-04") == (0.0, 1)
    assert story.value(ARRIVED, "22:16", window="2024-12-02/2024-12-03") == (None, 0)


def test_a_span_that_ends_before_it_starts_is_a_contradiction_and_excluded(story: Story) -> None:
    opened(story, "22:00")
    story.report(UnitDispatched, "21:59", unit="u1")
    story.report(UnitArrived, "22:05", unit="u1")
    assert story.value("opened_to_dispatched_median_seconds", "22:10") == (None, 0)
    assert story.value("opened_to_dispatched_within_target_ratio", "22:10") == (None, 0)
    assert story.value("opened_to_arrived_median_seconds", "22:10") == (300.0, 1)
    words = "opened_to_dispatched_ends_before_it_starts"
    assert story.value("incident_contradiction_count", "22:10", contradiction=words) == (1, 1)
    assert [each.dimensions for each in story.state.open("incident_contradiction")] == [(words,)]


def test_facts_without_an_opening_event_are_counted_as_incomplete_until_it_arrives(story: Story) -> None:
    story.report(UnitArrived, "22:05", unit="u1")
    assert story.value("incident_incomplete_count", "22:06") == (1, 1)
    assert story.value("incident_count", "22:06") == (0, 0)
    opened(story, "22:00")
    assert story.value("incident_incomplete_count", "22:06") == (0, 0)
    assert story.value("opened_to_arrived_median_seconds", "22:06") == (300.0, 1)
