"""A request's body to facts: all of them, or a problem that lists every fault."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from facts import wire
from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.union import AnyFact, Topic
from facts.wire import Unreadable
from producers.gateway.problem import FactError, error_of, problem


def read_facts(
    body: bytes, topic: Topic, forces: Mapping[str, Force], now: datetime, batch_facts: int
) -> list[AnyFact]:
    """The facts of a request, read as the log's readers will read them.

    Args:
        body: one fact as a JSON object, or several as an array.
        topic: where they are to travel.
        forces: the profiles, by name.
        now: no fact can have happened much later.
        batch_facts: the most facts in one request.

    Raises:
        ProblemError: nothing of it may be published; it lists every fault.
    """
    parcel = wire.decode(body, topic, now)
    facts = [fact for _, fact in parcel.facts]
    told = len(facts) + len(parcel.unreadable)
    if told > batch_facts:
        title = f"The batch has {told:,} facts; the most is {batch_facts:,}."
        raise problem("facts_refused", 422, title, "Send it as several batches.")
    refusals = [
        *parcel.unreadable,
        *(each for index, fact in parcel.facts for each in _misfits(fact, index, topic, forces)),
    ]
    if refusals:
        raise _refused(refusals, told)
    return facts


def _refused(refusals: list[Unreadable], told: int) -> Exception:
    first = refusals[0]
    if first.index is None and first.reason in ("not_json", "empty"):
        return problem("not_json", 400, first.what, first.hint, [error_of(first)])
    errors: list[FactError] = sorted(map(error_of, refusals), key=lambda each: each.fact)
    title = f"{len({each.fact for each in errors}):,} of {told:,} facts cannot be taken, so none was."
    detail = "Mend or leave out what `errors` lists, and send the batch again: a fact that is told twice counts once."
    return problem("facts_refused", 422, title, detail, errors)


def _misfits(fact: AnyFact, index: int, topic: Topic, forces: Mapping[str, Force]) -> Iterator[Unreadable]:
    """What the profiles say against a fact; the log's readers would set it aside, or keep a feed nobody knows."""
    force = forces.get(fact.force)
    if force is None:
        yield wire.refuse("unlisted_force", "No profile names this force.", index, "$.force")
    elif isinstance(fact, FeedHeartbeat):
        known = [feed.name for feed in force.feeds if feed.topic == topic]
        if fact.feed not in known:
            yield Unreadable(
                reason="bad_value",
                what=f"The profile of {force.name} lists no such feed on the topic {topic}.",
                where=f"fact {index}, $.feed",
                hint=f"Its feeds there: {', '.join(known) or 'none'}.",
                index=index,
            )
