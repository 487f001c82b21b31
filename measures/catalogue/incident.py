"""Measures of incidents: demand, and attendance by grade (reports A3)."""

from msgspec.structs import replace

from measures.measure import (
    Count,
    Decided,
    DeclaredWhere,
    External,
    Mean,
    Measure,
    Median,
    OpenCount,
    OpenLongest,
    Selection,
    Share,
    Shown,
    Unrecorded,
)
from measures.outcome import DECIDED, UNRECORDED, KindName

_IMMEDIATE: DeclaredWhere = {"response": ("immediate",)}
_PRIORITY: DeclaredWhere = {"response": ("priority",)}
_DOMESTIC_PRIORITY: DeclaredWhere = {"response": ("priority",), "domestic": ("yes",)}

_FINAL_GRADE = "An incident counts under its final grade: a regrade moves it from one grade's figures to the other's."
_UNRECORDED = "An incident whose end counts as unrecorded is left out (incident_unrecorded_count)."
_NOT_NEEDED = (
    "Incidents closed as duplicate or out of force are excluded, and so are those resolved by telephone or cancelled "
    "without attendance: see attendance_not_required_count."
)
_FINISHED = f"Incidents whose clock has stopped. {_FINAL_GRADE} {_NOT_NEEDED}"
_DECIDED = (
    "Incidents whose clock has stopped, and open incidents that can no longer meet the target. "
    f"{_FINAL_GRADE} {_NOT_NEEDED}"
)
_LEGS_DO_NOT_ADD = "Medians do not add up: 5.30 + 9.65 is not 16.85, and that is not an error (reports I8)."

_HEADLINE: Shown = ("attendance", "wall", "handover")

_CLOCKS: dict[KindName, tuple[str, str]] = {
    "opened_to_dispatched": ("opened to dispatched", "From the incident's opening until the first unit is dispatched."),
    "dispatched_to_arrived": ("dispatched to arrived", "From the first dispatch until the first unit is at the scene."),
    "opened_to_arrived": (
        "opened to arrived",
        "From the incident's opening until the first unit is at the scene. A video response is not an arrival.",
    ),
    "opened_to_attended": (
        "opened to attended",
        "From the incident's opening until the first unit is at the scene or a video response starts, whichever is first.",
    ),
    "graded_to_arrived": (
        "graded to arrived",
        "From the incident's opening, or its last upgrade, until the first unit is at the scene (rules C12).",
    ),
}


_CLOSED_BEFORE: dict[KindName, str] = {
    "opened_to_dispatched": "An incident closed with neither a dispatch nor an arrival recorded counts as missed.",
    "dispatched_to_arrived": "An incident closed after a dispatch, with no arrival recorded, counts as missed.",
    "opened_to_arrived": "An incident closed with no arrival recorded counts as missed.",
    "opened_to_attended": "An incident closed with neither an arrival nor a video response recorded counts as missed.",
    "graded_to_arrived": "An incident closed with no arrival recorded counts as missed.",
}
"""What a closure does to the clock's share within target."""


_SPANS: tuple[KindName, ...] = (
    "opened_to_dispatched",
    "dispatched_to_arrived",
    "opened_to_arrived",
    "graded_to_arrived",
)


_LOST_ATTENDANCE = (Unrecorded(Selection("incident_unattended"), is_open=True),)
_TO_ARRIVAL: tuple[KindName, ...] = ("opened_to_arrived", "opened_to_attended", "graded_to_arrived")


def _median(span: KindName) -> Measure:
    words, clock = _CLOCKS[span]
    return Measure(
        name=f"{span}_median_seconds",
        title=f"{words.capitalize()} (median)",
        question=f"What was the median time from {words}?",
        population=_FINISHED,
        clock=clock,
        statistic=Median(Selection(span)),
        unrecorded=(Unrecorded(Selection(UNRECORDED[span])), *(_LOST_ATTENDANCE if span in _TO_ARRIVAL else ())),
        unit="seconds",
        good="lower",
        minimum_n=5,
    )


def _within(span: KindName) -> Measure:
    words, clock = _CLOCKS[span]
    return Measure(
        name=f"{span}_within_target_ratio",
        title=f"{words.capitalize()} within target",
        question=f"What share of incidents met the target for their grade from {words}?",
        population=f"{_DECIDED} {_CLOSED_BEFORE[span]}",
        clock=clock,
        statistic=Decided(Selection(DECIDED[span])),
        unrecorded=(Unrecorded(Selection(UNRECORDED[span])),),
        unit="ratio",
        good="higher",
        target="the target that the force's profile gave the grade on the day of opening",
        minimum_n=5,
    )


def _grade_1(
    span: KindName, minutes: int, row: str, notes: tuple[str, ...] = (), *, median: Shown = (), within: Shown
) -> tuple[Measure, Measure]:
    """The share within the target and the median of a span of Grade 1, with where each is shown."""
    words = _CLOCKS[span][0]
    return (
        replace(
            _within(span),
            name=f"grade_1_{span}_within_target_ratio",
            show=within,
            has_band=True,
            title=f"Grade 1 {words} within target",
            question=f"What share of Grade 1 (immediate) incidents met the target from {words}?",
            where=_IMMEDIATE,
            target=f"set by the force; in Staffordshire within {minutes} minutes (S25 section 6.2)",
            rows=(row,),
            notes=notes,
        ),
        replace(
            _median(span),
            name=f"grade_1_{span}_median_seconds",
            show=median,
            title=f"Grade 1 {words} (median)",
            question=f"What was the median time from {words} for Grade 1 (immediate) incidents?",
            where=_IMMEDIATE,
            rows=(row,),
            notes=notes,
        ),
    )


DEMAND = (
    Measure(
        name="incident_count",
        show=("incidents", "wall", "handover", "handover_by_grade"),
        has_band=True,
        title="Incidents",
        question="How many incidents were opened?",
        population=(
            "All incidents in command and control, including duplicates and out-of-force incidents, which move to a group of their own when they are closed. Group and grade are the final ones."
        ),
        statistic=Count(Selection("incident_opened")),
        unit="count",
        rows=("A3.20", "A3.21", "A3.22"),
        notes=(
            "The report gives 252,917 by group and area but 260,123 by priority, and does not say why (reports I4).",
        ),
    ),
    Measure(
        name="incident_demand_count",
        title="Demand by priority",
        question="How many incidents were there, by priority?",
        population="All incidents, by final grade: Grade 1, 2, 3, Res Centre and other.",
        statistic=Count(Selection("incident_opened")),
        unit="count",
        rows=("A3.23",),
        notes=(
            (
                "The report's 260,123 is 7,206 more than its own 252,917 incidents; duplicates (9,033) do not explain it "
                "(reports I4). This measure counts incidents, so that the grades add up to incident_count."
            ),
        ),
    ),
    Measure(
        name="incident_resourced_count",
        show=("incidents", "wall"),
        title="Resourced incidents",
        question="How many incidents had a unit dispatched?",
        population="Incidents with at least one dispatch, whether or not a unit arrived.",
        statistic=Count(Selection("incident_resourced")),
        unit="count",
        rows=("A3.24",),
    ),
    Measure(
        name="attendance_not_required_count",
        title="Closed without needing attendance",
        question="How many incidents are excluded from the attendance figures because they needed no attendance?",
        population="Incidents closed as duplicate or out of force, and those resolved by telephone or cancelled without attendance.",
        statistic=Count(Selection("attendance_not_required")),
        unit="count",
    ),
    Measure(
        name="incident_regraded_count",
        show=("incidents", "wall"),
        title="Regrades",
        question="How many times was an incident given another grade?",
        population="Changes of grade. `grade` is the new grade; `from_grade` is the grade before.",
        statistic=Count(Selection("incident_regraded")),
        unit="count",
    ),
    Measure(
        name="incident_downgraded_near_breach_count",
        title="Downgraded near breach",
        question="How many times was an unattended incident downgraded with a fifth or less of its target time left?",
        population=(
            "Regrades to a less urgent grade before any arrival or video response, when at least four fifths of the earlier "
            "grade's target from opened to arrived had passed. Counted under the new grade."
        ),
        clock="From the incident's opening until the regrade.",
        statistic=Count(Selection("incident_downgraded_near_breach")),
        unit="count",
        good="lower",
        notes=("A downgrade moves the incident to the new grade's figures (rules C12); this count keeps it visible.",),
    ),
    Measure(
        name="incident_closed_count",
        show=("incidents", "wall"),
        title="Incidents closed",
        question="How many incidents were closed, by result?",
        population="Incidents that are closed and were not reopened afterwards.",
        statistic=Count(Selection("incident_closed")),
        unit="count",
    ),
)

ATTENDANCE = (
    *_grade_1("opened_to_dispatched", 2, "A3.25", within=("attendance",)),
    *_grade_1("dispatched_to_arrived", 13, "A3.26", within=("attendance",)),
    *_grade_1("opened_to_arrived", 15, "A3.27", (_LEGS_DO_NOT_ADD,), median=_HEADLINE, within=_HEADLINE),
    replace(
        _within("opened_to_arrived"),
        name="grade_2_opened_to_arrived_within_target_ratio",
        show=_HEADLINE,
        has_band=True,
        title="Grade 2 opened to arrived within target",
        question="What share of Grade 2 (priority) incidents had a unit arrive within the target?",
        where=_PRIORITY,
        target="set by the force; in Staffordshire within 2 hours (S25, Context - Incidents)",
        rows=("A3.28",),
        notes=(
            (
                "A median of 123.27 min with only 36.12% within 120 min suggests that the share includes unattended incidents "
                "and the median does not. The same holds here (reports I7)."
            ),
        ),
    ),
    replace(
        _median("opened_to_arrived"),
        name="grade_2_opened_to_arrived_median_seconds",
        show=_HEADLINE,
        title="Grade 2 opened to arrived (median)",
        question="What was the median time from opened to arrived for Grade 2 (priority) incidents?",
        where=_PRIORITY,
        rows=("A3.28",),
        notes=(
            (
                "The report prints 123.27 min below its Domestic table, whose own median is 17:43:13, and does not say which "
                "incidents it covers (reports I6). Here it covers all Grade 2 incidents."
            ),
        ),
    ),
    Measure(
        name="domestic_grade_2_count",
        title="Domestic Grade 2 incidents",
        question="How many Grade 2 (priority) incidents were flagged domestic?",
        population="Incidents with a final grade of 2 and the domestic flag.",
        statistic=Count(Selection("incident_opened")),
        unit="count",
        where=_DOMESTIC_PRIORITY,
        rows=("A3.29",),
    ),
    replace(
        _median("opened_to_arrived"),
        name="domestic_grade_2_opened_to_arrived_median_seconds",
        title="Domestic Grade 2 opened to arrived (median)",
        question="What was the median time from opened to arrived for domestic Grade 2 incidents?",
        where=_DOMESTIC_PRIORITY,
        rows=("A3.29",),
        notes=("A video response does not count as an arrival here; it does in the next measure (rules C17).",),
    ),
    replace(
        _median("opened_to_attended"),
        name="domestic_grade_2_opened_to_attended_median_seconds",
        title="Domestic Grade 2 opened to attended, video counted (median)",
        question="What was the median time from opened to arrival or video response for domestic Grade 2 incidents?",
        where=_DOMESTIC_PRIORITY,
        rows=("A3.29",),
        notes=(
            (
                "The published median fell from 17:43:13 to 03:45:00 when video response was introduced. The report does not "
                "say whether video counts as attendance, so both medians are given (rules C17)."
            ),
        ),
    ),
    replace(
        _within("opened_to_arrived"),
        name="domestic_grade_2_opened_to_arrived_within_target_ratio",
        title="Domestic Grade 2 opened to arrived within target",
        question="What share of domestic Grade 2 incidents had a unit arrive within the target?",
        where=_DOMESTIC_PRIORITY,
        target="set by the force; in Staffordshire within 2 hours (S25, Context - Incidents)",
        rows=("A3.30",),
        notes=(
            (
                "The foreword calls 27 per cent improved, but in the table of section 6.2 the previous year has 27.34% and the "
                "last 12 months have 36.12% (reports I5)."
            ),
        ),
    ),
    replace(
        _within("opened_to_attended"),
        name="domestic_grade_2_opened_to_attended_within_target_ratio",
        title="Domestic Grade 2 opened to attended within target, video counted",
        question="What share of domestic Grade 2 incidents had an arrival or a video response within the target?",
        where=_DOMESTIC_PRIORITY,
        target="set by the force; in Staffordshire within 2 hours (S25, Context - Incidents)",
    ),
    Measure(
        name="grade_2_dispatched_to_arrived_mean_seconds",
        title="Grade 2 dispatched to arrived (mean)",
        question="How long did Grade 2 (priority) incidents take on average from dispatched to arrived?",
        population=_FINISHED,
        clock=_CLOCKS["dispatched_to_arrived"][1],
        statistic=Mean(Selection("dispatched_to_arrived")),
        unrecorded=(Unrecorded(Selection("dispatched_to_arrived_unrecorded")),),
        unit="seconds",
        where=_PRIORITY,
        good="lower",
        minimum_n=5,
        rows=("A3.31",),
        notes=("Published only as a chart.",),
    ),
    replace(
        _within("opened_to_dispatched"),
        name="grade_2_resourced_within_24_hours_ratio",
        title="Grade 2 resourced within 24 h",
        question="What share of Grade 2 (priority) incidents had a unit dispatched within 24 hours of opening?",
        statistic=Decided(Selection("opened_to_dispatched_within_24_hours_decided")),
        unrecorded=(Unrecorded(Selection("opened_to_dispatched_within_24_hours_unrecorded")),),
        where=_PRIORITY,
        target="within 24 hours (S25 section 6.2)",
        rows=("A3.32",),
        notes=("Published only as a chart, on the Grade 2 page.",),
    ),
    Measure(
        name="video_response_satisfaction_ratio",
        title="Satisfied with enhanced video response",
        question="What share of victims surveyed after an enhanced video response was satisfied?",
        population="Victims surveyed.",
        statistic=External("It is the result of a survey and is not in any of the force's feeds."),
        unit="ratio",
        good="higher",
        rows=("A3.33",),
        notes=('Published as "100 per cent (early)", without the number of victims surveyed.',),
    ),
    Measure(
        name="video_response_count",
        title="Enhanced video responses",
        question="How many incidents had a video response?",
        population="Incidents for which a video response was started.",
        statistic=Count(Selection("video_response_started")),
        unit="count",
    ),
    Measure(
        name="home_burglary_attended_ratio",
        title="Home burglary attended",
        question="What share of home burglaries was attended?",
        population=f"Incidents of the category home_burglary, attended or closed. {_NOT_NEEDED}",
        statistic=Decided(Selection("attendance_settled")),
        unrecorded=(Unrecorded(Selection("attendance_unrecorded")), *_LOST_ATTENDANCE),
        unit="ratio",
        where={"category": ("home_burglary",)},
        good="higher",
        minimum_n=5,
        rows=("A3.34",),
        notes=(
            (
                'The report also says "around 94" after leaving out 38 that were not a crime, 26 not residential and 9 '
                "unconnected buildings. Here, such incidents are left out once they are reclassified."
            ),
        ),
    ),
    *(declare(span) for span in _SPANS for declare in (_median, _within)),
)

OPEN = (
    Measure(
        name="incident_open_count",
        show=("incidents",),
        title="Incidents open now",
        question="How many incidents are open now?",
        population=f"Incidents opened and not closed. {_UNRECORDED}",
        statistic=OpenCount(Selection("incident_open")),
        unit="count",
    ),
    Measure(
        name="incident_unresourced_count",
        show=("incidents",),
        title="No unit assigned now",
        question="How many open incidents that may need attendance have no unit assigned?",
        population=f"Open incidents not attended yet, with no unit dispatched or with every unit stood down. {_UNRECORDED}",
        statistic=OpenCount(Selection("incident_unresourced")),
        unit="count",
        good="lower",
    ),
    Measure(
        name="incident_unattended_count",
        show=("incidents",),
        title="Not attended yet",
        question="How many open incidents have not been attended?",
        population=f"Open incidents with neither an arrival nor a video response. {_UNRECORDED}",
        statistic=OpenCount(Selection("incident_unattended")),
        unit="count",
        good="lower",
    ),
    Measure(
        name="grade_1_unresourced_over_2_minutes_count",
        show=("attendance",),
        title="Grade 1 with no unit for 2 min",
        question="How many Grade 1 (immediate) incidents have had no unit assigned for 2 minutes or more?",
        population=f"Open Grade 1 incidents not attended yet, with no unit dispatched or with every unit stood down. {_UNRECORDED}",
        statistic=OpenCount(Selection("incident_unresourced"), at_least_seconds=120),
        unit="count",
        where=_IMMEDIATE,
        good="lower",
    ),
    Measure(
        name="grade_1_unattended_over_15_minutes_count",
        show=("attendance",),
        title="Grade 1 not attended for 15 min",
        question="How many Grade 1 (immediate) incidents have been open and unattended for 15 minutes or more?",
        population=f"Open Grade 1 incidents with neither an arrival nor a video response. {_UNRECORDED}",
        clock="From the incident's opening until now.",
        statistic=OpenCount(Selection("incident_unattended"), at_least_seconds=900),
        unit="count",
        where=_IMMEDIATE,
        good="lower",
    ),
    Measure(
        name="grade_2_unattended_over_2_hours_count",
        show=("attendance",),
        title="Grade 2 not attended for 2 h",
        question="How many Grade 2 (priority) incidents have been open and unattended for 2 hours or more?",
        population=f"Open Grade 2 incidents with neither an arrival nor a video response. {_UNRECORDED}",
        clock="From the incident's opening until now.",
        statistic=OpenCount(Selection("incident_unattended"), at_least_seconds=7200),
        unit="count",
        where=_PRIORITY,
        good="lower",
    ),
    Measure(
        name="grade_1_longest_unattended_seconds",
        title="Grade 1 longest without attendance",
        question="How long has the longest-waiting Grade 1 (immediate) incident been open and unattended?",
        population=f"Open Grade 1 incidents with neither an arrival nor a video response. {_UNRECORDED}",
        clock="From the incident's opening until now.",
        statistic=OpenLongest(Selection("incident_unattended")),
        unit="seconds",
        where=_IMMEDIATE,
        good="lower",
    ),
)

QUALITY = (
    Measure(
        name="arrival_unrecorded_ratio",
        title="Attended, arrival not recorded",
        version=2,
        question="What share of incidents closed as attended has no arrival recorded?",
        population="Incidents closed as attended.",
        statistic=Share((Selection("arrival_unrecorded"),), (Selection("incident_closed", {"result": ("attended",)}),)),
        # An incident opened twice, or closed without an arrival, counts here as it should; only one without an opening is left out.
        unrecorded=(Unrecorded(Selection("attendance_unrecorded"), met=(), missed=()),),
        unit="ratio",
        good="lower",
        minimum_n=5,
        notes=(
            "If no at-scene time was recorded, the incident counts as missed in every share of arrivals within target (rules C16).",
        ),
    ),
)
