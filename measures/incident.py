"""What an incident counts for under its final grade: opening, dispatch, attendance, closure and the spans between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from facts.fact import EndedByHand, SubjectFact
from facts.force import NONE
from facts.incident import (
    IncidentClosed,
    IncidentOpened,
    IncidentReclassified,
    IncidentRegraded,
    IncidentReopened,
    IncidentResult,
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

_WITHIN_A_DAY = Target(86_400)
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


class _Incident:
    """One incident as its effective facts describe it, read in order. Times are in microseconds since 1970.

    Args:
        opening: the opening that counts.
        opened: its time.
        rules: the rules of the incident's force.
    """

    def __init__(self, opening: IncidentOpened, opened: int, rules: Rules) -> None:
        self.rules, self.opened = rules, opened
        self.grades = [(opened, rules.listed("grade", opening.grade))]
        self.closed: int | None = None
        self.result: IncidentResult | None = None
        self.unresourced_since: int | None = opened
        self.is_opened_twice = False
        self.last = opened
        self._opening, self._assigned = opening, set[str]()
        self._group, self._category, self._domestic = opening.group, opening.category, opening.domestic
        self._first: dict[type[SubjectFact], int] = {}

    def read(self, fact: SubjectFact) -> None:
        """Read the next fact."""
        self.last = at = microseconds(fact.at)
        kind = type(fact)
        self._first.setdefault(kind, at)
        reader = self.READERS.get(kind)
        if reader:
            reader(self, fact)

    def finish(self, by_hand: Sequence[EndedByHand]) -> None:
        """Derive what follows from all facts together, and from the ends by hand."""
        rules, first = self.rules, self._first
        is_never_attended = self.result in _NEVER_ATTENDED and rules.force.duplicate_group
        self.dimensions = _Dimensions(
            self.grades[-1][1],
            rules.listed("group", rules.force.duplicate_group if is_never_attended else self._group),
            rules.listed("area", self._opening.area),
            "yes" if self._domestic else "no",
            rules.listed("category", self._category),
        )
        self.dispatched, self.arrived = first.get(UnitDispatched), first.get(UnitArrived)
        self.video = first.get(VideoResponseStarted)
        self.attended = _earlier(self.arrived, self.video)
        # A later fact shows that the incident continues, and cancels an earlier end by hand.
        self.ended = next((fact for fact in by_hand if microseconds(fact.at) >= self.last), None)
        self.targets = rules.targets(self.dimensions.grade, self.opened)

    def unrecorded_from(self, *, is_attendance: bool) -> int:
        """The time from which the end of something open counts as unrecorded: an attendance, or the incident."""
        grade = self.dimensions.grade
        after = self.rules.attendance_unrecorded_after if is_attendance else self.rules.closure_unrecorded_after
        found = self.last + after(grade)
        return min(found, microseconds(self.ended.at)) if self.ended else found

    def is_closed_as_attended(self) -> bool:
        """Whether it is closed, as attended."""
        return self.result == "attended"

    def _open(self, fact: IncidentOpened) -> None:
        self.is_opened_twice = self.is_opened_twice or fact is not self._opening

    def _regrade(self, fact: IncidentRegraded) -> None:
        self.grades.append((self.last, self.rules.listed("grade", fact.grade)))

    def _reclassify(self, fact: IncidentReclassified) -> None:
        self._group, self._category = fact.group or self._group, fact.category or self._category
        self._domestic = self._domestic if fact.domestic is None else fact.domestic

    def _assign(self, fact: UnitDispatched | UnitArrived) -> None:
        self._assigned.add(fact.unit)
        self.unresourced_since = None

    def _stand_down(self, fact: UnitStoodDown) -> None:
        self._assigned.discard(fact.unit)
        if not self._assigned and self.unresourced_since is None:
            self.unresourced_since = self.last

    def _close(self, fact: IncidentClosed) -> None:
        self.closed, self.result = self.last, fact.result

    def _reopen(self, _fact: IncidentReopened) -> None:
        self.closed = self.result = None

    READERS: ClassVar[Mapping[type[SubjectFact], Callable[["_Incident", Any], None]]] = {
        IncidentOpened: _open,
        IncidentRegraded: _regrade,
        IncidentReclassified: _reclassify,
        UnitDispatched: _assign,
        UnitArrived: _assign,
        UnitStoodDown: _stand_down,
        IncidentClosed: _close,
        IncidentReopened: _reopen,
    }


def outcomes(facts: Sequence[SubjectFact], rules: Rules, by_hand: Sequence[EndedByHand] = ()) -> Outcomes:
    """What the effective facts of one incident count for.

    Args:
        facts: in order of event time, without ends by hand.
        rules: the rules of the incident's force.
        by_hand: the ends by hand, in order.
    """
    opening = next((fact for fact in facts if isinstance(fact, IncidentOpened)), None)
    builder = OutcomeBuilder("incident", microseconds(opening.at if opening else facts[0].at))
    if opening is None:
        builder.incomplete(builder.began)
        _count_nothing_recorded(facts, builder, rules)
        return builder.outcomes()
    incident = _Incident(opening, builder.began, rules)
    for fact in facts:
        incident.read(fact)
    incident.finish(by_hand)
    _count_demand(incident, builder)
    _count_ends(incident, builder)
    _count_regrades(incident, builder, rules)
    if _needs_attendance(incident):
        _count_attendance(incident, builder)
        _count_targets(incident, builder)
        _count_unrecorded(incident, builder)
    elif incident.closed is not None and incident.result:
        builder.count("attendance_not_required", incident.closed, (*incident.dimensions, incident.result))
    return builder.outcomes()


def _needs_attendance(incident: _Incident) -> bool:
    if incident.result in _NEVER_ATTENDED:
        return False
    return incident.result not in _RESOLVED_WITHOUT_ATTENDANCE or incident.attended is not None


def _count_demand(incident: _Incident, builder: OutcomeBuilder) -> None:
    dimensions = incident.dimensions
    builder.count("incident_opened", incident.opened, dimensions)
    if incident.is_opened_twice:
        builder.contradiction("opened_twice", incident.opened)
    if incident.dispatched is not None:
        builder.count("incident_resourced", incident.dispatched, dimensions)
    if incident.video is not None:
        builder.count("video_response_started", incident.video, dimensions)
    if incident.closed is not None and incident.result:
        builder.count("incident_closed", incident.closed, (*dimensions, incident.result))
    else:
        unrecorded_from = incident.unrecorded_from(is_attendance=False)
        builder.add_open("incident_open", incident.opened, dimensions, unrecorded_from)


def _count_ends(incident: _Incident, builder: OutcomeBuilder) -> None:
    """Count an end by hand or, if there is none, the ends that will count as unrecorded."""
    if incident.closed is not None:
        return
    if incident.ended:
        builder.ended_by_hand(incident.ended, incident.dimensions)
        return
    builder.add_unrecorded(incident.unrecorded_from(is_attendance=False), incident.dimensions, "closure")
    if incident.attended is None:
        builder.add_unrecorded(incident.unrecorded_from(is_attendance=True), incident.dimensions, "attendance")


def _count_regrades(incident: _Incident, builder: OutcomeBuilder, rules: Rules) -> None:
    for (_, before), (at, after) in zip(incident.grades, incident.grades[1:], strict=False):
        dimensions = (*incident.dimensions._replace(grade=after), before)
        if before != after:
            builder.count("incident_regraded", at, dimensions)
        if _is_downgrade(before, after, rules) and _was_near_breach(incident, before, at, rules):
            builder.count("incident_downgraded_near_breach", at, dimensions)


def _is_downgrade(before: str, after: str, rules: Rules) -> bool:
    return 0 <= rules.urgency.get(after, -1) < rules.urgency.get(before, -1)


def _was_near_breach(incident: _Incident, grade: str, at: int, rules: Rules) -> bool:
    """Whether nobody had attended and a fifth or less of the grade's target from opened to arrived was left."""
    target, attended = rules.targets(grade, incident.opened).opened_to_arrived, incident.attended
    if target is None or (attended is not None and attended <= at):
        return False
    return (at - incident.opened) * 5 >= target.seconds * SECOND * 4


def _count_attendance(incident: _Incident, builder: OutcomeBuilder) -> None:
    dimensions, closed, attended = incident.dimensions, incident.closed, incident.attended
    if attended is not None:
        builder.count("attendance_settled", attended, dimensions, 1)
    elif closed is not None:
        builder.count("attendance_settled", closed, dimensions, 0)
    if closed is not None and incident.arrived is None and incident.is_closed_as_attended():
        builder.count("arrival_unrecorded", closed, dimensions)
    if incident.arrived is not None and incident.dispatched is None:
        builder.count("dispatch_unrecorded", incident.arrived, dimensions)
    if closed is None and attended is None:
        unrecorded_from = incident.unrecorded_from(is_attendance=True)
        builder.add_open("incident_unattended", incident.opened, dimensions, unrecorded_from)
        if incident.unresourced_since is not None:
            builder.add_open("incident_unresourced", incident.unresourced_since, dimensions, unrecorded_from)


def _count_targets(incident: _Incident, builder: OutcomeBuilder) -> None:
    opened, dispatched, arrived = incident.opened, incident.dispatched, incident.arrived
    targets, graded = incident.targets, _graded_at(incident)
    if dispatched is not None or arrived is None:
        # Without a recorded dispatch there is no time to measure: the incident counts as `dispatch_unrecorded`.
        _count_span("opened_to_dispatched", opened, dispatched, targets.opened_to_dispatched, incident, builder)
        _decide("opened_to_dispatched_within_24_hours_decided", opened, dispatched, _WITHIN_A_DAY, incident, builder)
    if dispatched is not None:
        _count_span("dispatched_to_arrived", dispatched, arrived, targets.dispatched_to_arrived, incident, builder)
    _count_span("opened_to_arrived", opened, arrived, targets.opened_to_arrived, incident, builder)
    if arrived is None or arrived >= opened:  # otherwise the contradiction is already counted
        _count_span("opened_to_attended", opened, incident.attended, targets.opened_to_arrived, incident, builder)
    if arrived is None or arrived >= graded:
        _count_span("graded_to_arrived", graded, arrived, targets.opened_to_arrived, incident, builder)


class _Clock(NamedTuple):
    """A clock of an incident, for what is not recorded of it.

    Attributes:
        kind: its span; for the dispatch within 24 hours its decided kind.
        start: when it started; None if that is not recorded.
        end: when it stopped; None if it has not, or that is not recorded.
        is_missing: a time that it needs is not recorded.
        target: the target of the grade for it; None if there is none.
    """

    kind: KindName
    start: int | None
    end: int | None
    is_missing: bool
    target: Target | None


def _clocks(incident: _Incident) -> Iterator[_Clock]:
    opened, dispatched, arrived = incident.opened, incident.dispatched, incident.arrived
    attended, graded, targets = incident.attended, _graded_at(incident), incident.targets
    to_dispatch, to_travel, to_arrive = targets
    is_attended = incident.is_closed_as_attended()
    never_dispatched = (arrived is not None or is_attended) and dispatched is None
    never_arrived = is_attended and arrived is None
    lost = never_dispatched or never_arrived
    yield _Clock("opened_to_dispatched", opened, dispatched, never_dispatched, to_dispatch)
    yield _Clock("opened_to_dispatched_within_24_hours_decided", opened, dispatched, never_dispatched, _WITHIN_A_DAY)
    yield _Clock("dispatched_to_arrived", dispatched, arrived, lost, to_travel)
    yield _Clock("opened_to_arrived", opened, arrived, never_arrived, to_arrive)
    yield _Clock("opened_to_attended", opened, attended, is_attended and attended is None, to_arrive)
    yield _Clock("graded_to_arrived", graded, arrived, never_arrived, to_arrive)


def _is_beyond_doubt(incident: _Incident) -> bool:
    """Whether no clock can be in doubt: one opening, every time recorded that another implies, and all in their order."""
    opened, dispatched, arrived, video = incident.opened, incident.dispatched, incident.arrived, incident.video
    if incident.is_opened_twice or (video is not None and video < opened):
        return False
    if dispatched is None or arrived is None:
        return arrived is None and not incident.is_closed_as_attended() and (dispatched is None or opened <= dispatched)
    return opened <= dispatched <= arrived


def _count_unrecorded(incident: _Incident, builder: OutcomeBuilder) -> None:
    """Count the clocks whose times are not recorded or in doubt, each as the figures count it."""
    if _is_beyond_doubt(incident):
        return
    counted = {outcome.kind: outcome for outcome in builder.finished}
    for clock in _clocks(incident):
        if _is_in_doubt(clock, incident):
            left_out = NO_TARGET if clock.target is None else LEFT_OUT
            kind = DECIDED.get(clock.kind, clock.kind)
            builder.unrecorded(
                UNRECORDED[clock.kind], counted.get(kind), incident.opened, incident.dimensions, left_out
            )
    settled = counted.get("attendance_settled")
    if settled and (incident.is_opened_twice or (incident.is_closed_as_attended() and not settled.value)):
        builder.count_as("attendance_unrecorded", settled, settled.value)


def _is_in_doubt(clock: _Clock, incident: _Incident) -> bool:
    has_ended = clock.end is not None or incident.closed is not None
    if clock.is_missing or (incident.is_opened_twice and has_ended):
        return True
    # A unit may arrive before an upgrade, and so before the clock of the new grade starts.
    start = incident.opened if clock.kind == "graded_to_arrived" else clock.start
    return start is not None and clock.end is not None and clock.end < start


def _count_nothing_recorded(facts: Sequence[SubjectFact], builder: OutcomeBuilder, rules: Rules) -> None:
    """Count an incident without an opening as not recorded in every figure; of its labels only a later grade is known."""
    grades = [fact.grade for fact in facts if isinstance(fact, IncidentRegraded)]
    dimensions = (rules.listed("grade", grades[-1] if grades else None), NONE, NONE, NONE, NONE)
    for kind in _NOTHING_RECORDED:
        builder.count(kind, builder.began, dimensions, LEFT_OUT)


def _earlier(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _graded_at(incident: _Incident) -> int:
    """When the clock of the current grade started: at opening, or at the last upgrade (rules C12)."""
    started, urgency = incident.opened, -1
    for at, grade in incident.grades:
        rank = incident.rules.urgency.get(grade, -1)
        if rank > urgency >= 0:
            started = at
        urgency = rank
    return started


def _count_span(
    kind: KindName, start: int, end: int | None, target: Target | None, incident: _Incident, builder: OutcomeBuilder
) -> None:
    """Count the span if it is finished, and whether it met its target once that is certain."""
    if end is not None and builder.span(kind, start, end, incident.dimensions) is None:
        return
    if target is not None:
        _decide(DECIDED[kind], start, end, target, incident, builder)


def _decide(
    kind: KindName, start: int, end: int | None, target: Target, incident: _Incident, builder: OutcomeBuilder
) -> None:
    if end is None:
        unrecorded_from = incident.unrecorded_from(is_attendance=incident.attended is None)
        builder.decide(kind, start, None, target, incident.dimensions, incident.closed, unrecorded_from)
    elif end >= start:
        builder.decide(kind, start, end, target, incident.dimensions)
