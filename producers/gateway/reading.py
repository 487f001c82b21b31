"""Reads the facts of a request's body: all of them, or a problem that lists every fault."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from facts import wire
from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.union import AnyFact, Topic
from facts.wire import Unreadable
from producers.gateway.events import binary_attributes
from producers.gateway.problem import FactError, error_of, problem
from producers.gateway.sent import Sent


def read_facts(sent: Sent, topic: Topic, forces: Mapping[str, Force], now: datetime, batch_facts: int) -> list[AnyFact]:
    """Read the facts of a request as the workers will read them from the log.

    Args:
        sent: one fact as a JSON object, or several as an array; or CloudEvents whose data they are.
        topic: the topic they are sent to.
        forces: the profiles, by name.
        now: the present; facts that happened much later are refused.
        batch_facts: the most facts in one request.

    Raises:
        ProblemError: the request must not be published; it lists every fault.
    """
    binary_attributes(sent.headers)
    batch = wire.decode(sent.body, topic, now)
    facts = [fact for _, fact in batch.facts]
    count = len(facts) + len(batch.unreadable)
    if count > batch_facts:
        title = f"The batch has {count:,} facts; the limit is {batch_facts:,}."
        raise problem("facts_refused", 422, title, "Send it as several batches.")
    refusals = [
        *batch.unreadable,
        *(each for index, fact in batch.facts for each in _profile_faults(fact, index, topic, forces)),
    ]
    if refusals:
        raise _refused(refusals, count)
    return facts


def _refused(refusals: list[Unreadable], count: int) -> Exception:
    first = refusals[0]
    if first.index is None and first.reason in ("not_json", "empty"):
        return problem("not_json", 400, first.what, first.hint, [error_of(first)])
    errors: list[FactError] = sorted(map(error_of, refusals), key=lambda each: each.fact)
    title = f"{len({each.fact for each in errors}):,} of {count:,} facts are invalid, so none was accepted."
    detail = "Correct or remove the facts listed in `errors`, then send the batch again: a fact sent twice counts once."
    if any((each.field, each.reason) == ("fact", "missing_field") for each in errors):
        detail += " A platform's own events go to /v1/webhooks/MAPPING; docs/feed/platforms.md lists the mappings."
    return problem("facts_refused", 422, title, detail, errors)


def _profile_faults(fact: AnyFact, index: int, topic: Topic, forces: Mapping[str, Force]) -> Iterator[Unreadable]:
    """Check a fact against the profiles; workers would quarantine it, or record a heartbeat of an unknown feed."""
    force = forces.get(fact.force)
    if force is None:
        yield wire.refuse("unlisted_force", "This force has no profile.", index, "$.force")
    elif isinstance(fact, FeedHeartbeat):
        feeds = [feed.name for feed in force.feeds if feed.topic == topic]
        if fact.feed not in feeds:
            yield Unreadable(
                reason="bad_value",
                what=f"The profile of {force.name} lists no such feed on the topic {topic}.",
                where=f"fact {index}, $.feed",
                hint=f"Its feeds on this topic: {', '.join(feeds) or 'none'}.",
                index=index,
            )
