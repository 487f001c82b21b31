"""What one subject counts for: whole numbers with a kind, a time of decision, dimensions and a value."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from facts.union import Topic

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
"""Microseconds in a second; instants inside `measures` are whole microseconds since 1970 in UTC."""


def microseconds(instant: datetime) -> int:
    """An instant as whole microseconds since 1970 in UTC."""
    return (instant - EPOCH) // _MICROSECOND


def instant(since_epoch: int) -> datetime:
    """The instant, in UTC, of whole microseconds since 1970."""
    return EPOCH + timedelta(microseconds=since_epoch)


class Outcome(NamedTuple):
    """One thing that a subject counts for.

    Attributes:
        kind: a key of `KINDS`.
        at: when it was decided, in microseconds since 1970: places it in live windows.
        began: when its subject began, likewise: places it in report windows.
        dimensions: one word for each of the kind's dimensions.
        value: a whole number in the kind's unit; 0 where the kind only counts.
    """

    kind: str
    at: int
    began: int
    dimensions: tuple[str, ...]
    value: int


class OpenItem(NamedTuple):
    """Something that stands open: a caller who waits, an incident not yet attended.

    Attributes:
        kind: a key of `KINDS`; of a decided kind it means "missed from `due` on, until the end is known".
        since: when it began to stand open, in microseconds since 1970.
        began: when its subject began.
        due: from when on it can no longer meet its target; of a custody clock the last instant in time, None while it
            stands still; None where there is none.
        dimensions: as in `Outcome`.
    """

    kind: str
    since: int
    began: int
    due: int | None
    dimensions: tuple[str, ...]


class Outcomes(NamedTuple):
    """Everything that one timeline counts for now."""

    finished: list[Outcome]
    open: list[OpenItem]


class Kind(Struct, frozen=True):
    """A kind of outcome.

    Attributes:
        name: its key.
        topic: the topic its subjects' facts travel on.
        dimensions: the names of its dimensions, in order.
        per_second: values are spans in this many parts of a second; 0 where they are not spans.
    """

    name: str
    topic: Topic
    dimensions: tuple[str, ...]
    per_second: int = 0


_LEG = ("line", "queue", "channel")
_INCIDENT = ("grade", "group", "area", "domestic", "category")
_CUSTODY = ("suite", "child")
_OCCURRENCE = ("type", "area")

TENTHS = 10
WHOLE = 1


def _kinds(topic: Topic, dimensions: tuple[str, ...], per_second: int, names: str) -> Iterable[Kind]:
    return (Kind(name, topic, dimensions, per_second) for name in names.split())


KINDS: dict[str, Kind] = {
    kind.name: kind
    for group in (
        _kinds("contacts", _LEG, 0, "contact_offered leg_offered leg_end_unrecorded leg_waiting"),
        _kinds("contacts", _LEG, 0, "leg_answer_decided leg_service_decided"),
        _kinds("contacts", _LEG, TENTHS, "leg_answered leg_abandoned leg_abandoned_short leg_left"),
        _kinds("contacts", (*_LEG, "result"), 0, "leg_concluded"),
        _kinds("contacts", (), 0, "contact_incomplete"),
        _kinds("contacts", ("contradiction",), 0, "contact_contradiction"),
        _kinds("incidents", _INCIDENT, 0, "incident_opened incident_resourced video_response_started"),
        _kinds("incidents", _INCIDENT, 0, "incident_open incident_unresourced incident_unattended"),
        _kinds("incidents", _INCIDENT, 0, "attendance_settled arrival_unrecorded dispatch_unrecorded"),
        _kinds("incidents", _INCIDENT, 0, "opened_to_dispatched_decided dispatched_to_arrived_decided"),
        _kinds(
            "incidents", _INCIDENT, 0, "opened_to_arrived_decided opened_to_attended_decided graded_to_arrived_decided"
        ),
        _kinds("incidents", _INCIDENT, 0, "opened_to_dispatched_within_24_hours_decided"),
        _kinds("incidents", _INCIDENT, WHOLE, "opened_to_dispatched dispatched_to_arrived"),
        _kinds("incidents", _INCIDENT, WHOLE, "opened_to_arrived opened_to_attended graded_to_arrived"),
        _kinds("incidents", (*_INCIDENT, "result"), 0, "incident_closed attendance_not_required"),
        _kinds("incidents", (*_INCIDENT, "from_grade"), 0, "incident_regraded incident_downgraded_near_breach"),
        _kinds("incidents", (), 0, "incident_incomplete"),
        _kinds("incidents", ("contradiction",), 0, "incident_contradiction"),
        _kinds("custody", _CUSTODY, 0, "detainee_arrived voluntary_attended in_custody awaiting_authorisation"),
        _kinds("custody", _CUSTODY, 0, "review_due review_postponed detention_limit custody_clock_paused"),
        _kinds("custody", _CUSTODY, WHOLE, "arrived_to_authorised arrived_to_ended"),
        _kinds("custody", (*_CUSTODY, "disposal"), 0, "detention_ended"),
        _kinds("custody", (), 0, "detention_incomplete"),
        _kinds("custody", ("contradiction",), 0, "detention_contradiction"),
        _kinds("occurrences", _OCCURRENCE, 0, "occurrence_recorded recorded_to_referred_decided"),
        _kinds("occurrences", _OCCURRENCE, 0, "recorded_to_referred_within_2_working_days_decided"),
        _kinds("occurrences", _OCCURRENCE, WHOLE, "recorded_to_referred"),
        _kinds("occurrences", (*_OCCURRENCE, "domestic", "role", "repeat"), 0, "party_linked"),
        _kinds("occurrences", (*_OCCURRENCE, "role", "repeat"), 0, "domestic_party_linked"),
        _kinds("occurrences", (*_OCCURRENCE, "compliance"), 0, "victim_contract_closed"),
        _kinds("occurrences", (), 0, "occurrence_incomplete"),
        _kinds("occurrences", ("contradiction",), 0, "occurrence_contradiction"),
    )
    for kind in group
}


def span(start: int, end: int, per_second: int) -> int:
    """A span in whole parts of a second, rounded half up; both ends in microseconds."""
    part = SECOND // per_second
    return (end - start + part // 2) // part


class Target(NamedTuple):
    """A promise on a span.

    Attributes:
        seconds: the target.
        is_inclusive: "within" the target; otherwise "under" it.
        per_second: the parts of a second in which the span is judged.
    """

    seconds: int
    is_inclusive: bool = True
    per_second: int = WHOLE

    def due(self, start: int) -> int:
        """The first instant at which a span from `start` can no longer meet the target, in microseconds.

        The span is judged as rounded, so the instant lies half a unit after the target, or before it when the target
        itself does not count as met. It is exact: a reading never has to take back a miss.
        """
        half_part = SECOND // self.per_second // 2
        return start + self.seconds * SECOND + (half_part if self.is_inclusive else -half_part)
