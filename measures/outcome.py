"""What one subject counts for: whole numbers with a kind, a time of decision, dimensions and a value."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from msgspec import Struct

from facts.union import Topic

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
"""Microseconds in a second. Times inside `measures` are whole microseconds since 1970 in UTC."""


def microseconds(instant: datetime) -> int:
    """A time as whole microseconds since 1970 in UTC."""
    return (instant - EPOCH) // _MICROSECOND


def instant(since_epoch: int) -> datetime:
    """The time, in UTC, of whole microseconds since 1970."""
    return EPOCH + timedelta(microseconds=since_epoch)


KindName = Literal[
    "contact_offered",
    "leg_offered",
    "leg_end_unrecorded",
    "leg_waiting",
    "leg_answer_decided",
    "leg_service_decided",
    "leg_answered",
    "leg_abandoned",
    "leg_abandoned_short",
    "leg_left",
    "leg_concluded",
    "callback_accepted",
    "callback_offer_settled",
    "callback_waiting",
    "callback_connected_decided",
    "callback_kept_decided",
    "callback_attempted",
    "callback_connected",
    "callback_unrecorded",
    "contact_unrecorded",
    "contact_ended_by_hand",
    "leg_abandonment_unrecorded",
    "leg_answer_unrecorded",
    "leg_service_unrecorded",
    "leg_result_unrecorded",
    "contact_incomplete",
    "contact_contradiction",
    "incident_opened",
    "incident_resourced",
    "video_response_started",
    "incident_open",
    "incident_unresourced",
    "incident_unattended",
    "attendance_settled",
    "arrival_unrecorded",
    "dispatch_unrecorded",
    "opened_to_dispatched_decided",
    "dispatched_to_arrived_decided",
    "opened_to_arrived_decided",
    "opened_to_attended_decided",
    "graded_to_arrived_decided",
    "opened_to_dispatched_within_24_hours_decided",
    "opened_to_dispatched",
    "dispatched_to_arrived",
    "opened_to_arrived",
    "opened_to_attended",
    "graded_to_arrived",
    "incident_closed",
    "attendance_not_required",
    "incident_regraded",
    "incident_downgraded_near_breach",
    "incident_unrecorded",
    "incident_ended_by_hand",
    "opened_to_dispatched_unrecorded",
    "dispatched_to_arrived_unrecorded",
    "opened_to_arrived_unrecorded",
    "opened_to_attended_unrecorded",
    "graded_to_arrived_unrecorded",
    "opened_to_dispatched_within_24_hours_unrecorded",
    "attendance_unrecorded",
    "incident_incomplete",
    "incident_contradiction",
    "detainee_arrived",
    "voluntary_attended",
    "in_custody",
    "awaiting_authorisation",
    "review_due",
    "review_due_ahead",
    "review_postponed",
    "detention_limit",
    "custody_clock_paused",
    "custody_note",
    "suite_entered",
    "suite_left",
    "arrived_to_authorised",
    "arrived_to_ended",
    "detention_ended",
    "arrived_to_authorised_unrecorded",
    "arrived_to_ended_unrecorded",
    "disposal_unrecorded",
    "detention_incomplete",
    "detention_contradiction",
    "occurrence_recorded",
    "recorded_to_referred_decided",
    "recorded_to_referred_within_2_working_days_decided",
    "recorded_to_referred",
    "party_linked",
    "domestic_party_linked",
    "victim_contract_closed",
    "recorded_to_referred_unrecorded",
    "recorded_to_referred_within_2_working_days_unrecorded",
    "victim_contract_unrecorded",
    "occurrence_incomplete",
    "occurrence_contradiction",
    "call_taker_staffed",
    "call_taker_state_began",
    "call_taker_state_ended",
    "handled",
    "handled_talk",
    "handled_hold",
    "handled_wrap",
    "handled_unrecorded",
    "call_taker_unrecorded",
    "call_taker_incomplete",
    "call_taker_contradiction",
]
"""Every kind of outcome, so that a misspelt kind is a type error."""
Dimension = Literal[
    "line",
    "queue",
    "channel",
    "result",
    "contradiction",
    "end",
    "reason",
    "grade",
    "group",
    "area",
    "domestic",
    "category",
    "from_grade",
    "suite",
    "child",
    "note",
    "disposal",
    "type",
    "role",
    "repeat",
    "compliance",
    "skill",
    "state",
]
"""Every dimension of a kind."""
Subject = Literal["contact", "incident", "detention", "occurrence", "call_taker"]


class Outcome(Struct, frozen=True, gc=False):
    """One thing that a subject counts for.

    Attributes:
        kind: a key of `KINDS`.
        at: when it was decided, in microseconds since 1970; live windows use this time.
        began: when its subject began, in microseconds since 1970; report windows use this time.
        dimensions: one word for each of the kind's dimensions.
        value: a whole number in the kind's unit; 0 if the kind is only counted.
    """

    kind: str
    at: int
    began: int
    dimensions: tuple[str, ...]
    value: int


class OpenItem(Struct, frozen=True, gc=False):
    """Something that has begun and not ended, such as a waiting caller. Times are in microseconds since 1970.

    Attributes:
        kind: a key of `KINDS`. An item of a decided kind counts as missed from `due` until its end is known.
        since: the time since which it has been open.
        began: when its subject began.
        due: the first time at which it can no longer meet its target; for a custody clock, the last time that is still in
            time. None if it has no due time, or while its clock is paused.
        dimensions: as in `Outcome`.
        unrecorded_from: the time from which its end counts as unrecorded, so that it is no longer open. One of a decided kind
            then no longer counts as missed: whether it met its target is not known. None if it stays open until it ends.
    """

    kind: str
    since: int
    began: int
    due: int | None
    dimensions: tuple[str, ...]
    unrecorded_from: int | None = None

    def is_unrecorded(self, as_of: int) -> bool:
        """Whether its end counts as unrecorded at a time."""
        return self.unrecorded_from is not None and self.unrecorded_from <= as_of


class Outcomes(NamedTuple):
    """What one subject counts for: its finished outcomes and its open items."""

    finished: list[Outcome]
    open: list[OpenItem]


class Kind(Struct, frozen=True):
    """A kind of outcome.

    Attributes:
        name: its key.
        topic: the topic of its subjects' facts.
        dimensions: the names of its dimensions, in order.
        per_second: the number of units of its values in a second; 0 if its values are not spans.
    """

    name: KindName
    topic: Topic
    dimensions: tuple[Dimension, ...]
    per_second: int = 0


_LEG: tuple[Dimension, ...] = ("line", "queue", "channel")
_INCIDENT: tuple[Dimension, ...] = ("grade", "group", "area", "domestic", "category")
_CUSTODY: tuple[Dimension, ...] = ("suite", "child")
_OCCURRENCE: tuple[Dimension, ...] = ("type", "area")
_CALL_TAKER: tuple[Dimension, ...] = ("skill", "state")

TENTHS = 10
WHOLE = 1


def _kinds(topic: Topic, dimensions: tuple[Dimension, ...], per_second: int, *names: KindName) -> Iterable[Kind]:
    return (Kind(name, topic, dimensions, per_second) for name in names)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for group in (
        _kinds("contacts", _LEG, 0, "contact_offered", "leg_offered", "leg_end_unrecorded", "leg_waiting"),
        _kinds("contacts", _LEG, 0, "leg_answer_decided", "leg_service_decided"),
        _kinds("contacts", _LEG, TENTHS, "leg_answered", "leg_abandoned", "leg_abandoned_short", "leg_left"),
        _kinds("contacts", (*_LEG, "result"), 0, "leg_concluded"),
        _kinds("contacts", _LEG, 0, "callback_accepted", "callback_waiting", "callback_unrecorded"),
        _kinds("contacts", _LEG, 0, "callback_connected_decided", "callback_kept_decided"),
        _kinds("contacts", _LEG, 0, "callback_offer_settled"),
        _kinds("contacts", _LEG, TENTHS, "callback_attempted", "callback_connected"),
        _kinds("contacts", (*_LEG, "end"), 0, "contact_unrecorded"),
        _kinds("contacts", (*_LEG, "reason"), 0, "contact_ended_by_hand"),
        _kinds("contacts", _LEG, 0, "leg_abandonment_unrecorded", "leg_answer_unrecorded", "leg_service_unrecorded"),
        _kinds("contacts", _LEG, 0, "leg_result_unrecorded"),
        _kinds("contacts", (), 0, "contact_incomplete"),
        _kinds("contacts", ("contradiction",), 0, "contact_contradiction"),
        _kinds("incidents", _INCIDENT, 0, "incident_opened", "incident_resourced", "video_response_started"),
        _kinds("incidents", _INCIDENT, 0, "incident_open", "incident_unresourced", "incident_unattended"),
        _kinds("incidents", _INCIDENT, 0, "attendance_settled", "arrival_unrecorded", "dispatch_unrecorded"),
        _kinds("incidents", _INCIDENT, 0, "opened_to_dispatched_decided", "dispatched_to_arrived_decided"),
        _kinds(
            "incidents",
            _INCIDENT,
            0,
            "opened_to_arrived_decided",
            "opened_to_attended_decided",
            "graded_to_arrived_decided",
        ),
        _kinds("incidents", _INCIDENT, 0, "opened_to_dispatched_within_24_hours_decided"),
        _kinds("incidents", _INCIDENT, WHOLE, "opened_to_dispatched", "dispatched_to_arrived"),
        _kinds("incidents", _INCIDENT, WHOLE, "opened_to_arrived", "opened_to_attended", "graded_to_arrived"),
        _kinds("incidents", (*_INCIDENT, "result"), 0, "incident_closed", "attendance_not_required"),
        _kinds("incidents", (*_INCIDENT, "from_grade"), 0, "incident_regraded", "incident_downgraded_near_breach"),
        _kinds("incidents", (*_INCIDENT, "end"), 0, "incident_unrecorded"),
        _kinds("incidents", (*_INCIDENT, "reason"), 0, "incident_ended_by_hand"),
        _kinds("incidents", _INCIDENT, 0, "opened_to_dispatched_unrecorded", "dispatched_to_arrived_unrecorded"),
        _kinds("incidents", _INCIDENT, 0, "opened_to_arrived_unrecorded", "opened_to_attended_unrecorded"),
        _kinds("incidents", _INCIDENT, 0, "graded_to_arrived_unrecorded", "attendance_unrecorded"),
        _kinds("incidents", _INCIDENT, 0, "opened_to_dispatched_within_24_hours_unrecorded"),
        _kinds("incidents", (), 0, "incident_incomplete"),
        _kinds("incidents", ("contradiction",), 0, "incident_contradiction"),
        _kinds(
            "custody", _CUSTODY, 0, "detainee_arrived", "voluntary_attended", "in_custody", "awaiting_authorisation"
        ),
        _kinds("custody", _CUSTODY, 0, "review_due", "review_postponed", "detention_limit", "custody_clock_paused"),
        _kinds("custody", _CUSTODY, 0, "review_due_ahead"),
        _kinds("custody", (*_CUSTODY, "note"), 0, "custody_note"),
        _kinds("custody", _CUSTODY, 0, "suite_entered", "suite_left"),
        _kinds("custody", _CUSTODY, WHOLE, "arrived_to_authorised", "arrived_to_ended"),
        _kinds("custody", (*_CUSTODY, "disposal"), 0, "detention_ended"),
        _kinds(
            "custody",
            _CUSTODY,
            0,
            "arrived_to_authorised_unrecorded",
            "arrived_to_ended_unrecorded",
            "disposal_unrecorded",
        ),
        _kinds("custody", (), 0, "detention_incomplete"),
        _kinds("custody", ("contradiction",), 0, "detention_contradiction"),
        _kinds("occurrences", _OCCURRENCE, 0, "occurrence_recorded", "recorded_to_referred_decided"),
        _kinds("occurrences", _OCCURRENCE, 0, "recorded_to_referred_within_2_working_days_decided"),
        _kinds("occurrences", _OCCURRENCE, WHOLE, "recorded_to_referred"),
        _kinds("occurrences", (*_OCCURRENCE, "domestic", "role", "repeat"), 0, "party_linked"),
        _kinds("occurrences", (*_OCCURRENCE, "role", "repeat"), 0, "domestic_party_linked"),
        _kinds("occurrences", (*_OCCURRENCE, "compliance"), 0, "victim_contract_closed"),
        _kinds("occurrences", _OCCURRENCE, 0, "recorded_to_referred_unrecorded", "victim_contract_unrecorded"),
        _kinds("occurrences", _OCCURRENCE, 0, "recorded_to_referred_within_2_working_days_unrecorded"),
        _kinds("occurrences", (), 0, "occurrence_incomplete"),
        _kinds("occurrences", ("contradiction",), 0, "occurrence_contradiction"),
        _kinds("call_takers", _CALL_TAKER, 0, "call_taker_staffed", "call_taker_state_began", "call_taker_state_ended"),
        _kinds("call_takers", ("skill", "queue"), WHOLE, "handled", "handled_talk", "handled_hold", "handled_wrap"),
        _kinds("call_takers", ("skill", "queue"), 0, "handled_unrecorded"),
        _kinds("call_takers", _CALL_TAKER, 0, "call_taker_unrecorded"),
        _kinds("call_takers", (), 0, "call_taker_incomplete"),
        _kinds("call_takers", ("contradiction",), 0, "call_taker_contradiction"),
    )
    for kind in group
}

BY_HALF_HOUR: frozenset[KindName] = frozenset(
    (
        "contact_offered",
        "leg_offered",
        "leg_answered",
        "leg_abandoned",
        "leg_answer_decided",
        "leg_service_decided",
        "leg_answer_unrecorded",
        "leg_abandonment_unrecorded",
        "leg_service_unrecorded",
    )
)
"""The kinds that are also counted by half-hours, which are kept for more than a year: contact centres plan by the same weekday of last year."""

DECIDED: dict[KindName, KindName] = {
    "opened_to_dispatched": "opened_to_dispatched_decided",
    "dispatched_to_arrived": "dispatched_to_arrived_decided",
    "opened_to_arrived": "opened_to_arrived_decided",
    "opened_to_attended": "opened_to_attended_decided",
    "graded_to_arrived": "graded_to_arrived_decided",
}
"""Each span of an incident with a target to the kind that says whether it met the target."""
UNRECORDED: dict[KindName, KindName] = {
    "opened_to_dispatched": "opened_to_dispatched_unrecorded",
    "opened_to_dispatched_within_24_hours_decided": "opened_to_dispatched_within_24_hours_unrecorded",
    "dispatched_to_arrived": "dispatched_to_arrived_unrecorded",
    "opened_to_arrived": "opened_to_arrived_unrecorded",
    "opened_to_attended": "opened_to_attended_unrecorded",
    "graded_to_arrived": "graded_to_arrived_unrecorded",
    "arrived_to_authorised": "arrived_to_authorised_unrecorded",
    "arrived_to_ended": "arrived_to_ended_unrecorded",
}
"""Each span (and the dispatch within 24 hours) to the kind of those that are not recorded or in doubt."""
AS_MISSED, AS_MET, LEFT_OUT, NO_TARGET = 0, 1, 2, 3
"""How the figures count an outcome that is not recorded or in doubt: the value of a kind `..._unrecorded`."""
INCOMPLETE: dict[Subject, KindName] = {
    "contact": "contact_incomplete",
    "incident": "incident_incomplete",
    "detention": "detention_incomplete",
    "occurrence": "occurrence_incomplete",
    "call_taker": "call_taker_incomplete",
}
UNRECORDED_END: dict[Subject, KindName] = {
    "contact": "contact_unrecorded",
    "incident": "incident_unrecorded",
}
"""Open items whose end counts as unrecorded, for as long as none is recorded."""
ENDED_BY_HAND: dict[Subject, KindName] = {
    "contact": "contact_ended_by_hand",
    "incident": "incident_ended_by_hand",
}
"""What a person ended because its end was never recorded."""
CONTRADICTION: dict[Subject, KindName] = {
    "contact": "contact_contradiction",
    "incident": "incident_contradiction",
    "detention": "detention_contradiction",
    "occurrence": "occurrence_contradiction",
    "call_taker": "call_taker_contradiction",
}


def span(start: int, end: int, per_second: int) -> int:
    """A span in whole units, `per_second` of them in a second, rounded half up; start and end in microseconds."""
    part = SECOND // per_second
    return (end - start + part // 2) // part


class Target:
    """A target for a span.

    Args:
        seconds: the target.
        is_inclusive: a span equal to the target meets it ("within"); otherwise it must be shorter ("under").
        per_second: the number of units in a second to which the span is rounded.
    """

    def __init__(self, seconds: int, is_inclusive: bool = True, per_second: int = WHOLE) -> None:
        half_part = SECOND // per_second // 2
        self.seconds = seconds
        self._longest = seconds * SECOND + (half_part if is_inclusive else -half_part)

    def due(self, start: int) -> int:
        """The first time at which a span from `start` can no longer meet the target, in microseconds.

        The rounded span is compared with the target, so this is half a unit after the target, or half a unit before it if
        a span equal to the target misses it. It is exact, so that a reading never has to withdraw a miss.
        """
        return start + self._longest
