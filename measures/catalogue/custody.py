"""Measures of custody and voluntary attendance (reports A4)."""

from measures.measure import (
    Count,
    DeclaredWhere,
    Mean,
    Measure,
    OpenCount,
    OpenDue,
    OpenLongest,
    OpenSoonest,
    Selection,
    Share,
    Unrecorded,
)

_CHILD: DeclaredWhere = {"child": ("yes",)}
_ADULT: DeclaredWhere = {"child": ("no", "none")}
"""People not known to be children: without an arrival on record, it is not known."""
LONG_PAUSE_SECONDS = 12 * 3600
"""A pause that is this old was probably ended without a record."""
WARNING_MINUTES = (60, 30, 10)
"""How many minutes before a custody clock runs out people are warned."""
_DURATION_CLOCK = (
    "From arrival at the suite until the detention ends; elapsed time, including pauses of the detention clock."
)


def _disposal_rate(name: str, disposal: str, words: str, row: str) -> Measure:
    return Measure(
        name=name,
        title=f"{words} rate",
        question=f"What share of ended detentions ended in {words.lower()}?",
        population="Detentions that have ended, whether detention was authorised or refused.",
        statistic=Share((Selection("detention_ended", {"disposal": (disposal,)}),), (Selection("detention_ended"),)),
        unrecorded=(Unrecorded(Selection("disposal_unrecorded")),),
        unit="ratio",
        minimum_n=5,
        rows=(row,),
        notes=("The report prints differences in percentage points as % (reports I12).",),
    )


_UNTIL_DUE = {"review": Selection("review_due_ahead"), "detention": None}
"""A review that was postponed before it was due is due until then (PACE s.40(4))."""
_CLOCKS = {
    "review": (
        Selection("review_due"),
        (
            "From the authorisation of detention, or the last review, until the next review must be held: 6 hours, then 9 "
            "(PACE s.40). Time in hospital or on bail is excluded. If a review is postponed, the clock counts down to the review after it."
        ),
        ("detention reviews", "fall due", "are overdue"),
        "How long until the next detention review is due?",
    ),
    "detention": (
        Selection("detention_limit"),
        (
            "From the relevant time until detention without charge must end: 24 hours, 36 with a superintendent's authority, "
            "up to 96 with a court's warrant (PACE ss.41 to 44). Time in hospital or on bail is excluded. There is no limit for people who are charged, or who are detained for a reason other than an offence."
        ),
        ("detentions without charge", "reach their limit", "are past their limit"),
        "How long until the next detention without charge reaches its limit?",
    ),
}
_WHO: dict[str, tuple[DeclaredWhere, str, str]] = {
    "child": (_CHILD, "children", "children's"),
    "adult": (_ADULT, "adults", "adults'"),
}


def _due(clock: str, who: str, minutes: int) -> Measure:
    """The number of clocks with less than `minutes` left or overdue; with 0 minutes, those overdue."""
    (kind, description, (things, fall_due, are_overdue), _), (where, people, whose) = _CLOCKS[clock], _WHO[who]
    soon = f"{fall_due} in less than {minutes} minutes, or {are_overdue}" if minutes else are_overdue
    name = f"due_within_{minutes}_minutes" if minutes else "overdue"
    return Measure(
        name=f"{who}_{clock}_{name}_count",
        show=("custody_page",) if minutes in (0, WARNING_MINUTES[0]) else (),
        title=f"{clock.capitalize()} {name.replace('_', ' ')}, {people}",
        question=f"How many {whose} {things} {soon}?",
        population="Detainees in custody. A paused clock counts only if it is already overdue.",
        clock=description,
        statistic=OpenDue(kind, minutes * 60, _UNTIL_DUE[clock]),
        unit="count",
        where=where,
        good="lower",
    )


def _remaining(clock: str) -> Measure:
    kind, description, _, question = _CLOCKS[clock]
    return Measure(
        name=f"{clock}_remaining_seconds",
        title=f"{clock.capitalize()}: least time left",
        question=question,
        population="Detainees in custody whose clock is running. A value below 0 is overdue.",
        clock=description,
        statistic=OpenSoonest(kind, _UNTIL_DUE[clock]),
        unit="seconds",
        good="higher",
    )


CUSTODY = (
    Measure(
        name="arrest_count",
        show=("custody", "wall", "handover"),
        title="Arrests",
        question="How many detainees arrived at custody?",
        population="Arrivals at a custody suite. Voluntary attendances, returns on bail and transfers are excluded.",
        statistic=Count(Selection("detainee_arrived")),
        unit="count",
        rows=("A4.35",),
        notes=('The report uses arrests as "detainees" in its 5.3% of children, but the two differ (reports I16).',),
    ),
    Measure(
        name="detention_mean_seconds",
        show=("custody", "wall"),
        title="Average detention",
        question="How long did a detention last on average?",
        population="Detentions that have ended.",
        clock=_DURATION_CLOCK,
        statistic=Mean(Selection("arrived_to_ended")),
        unrecorded=(Unrecorded(Selection("arrived_to_ended_unrecorded")),),
        unit="seconds",
        good="lower",
        minimum_n=5,
        rows=("A4.36",),
        notes=("The report's -11.3% comes from unrounded figures; the printed ones give -11.2% (reports I11).",),
    ),
    Measure(
        name="child_detained_count",
        show=("custody", "wall", "handover"),
        title="Children in custody",
        question="How many children arrived at custody?",
        population="Arrivals of people under 18 at a custody suite. Returns on bail and transfers are excluded.",
        statistic=Count(Selection("detainee_arrived")),
        unit="count",
        where=_CHILD,
        good="lower",
        rows=("A4.37",),
    ),
    Measure(
        name="child_detention_mean_seconds",
        title="Average detention of children",
        question="How long did a child's detention last on average?",
        population="Ended detentions of people under 18.",
        clock=_DURATION_CLOCK,
        statistic=Mean(Selection("arrived_to_ended")),
        unrecorded=(Unrecorded(Selection("arrived_to_ended_unrecorded")),),
        unit="seconds",
        where=_CHILD,
        good="lower",
        minimum_n=5,
        rows=("A4.38",),
        notes=(
            (
                "The report has a second, unlabelled row of durations below the children's row; it is assumed to be about children. "
                "Its -0.8 and -7.5% come from unrounded figures (reports I11)."
            ),
        ),
    ),
    Measure(
        name="custody_waiting_mean_seconds",
        show=("custody", "wall"),
        title="Average wait in custody",
        question="How long did a detainee wait on average for detention to be authorised?",
        population="Detentions that were authorised.",
        clock="From arrival at the suite until detention is authorised.",
        statistic=Mean(Selection("arrived_to_authorised")),
        unrecorded=(Unrecorded(Selection("arrived_to_authorised_unrecorded")),),
        unit="seconds",
        good="lower",
        minimum_n=5,
        rows=("A4.39",),
        notes=("The report gives the unit only in its text.",),
    ),
    _disposal_rate("bail_ratio", "bail", "Bail", "A4.40"),
    _disposal_rate(
        "released_under_investigation_ratio", "released_under_investigation", "Release under investigation", "A4.41"
    ),
    Measure(
        name="voluntary_attendance_count",
        title="Voluntary attendees",
        question="How many people attended voluntarily to be interviewed?",
        population="Voluntary attendances.",
        statistic=Count(Selection("voluntary_attended")),
        unit="count",
        rows=("A4.42",),
    ),
    Measure(
        name="in_custody_count",
        show=("custody", "custody_page"),
        title="In custody now",
        question="How many detainees are in custody now?",
        population="Detainees who have arrived and have not left. People on bail are excluded.",
        statistic=OpenCount(Selection("in_custody")),
        unit="count",
    ),
    Measure(
        name="custody_awaiting_authorisation_count",
        show=("custody", "custody_page"),
        title="Waiting for authorisation now",
        question="How many detainees are waiting for detention to be authorised?",
        population="Detainees in custody whose detention has not been authorised.",
        statistic=OpenCount(Selection("awaiting_authorisation")),
        unit="count",
        good="lower",
    ),
    Measure(
        name="custody_longest_wait_seconds",
        show=("custody",),
        title="Longest wait in custody now",
        question="How long has the longest-waiting detainee been waiting for detention to be authorised?",
        population="Detainees in custody whose detention has not been authorised.",
        clock="From arrival at the suite until now.",
        statistic=OpenLongest(Selection("awaiting_authorisation")),
        unit="seconds",
        good="lower",
    ),
    Measure(
        name="custody_awaiting_over_60_minutes_count",
        show=("custody",),
        title="Waiting for authorisation for 60 min",
        question="How many detainees have been waiting for detention to be authorised for 60 minutes or more?",
        population="Detainees in custody whose detention has not been authorised.",
        clock="From arrival at the suite until now.",
        statistic=OpenCount(Selection("awaiting_authorisation"), at_least_seconds=3600),
        unit="count",
        good="lower",
    ),
    *(_due(clock, who, minutes) for who in _WHO for clock in _CLOCKS for minutes in (*WARNING_MINUTES, 0)),
    *(_remaining(clock) for clock in _CLOCKS),
    Measure(
        name="review_postponed_count",
        show=("custody_page",),
        title="Reviews postponed",
        question="How many postponed detention reviews are past their due time and not yet held?",
        population="Detainees in custody with a recorded postponement of their review (PACE s.40(4)).",
        statistic=OpenCount(Selection("review_postponed")),
        unit="count",
        good="lower",
        notes=("A postponed review is not overdue, but it must be held as soon as practicable (PACE s.40(5)).",),
    ),
    Measure(
        name="review_postponed_over_60_minutes_count",
        title="Reviews postponed for 60 min",
        question="How many postponed detention reviews have been past their due time for 60 minutes or more?",
        population="Detainees in custody with a recorded postponement of their review (PACE s.40(4)).",
        clock="From the time the review was due, or its postponement if that is later, until now.",
        statistic=OpenCount(Selection("review_postponed"), at_least_seconds=3600),
        unit="count",
        good="lower",
    ),
    Measure(
        name="custody_clock_paused_count",
        show=("custody_page",),
        title="Custody clocks paused",
        question="How many detainees' clocks are paused because they are in hospital?",
        population="Detainees in custody whose clocks are paused. Those released on bail are not in custody.",
        statistic=OpenCount(Selection("custody_clock_paused")),
        unit="count",
    ),
    Measure(
        name="custody_clock_paused_over_12_hours_count",
        show=("custody_page",),
        title="Custody clocks paused for 12 hours",
        question="How many detainees' clocks have been paused for 12 hours or more?",
        population="Detainees in custody whose clocks are paused.",
        clock="From the beginning of the pause until now.",
        statistic=OpenCount(Selection("custody_clock_paused"), at_least_seconds=LONG_PAUSE_SECONDS),
        unit="count",
        good="lower",
        notes=(
            "Nobody is warned of a detention's deadlines while its clocks are paused: check that the pause is real.",
        ),
    ),
    Measure(
        name="custody_note_count",
        show=("custody_page",),
        title="Notes on detentions",
        question="How many notes are there on detentions, such as a charge, an extension without effect or a missing arrival?",
        population="Detainees in custody, and people who must be in custody although no arrival is recorded. A detention may have several notes.",
        statistic=OpenCount(Selection("custody_note")),
        unit="count",
    ),
    Measure(
        name="custody_record_silent_count",
        show=("custody_page",),
        title="Silent records of custody",
        question="How many people in custody have had nothing recorded for a day, or for the time that the profile sets?",
        population="Detainees in custody, and people who must be in custody although no arrival is recorded.",
        statistic=OpenCount(Selection("custody_note", {"note": ("record_silent",)})),
        unit="count",
        good="lower",
        notes=(
            "They count as in custody in every figure and list, however old their last fact is. Only a recorded end removes them.",
        ),
    ),
    Measure(
        name="suite_entered_count",
        title="Arrivals at suites",
        question="How many times did a detainee arrive at a custody suite?",
        population="Arrivals, returns on bail, and transfers from another suite.",
        statistic=Count(Selection("suite_entered")),
        unit="count",
        notes=("Together with departures, it gives the number in custody at any time (`bluelamp occupancy`).",),
    ),
    Measure(
        name="suite_left_count",
        title="Departures from suites",
        question="How many times did a detainee leave a custody suite?",
        population="Ends of detention, releases on bail, and transfers to another suite.",
        statistic=Count(Selection("suite_left")),
        unit="count",
    ),
)

BY_DETAINEE = (
    *(measure.name for measure in CUSTODY if isinstance(measure.statistic, OpenDue)),
    "review_postponed_over_60_minutes_count",
    "custody_awaiting_over_60_minutes_count",
    "custody_clock_paused_over_12_hours_count",
)
"""The measures with an alert for each detainee."""
MORE_URGENT = {
    f"{who}_{clock}_due_within_{minutes}_minutes_count": f"{who}_{clock}_{more_urgent}_count"
    for who in _WHO
    for clock in _CLOCKS
    for minutes, more_urgent in zip(
        WARNING_MINUTES, (*(f"due_within_{each}_minutes" for each in WARNING_MINUTES[1:]), "overdue"), strict=True
    )
}
"""The next more urgent step of each: a detainee whom that step counts has only its alert."""
