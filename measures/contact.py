"""What a contact counts for. Each stay in a queue is a leg: answered, abandoned, ended otherwise or still waiting."""

from collections.abc import Iterator, Sequence
from typing import cast

from msgspec import Struct

from facts.contact import (
    CallbackDeclined,
    ContactAbandoned,
    ContactAnswered,
    ContactConcluded,
    ContactOffered,
    ContactResult,
)
from facts.fact import EndedByHand, SubjectFact
from facts.force import NONE
from measures.outcome import (
    AS_MET,
    AS_MISSED,
    LEFT_OUT,
    NO_TARGET,
    SECOND,
    KindName,
    Outcome,
    Outcomes,
    microseconds,
)
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules

_DECIDED: tuple[KindName, ...] = ("leg_answer_decided", "leg_service_decided")
_CALLBACK_LOST = 24 * 3600 * SECOND
"""How long a caller is listed as waiting for a callback that has not been tried."""
_End = ContactAnswered | ContactAbandoned | ContactConcluded


class _Leg(Struct, gc=False):
    """One stay in one queue, with the first end of each kind. Times are in microseconds since 1970."""

    offered: ContactOffered
    at: int
    dimensions: tuple[str, str, str]
    answered: int | None = None
    abandoned: int | None = None
    concluded: int | None = None
    result: ContactResult | None = None
    promised: int | None = None

    def add(self, end: _End) -> None:
        """Add an end; ends are added in order, and only the first of each kind counts."""
        kind = type(end)
        if kind is ContactAnswered:
            self.answered = microseconds(end.at) if self.answered is None else self.answered
        elif kind is ContactAbandoned:
            self.abandoned = microseconds(end.at) if self.abandoned is None else self.abandoned
        elif isinstance(end, ContactConcluded) and self.concluded is None:
            self.concluded, self.result = microseconds(end.at), end.result
            self.promised = None if end.promised_for is None else microseconds(end.promised_for)

    def callback(self) -> int | None:
        """When the caller left the queue for a callback; None if the leg ended otherwise."""
        is_left = self.answered is None and self.abandoned is None and self.concluded is not None
        return self.concluded if is_left and self.result == "callback" and self.concluded >= self.at else None  # type: ignore[operator]

    def is_in_doubt(self, is_last: bool) -> bool:
        """Whether it is not certain how and when the leg ended."""
        ends = [end for end in (self.answered, self.abandoned) if end is not None]
        if not ends and self.concluded is None:
            return not is_last
        return len(ends) > 1 or min(ends or [self.concluded or 0]) < self.at


def outcomes(facts: Sequence[SubjectFact], rules: Rules, by_hand: Sequence[EndedByHand] = ()) -> Outcomes:
    """What the effective facts of one contact count for.

    Args:
        facts: in order of event time, without ends by hand.
        rules: the rules of the contact's force.
        by_hand: the ends by hand, in order.
    """
    declined = [fact for fact in facts if isinstance(fact, CallbackDeclined)]
    legs, strays = _legs(
        [fact for fact in facts if not isinstance(fact, CallbackDeclined)] if declined else facts, rules
    )
    began = legs[0].at if legs else microseconds((strays or facts)[0].at)
    builder = OutcomeBuilder("contact", began)
    if strays:
        builder.incomplete(microseconds(strays[0].at))
    if legs:
        builder.count("contact_offered", legs[0].at, legs[0].dimensions)
    for leg in legs:
        before = len(builder.finished)
        _count_leg(leg, leg is legs[-1], by_hand, builder, rules)
        _count_in_doubt(leg, builder.finished[before:], builder, rules)
    _count_callback(legs, builder)
    _count_callback_offer(legs, declined, builder, rules)
    _count_never_offered(strays, builder, rules)
    return builder.outcomes()


def _legs(facts: Sequence[SubjectFact], rules: Rules) -> tuple[list[_Leg], list[_End]]:
    """The legs in order, and the ends in queues to which the contact was never offered."""
    legs: list[_Leg] = []
    by_queue: dict[str, list[_Leg]] = {}
    ends: list[_End] = []
    for fact in facts:
        if not isinstance(fact, ContactOffered):
            ends.append(cast(_End, fact))
        elif not _offered_again(fact, queue := by_queue.setdefault(fact.queue, [])):
            legs.append(_Leg(fact, microseconds(fact.at), _dimensions(fact, rules)))
            queue.append(legs[-1])
    strays: list[_End] = []
    for end in ends:
        offered = by_queue.get(end.queue)
        if offered is None:
            strays.append(end)
        else:
            _leg_of(end, offered).add(end)
    return legs, strays


def _offered_again(fact: ContactOffered, queue: list[_Leg]) -> bool:
    """Whether an offer repeats the last one: two systems may report the same offer, with the same time."""
    return bool(queue) and queue[-1].offered.at == fact.at


def _leg_of(end: _End, queue: list[_Leg]) -> _Leg:
    """The leg that an end belongs to: the last one offered by then, or the first leg if the end is before all offers.

    A conclusion at the very time of that offer belongs to the leg before, if that has none yet.
    """
    if len(queue) == 1:
        return queue[0]
    place = next((place for place in reversed(range(len(queue))) if queue[place].offered.at <= end.at), 0)
    if place and isinstance(end, ContactConcluded) and end.at == queue[place].offered.at:
        before = queue[place - 1]
        return before if before.concluded is None else queue[place]
    return queue[place]


def _dimensions(offered: ContactOffered, rules: Rules) -> tuple[str, str, str]:
    return offered.line, rules.listed("queue", offered.queue), rules.listed("channel", offered.channel)


def _count_leg(leg: _Leg, is_last: bool, by_hand: Sequence[EndedByHand], builder: OutcomeBuilder, rules: Rules) -> None:
    dimensions, answered, abandoned = leg.dimensions, leg.answered, leg.abandoned
    builder.count("leg_offered", leg.at, dimensions)
    if leg.concluded is not None and leg.result is not None:
        builder.count("leg_concluded", leg.concluded, (*dimensions, leg.result))
    if answered is not None and abandoned is not None:
        builder.contradiction("leg_both_answered_and_abandoned", max(answered, abandoned))
    if answered is not None and (abandoned is None or answered <= abandoned):
        _count_answered(leg, answered, builder, rules)
    elif abandoned is not None:
        _count_abandoned(leg, abandoned, builder, rules)
    elif leg.concluded is not None:
        builder.span("leg_left", leg.at, leg.concluded, dimensions)
    elif is_last:
        _count_waiting(leg, by_hand, builder, rules)
    else:
        builder.count("leg_end_unrecorded", leg.at, dimensions)


def _count_answered(leg: _Leg, answered: int, builder: OutcomeBuilder, rules: Rules) -> None:
    span = builder.span("leg_answered", leg.at, answered, leg.dimensions)
    target = rules.leg_target(leg.offered.queue, leg.at)
    if span is not None and target:
        due = target.due(leg.at)
        for kind in _DECIDED:
            builder.settle(kind, leg.at, answered, due, leg.dimensions)


def _count_abandoned(leg: _Leg, abandoned: int, builder: OutcomeBuilder, rules: Rules) -> None:
    queue = rules.queues.get(leg.offered.queue)
    is_short = queue is not None and 0 <= abandoned - leg.at < queue.short_abandon_seconds * SECOND
    kind: KindName = "leg_abandoned_short" if is_short else "leg_abandoned"
    span = builder.span(kind, leg.at, abandoned, leg.dimensions)
    target = rules.leg_target(leg.offered.queue, leg.at)
    if span is not None and target and target.due(leg.at) <= abandoned:
        # A caller who gave up after the target was failed, and so still counts in the service level.
        builder.decide("leg_service_decided", leg.at, None, target, leg.dimensions, given_up=abandoned)


def _count_waiting(leg: _Leg, by_hand: Sequence[EndedByHand], builder: OutcomeBuilder, rules: Rules) -> None:
    offered = leg.offered
    unrecorded_from = leg.at + rules.wait_unrecorded_after(offered.queue, offered.line)
    ended = next((fact for fact in by_hand if fact.at >= offered.at), None)
    if ended:
        builder.ended_by_hand(ended, leg.dimensions)
        unrecorded_from = min(unrecorded_from, microseconds(ended.at))
    else:
        builder.add_unrecorded(unrecorded_from, leg.dimensions, "wait")
    builder.add_open("leg_waiting", leg.at, leg.dimensions, unrecorded_from)
    target = rules.leg_target(offered.queue, leg.at)
    if target:
        for kind in _DECIDED:
            builder.decide(kind, leg.at, None, target, leg.dimensions, unrecorded_from=unrecorded_from)


def _count_callback(legs: Sequence[_Leg], builder: OutcomeBuilder) -> None:
    """Count the contact's callback, and what became of it. Only the first callback that the caller accepted counts."""
    accepted = [(place, leg, at) for place, leg in enumerate(legs) if (at := leg.callback()) is not None]
    if not accepted:
        return
    place, leg, at = accepted[0]
    dimensions, attempts = leg.dimensions, [each for each in legs[place + 1 :] if each.at >= at]
    builder.count("callback_accepted", at, dimensions)
    if attempts:
        builder.span("callback_attempted", at, attempts[0].at, dimensions)
    else:
        builder.add_open("callback_waiting", at, dimensions, at + _CALLBACK_LOST)
    if any(each.is_in_doubt(each is legs[-1]) for each in attempts):
        builder.count("callback_unrecorded", at, dimensions, LEFT_OUT)
        return
    connected = min((each.answered for each in attempts if each.answered is not None), default=None)
    if connected is not None:
        builder.span("callback_connected", at, connected, dimensions)
    builder.settle("callback_connected_decided", at, connected, at + _CALLBACK_LOST, dimensions)
    if leg.promised is not None and leg.promised > at:
        builder.settle("callback_kept_decided", at, connected, leg.promised, dimensions)


def _count_callback_offer(
    legs: Sequence[_Leg], declined: Sequence[CallbackDeclined], builder: OutcomeBuilder, rules: Rules
) -> None:
    """Count the contact's offer of a callback as accepted or declined, where the system reports both."""
    accepted = next(((leg, at, 1) for leg in legs if (at := leg.callback()) is not None), None)
    found = accepted or next(_declined(legs, declined), None)
    if found is not None:
        leg, at, value = found
        queue = rules.queues.get(leg.offered.queue)
        if queue is not None and queue.declined_callbacks_reported:
            builder.count("callback_offer_settled", at, leg.dimensions, value)


def _declined(legs: Sequence[_Leg], declined: Sequence[CallbackDeclined]) -> Iterator[tuple[_Leg, int, int]]:
    """The callbacks declined, each with its leg: the last one of its queue offered by then, or else the first."""
    for fact in declined:
        at, own = microseconds(fact.at), [leg for leg in legs if leg.offered.queue == fact.queue]
        if own:
            yield next((leg for leg in reversed(own) if leg.at <= at), own[0]), at, 0


def _count_in_doubt(leg: _Leg, counted: Sequence[Outcome], builder: OutcomeBuilder, rules: Rules) -> None:
    """Count what is not recorded of a leg, or in doubt.

    Args:
        leg: the leg.
        counted: what it counts for.
        builder: collects the outcomes.
        rules: the rules of the force.
    """
    kinds = {outcome.kind: outcome for outcome in counted}
    if "leg_end_unrecorded" not in kinds and "contact_contradiction" not in kinds:
        return
    at, dimensions = leg.at, leg.dimensions
    ended, value = kinds.get("leg_abandoned"), AS_MET
    if ended is None:
        ended, value = kinds.get("leg_answered"), AS_MISSED
    if ended is None:
        builder.count("leg_abandonment_unrecorded", at, dimensions, LEFT_OUT)
    else:
        builder.count_as("leg_abandonment_unrecorded", ended, value)
    has_target = rules.leg_target(leg.offered.queue, at) is not None
    builder.unrecorded(
        "leg_answer_unrecorded", kinds.get("leg_answer_decided"), at, dimensions, LEFT_OUT if has_target else NO_TARGET
    )
    if has_target:
        builder.unrecorded("leg_service_unrecorded", kinds.get("leg_service_decided"), at, dimensions)
    if "leg_end_unrecorded" in kinds:
        builder.count("leg_result_unrecorded", at, dimensions, LEFT_OUT)


def _count_never_offered(strays: Sequence[_End], builder: OutcomeBuilder, rules: Rules) -> None:
    """Count the ends in queues to which the contact was never offered as one leg for each queue."""
    for stray in {end.queue: end for end in reversed(strays)}.values():
        queue, at = rules.queues.get(stray.queue), microseconds(stray.at)
        dimensions = (queue.line if queue else NONE, rules.listed("queue", stray.queue), NONE)
        has_target = rules.leg_target(stray.queue, at) is not None
        builder.count("leg_abandonment_unrecorded", at, dimensions, LEFT_OUT)
        builder.count("leg_answer_unrecorded", at, dimensions, LEFT_OUT if has_target else NO_TARGET)
        if has_target:
            builder.count("leg_service_unrecorded", at, dimensions, LEFT_OUT)
        builder.count("leg_result_unrecorded", at, dimensions, LEFT_OUT)
