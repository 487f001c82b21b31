"""Measures of custody and voluntary attendance (reports A4)."""

from measures.measure import (
    Count,
    Mean,
    Measure,
    OpenCount,
    OpenDue,
    OpenLongest,
    OpenSoonest,
    Selection,
    Share,
    Where,
)

_CHILD: Where = {"child": ("yes",)}
_ADULT: Where = {"child": ("no",)}
WARNING_MINUTES = (60, 30, 10)
"""How long before a custody clock runs out people are warned."""
_DURATION_CLOCK = (
    "Arrived at the suite, to the end of the detention; elapsed time, pauses of the detention clock included."
)


def _disposal_rate(name: str, disposal: str, words: str, row: str) -> Measure:
    return Measure(
        name=name,
        title=f"{words} rate",
        question=f"Of the detentions that ended, what share ended in {words.lower()}?",
        population="Detentions ended, by disposal, whether detention was authorised or refused.",
        statistic=Share((Selection("detention_ended", {"disposal": (disposal,)}),), (Selection("detention_ended"),)),
        unit="ratio",
        minimum_n=5,
        rows=(row,),
        notes=("The report's differences are percentage points, printed as % (reports I12).",),
    )


_CLOCKS = {
    "review": (
        Selection("review_due"),
        (
            "Detention authorised, or the last review held, to the latest time for the next review: 6 hours, then 9 (PACE "
            "s.40); hospital and bail left out. A postponed review is not in it."
        ),
        ("reviews of detention", "fall due", "are overdue"),
    ),
    "detention": (
        Selection("detention_limit"),
        (
            "Relevant time, to the end of detention without charge: 24 hours, 36 with a superintendent's authority, up to "
            "96 with a court's (PACE ss.41 to 44); hospital and bail left out."
        ),
        ("detentions without charge", "come to their limit", "are past their limit"),
    ),
}
_WHO: dict[str, tuple[Where, str]] = {"child": (_CHILD, "children"), "adult": (_ADULT, "adults")}


def _due(clock: str, who: str, minutes: int) -> Measure:
    """How many have less than so many minutes left, or are overdue; 0 minutes are overdue."""
    (kind, words, (things, fall_due, are_overdue)), (where, people) = _CLOCKS[clock], _WHO[who]
    soon = f"{fall_due} in less than {minutes} minutes, or {are_overdue} already" if minutes else are_overdue
    name = f"due_within_{minutes}_minutes" if minutes else "overdue"
    return Measure(
        name=f"{who}_{clock}_{name}_count",
        title=f"{clock.capitalize()} {name.replace('_', ' ')}, {people}",
        question=f"How many {things} of {people} {soon}?",
        population="Detainees arrived whose detention has not ended; a clock that stands still counts once overdue.",
        clock=words,
        statistic=OpenDue(kind, minutes * 60),
        unit="count",
        where=where,
        good="lower",
    )


def _remaining(clock: str) -> Measure:
    kind, words, (things, _, _) = _CLOCKS[clock]
    return Measure(
        name=f"{clock}_remaining_seconds",
        title=f"{clock.capitalize()}: least time left",
        question=f"How long is it until the next of the {things} is due?",
        population="Detainees arrived whose detention has not ended and whose clock runs; less than 0 is overdue.",
        clock=words,
        statistic=OpenSoonest(kind),
        unit="seconds",
        good="higher",
    )


CUSTODY = (
    Measure(
        name="arrest_count",
        title="Arrests",
        question="How many detainees arrived at custody?",
        population="Arrivals at a custody suite. Voluntary attendance is not among them.",
        statistic=Count(Selection("detainee_arrived")),
        unit="count",
        rows=("A4.35",),
        notes=('The report uses arrests as "detainees" for its 5.3 % of children; they differ (reports I16).',),
    ),
    Measure(
        name="detention_mean_seconds",
        title="Average detention",
        question="On average, how long did a detention last?",
        population="Detentions ended.",
        clock=_DURATION_CLOCK,
        statistic=Mean(Selection("arrived_to_ended")),
        unit="seconds",
        good="lower",
        minimum_n=5,
        rows=("A4.36",),
        notes=("The report's -11.3 % is of unrounded figures; of the printed ones it is -11.2 % (reports I11).",),
    ),
    Measure(
        name="child_detained_count",
        title="Children in custody",
        question="How many children arrived at custody?",
        population="Arrivals at a custody suite of persons under 18.",
        statistic=Count(Selection("detainee_arrived")),
        unit="count",
        where=_CHILD,
        good="lower",
        rows=("A4.37",),
    ),
    Measure(
        name="child_detention_mean_seconds",
        title="Average detention of children",
        question="On average, how long did a child's detention last?",
        population="Detentions ended, of persons under 18.",
        clock=_DURATION_CLOCK,
        statistic=Mean(Selection("arrived_to_ended")),
        unit="seconds",
        where=_CHILD,
        good="lower",
        minimum_n=5,
        rows=("A4.38",),
        notes=(
            (
                "The report's second, unlabelled row of durations, under the children: read as theirs. Its -0.8 and -7.5 % "
                "are of unrounded figures (reports I11)."
            ),
        ),
    ),
    Measure(
        name="custody_waiting_mean_seconds",
        title="Average wait in custody",
        question="On average, how long did a detainee wait for detention to be authorised?",
        population="Detentions authorised.",
        clock="Arrived at the suite, to detention authorised.",
        statistic=Mean(Selection("arrived_to_authorised")),
        unit="seconds",
        good="lower",
        minimum_n=5,
        rows=("A4.39",),
        notes=("The report gives the unit in its prose only.",),
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
        title="In custody now",
        question="How many detainees are in custody now?",
        population="Detainees arrived whose detention has not ended.",
        statistic=OpenCount(Selection("in_custody")),
        unit="count",
    ),
    Measure(
        name="custody_awaiting_authorisation_count",
        title="Waiting for authorisation now",
        question="How many detainees are waiting for detention to be authorised?",
        population="Detainees arrived, neither authorised nor ended.",
        statistic=OpenCount(Selection("awaiting_authorisation")),
        unit="count",
        good="lower",
    ),
    Measure(
        name="custody_longest_wait_seconds",
        title="Longest wait in custody now",
        question="How long has the detainee who waits longest been waiting for detention to be authorised?",
        population="Detainees arrived, neither authorised nor ended.",
        clock="Arrived at the suite, to now.",
        statistic=OpenLongest(Selection("awaiting_authorisation")),
        unit="seconds",
        good="lower",
    ),
    Measure(
        name="custody_awaiting_over_60_minutes_count",
        title="Waiting for authorisation for 60 min",
        question="How many detainees have been waiting for detention to be authorised for 60 minutes or more?",
        population="Detainees arrived, neither authorised nor ended.",
        clock="Arrived at the suite, to now.",
        statistic=OpenCount(Selection("awaiting_authorisation"), at_least_seconds=3600),
        unit="count",
        good="lower",
    ),
    *(_due(clock, who, minutes) for who in _WHO for clock in _CLOCKS for minutes in (*WARNING_MINUTES, 0)),
    *(_remaining(clock) for clock in _CLOCKS),
    Measure(
        name="review_postponed_count",
        title="Reviews postponed",
        question="How many reviews of detention are past their time because they were postponed, and not yet held?",
        population="Detainees arrived whose detention has not ended; the postponement is recorded (PACE s.40(4)).",
        statistic=OpenCount(Selection("review_postponed")),
        unit="count",
        good="lower",
        notes=("A postponed review is not overdue, but it must be held as soon as practicable (PACE s.40(5)).",),
    ),
    Measure(
        name="custody_clock_paused_count",
        title="Custody clocks paused",
        question="For how many detainees do the clocks stand still, for hospital or bail?",
        population="Detainees arrived whose detention has not ended.",
        statistic=OpenCount(Selection("custody_clock_paused")),
        unit="count",
    ),
)
