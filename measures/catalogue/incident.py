"""Measures of incidents: demand, and attendance by grade (reports A3)."""

from msgspec.structs import replace

from measures.measure import (
    Count,
    Decided,
    External,
    Mean,
    Measure,
    Median,
    OpenCount,
    OpenLongest,
    Selection,
    Share,
    Where,
)

_IMMEDIATE: Where = {"response": ("immediate",)}
_PRIORITY: Where = {"response": ("priority",)}
_DOMESTIC_PRIORITY: Where = {"response": ("priority",), "domestic": ("yes",)}

_FINAL_GRADE = "Under its final grade: a regrade moves the incident from one grade's figures to the other's."
_NOT_NEEDED = (
    "Incidents closed as duplicate or out of force are not in it, nor those closed by telephone or cancelled without "
    "an arrival; attendance_not_required_count counts them."
)
_FINISHED = f"Incidents whose clock has stopped. {_FINAL_GRADE} {_NOT_NEEDED}"
_DECIDED = (
    f"Incidents whose clock has stopped or can no longer meet the target, unattended ones included. {_FINAL_GRADE} "
    f"{_NOT_NEEDED} Closed with no arrival recorded is missed."
)
_LEGS_DO_NOT_ADD = "Medians of legs do not add: 5.30 + 9.65 is not 16.85, and that is no error (reports I8)."

_CLOCKS = {
    "opened_to_dispatched": ("opened to dispatched", "Incident opened, to the first unit dispatched."),
    "dispatched_to_arrived": ("dispatched to arrived", "First unit dispatched, to the first unit at the scene."),
    "opened_to_arrived": ("opened to arrived", "Incident opened, to the first unit at the scene; video is no arrival."),
    "opened_to_attended": (
        "opened to attended",
        "Incident opened, to the first unit at the scene or the start of a video response, whichever is first.",
    ),
    "graded_to_arrived": (
        "graded to arrived",
        "Incident opened or last upgraded, to the first unit at the scene (rules C12).",
    ),
}


def _median(span: str) -> Measure:
    words, clock = _CLOCKS[span]
    return Measure(
        name=f"{span}_median_seconds",
        title=f"{words.capitalize()} (median)",
        question=f"What was the median time from {words}?",
        population=_FINISHED,
        clock=clock,
        statistic=Median(Selection(span)),
        unit="seconds",
        good="lower",
        minimum_n=5,
    )


def _within(span: str) -> Measure:
    words, clock = _CLOCKS[span]
    return Measure(
        name=f"{span}_within_target_ratio",
        title=f"{words.capitalize()} within target",
        question=f"What share met the target of its grade from {words}?",
        population=_DECIDED,
        clock=clock,
        statistic=Decided(Selection(f"{span}_decided")),
        unit="ratio",
        good="higher",
        target="the target of each grade from the force's profile, as it stood on the day of opening",
        minimum_n=5,
    )


def _grade_1(span: str, minutes: int, row: str, notes: tuple[str, ...] = ()) -> tuple[Measure, Measure]:
    words = _CLOCKS[span][0]
    return (
        replace(
            _median(span),
            name=f"grade_1_{span}_median_seconds",
            title=f"Grade 1 {words} (median)",
            question=f"What was the median time from {words} for Grade 1 (immediate) incidents?",
            where=_IMMEDIATE,
            rows=(row,),
            notes=notes,
        ),
        replace(
            _within(span),
            name=f"grade_1_{span}_within_target_ratio",
            has_band=True,
            title=f"Grade 1 {words} within target",
            question=f"What share of Grade 1 (immediate) incidents met the target from {words}?",
            where=_IMMEDIATE,
            target=f"the force's own; at Staffordshire within {minutes} minutes (S25 section 6.2)",
            rows=(row,),
            notes=notes,
        ),
    )


DEMAND = (
    Measure(
        name="incident_count",
        has_band=True,
        title="Incidents",
        question="How many incidents were opened?",
        population=(
            "All incidents of command and control, duplicates and out-of-force included; those are counted in a group of "
            "their own once closed as such. Group, grade and area are the final ones."
        ),
        statistic=Count(Selection("incident_opened")),
        unit="count",
        rows=("A3.20", "A3.21", "A3.22"),
        notes=("252,917 by group and area, 260,123 by priority: the report does not say why (reports I4).",),
    ),
    Measure(
        name="incident_demand_count",
        title="Demand by priority",
        question="How many incidents were there of each priority?",
        population="All incidents, by final grade: Grade 1, 2, 3, Res Centre and other.",
        statistic=Count(Selection("incident_opened")),
        unit="count",
        rows=("A3.23",),
        notes=(
            (
                "The report's 260,123 is 7,206 more than its own 252,917 incidents; duplicates (9,033) do not explain it "
                "(reports I4). Ours is the count of incidents, so that grades add to incident_count."
            ),
        ),
    ),
    Measure(
        name="incident_resourced_count",
        title="Resourced incidents",
        question="How many incidents had a unit dispatched?",
        population="Incidents with at least one dispatch, whatever came of it.",
        statistic=Count(Selection("incident_resourced")),
        unit="count",
        rows=("A3.24",),
    ),
    Measure(
        name="attendance_not_required_count",
        title="Closed without needing attendance",
        question="How many incidents left the attendance figures because they needed none?",
        population="Incidents closed as duplicate or out of force, or by telephone or cancelled without an arrival.",
        statistic=Count(Selection("attendance_not_required")),
        unit="count",
    ),
    Measure(
        name="incident_regraded_count",
        title="Regrades",
        question="How many times was an incident given another grade?",
        population="Changes of grade, under the grade given; `from_grade` is the one before.",
        statistic=Count(Selection("incident_regraded")),
        unit="count",
    ),
    Measure(
        name="incident_downgraded_near_breach_count",
        title="Regraded down near breach",
        question="How many times was an unattended incident regraded down with at most a fifth of its time left?",
        population=(
            "Regrades to a less urgent grade, told before any arrival or video response, when at least four fifths of the "
            "earlier grade's time from opened to arrived had passed, or all of it; under the grade given."
        ),
        clock="Incident opened, to the regrade.",
        statistic=Count(Selection("incident_downgraded_near_breach")),
        unit="count",
        good="lower",
        notes=("A downgrade moves the incident to the other grade's figures (rules C12): here it stays visible.",),
    ),
    Measure(
        name="incident_closed_count",
        title="Incidents closed",
        question="How many incidents were closed, with which result?",
        population="Incidents whose last closure stands.",
        statistic=Count(Selection("incident_closed")),
        unit="count",
    ),
)

ATTENDANCE = (
    *_grade_1("opened_to_dispatched", 2, "A3.25"),
    *_grade_1("dispatched_to_arrived", 13, "A3.26"),
    *_grade_1("opened_to_arrived", 15, "A3.27", (_LEGS_DO_NOT_ADD,)),
    replace(
        _median("opened_to_arrived"),
        name="grade_2_opened_to_arrived_median_seconds",
        title="Grade 2 opened to arrived (median)",
        question="What was the median time from opened to arrived for Grade 2 (priority) incidents?",
        where=_PRIORITY,
        rows=("A3.28",),
        notes=(
            (
                "The report prints 123.27 min under its Domestic table, whose own median is 17:43:13, so the population is "
                "unlabelled (reports I6); here it is all Grade 2."
            ),
        ),
    ),
    replace(
        _within("opened_to_arrived"),
        name="grade_2_opened_to_arrived_within_target_ratio",
        has_band=True,
        title="Grade 2 opened to arrived within target",
        question="What share of Grade 2 (priority) incidents was attended within the target from opening?",
        where=_PRIORITY,
        target="the force's own; at Staffordshire within 2 hours (S25, Context - Incidents)",
        rows=("A3.28",),
        notes=(
            (
                "A median of 123.27 min with only 36.12 % within 120 suggests that unattended jobs are in the share and not "
                "in the median, as they are here (reports I7)."
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
        notes=("A video response does not count as an arrival here; the next measure counts it (rules C17).",),
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
                "The published median fell from 17:43:13 to 03:45:00 as video response was introduced; the report does not "
                "say whether video counts, so both are given (rules C17)."
            ),
        ),
    ),
    replace(
        _within("opened_to_arrived"),
        name="domestic_grade_2_opened_to_arrived_within_target_ratio",
        title="Domestic Grade 2 opened to arrived within target",
        question="What share of domestic Grade 2 incidents was attended within the target from opening?",
        where=_DOMESTIC_PRIORITY,
        target="the force's own; at Staffordshire within 2 hours (S25, Context - Incidents)",
        rows=("A3.30",),
        notes=(
            (
                "The foreword's improved 27 per cent is the previous year's 27.34 % of the section 6.2 table, where the last "
                "12 months are 36.12 % (reports I5)."
            ),
        ),
    ),
    replace(
        _within("opened_to_attended"),
        name="domestic_grade_2_opened_to_attended_within_target_ratio",
        title="Domestic Grade 2 opened to attended within target, video counted",
        question="What share of domestic Grade 2 incidents was attended, or met by video, within the target from opening?",
        where=_DOMESTIC_PRIORITY,
        target="the force's own; at Staffordshire within 2 hours (S25, Context - Incidents)",
    ),
    Measure(
        name="grade_2_dispatched_to_arrived_mean_seconds",
        title="Grade 2 dispatched to arrived (mean)",
        question="On average, how long did Grade 2 (priority) incidents take from dispatched to arrived?",
        population=_FINISHED,
        clock=_CLOCKS["dispatched_to_arrived"][1],
        statistic=Mean(Selection("dispatched_to_arrived")),
        unit="seconds",
        where=_PRIORITY,
        good="lower",
        minimum_n=5,
        rows=("A3.31",),
        notes=("Published as a chart only.",),
    ),
    replace(
        _within("opened_to_dispatched"),
        name="grade_2_resourced_within_24_hours_ratio",
        title="Grade 2 resourced within 24 h",
        question="What share of Grade 2 (priority) incidents had a unit dispatched within 24 hours of opening?",
        statistic=Decided(Selection("opened_to_dispatched_within_24_hours_decided")),
        where=_PRIORITY,
        target="within 24 hours (S25 section 6.2)",
        rows=("A3.32",),
        notes=("Published as a chart only, on the Grade 2 page.",),
    ),
    Measure(
        name="video_response_satisfaction_ratio",
        title="Satisfied with enhanced video response",
        question="Of the victims asked after an enhanced video response, what share was satisfied?",
        population="Victims surveyed.",
        statistic=External("A survey's result; no fact of the control room carries it."),
        unit="ratio",
        good="higher",
        rows=("A3.33",),
        notes=('"100 per cent (early)", with no n.',),
    ),
    Measure(
        name="video_response_count",
        title="Enhanced video responses",
        question="How many incidents were met by video?",
        population="Incidents with a video response started.",
        statistic=Count(Selection("video_response_started")),
        unit="count",
    ),
    Measure(
        name="home_burglary_attended_ratio",
        title="Home burglary attended",
        question="What share of home burglaries was attended?",
        population=f"Incidents of the category home_burglary, attended or closed. {_NOT_NEEDED}",
        statistic=Decided(Selection("attendance_settled")),
        unit="ratio",
        where={"category": ("home_burglary",)},
        good="higher",
        minimum_n=5,
        rows=("A3.34",),
        notes=(
            (
                'The report also says "around 94" net of 38 not a crime, 26 not residential and 9 unconnected buildings: '
                "reclassifying those incidents takes them out here."
            ),
        ),
    ),
    *(
        declare(span)
        for span in ("opened_to_dispatched", "dispatched_to_arrived", "opened_to_arrived", "graded_to_arrived")
        for declare in (_median, _within)
    ),
)

OPEN = (
    Measure(
        name="incident_open_count",
        title="Incidents open now",
        question="How many incidents are open now?",
        population="Incidents opened and not closed.",
        statistic=OpenCount(Selection("incident_open")),
        unit="count",
    ),
    Measure(
        name="incident_unresourced_count",
        title="No unit assigned now",
        question="How many open incidents that may need attendance have no unit assigned?",
        population="Open incidents not yet attended, with every unit stood down or none ever dispatched.",
        statistic=OpenCount(Selection("incident_unresourced")),
        unit="count",
        good="lower",
    ),
    Measure(
        name="incident_unattended_count",
        title="Not attended yet",
        question="How many open incidents has no unit reached?",
        population="Open incidents with neither an arrival nor a video response.",
        statistic=OpenCount(Selection("incident_unattended")),
        unit="count",
        good="lower",
    ),
    Measure(
        name="grade_1_unresourced_over_2_minutes_count",
        title="Grade 1 with no unit for 2 min",
        question="How many Grade 1 (immediate) incidents have had no unit assigned for 2 minutes or more?",
        population="Open Grade 1 incidents not yet attended, with every unit stood down or none ever dispatched.",
        statistic=OpenCount(Selection("incident_unresourced"), at_least_seconds=120),
        unit="count",
        where=_IMMEDIATE,
        good="lower",
    ),
    Measure(
        name="grade_1_unattended_over_15_minutes_count",
        title="Grade 1 not attended for 15 min",
        question="How many Grade 1 (immediate) incidents have been open and unattended for 15 minutes or more?",
        population="Open Grade 1 incidents with neither an arrival nor a video response.",
        clock="Incident opened, to now.",
        statistic=OpenCount(Selection("incident_unattended"), at_least_seconds=900),
        unit="count",
        where=_IMMEDIATE,
        good="lower",
    ),
    Measure(
        name="grade_2_unattended_over_2_hours_count",
        title="Grade 2 not attended for 2 h",
        question="How many Grade 2 (priority) incidents have been open and unattended for 2 hours or more?",
        population="Open Grade 2 incidents with neither an arrival nor a video response.",
        clock="Incident opened, to now.",
        statistic=OpenCount(Selection("incident_unattended"), at_least_seconds=7200),
        unit="count",
        where=_PRIORITY,
        good="lower",
    ),
    Measure(
        name="grade_1_longest_unattended_seconds",
        title="Grade 1 longest without attendance",
        question="How long has the Grade 1 (immediate) incident that waits longest been open and unattended?",
        population="Open Grade 1 incidents with neither an arrival nor a video response.",
        clock="Incident opened, to now.",
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
        question="Of the incidents settled, what share was closed as attended with no arrival recorded?",
        population=f"Incidents attended or closed. {_NOT_NEEDED}",
        statistic=Share((Selection("arrival_unrecorded"),), (Selection("attendance_settled"),)),
        unit="ratio",
        good="lower",
        minimum_n=5,
        notes=("A missing at-scene press counts as missed in every share within target (rules C16).",),
    ),
)
