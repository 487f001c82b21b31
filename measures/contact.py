"""What a contact counts for. Each stay in a queue is a leg: answered, abandoned, ended otherwise or still waiting."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field

from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.fact import EndedByHand, SubjectFact
from facts.force import NONE
from measures.outcome import (
    AS_MET,
    AS_MISSED,
    LEFT_OUT,
    NO_TARGET,
    TENTHS,
    KindName,
    Outcome,
    Outcomes,
    Target,
    microseconds,
)
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules

_DECIDED: tuple[KindName, ...] = ("leg_answer_decided", "leg_service_decided")
_End = ContactAnswered | ContactAbandoned | ContactConcluded


class _Leg(Struct):
    """One stay in one queue, with the facts of how it ended, in order of time."""

    offered: ContactOffered
    ends: list[_End] = field(default_factory=list)

    def first(self, kind: type[SubjectFact]) -> datetime | None:
        return next((end.at for end in self.ends if isinstance(end, kind)), None)


def outcomes(facts: Sequence[SubjectFact], rules: Rules, by_hand: Sequence[EndedByHand] = ()) -> Outcomes:
    """What the effective facts of one contact count for.

    Args:
        facts: in order of event time, without ends by hand.
        rules: the rules of the contact's force.
        by_hand: the ends by hand, in order.
    """
    legs, strays = _legs(facts)
    builder = OutcomeBuilder("contact", legs[0].offered.at if legs else facts[0].at)
    if strays:
        builder.incomplete(strays[0].at)
    if legs:
        builder.count("contact_offered", legs[0].offered.at, _dimensions(legs[0], rules))
    for leg in legs:
        before = len(builder.finished)
        _count_leg(leg, leg is legs[-1], by_hand, builder, rules)
        _count_in_doubt(leg, builder.finished[before:], builder, rules)
    _count_never_offered(strays, builder, rules)
    return builder.outcomes()


def _legs(facts: Sequence[SubjectFact]) -> tuple[list[_Leg], list[_End]]:
    """The legs in order, and the ends in queues to which the contact was never offered."""
    legs: list[_Leg] = []
    by_queue: dict[str, list[_Leg]] = defaultdict(list)
    for fact in facts:
        if isinstance(fact, ContactOffered) and not _offered_again(fact, by_queue[fact.queue]):
            legs.append(_Leg(fact))
            by_queue[fact.queue].append(legs[-1])
    strays: list[_End] = []
    for end in facts:
        if isinstance(end, _End):
            queue = by_queue[end.queue]
            (_leg_of(end, queue).ends if queue else strays).append(end)
    return legs, strays


def _offered_again(fact: ContactOffered, queue: list[_Leg]) -> bool:
    """Whether an offer repeats the last one: two systems may report the same offer, with the same time."""
    return bool(queue) and queue[-1].offered.at == fact.at


def _leg_of(end: _End, queue: list[_Leg]) -> _Leg:
    """The leg that an end belongs to: the last one offered by then, or the first leg if the end is before all offers.

    A conclusion at the very time of that offer belongs to the leg before, if that has none yet.
    """
    place = next((place for place in reversed(range(len(queue))) if queue[place].offered.at <= end.at), 0)
    if place and isinstance(end, ContactConcluded) and end.at == queue[place].offered.at:
        before = queue[place - 1]
        return before if before.first(ContactConcluded) is None else queue[place]
    return queue[place]


def _dimensions(leg: _Leg, rules: Rules) -> tuple[str, str, str]:
    offered = leg.offered
    return offered.line, rules.listed("queue", offered.queue), rules.listed("channel", offered.channel)


def _count_leg(leg: _Leg, is_last: bool, by_hand: Sequence[EndedByHand], builder: OutcomeBuilder, rules: Rules) -> None:
    dimensions = _dimensions(leg, rules)
    start = leg.offered.at
    builder.count("leg_offered", start, dimensions)
    answered, abandoned, concluded = (leg.first(kind) for kind in (ContactAnswered, ContactAbandoned, ContactConcluded))
    for end in leg.ends:
        if isinstance(end, ContactConcluded):
            builder.count("leg_concluded", end.at, (*dimensions, end.result))
            break
    if answered and abandoned:
        builder.contradiction("leg_both_answered_and_abandoned", max(answered, abandoned))
    if answered and not (abandoned and abandoned < answered):
        _count_answered(leg, answered, builder, rules, dimensions)
    elif abandoned:
        _count_abandoned(leg, abandoned, builder, rules, dimensions)
    elif concluded:
        builder.span("leg_left", start, concluded, dimensions)
    elif is_last:
        _count_waiting(leg, by_hand, builder, rules, dimensions)
    else:
        builder.count("leg_end_unrecorded", start, dimensions)


def _count_answered(
    leg: _Leg, answered: datetime, builder: OutcomeBuilder, rules: Rules, dimensions: tuple[str, ...]
) -> None:
    span = builder.span("leg_answered", leg.offered.at, answered, dimensions)
    target = _target(leg, rules)
    if span is not None and target:
        for kind in _DECIDED:
            builder.decide(kind, leg.offered.at, answered, target, dimensions)


def _count_abandoned(
    leg: _Leg, abandoned: datetime, builder: OutcomeBuilder, rules: Rules, dimensions: tuple[str, ...]
) -> None:
    start = leg.offered.at
    queue = rules.queues.get(leg.offered.queue)
    is_short = queue is not None and 0 <= (abandoned - start).total_seconds() < queue.short_abandon_seconds
    span = builder.span("leg_abandoned_short" if is_short else "leg_abandoned", start, abandoned, dimensions)
    target = _target(leg, rules)
    if span is not None and target and target.due(microseconds(start)) <= microseconds(abandoned):
        # A caller who gave up after the target was failed, and so still counts in the service level.
        builder.decide("leg_service_decided", start, None, target, dimensions, given_up=abandoned)


def _count_waiting(
    leg: _Leg,
    by_hand: Sequence[EndedByHand],
    builder: OutcomeBuilder,
    rules: Rules,
    dimensions: tuple[str, str, str],
) -> None:
    offered = leg.offered
    unrecorded_from = microseconds(offered.at) + rules.wait_unrecorded_after(offered.queue, offered.line)
    ended = next((fact for fact in by_hand if fact.at >= offered.at), None)
    if ended:
        builder.ended_by_hand(ended, dimensions)
        unrecorded_from = min(unrecorded_from, microseconds(ended.at))
    else:
        builder.add_unrecorded(unrecorded_from, dimensions, "wait")
    builder.add_open("leg_waiting", offered.at, dimensions, unrecorded_from)
    target = _target(leg, rules)
    if target:
        for kind in _DECIDED:
            builder.decide(kind, offered.at, None, target, dimensions, unrecorded_from=unrecorded_from)


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
    at, dimensions = leg.offered.at, _dimensions(leg, rules)
    ended, value = kinds.get("leg_abandoned"), AS_MET
    if ended is None:
        ended, value = kinds.get("leg_answered"), AS_MISSED
    if ended is None:
        builder.count("leg_abandonment_unrecorded", at, dimensions, LEFT_OUT)
    else:
        builder.count_as("leg_abandonment_unrecorded", ended, value)
    has_target = _target(leg, rules) is not None
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
        queue, at = rules.queues.get(stray.queue), stray.at
        dimensions = (queue.line if queue else NONE, rules.listed("queue", stray.queue), NONE)
        has_target = _queue_target(stray.queue, at, rules) is not None
        builder.count("leg_abandonment_unrecorded", at, dimensions, LEFT_OUT)
        builder.count("leg_answer_unrecorded", at, dimensions, LEFT_OUT if has_target else NO_TARGET)
        if has_target:
            builder.count("leg_service_unrecorded", at, dimensions, LEFT_OUT)
        builder.count("leg_result_unrecorded", at, dimensions, LEFT_OUT)


def _target(leg: _Leg, rules: Rules) -> Target | None:
    """The target of the leg: that of its queue on the local day of its own offer, not of the contact's first."""
    return _queue_target(leg.offered.queue, leg.offered.at, rules)


def _queue_target(queue: str, at: datetime, rules: Rules) -> Target | None:
    target = rules.queue_target(queue, microseconds(at))
    if target is None or target.seconds is None:
        return None
    return Target(target.seconds, target.is_inclusive, TENTHS)
