"""What an incident counts for under its final grade: opening, dispatch, attendance, closure and the spans between them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from facts.fact import EndedByHand, SubjectFact
from facts.force import NONE
from facts.incident import (
    IncidentClosed,
    IncidentOpened,
    IncidentReclassified,
    IncidentRegraded,
    IncidentReopened,
    UnitArrived,
    UnitDispatched,
    UnitStoodDown,
    VideoResponseStarted,
)
from measures.outcome import (
    DECIDED,
    KINDS,
    LEFT_OUT,
    NO_TARGET,
    SECOND,
    UNRECORDED,
    KindName,
    Outcomes,
    Target,
    microseconds,
)
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules

_DAY_SECONDS = 86_400
_NOTHING_RECORDED: tuple[KindName, ...] = (
    *(kind for kind in UNRECORDED.values() if KINDS[kind].topic == "incidents"),
    "attendance_unrecorded",
)
_NEVER_ATTENDED = ("duplicate", "out_of_force")
_RESOLVED_WITHOUT_ATTENDANCE = ("telephone_resolved", "cancelled")


class _Dimensions(NamedTuple):
    """The labels of an incident, in the order of its kinds in `KINDS`."""

    grade: str
    group: str
    area: str
    domestic: str
    category: str


class _Incident(Struct):
    """One incident as its effective facts describe it."""

    opened: IncidentOpened
    grades: list[tuple[datetime, str]]
    dimensions: _Dimensions
    closed: IncidentClosed | None
    dispatched: datetime | None
    arrived: datetime | None
    video: datetime | None
    unresourced_since: datetime | None
    is_opened_twice: bool
    ended: EndedByHand | None
    attendance_unrecorded_from: int
    closure_unrecorded_from: int

    def unrecorded_from(self, *, is_attendance: bool) -> int:
        """The time from which the end of something open counts as unrecorded: an attendance, or the incident."""
        found = self.attendance_unrecorded_from if is_attendance else self.closure_unrecorded_from
        return min(found, microseconds(self.ended.at)) if self.ended else found

    def attended(self) -> datetime | None:
        """The earlier of arrival and video response."""
        return _earlier(self.arrived, self.video)


def outcomes(facts: Sequence[SubjectFact], rules: Rules, by_hand: Sequence[EndedByHand] = ()) -> Outcomes:
    """What the effective facts of one incident count for.

    Args:
        facts: in order of event time, without ends by hand.
        rules: the rules of the incident's force.
        by_hand: the ends by hand, in order.
    """
    opened = next((fact for fact in facts if isinstance(fact, IncidentOpened)), None)
    builder = OutcomeBuilder("incident", opened.at if opened else facts[0].at)
    if opened is None:
        builder.incomplete(facts[0].at)
        _count_nothing_recorded(facts, builder, rules)
        return builder.outcomes()
    incident = _read(opened, facts, rules, by_hand)
    _count_demand(incident, builder)
    _count_ends(incident, builder)
    _count_regrades(incident, builder, rules)
    if _needs_attendance(incident):
        _count_attendance(incident, builder)
        _count_targets(incident, builder, rules)
        _count_unrecorded(incident, builder, rules)
    elif incident.closed:
        builder.count("attendance_not_required", incident.closed.at, (*incident.dimensions, incident.closed.result))
    return builder.outcomes()


def _read(
    opened: IncidentOpened, facts: Sequence[SubjectFact], rules: Rules, by_hand: Sequence[EndedByHand]
) -> _Incident:
    closed = _closure(facts)
    grades = [(opened.at, rules.listed("grade", opened.grade))]
    group, category, domestic = opened.group, opened.category, opened.domestic
    for fact in facts:
        if isinstance(fact, IncidentRegraded):
            grades.append((fact.at, rules.listed("grade", fact.grade)))
        elif isinstance(fact, IncidentReclassified):
            group, category = fact.group or group, fact.category or category
            domestic = domestic if fact.domestic is None else fact.domestic
    if closed and closed.result in _NEVER_ATTENDED and rules.force.duplicate_group:
        group = rules.force.duplicate_group
    dimensions = _Dimensions(
        grades[-1][1],
        rules.listed("group", group),
        rules.listed("area", opened.area),
        "yes" if domestic else "no",
        rules.listed("category", category),
    )
    dispatched, arrived, video = (_first(facts, kind) for kind in (UnitDispatched, UnitArrived, VideoResponseStarted))
    last = facts[-1].at
    is_opened_twice = sum(isinstance(fact, IncidentOpened) for fact in facts) > 1
    return _Incident(
        opened,
        grades,
        dimensions,
        closed,
        dispatched,
        arrived,
        video,
        _unresourced_since(opened, facts),
        is_opened_twice,
        # A later fact shows that the incident continues, and cancels an earlier end by hand.
        ended=next((fact for fact in by_hand if fact.at >= last), None),
        attendance_unrecorded_from=microseconds(last) + rules.attendance_unrecorded_after(dimensions[0]),
        closure_unrecorded_from=microseconds(last) + rules.closure_unrecorded_after(dimensions[0]),
    )


def _closure(facts: Sequence[SubjectFact]) -> IncidentClosed | None:
    """The last closure, unless the incident was reopened after it."""
    closure: IncidentClosed | None = None
    for fact in facts:
        if isinstance(fact, IncidentClosed):
            closure = fact
        elif isinstance(fact, IncidentReopened):
            closure = None
    return closure


def _first(facts: Sequence[SubjectFact], kind: type[SubjectFact]) -> datetime | None:
    return next((fact.at for fact in facts if isinstance(fact, kind)), None)


def _unresourced_since(opened: IncidentOpened, facts: Sequence[SubjectFact]) -> datetime | None:
    """The time since which no unit has been assigned; None while a unit is assigned."""
    assigned: set[str] = set()
    since: datetime | None = opened.at
    for fact in facts:
        if isinstance(fact, UnitDispatched | UnitArrived):
            assigned.add(fact.unit)
            since = None
        elif isinstance(fact, UnitStoodDown):
            assigned.discard(fact.unit)
            since = since if assigned else since or fact.at
    return since


def _needs_attendance(incident: _Incident) -> bool:
    if incident.closed is None:
        return True
    if incident.closed.result in _NEVER_ATTENDED:
        return False
    return incident.closed.result not in _RESOLVED_WITHOUT_ATTENDANCE or bool(incident.arrived or incident.video)


def _count_demand(incident: _Incident, builder: OutcomeBuilder) -> None:
    dimensions = incident.dimensions
    builder.count("incident_opened", incident.opened.at, dimensions)
    if incident.is_opened_twice:
        builder.contradiction("opened_twice", incident.opened.at)
    if incident.dispatched:
        builder.count("incident_resourced", incident.dispatched, dimensions)
    if incident.video:
        builder.count("video_response_started", incident.video, dimensions)
    if incident.closed:
        builder.count("incident_closed", incident.closed.at, (*dimensions, incident.closed.result))
    else:
        unrecorded_from = incident.unrecorded_from(is_attendance=False)
        builder.add_open("incident_open", incident.opened.at, dimensions, unrecorded_from)


def _count_ends(incident: _Incident, builder: OutcomeBuilder) -> None:
    """Count an end by hand or, if there is none, the ends that will count as unrecorded."""
    if incident.closed:
        return
    if incident.ended:
        builder.ended_by_hand(incident.ended, incident.dimensions)
        return
    builder.add_unrecorded(incident.closure_unrecorded_from, incident.dimensions, "closure")
    if not incident.attended():
        builder.add_unrecorded(incident.attendance_unrecorded_from, incident.dimensions, "attendance")


def _count_regrades(incident: _Incident, builder: OutcomeBuilder, rules: Rules) -> None:
    for (_, before), (at, after) in zip(incident.grades, incident.grades[1:], strict=False):
        dimensions = (*incident.dimensions._replace(grade=after), before)
        if before != after:
            builder.count("incident_regraded", at, dimensions)
        if _is_downgrade(before, after, rules) and _was_near_breach(incident, before, at, rules):
            builder.count("incident_downgraded_near_breach", at, dimensions)


def _is_downgrade(before: str, after: str, rules: Rules) -> bool:
    return 0 <= rules.urgency.get(after, -1) < rules.urgency.get(before, -1)


def _was_near_breach(incident: _Incident, grade: str, at: datetime, rules: Rules) -> bool:
    """Whether nobody had attended and a fifth or less of the grade's target from opened to arrived was left."""
    opened, attended = incident.opened.at, incident.attended()
    targets = rules.targets(grade, microseconds(opened))
    seconds = targets.opened_to_arrived_seconds if targets else None
    if seconds is None or (attended is not None and attended <= at):
        return False
    return (microseconds(at) - microseconds(opened)) * 5 >= seconds * SECOND * 4


def _count_attendance(incident: _Incident, builder: OutcomeBuilder) -> None:
    dimensions, closed = incident.dimensions, incident.closed
    attended = incident.attended()
    if attended or closed:
        settled = attended or (closed.at if closed else incident.opened.at)
        builder.count("attendance_settled", settled, dimensions, int(attended is not None))
    if closed and not incident.arrived and closed.result == "attended":
        builder.count("arrival_unrecorded", closed.at, dimensions)
    if incident.arrived and not incident.dispatched:
        builder.count("dispatch_unrecorded", incident.arrived, dimensions)
    if not closed and not attended:
        unrecorded_from = incident.unrecorded_from(is_attendance=True)
        builder.add_open("incident_unattended", incident.opened.at, dimensions, unrecorded_from)
        if incident.unresourced_since:
            builder.add_open("incident_unresourced", incident.unresourced_since, dimensions, unrecorded_from)


def _count_targets(incident: _Incident, builder: OutcomeBuilder, rules: Rules) -> None:
    opened, dispatched, arrived = incident.opened.at, incident.dispatched, incident.arrived
    graded, attended = _graded_at(incident, rules), incident.attended()
    targets = rules.targets(incident.dimensions.grade, microseconds(opened))
    to_dispatch = targets.opened_to_dispatched_seconds if targets else None
    to_travel = targets.dispatched_to_arrived_seconds if targets else None
    to_arrive = targets.opened_to_arrived_seconds if targets else None
    if dispatched or not arrived:
        # Without a recorded dispatch there is no time to measure: the incident counts as `dispatch_unrecorded`.
        _count_span("opened_to_dispatched", opened, dispatched, to_dispatch, incident, builder)
        _decide("opened_to_dispatched_within_24_hours_decided", opened, dispatched, _DAY_SECONDS, incident, builder)
    if dispatched:
        _count_span("dispatched_to_arrived", dispatched, arrived, to_travel, incident, builder)
    _count_span("opened_to_arrived", opened, arrived, to_arrive, incident, builder)
    if not (arrived and arrived < opened):  # otherwise the contradiction is already counted
        _count_span("opened_to_attended", opened, attended, to_arrive, incident, builder)
    if not (arrived and arrived < graded):
        _count_span("graded_to_arrived", graded, arrived, to_arrive, incident, builder)


class _Clock(NamedTuple):
    """A clock of an incident, for what is not recorded of it.

    Attributes:
        kind: its span; for the dispatch within 24 hours its decided kind.
        start: when it started; None if that is not recorded.
        end: when it stopped; None if it has not, or that is not recorded.
        is_missing: a time that it needs is not recorded.
        target_seconds: the target of the grade for it; None if there is none.
    """

    kind: KindName
    start: datetime | None
    end: datetime | None
    is_missing: bool
    target_seconds: int | None


def _clocks(incident: _Incident, rules: Rules) -> Iterator[_Clock]:
    opened, dispatched, arrived = incident.opened.at, incident.dispatched, incident.arrived
    attended, graded = _earlier(arrived, incident.video), _graded_at(incident, rules)
    targets = rules.targets(incident.dimensions[0], microseconds(opened))
    to_dispatch = targets.opened_to_dispatched_seconds if targets else None
    to_travel = targets.dispatched_to_arrived_seconds if targets else None
    to_arrive = targets.opened_to_arrived_seconds if targets else None
    is_attended = incident.closed is not None and incident.closed.result == "attended"
    has_come = arrived is not None or is_attended
    never_dispatched = has_come and dispatched is None
    never_arrived = is_attended and arrived is None
    lost = never_dispatched or never_arrived
    yield _Clock("opened_to_dispatched", opened, dispatched, never_dispatched, to_dispatch)
    yield _Clock("opened_to_dispatched_within_24_hours_decided", opened, dispatched, never_dispatched, _DAY_SECONDS)
    yield _Clock("dispatched_to_arrived", dispatched, arrived, lost, to_travel)
    yield _Clock("opened_to_arrived", opened, arrived, never_arrived, to_arrive)
    yield _Clock("opened_to_attended", opened, attended, is_attended and attended is None, to_arrive)
    yield _Clock("graded_to_arrived", graded, arrived, never_arrived, to_arrive)


def _count_unrecorded(incident: _Incident, builder: OutcomeBuilder, rules: Rules) -> None:
    """Count the clocks whose times are not recorded or in doubt, each as the figures count it."""
    counted = {outcome.kind: outcome for outcome in builder.finished}
    is_attended = incident.closed is not None and incident.closed.result == "attended"
    for clock in _clocks(incident, rules):
        if _is_in_doubt(clock, incident):
            left_out = NO_TARGET if clock.target_seconds is None else LEFT_OUT
            decided = counted.get(DECIDED.get(clock.kind, clock.kind))
            builder.unrecorded(UNRECORDED[clock.kind], decided, incident.opened.at, incident.dimensions, left_out)
    settled = counted.get("attendance_settled")
    if settled and (incident.is_opened_twice or (is_attended and not settled.value)):
        builder.count_as("attendance_unrecorded", settled, settled.value)


def _is_in_doubt(clock: _Clock, incident: _Incident) -> bool:
    if clock.is_missing or (incident.is_opened_twice and bool(clock.end or incident.closed)):
        return True
    # A unit may arrive before an upgrade, and so before the clock of the new grade starts.
    start = incident.opened.at if clock.kind == "graded_to_arrived" else clock.start
    return start is not None and clock.end is not None and clock.end < start


def _count_nothing_recorded(facts: Sequence[SubjectFact], builder: OutcomeBuilder, rules: Rules) -> None:
    """Count an incident without an opening as not recorded in every figure; of its labels only a later grade is known."""
    grades = [fact.grade for fact in facts if isinstance(fact, IncidentRegraded)]
    dimensions = (rules.listed("grade", grades[-1] if grades else None), NONE, NONE, NONE, NONE)
    for kind in _NOTHING_RECORDED:
        builder.count(kind, facts[0].at, dimensions, LEFT_OUT)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((each for each in (one, other) if each), default=None)


def _graded_at(incident: _Incident, rules: Rules) -> datetime:
    """When the clock of the current grade started: at opening, or at the last upgrade (rules C12)."""
    started, urgency = incident.opened.at, -1
    for at, grade in incident.grades:
        rank = rules.urgency.get(grade, -1)
        if rank > urgency >= 0:
            started = at
        urgency = rank
    return started


def _count_span(
    kind: KindName,
    start: datetime,
    end: datetime | None,
    target_seconds: int | None,
    incident: _Incident,
    builder: OutcomeBuilder,
) -> None:
    """Count the span if it is finished, and whether it met its target once that is certain."""
    if end is not None and builder.span(kind, start, end, incident.dimensions) is None:
        return
    if target_seconds is not None:
        _decide(DECIDED[kind], start, end, target_seconds, incident, builder)


def _decide(
    kind: KindName,
    start: datetime,
    end: datetime | None,
    target_seconds: int,
    incident: _Incident,
    builder: OutcomeBuilder,
) -> None:
    if end is not None and end < start:
        return
    given_up = incident.closed.at if incident.closed else None
    unrecorded_from = incident.unrecorded_from(is_attendance=not incident.attended())
    builder.decide(kind, start, end, Target(target_seconds), incident.dimensions, given_up, unrecorded_from)
