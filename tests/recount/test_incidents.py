"""Section 6 of the semantics: the outcomes of an incident."""

import pytest

from bluelamp.recount.load import from_records
from facts.union import AnyFact
from tests.recount.outcomes import Outcomes, outcomes_of, records
from tests.support.facts import (
    arrived,
    clock,
    closed,
    dispatched,
    met_by_video,
    opened,
    reclassified,
    regraded,
    reopened,
    stood_down,
)
from tests.support.forces import FORCES

SPANS = (
    "opened_to_dispatched",
    "dispatched_to_arrived",
    "opened_to_arrived",
    "opened_to_attended",
    "graded_to_arrived",
)
DECIDED = (*(f"{span}_decided" for span in SPANS), "opened_to_dispatched_within_24_hours_decided")
WITHIN_A_DAY = "opened_to_dispatched_within_24_hours_decided"


def spans(read: Outcomes) -> dict[str, int]:
    """The finished spans of a story of one incident, in seconds."""
    return {span: value for span in SPANS for _, value in read.counts(span)}


def contradictions(read: Outcomes) -> list[tuple[str, str]]:
    """The time and kind of each contradiction."""
    return sorted(
        zip(read.times("incident_contradiction"), read.word("incident_contradiction", "contradiction"), strict=True)
    )


# --- beginnings -----------------------------------------------------------------------------------------------------


def test_an_incident_that_was_never_opened_is_incomplete_and_nothing_else() -> None:
    read = outcomes_of(arrived("09:10"), dispatched("09:05"), closed("10:00"))
    assert read.kinds() == {"incident_incomplete"}
    assert (read.times("incident_incomplete"), read.began("incident_incomplete")) == (["09:05:00"], ["09:05:00"])


def test_an_incident_opened_twice_began_with_the_first() -> None:
    read = outcomes_of(opened("09:05", "2"), opened("09:00", "1", area="north"), opened("09:07", "3"))
    assert read.words("incident_opened") == [("1", "none", "north", "no", "none")]
    assert read.times("incident_opened") == ["09:00:00"]
    assert read.times("incident_contradiction") == ["09:00:00"]
    assert read.words("incident_contradiction") == [("opened_twice",)]


def test_an_incident_with_facts_before_its_opening_began_with_its_opening() -> None:
    assert outcomes_of(opened("09:00"), dispatched("08:00")).began("incident_resourced") == ["09:00:00"]


# --- grade ----------------------------------------------------------------------------------------------------------


def test_the_last_grade_is_the_grade_of_every_outcome() -> None:
    read = outcomes_of(opened("09:00", "3"), dispatched("09:01"), regraded("09:05", "2"), regraded("09:20", "1"))
    for kind in ("incident_opened", "incident_resourced", "opened_to_dispatched"):
        assert read.word(kind, "grade") == ["1"]
    assert {matter.dimensions[0] for matter in read.open["incident_open"]} == {"1"}


def test_grades_are_in_order_of_time_not_of_arrival_in_the_log() -> None:
    assert outcomes_of(regraded("09:20", "1"), regraded("09:05", "2"), opened("09:00", "3")).word(
        "incident_opened", "grade"
    ) == ["1"]


def test_a_regrade_before_the_opening_still_counts_after_it() -> None:
    assert outcomes_of(opened("09:00", "3"), regraded("08:59", "2")).word("incident_opened", "grade") == ["2"]


def test_each_regrade_that_changes_the_grade_counts() -> None:
    read = outcomes_of(opened("09:00", "1"), regraded("09:05", "2"), regraded("09:06", "2"), regraded("09:20", "1"))
    assert read.times("incident_regraded") == ["09:05:00", "09:20:00"]
    assert (read.word("incident_regraded", "grade"), read.word("incident_regraded", "from_grade")) == (
        ["2", "1"],
        ["1", "2"],
    )


def test_a_change_between_two_unlisted_grades_does_not_count() -> None:
    read = outcomes_of(opened("09:00", "8"), regraded("09:05", "9"), regraded("09:10", "1"))
    assert read.words("incident_regraded") == [("1", "none", "none", "no", "none", "unlisted")]


# --- classification -------------------------------------------------------------------------------------------------


def test_reclassifying_sets_what_it_names_and_leaves_the_rest() -> None:
    read = outcomes_of(
        opened("09:00", group="crime", category="home_burglary", domestic=True, area="north"),
        reclassified("09:10", domestic=False),
        reclassified("09:20", group="transport"),
    )
    assert read.words("incident_opened") == [("1", "transport", "north", "no", "home_burglary")]


def test_the_last_reclassification_of_each_field_counts() -> None:
    read = outcomes_of(
        reclassified("09:20", group="crime", domestic=True),
        reclassified("09:10", group="transport", category="home_burglary"),
        opened("09:00"),
    )
    assert read.words("incident_opened") == [("1", "crime", "none", "yes", "home_burglary")]


@pytest.mark.parametrize(
    ("result", "group"),
    [("duplicate", "duplicate"), ("out_of_force", "duplicate"), ("attended", "crime"), ("cancelled", "crime")],
)
def test_duplicates_and_those_out_of_force_have_a_group_of_their_own(result: str, group: str) -> None:
    read = outcomes_of(opened("09:00", group="crime"), closed("09:30", result))
    assert read.word("incident_opened", "group") == read.word("incident_closed", "group") == [group]


def test_a_duplicate_of_a_force_without_such_a_group_keeps_its_own() -> None:
    facts = [opened("09:00", "E", group="crime", force="elsewhere"), closed("09:30", "duplicate", force="elsewhere")]
    with from_records(records(facts), FORCES) as recount:
        assert recount.finished("incident_closed")[0].dimensions == (
            "E", "unlisted", "none", "no", "none", "duplicate",
        )  # fmt: skip


def test_a_duplicate_reopened_has_its_own_group_again() -> None:
    read = outcomes_of(opened("09:00", group="crime"), closed("09:30", "duplicate"), reopened("09:40"))
    assert read.word("incident_opened", "group") == ["crime"]


# --- closure --------------------------------------------------------------------------------------------------------


def test_the_last_closure_counts() -> None:
    read = outcomes_of(opened("09:00"), closed("10:00", "other"), closed("11:00", "not_attended"))
    assert read.times("incident_closed") == ["11:00:00"]
    assert read.word("incident_closed", "result") == ["not_attended"]


def test_a_closure_before_a_reopening_does_not_count() -> None:
    read = outcomes_of(opened("09:00"), closed("10:00"), reopened("10:30"))
    assert "incident_closed" not in read.kinds()
    assert read.open_items("incident_open") == [("09:00:00", None)]


def test_a_closure_after_a_reopening_counts() -> None:
    read = outcomes_of(opened("09:00"), closed("10:00"), reopened("10:30"), closed("11:00", "other"))
    assert read.times("incident_closed") == ["11:00:00"]
    assert "incident_open" not in read.kinds()


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("b", "a")])
def test_a_reopening_at_the_time_of_a_closure_follows_it(first: str, second: str) -> None:
    read = outcomes_of(opened("09:00"), closed("10:00", fact_id=first), reopened("10:00", fact_id=second))
    assert "incident_open" in read.kinds()


# --- demand ---------------------------------------------------------------------------------------------------------


def test_an_incident_just_opened() -> None:
    read = outcomes_of(opened("09:00"))
    assert set(read.finished) == {"incident_opened"}
    assert set(read.open) == {
        "incident_open", "incident_unattended", "incident_unresourced", "opened_to_dispatched_decided", WITHIN_A_DAY,
        "opened_to_arrived_decided", "opened_to_attended_decided", "graded_to_arrived_decided", "incident_unrecorded",
    }  # fmt: skip


def test_the_first_dispatch_and_the_first_video_count() -> None:
    read = outcomes_of(
        opened("09:00"), dispatched("09:09"), dispatched("09:03", "u2"), met_by_video("09:30"), met_by_video("09:20")
    )
    assert read.times("incident_resourced") == ["09:03:00"]
    assert read.times("video_response_started") == ["09:20:00"]


# --- whether attendance is needed -----------------------------------------------------------------------------------


def attendance(*facts: AnyFact) -> Outcomes:
    """A story of one incident opened at 09:00."""
    return outcomes_of(opened("09:00"), *facts)


@pytest.mark.parametrize(
    ("facts", "is_needed"),
    [
        ([closed("10:00", "duplicate")], False),
        ([dispatched("09:01"), arrived("09:10"), closed("10:00", "duplicate")], False),
        ([arrived("09:10"), closed("10:00", "out_of_force")], False),
        ([closed("10:00", "telephone_resolved")], False),
        ([closed("10:00", "cancelled")], False),
        ([dispatched("09:01"), closed("10:00", "cancelled")], False),
        ([arrived("09:10"), closed("10:00", "cancelled")], True),
        ([arrived("10:10"), closed("10:00", "cancelled")], True),
        ([met_by_video("09:10"), closed("10:00", "telephone_resolved")], True),
        ([closed("10:00", "attended")], True),
        ([closed("10:00", "not_attended")], True),
        ([closed("10:00", "other")], True),
        ([closed("10:00", "duplicate"), reopened("10:30")], True),
    ],
)
def test_whether_attendance_is_needed(facts: list[AnyFact], is_needed: bool) -> None:
    read = attendance(*facts)
    following = {*SPANS, *DECIDED, "attendance_settled", "arrival_unrecorded", "incident_unattended"} & read.kinds()
    assert bool(following) == is_needed
    assert read.times("attendance_not_required") == ([] if is_needed else ["10:00:00"])


def test_an_incident_without_attendance_still_counts_as_demand() -> None:
    read = attendance(dispatched("09:01"), regraded("09:02", "2"), closed("10:00", "duplicate"))
    assert read.kinds() == {
        "incident_opened", "incident_resourced", "incident_regraded", "incident_closed", "attendance_not_required",
    }  # fmt: skip
    assert read.word("attendance_not_required", "result") == ["duplicate"]


def test_an_incident_without_attendance_has_no_contradictions() -> None:
    assert "incident_contradiction" not in attendance(arrived("08:00"), closed("10:00", "duplicate")).kinds()


# --- settled, unrecorded, unattended, unresourced -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "settled"),
    [
        ([], []),
        ([arrived("09:10")], [("09:10:00", 1)]),
        ([met_by_video("09:05"), arrived("09:10")], [("09:05:00", 1)]),
        ([met_by_video("09:15"), arrived("09:10")], [("09:10:00", 1)]),
        ([closed("10:00", "not_attended")], [("10:00:00", 0)]),
        ([arrived("10:30"), closed("10:00", "not_attended")], [("10:30:00", 1)]),
    ],
)
def test_attendance_is_settled_when_attended_or_at_the_closure(
    facts: list[AnyFact], settled: list[tuple[str, int]]
) -> None:
    assert attendance(*facts).counts("attendance_settled") == settled


def test_closed_as_attended_without_an_arrival_is_counted() -> None:
    assert attendance(closed("10:00")).times("arrival_unrecorded") == ["10:00:00"]
    assert attendance(met_by_video("09:05"), closed("10:00")).times("arrival_unrecorded") == ["10:00:00"]
    assert attendance(arrived("09:05"), closed("10:00")).times("arrival_unrecorded") == []
    assert attendance(closed("10:00", "other")).times("arrival_unrecorded") == []


def test_arrived_without_a_dispatch_is_counted() -> None:
    assert attendance(arrived("09:05")).times("dispatch_unrecorded") == ["09:05:00"]
    assert attendance(arrived("09:05"), dispatched("09:30")).times("dispatch_unrecorded") == []


@pytest.mark.parametrize(
    ("facts", "since"),
    [
        ([], "09:00:00"),
        ([dispatched("09:01")], None),
        ([dispatched("09:01"), stood_down("09:05")], "09:05:00"),
        # A unit that stood down twice left none the first time.
        ([dispatched("09:01"), stood_down("09:05"), stood_down("09:10")], "09:05:00"),
        ([dispatched("09:01"), stood_down("09:05"), dispatched("09:10")], None),
        ([dispatched("09:01"), stood_down("09:05"), dispatched("09:10"), stood_down("09:11")], "09:11:00"),
        # Two units: the one that stood down last left none.
        ([dispatched("09:01"), dispatched("09:02", "u2"), stood_down("09:05")], None),
        ([dispatched("09:01"), dispatched("09:02", "u2"), stood_down("09:05"), stood_down("09:06", "u2")], "09:06:00"),
        # Sent twice, it stands down once.
        ([dispatched("09:01"), dispatched("09:02"), stood_down("09:05")], "09:05:00"),
        # One that was never sent leaves nothing.
        ([stood_down("09:05")], "09:00:00"),
        ([dispatched("09:01"), stood_down("09:05", "u2")], None),
        ([stood_down("09:01"), dispatched("09:02")], None),
        # At one instant it is sent before it stands down, whatever the ids.
        ([dispatched("09:01", fact_id="b"), stood_down("09:01", fact_id="a")], "09:01:00"),
        ([dispatched("09:01", fact_id="a"), stood_down("09:01", fact_id="b")], "09:01:00"),
    ],
)
def test_since_when_no_unit_is_assigned(facts: list[AnyFact], since: str | None) -> None:
    read = attendance(*facts)
    assert read.open_items("incident_unresourced") == ([] if since is None else [(since, None)])
    assert read.open_items("incident_unattended") == [("09:00:00", None)]


@pytest.mark.parametrize("end", [arrived("09:10"), met_by_video("09:10"), closed("09:10", "other")])
def test_what_is_attended_or_closed_is_neither_unattended_nor_unresourced(end: AnyFact) -> None:
    assert not {"incident_unattended", "incident_unresourced"} & attendance(end).kinds()


def test_an_attended_incident_is_not_unresourced_when_its_units_have_left() -> None:
    read = attendance(dispatched("09:01"), arrived("09:10"), stood_down("09:50"))
    assert set(read.open) == {"incident_open", "incident_unrecorded"}


# --- spans ----------------------------------------------------------------------------------------------------------


def test_every_span_of_an_incident_attended() -> None:
    read = attendance(dispatched("09:01"), arrived("09:10"), closed("10:00"))
    assert spans(read) == {
        "opened_to_dispatched": 60, "dispatched_to_arrived": 540, "opened_to_arrived": 600, "opened_to_attended": 600,
        "graded_to_arrived": 600,
    }  # fmt: skip
    assert {kind: read.counts(kind) for kind in DECIDED} == {
        "opened_to_dispatched_decided": [("09:01:00", 1)],
        "dispatched_to_arrived_decided": [("09:10:00", 1)],
        "opened_to_arrived_decided": [("09:10:00", 1)],
        "opened_to_attended_decided": [("09:10:00", 1)],
        "graded_to_arrived_decided": [("09:10:00", 1)],
        WITHIN_A_DAY: [("09:01:00", 1)],
    }
    assert read.open == {}


def test_every_target_missed() -> None:
    read = attendance(dispatched("09:05"), arrived("09:30"))
    assert {kind: read.counts(kind) for kind in DECIDED} == {
        "opened_to_dispatched_decided": [("09:02:00.5", 0)],
        "dispatched_to_arrived_decided": [("09:18:00.5", 0)],
        "opened_to_arrived_decided": [("09:15:00.5", 0)],
        "opened_to_attended_decided": [("09:15:00.5", 0)],
        "graded_to_arrived_decided": [("09:15:00.5", 0)],
        WITHIN_A_DAY: [("09:05:00", 1)],
    }


def test_every_target_still_open() -> None:
    read = attendance(dispatched("09:01"))
    assert {kind: read.open_items(kind) for kind in DECIDED} == {
        "opened_to_dispatched_decided": [],
        "dispatched_to_arrived_decided": [("09:01:00", "09:14:00.5")],
        "opened_to_arrived_decided": [("09:00:00", "09:15:00.5")],
        "opened_to_attended_decided": [("09:00:00", "09:15:00.5")],
        "graded_to_arrived_decided": [("09:00:00", "09:15:00.5")],
        WITHIN_A_DAY: [],
    }
    assert attendance().open_items(WITHIN_A_DAY) == [("09:00:00", "2024-12-03 09:00:00.5")]


def test_closed_without_an_arrival_is_given_up() -> None:
    """At the closure if that is before it falls due; otherwise when due."""
    read = attendance(dispatched("09:01"), closed("09:05"))
    assert read.counts("opened_to_arrived_decided") == [("09:05:00", 0)]
    assert read.counts("dispatched_to_arrived_decided") == [("09:05:00", 0)]
    assert attendance(closed("10:00")).counts("opened_to_arrived_decided") == [("09:15:00.5", 0)]
    assert attendance(closed("10:00")).counts(WITHIN_A_DAY) == [("10:00:00", 0)]
    assert spans(attendance(closed("10:00"))) == {}


def test_an_arrival_after_the_closure_is_an_arrival() -> None:
    read = attendance(dispatched("09:01"), closed("09:05"), arrived("09:10"))
    assert read.counts("opened_to_arrived_decided") == [("09:10:00", 1)]


def test_a_reopened_incident_is_open_again() -> None:
    read = attendance(closed("09:05"), reopened("09:06"))
    assert read.open_items("opened_to_arrived_decided") == [("09:00:00", "09:15:00.5")]
    assert "opened_to_arrived_decided" not in read.finished


def test_the_first_arrival_counts() -> None:
    read = attendance(dispatched("09:01"), arrived("09:20", "u2"), arrived("09:10"))
    assert read.counts("opened_to_arrived") == [("09:10:00", 600)]


def test_a_video_is_attendance_but_not_an_arrival() -> None:
    read = attendance(met_by_video("09:05"))
    assert spans(read) == {"opened_to_attended": 300}
    assert read.counts("opened_to_attended_decided") == [("09:05:00", 1)]
    assert read.open_items("opened_to_arrived_decided") == [("09:00:00", "09:15:00.5")]


def test_only_what_was_dispatched_has_a_span_from_the_dispatch() -> None:
    assert "dispatched_to_arrived_decided" not in attendance(closed("10:00")).kinds()


def test_arrived_and_never_dispatched_has_no_span_to_the_dispatch() -> None:
    read = attendance(arrived("09:05"))
    assert not {"opened_to_dispatched_decided", WITHIN_A_DAY, "dispatched_to_arrived_decided"} & read.kinds()
    assert spans(read) == {"opened_to_arrived": 300, "opened_to_attended": 300, "graded_to_arrived": 300}


# --- targets --------------------------------------------------------------------------------------------------------


def test_a_grade_has_the_targets_of_its_profile() -> None:
    read = outcomes_of(opened("09:00", "2"), dispatched("09:01"), arrived("10:59"))
    assert {kind for kind in DECIDED if kind in read.finished} == {
        "opened_to_arrived_decided", "opened_to_attended_decided", "graded_to_arrived_decided", WITHIN_A_DAY,
    }  # fmt: skip


@pytest.mark.parametrize("grade", ["3", "9"])
def test_a_grade_without_targets_still_has_the_24_hours(grade: str) -> None:
    read = outcomes_of(opened("09:00", grade), dispatched("09:01"), arrived("10:59"))
    assert set(DECIDED) & read.kinds() == {WITHIN_A_DAY}


def test_the_target_is_that_of_the_last_grade() -> None:
    """Opened as Grade 1 and attended after an hour, but Grade 2 in the end: the target is two hours."""
    read = attendance(dispatched("09:01"), regraded("09:30", "2"), arrived("10:00"))
    assert read.counts("opened_to_arrived_decided") == [("10:00:00", 1)]
    assert read.word("opened_to_arrived_decided", "grade") == ["2"]


@pytest.mark.parametrize(
    ("opening", "arrival", "met", "has_dispatch_target"),
    [
        # From 1 July 2025 on Grade 1 is to be attended in 600 s and promises no dispatch; by the local clock that day
        # begins at 23:00 UTC.
        ("2025-06-30 22:59:59", "2025-06-30 23:11:59", 1, True),
        ("2025-06-30 23:00:00", "2025-06-30 23:12:00", 0, False),
        ("2025-06-30 23:00:00", "2025-06-30 23:10:00", 1, False),
    ],
)
def test_the_targets_are_those_of_the_local_day_of_opening(
    opening: str, arrival: str, met: int, has_dispatch_target: bool
) -> None:
    read = outcomes_of(opened(opening), dispatched(opening), arrived(arrival))
    assert [value for _, value in read.counts("opened_to_arrived_decided")] == [met]
    assert ("opened_to_dispatched_decided" in read.kinds()) == has_dispatch_target


def test_there_is_no_target_before_the_first_one() -> None:
    read = outcomes_of(opened("2019-12-31 23:59"), dispatched("2019-12-31 23:59:30"), arrived("2020-01-01 00:03"))
    assert set(DECIDED) & read.kinds() == {WITHIN_A_DAY}
    assert spans(read)["opened_to_arrived"] == 240


# --- graded to arrived ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "regrades", "start"),
    [
        ("1", [], "09:00:00"),
        ("2", [("09:10", "1")], "09:10:00"),
        ("1", [("09:10", "2")], "09:00:00"),
        ("3", [("09:10", "2"), ("09:20", "1")], "09:20:00"),
        # Upgraded and then downgraded: the last upgrade, not the last regrade.
        ("3", [("09:10", "1"), ("09:20", "2")], "09:10:00"),
        ("3", [("09:10", "1"), ("09:20", "2"), ("09:30", "1")], "09:30:00"),
        ("2", [("09:10", "2")], "09:00:00"),
        # A regrade from or to an unlisted grade is not an upgrade: nobody knows how urgent such a grade is.
        ("9", [("09:10", "1")], "09:00:00"),
        ("3", [("09:10", "9"), ("09:20", "1")], "09:00:00"),
        ("1", [("09:10", "9")], "09:00:00"),
    ],
)
def test_graded_to_arrived_starts_at_the_last_upgrade(first: str, regrades: list[tuple[str, str]], start: str) -> None:
    read = outcomes_of(opened("09:00", first), *(regraded(*regrade) for regrade in regrades), arrived("09:40"))
    (outcome,) = read.finished["graded_to_arrived"]
    assert clock(outcome.decided - outcome.value * 1_000_000) == start


def test_the_target_of_graded_to_arrived_runs_from_its_own_start() -> None:
    read = outcomes_of(opened("09:00", "3"), regraded("10:00", "1"), arrived("10:14"))
    assert read.counts("graded_to_arrived_decided") == [("10:14:00", 1)]
    assert read.counts("opened_to_arrived_decided") == [("09:15:00.5", 0)]
    read = outcomes_of(opened("09:00", "3"), regraded("10:00", "1"))
    assert read.open_items("graded_to_arrived_decided") == [("10:00:00", "10:15:00.5")]


def test_arrived_before_the_upgrade_has_no_span_from_it() -> None:
    read = outcomes_of(opened("09:00", "3"), arrived("09:30"), regraded("10:00", "1"))
    assert not {"graded_to_arrived", "graded_to_arrived_decided", "incident_contradiction"} & read.kinds()
    at_once = outcomes_of(opened("09:00", "3"), arrived("10:00"), regraded("10:00", "1"))
    assert at_once.counts("graded_to_arrived") == [("10:00:00", 0)]


# --- contradictions -------------------------------------------------------------------------------------------------


def test_arrived_before_it_was_opened() -> None:
    """Two contradictions, not four: the spans to attendance and from the grade add none."""
    read = attendance(arrived("08:59"), dispatched("09:01"), closed("10:00"))
    assert contradictions(read) == [
        ("08:59:00", "dispatched_to_arrived_ends_before_it_starts"),
        ("08:59:00", "opened_to_arrived_ends_before_it_starts"),
    ]
    assert spans(read) == {"opened_to_dispatched": 60}
    assert {kind for kind in DECIDED if kind in read.kinds()} == {"opened_to_dispatched_decided", WITHIN_A_DAY}


def test_dispatched_before_it_was_opened() -> None:
    read = attendance(dispatched("08:59"), arrived("09:10"))
    assert contradictions(read) == [("08:59:00", "opened_to_dispatched_ends_before_it_starts")]
    assert read.counts("dispatched_to_arrived") == [("09:10:00", 660)]
    assert not {"opened_to_dispatched_decided", WITHIN_A_DAY} & read.kinds()


def test_arrived_before_it_was_dispatched() -> None:
    read = attendance(arrived("09:05"), dispatched("09:06"))
    assert contradictions(read) == [("09:05:00", "dispatched_to_arrived_ends_before_it_starts")]
    assert "dispatched_to_arrived_decided" not in read.kinds()
    assert spans(read) == {
        "opened_to_dispatched": 360, "opened_to_arrived": 300, "opened_to_attended": 300, "graded_to_arrived": 300,
    }  # fmt: skip


def test_a_video_before_the_opening_contradicts_attendance_alone() -> None:
    read = attendance(met_by_video("08:59"), dispatched("09:01"), arrived("09:10"))
    assert contradictions(read) == [("08:59:00", "opened_to_attended_ends_before_it_starts")]
    assert "opened_to_attended_decided" not in read.kinds()
    assert read.counts("opened_to_arrived_decided") == [("09:10:00", 1)]


def test_a_contradiction_is_reported_under_the_day_the_incident_began() -> None:
    assert attendance(dispatched("2024-12-01 23:00")).began("incident_contradiction") == ["09:00:00"]


# --- regraded down near breach --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "times"),
    [
        ([regraded("10:12", "2")], ["10:12:00"]),
        ([regraded("10:11:59", "2")], []),
        ([regraded("10:40", "2")], ["10:40:00"]),
        ([regraded("10:12", "3"), regraded("11:40", "2")], ["10:12:00"]),
        ([arrived("10:11"), regraded("10:12", "2")], []),
        ([arrived("10:12"), regraded("10:12", "2")], []),
        ([regraded("10:12", "2"), arrived("10:13")], ["10:12:00"]),
        ([met_by_video("10:12"), regraded("10:12", "2")], []),
        ([regraded("10:12", "unheard")], []),
        ([regraded("10:02", "2"), regraded("11:36", "3")], ["11:36:00"]),
        ([regraded("10:12", "2"), closed("10:13", "duplicate")], ["10:12:00"]),
    ],
)
def test_a_downgrade_with_a_fifth_of_the_time_left_or_less_is_counted(facts: list[AnyFact], times: list[str]) -> None:
    """The target of Grade 1 is 15 minutes, so four fifths are 12; for Grade 2, 2 hours and 96 minutes."""
    assert outcomes_of(opened("10:00"), *facts).times("incident_downgraded_near_breach") == times
