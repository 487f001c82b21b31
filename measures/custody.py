"""What a custody number counts for: arrival, waiting, authorisation, clocks, places, disposal; and voluntary attendance."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

from facts.custody import DetaineeTransferred, DetentionAuthorised, VoluntaryAttended
from facts.fact import SubjectFact
from facts.force import NONE
from measures import clock
from measures.detention import CustodyStay, Detention, SuitePlace, after_the_last_end, detentions, pauses_in_hospital
from measures.outcome import LEFT_OUT, UNRECORDED, KindName, OpenItem, Outcomes, microseconds
from measures.outcome_builder import OutcomeBuilder
from measures.rules import Rules

ClockName = Literal["review", "detention"]
_NOTHING_RECORDED: tuple[KindName, ...] = (
    "arrived_to_authorised_unrecorded",
    "arrived_to_ended_unrecorded",
    "disposal_unrecorded",
)


def outcomes(facts: Sequence[SubjectFact], rules: Rules) -> Outcomes:
    """What the effective facts of one custody number, or one voluntary attendance, count for.

    Args:
        facts: in order.
        rules: the rules of the detention's force.
    """
    found = detentions(facts)
    voluntary = next((fact for fact in facts if isinstance(fact, VoluntaryAttended)), None)
    began = found[0].stays[0].arrived if found else (voluntary or facts[0]).at
    builders = [OutcomeBuilder("detention", microseconds(began))]
    if voluntary:
        words = rules.listed("suite", voluntary.suite), _yes_or_no(is_child=voluntary.child)
        builders[0].count("voluntary_attended", microseconds(voluntary.at), words)
    if not found:
        _count_without_arrival(facts, builders[0], rules)
    for detention in found:
        builders += _detention(detention, rules)
    return Outcomes(
        [each for one in builders for each in one.finished], [each for one in builders for each in one.open]
    )


def _yes_or_no(*, is_child: bool) -> str:
    return "yes" if is_child else "no"


def _count_without_arrival(facts: Sequence[SubjectFact], builder: OutcomeBuilder, rules: Rules) -> None:
    """Count an incomplete detention, and follow the reviews of a person who must be in custody although no arrival is recorded."""
    others = [fact for fact in facts if not isinstance(fact, VoluntaryAttended)]
    if not others:
        return
    first = microseconds(others[0].at)
    builder.incomplete(first)
    for kind in _NOTHING_RECORDED:
        builder.count(kind, first, (NONE, NONE), LEFT_OUT)
    present = after_the_last_end(facts)
    if present:
        moved = [fact.suite for fact in present if isinstance(fact, DetaineeTransferred)]
        words = rules.listed("suite", moved[-1] if moved else None), NONE
        builder.add_open("custody_note", microseconds(present[0].at), (*words, "arrival_unrecorded"))
        _count_silence(present, builder, words, rules)
        _count_review(Detention(None, [], pauses_in_hospital(present), facts=present), builder, words)


def _detention(detention: Detention, rules: Rules) -> Iterator[OutcomeBuilder]:
    """What each stay counts for, as a subject of its own that began when the person arrived."""
    for number, stay in enumerate(detention.stays):
        arrived, ended = microseconds(stay.arrived), microseconds(stay.ended) if stay.ended else None
        builder = OutcomeBuilder("detention", arrived)
        words = rules.listed("suite", stay.places[0].suite), _yes_or_no(is_child=stay.child)
        if not number:
            builder.count("detainee_arrived", arrived, words)
        authorised = _authorised(stay)
        if authorised is not None and stay.is_authorised_again:
            _count_span("arrived_to_authorised", arrived, authorised, builder, words)
        last = rules.listed("suite", stay.places[-1].suite), words[1]
        _count_places(stay, builder, rules)
        if ended is not None:
            _count_span("arrived_to_ended", arrived, ended, builder, last)
            builder.count("detention_ended", ended, (*last, stay.disposal or NONE))
        else:
            builder.add_open("in_custody", arrived, last)
            if authorised is None and (stay.is_authorised_again or clock.first_authorised(detention.facts) is None):
                builder.add_open("awaiting_authorisation", arrived, last)
            _count_silence(detention.facts, builder, last, rules)
            _count_clocks(detention, builder, last)
        yield builder


def _count_silence(
    facts: Sequence[SubjectFact], builder: OutcomeBuilder, dimensions: tuple[str, str], rules: Rules
) -> None:
    """Note when nothing has been recorded for too long. The person is still in custody: nobody is assumed to have left."""
    since = microseconds(facts[-1].at) + rules.detention_silent_after()
    builder.add_due("custody_note", since, None, (*dimensions, "record_silent"))


def _count_span(kind: KindName, arrived: int, end: int, builder: OutcomeBuilder, dimensions: tuple[str, str]) -> None:
    if builder.span(kind, arrived, end, dimensions) is None:
        builder.count(UNRECORDED[kind], arrived, dimensions, LEFT_OUT)


def _authorised(stay: CustodyStay) -> int | None:
    return next((microseconds(fact.at) for fact in stay.facts if isinstance(fact, DetentionAuthorised)), None)


def _count_places(stay: CustodyStay, builder: OutcomeBuilder, rules: Rules) -> None:
    """Count the person into and out of each suite. A stay that ended before it began is not counted in any suite."""
    if stay.ended and stay.ended < stay.arrived:
        return
    child = _yes_or_no(is_child=stay.child)
    for place, after in pairwise([*stay.places, None]):
        assert isinstance(place, SuitePlace)  # noqa: S101 - only the last is None
        words = rules.listed("suite", place.suite), child
        builder.count("suite_entered", microseconds(place.since), words)
        left = after.since if after else stay.ended
        if left:
            builder.count("suite_left", microseconds(left), words)


def _count_clocks(detention: Detention, builder: OutcomeBuilder, dimensions: tuple[str, str]) -> None:
    """Add the two independent clocks: reviews run from the authorisation, the limit runs from the relevant time."""
    limit = clock.limit(detention)
    if limit:
        builder.add_due("detention_limit", limit.deadline.clock.started, limit.deadline.due(), dimensions)
    for each in clock.remarks(detention, limit):
        builder.add_due("custody_note", each.since, each.due, (*dimensions, each.note))
    _count_review(detention, builder, dimensions)


def _count_review(detention: Detention, builder: OutcomeBuilder, dimensions: tuple[str, str]) -> None:
    """Add the next review; if it was postponed, also the review after it, which is due at its own time."""
    review = clock.next_review(detention.facts, detention.pauses)
    if review:
        postponed_since, deadline = review.postponed_since(), review.deadline
        if postponed_since is not None:
            if review.postponed_at != postponed_since:
                builder.add_due("review_due_ahead", review.since, deadline.due(), dimensions)
            builder.add_due("review_postponed", postponed_since, deadline.due(), dimensions)
            deadline = review.following()
        since = review.since if postponed_since is None else postponed_since
        builder.add_due("review_due", since, deadline.due(), dimensions)
        halted = clock.paused(deadline, "review_clock_paused")
        if halted:
            builder.add_due("custody_note", halted.since, halted.due, (*dimensions, halted.note))
    for pause in detention.pauses:
        if pause.end is None:
            builder.add_due("custody_clock_paused", pause.start, None, dimensions)


def deadline_of(items: Mapping[str, OpenItem], clock_name: ClockName, now: int) -> int | None:
    """When a clock of a detention runs out, in microseconds since 1970; None if it has no due time, or there is no such clock.

    A review that was postponed before it was due is due until then; after that, the review after it is (s.40(4), (6)).

    Args:
        items: the detention's open items by kind.
        clock_name: the clock.
        now: microseconds since 1970.
    """
    postponed = items.get("review_postponed")
    if clock_name == "review" and postponed and postponed.since > now:
        return postponed.due
    item = items.get("review_due" if clock_name == "review" else "detention_limit")
    return item.due if item else None
