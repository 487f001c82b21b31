"""What one subject counts for, written from docs/understand/semantics.md sections 5 to 7 for the rules that need it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import pairwise
from typing import NamedTuple

from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.custody import (
    ClockPaused,
    ClockResumed,
    DetaineeArrived,
    DetaineeCharged,
    DetaineeTransferred,
    DetentionAuthorised,
    DetentionEnded,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    WarrantApplied,
    WarrantIssued,
    WarrantRefused,
)
from facts.fact import SubjectFact
from facts.force import Force
from facts.incident import (
    IncidentClosed,
    IncidentOpened,
    IncidentRegraded,
    IncidentReopened,
    UnitArrived,
    UnitDispatched,
    UnitStoodDown,
    VideoResponseStarted,
)
from facts.union import Topic
from tests.oracle.knowledge import FOREVER, SECOND

HOUR = 3600 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - written differently from the product on purpose


class Outcome(NamedTuple):
    """One thing that counts, or an open item.

    Attributes:
        kind: its kind.
        words: the words that select it.
        at: when it was decided, in microseconds since 1970; None while it is open.
        value: a duration in the kind's unit, or 1 for met and 0 for missed.
        since: the time since which it is open; 0 if it is not.
        due: from when on its target is missed, or the last time that meets it; None if it has no target.
        lost: from when on its end counts as unrecorded.
    """

    kind: str
    words: Mapping[str, str]
    at: int | None = None
    value: int = 0
    since: int = 0
    due: int | None = None
    lost: int = FOREVER


def outcomes(topic: Topic, facts: Sequence[SubjectFact], force: Force) -> Iterable[Outcome]:
    """Everything that one subject counts for, from its facts in force."""
    of_topic: dict[str, Callable[[Sequence[SubjectFact], Force], Iterable[Outcome]]] = {
        "contacts": contact,
        "incidents": incident,
        "custody": detention,
    }
    return of_topic[topic](facts, force) if topic in of_topic else ()


def since_1970(at: datetime) -> int:
    """A time as whole microseconds since 1970."""
    passed = at - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds


def first(facts: Iterable[SubjectFact], *kinds: type[SubjectFact]) -> int | None:
    """When the first fact of these kinds happened."""
    return min((since_1970(fact.at) for fact in facts if isinstance(fact, kinds)), default=None)


def decided(
    kind: str, words: Mapping[str, str], start: int, end: int | None, given_up: int | None, due: int, lost: int
) -> Iterator[Outcome]:
    """Whether a span met its target (semantics section 3); nothing for a span that ends before it starts."""
    if end is not None and end < start:
        return
    if end is not None:
        yield Outcome(kind, words, at=min(end, due), value=int(end < due))
    elif given_up is not None:
        yield Outcome(kind, words, at=min(given_up, due), value=0)
    else:
        yield Outcome(kind, words, since=start, due=due, lost=lost)


# Contacts, in tenths of a second.

_TENTH = SECOND // 10


def contact(facts: Sequence[SubjectFact], force: Force) -> Iterator[Outcome]:
    """The legs of a contact, and the contact itself."""
    legs: dict[tuple[str, int], ContactOffered] = {}
    for fact in facts:
        if isinstance(fact, ContactOffered):
            legs.setdefault((fact.queue, since_1970(fact.at)), fact)
    if not legs:
        return
    opening = next(iter(legs.values()))
    yield Outcome("contact_offered", _words(opening), at=since_1970(opening.at))
    last = list(legs)[-1]
    for place, offer in legs.items():
        ends = [fact for fact in facts if _leg_of(fact, legs) == place]
        yield from _leg(offer, ends, force, is_last=place == last)


def _words(offer: ContactOffered) -> Mapping[str, str]:
    return {"line": offer.line, "queue": offer.queue}


def _leg_of(fact: SubjectFact, legs: Mapping[tuple[str, int], ContactOffered]) -> tuple[str, int] | None:
    if not isinstance(fact, ContactAnswered | ContactAbandoned | ContactConcluded):
        return None
    of_queue = sorted(place for place in legs if place[0] == fact.queue)
    before = [place for place in of_queue if place[1] <= since_1970(fact.at)]
    return before[-1] if before else of_queue[0] if of_queue else None


def _leg(offer: ContactOffered, ends: Sequence[SubjectFact], force: Force, *, is_last: bool) -> Iterator[Outcome]:
    words, offered = _words(offer), since_1970(offer.at)
    # No scenario ends anything by hand, and no supplied profile has ages of its own.
    lost = offered + {"999": 1, "101": 12}.get(offer.line, 28 * 24) * HOUR
    answered, abandoned = first(ends, ContactAnswered), first(ends, ContactAbandoned)
    if answered is not None and (abandoned is None or answered <= abandoned):
        yield from _span("leg_answered", words, offered, answered)
    elif abandoned is not None:
        is_short = 0 <= abandoned - offered < _short(force, offer.queue)
        yield from () if is_short else _span("leg_abandoned", words, offered, abandoned)
        return
    elif first(ends, ContactConcluded) is not None or not is_last:
        return
    else:
        yield Outcome("leg_waiting", words, since=offered, lost=lost)
        yield Outcome("contact_unrecorded", words, since=lost)
    due = _due(force, offer)
    if due is not None:
        yield from decided("leg_answer_decided", words, offered, answered, None, due, lost)


def _span(kind: str, words: Mapping[str, str], start: int, end: int) -> Iterator[Outcome]:
    if end >= start:
        yield Outcome(kind, words, at=end, value=(end - start + _TENTH // 2) // _TENTH)


def _short(force: Force, queue: str) -> int:
    return next((each.short_abandon_seconds for each in force.queues if each.label == queue), 0) * SECOND


def _due(force: Force, offer: ContactOffered) -> int | None:
    day = offer.at.astimezone(force.zone()).date()
    promised = [
        each for queue in force.queues if queue.label == offer.queue for each in queue.targets if each.since <= day
    ]
    if not promised or promised[-1].seconds is None:
        return None
    half = _TENTH // 2 if promised[-1].is_inclusive else -_TENTH // 2
    return since_1970(offer.at) + promised[-1].seconds * SECOND + half


# Incidents, in whole seconds.


def incident(facts: Sequence[SubjectFact], force: Force) -> Iterator[Outcome]:
    """What an incident counts for."""
    openings = [fact for fact in facts if isinstance(fact, IncidentOpened)]
    if not openings:
        return
    opened = since_1970(openings[0].at)
    grades = [openings[0].grade, *(fact.grade for fact in facts if isinstance(fact, IncidentRegraded))]
    words = {"grade": grades[-1]}
    arrived, dispatched = first(facts, UnitArrived), first(facts, UnitDispatched)
    attended = first(facts, UnitArrived, VideoResponseStarted)
    yield Outcome("incident_opened", words, at=opened)
    yield from _downgrades(openings[0], facts, attended, force)
    closure = _closure(facts)
    if closure is not None and _needs_nobody(closure, attended):
        return
    closed = None if closure is None else since_1970(closure.at)
    open_for, closure_for = _ages(force, grades[-1])
    lost, lost_closure = (max(since_1970(fact.at) for fact in facts) + age for age in (open_for, closure_for))
    if closed is None:
        yield Outcome("incident_unrecorded", words, since=lost_closure)
    if closed is None and attended is None:
        yield Outcome("incident_unrecorded", words, since=lost)
        yield Outcome("incident_unattended", words, since=opened, lost=lost)
        since = _without_unit_since(facts, opened)
        if since is not None:
            yield Outcome("incident_unresourced", words, since=since, lost=lost)
    lost = lost if attended is None else lost_closure
    to_dispatched, to_arrived = targets(force, grades[-1], openings[0].at)
    if to_dispatched is not None and not (dispatched is None and arrived is not None):
        yield from decided(
            "dispatched_decided", words, opened, dispatched, closed, _missed_at(opened, to_dispatched), lost
        )
    if to_arrived is not None:
        yield from decided("arrived_decided", words, opened, arrived, closed, _missed_at(opened, to_arrived), lost)


def _ages(force: Force, grade: str) -> tuple[int, int]:
    """How long without a fact makes the attendance, and the closure, of an incident unrecorded."""
    response = next((each.response for each in force.grades if each.label == grade), "other")
    days = {"immediate": (1, 28), "priority": (14, 28), "scheduled": (28, 90)}.get(response, (90, 90))
    return days[0] * 24 * HOUR, days[1] * 24 * HOUR


def _missed_at(opened: int, target_seconds: int) -> int:
    return opened + target_seconds * SECOND + SECOND // 2


def targets(force: Force, grade: str, opened: datetime) -> tuple[int | None, int | None]:
    """The seconds from opened to dispatched and to arrived that a grade promised on the local day of opening."""
    day = opened.astimezone(force.zone()).date()
    for listed in force.grades:
        promised = [each for each in listed.targets if each.since <= day]
        if listed.label == grade and promised:
            return promised[-1].opened_to_dispatched_seconds, promised[-1].opened_to_arrived_seconds
    return None, None


def _closure(facts: Sequence[SubjectFact]) -> IncidentClosed | None:
    closure: IncidentClosed | None = None
    for fact in facts:
        if isinstance(fact, IncidentClosed):
            closure = fact
        elif isinstance(fact, IncidentReopened):
            closure = None
    return closure


def _needs_nobody(closure: IncidentClosed, attended: int | None) -> bool:
    if closure.result in ("duplicate", "out_of_force"):
        return True
    return closure.result in ("telephone_resolved", "cancelled") and attended is None


def _without_unit_since(facts: Sequence[SubjectFact], opened: int) -> int | None:
    """The time since which no unit is assigned; None while a unit is."""
    units, since = set[str](), opened
    for fact in facts:
        if isinstance(fact, UnitDispatched | UnitArrived):
            units.add(fact.unit)
        elif isinstance(fact, UnitStoodDown) and fact.unit in units:
            units.discard(fact.unit)
            since = since_1970(fact.at)
    return None if units else since


def _downgrades(
    opening: IncidentOpened, facts: Sequence[SubjectFact], attended: int | None, force: Force
) -> Iterator[Outcome]:
    order = [grade.label for grade in force.grades]
    before, opened = opening.grade, since_1970(opening.at)
    for fact in facts:
        if not isinstance(fact, IncidentRegraded):
            continue
        at, (_, target) = since_1970(fact.at), targets(force, before, opening.at)
        is_down = before in order and fact.grade in order and order.index(fact.grade) > order.index(before)
        is_near = target is not None and 5 * (at - opened) >= 4 * target * SECOND
        if is_down and is_near and not (attended is not None and attended <= at):
            yield Outcome("downgraded_near_breach", {"grade": fact.grade}, at=at)
        before = fact.grade


# Custody.


def detention(facts: Sequence[SubjectFact], force: Force) -> Iterator[Outcome]:
    """The open items of a detention that has not ended."""
    arrivals = [fact for fact in facts if isinstance(fact, DetaineeArrived)]
    assert len(arrivals) < 2, "no scenario is long enough for somebody to return"
    if not arrivals or first(facts, DetentionEnded) is not None:
        return
    (arrival,) = arrivals
    suite = [each.suite for each in facts if isinstance(each, DetaineeArrived | DetaineeTransferred)][-1]
    words = {"child": "yes" if arrival.child else "no", "detainee": arrival.subject_id, "suite": suite}
    yield Outcome("record_silent", words, since=since_1970(facts[-1].at) + 24 * HOUR)
    authorised = first(facts, DetentionAuthorised)
    if authorised is None:
        yield Outcome("awaiting_authorisation", words, since=since_1970(arrival.at))
    else:
        yield from _review(facts, words, authorised)
    if arrival.basis == "arrest" and first(facts, DetaineeCharged) is None:
        assert arrival.relevant_time is not None
        yield _limit(facts, words, since_1970(arrival.relevant_time))
    pauses = _pauses(facts)
    if pauses and pauses[-1][1] is None:
        yield Outcome("custody_clock_paused", words, since=pauses[-1][0])


def _pauses(facts: Sequence[SubjectFact]) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    for fact in facts:
        is_paused = bool(found) and found[-1][1] is None
        if isinstance(fact, ClockPaused) and not is_paused:
            found.append((since_1970(fact.at), None))
        elif isinstance(fact, ClockResumed) and is_paused:
            found[-1] = (found[-1][0], since_1970(fact.at))
    return found


def _running(facts: Sequence[SubjectFact], start: int) -> list[tuple[int, int | None]]:
    """The stretches, from a start on, in which the clock runs; the last may have no end."""
    edges: list[int | None] = [start]
    for begins, ends in _pauses(facts):
        edges += [max(begins, start), None if ends is None else max(ends, start)]
    stretches = [(edge, after) for edge, after in pairwise([*edges, None])][::2]
    return [(begins, ends) for begins, ends in stretches if begins is not None and begins != ends]


def clock_reading(facts: Sequence[SubjectFact], start: int, at: int) -> int:
    """What a clock shows at a time, in microseconds; below zero before it starts."""
    if at < start:
        return at - start
    running = _running(facts, start)
    return sum(max(0, min(at, at if ends is None else ends) - begins) for begins, ends in running)


def last_in_time(facts: Sequence[SubjectFact], start: int, reading: int) -> int | None:
    """The last time at which a clock shows no more than a reading; None while it is paused at or before that."""
    left = reading
    for begins, ends in _running(facts, start):
        if ends is None or begins + left < ends:
            return begins + left
        left -= ends - begins
    return None


def _review(facts: Sequence[SubjectFact], words: Mapping[str, str], authorised: int) -> Iterator[Outcome]:
    since, may_show, postponed = authorised, 6 * HOUR, None
    for fact in facts:
        at = since_1970(fact.at)
        if at < authorised:
            continue
        if isinstance(fact, ReviewPostponed):
            postponed = at if postponed is None else postponed
        elif isinstance(fact, ReviewHeld):
            shows = clock_reading(facts, authorised, at)
            may_show = (shows if postponed is None else min(shows, may_show)) + 9 * HOUR
            since, postponed = at, None
    due = last_in_time(facts, authorised, may_show)
    if postponed is None:
        yield Outcome("review_due", words, since=since, due=due)
    else:
        late = max(postponed, due or postponed)
        if late != postponed:
            yield Outcome("review_due_ahead", words, since=since, due=due)
        yield Outcome("review_postponed", words, since=late, due=due)
        yield Outcome("review_due", words, since=late, due=last_in_time(facts, authorised, may_show + 9 * HOUR))


def _limit(facts: Sequence[SubjectFact], words: Mapping[str, str], relevant: int) -> Outcome:
    """The limit of one stay."""
    may_show, has_warrant, authorised = 24 * HOUR, False, first(facts, DetentionAuthorised)
    sits: int | None = None
    for fact in facts:
        at = since_1970(fact.at)
        shows = clock_reading(facts, relevant, at)
        if isinstance(fact, ExtensionAuthorised):
            reviews_held = [each for each in facts if isinstance(each, ReviewHeld) and each.at <= fact.at]
            reviews = sum(authorised is not None and since_1970(each.at) >= authorised for each in reviews_held)
            if shows <= may_show and reviews > 1 and not has_warrant:
                may_show = max(may_show, min(shows + since_1970(fact.until) - at, 36 * HOUR))
        elif isinstance(fact, WarrantIssued):
            begins = max(shows, may_show) if has_warrant else shows
            may_show, has_warrant, sits = min(begins + min(fact.hours, 36) * HOUR, 96 * HOUR), True, None
        elif isinstance(fact, WarrantApplied):
            sits = clock_reading(facts, relevant, since_1970(fact.sits_at))
        elif isinstance(fact, WarrantRefused):
            sits = None
    if sits is not None and not has_warrant and may_show == 36 * HOUR < sits <= 42 * HOUR:
        may_show = 42 * HOUR
    return Outcome("detention_limit", words, since=relevant, due=last_in_time(facts, relevant, may_show))
