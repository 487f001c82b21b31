"""Compares a state version with a recount of the log: every count of every day that is kept, and every open item."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta

from msgspec import Struct

from bluelamp.recount.recount import Recount
from bluelamp.verify.audit import AuditDifference, audit, read_period
from facts.union import TOPICS, Topic
from measures.outcome import microseconds
from measures.rules import Rules
from measures.window import DAYS_KEPT
from streams.readings import Reader
from streams.record import Place

Recounter = Callable[[Mapping[Place, int], Collection[Topic]], Recount]
"""Recounts topics of the log and keeps their facts, up to an offset of each partition; the caller closes the recount."""


class Certified(Struct):
    """The result of the comparison.

    Attributes:
        compared: the number of counts and open items that were compared.
        differing: the counts and open items that differ.
    """

    compared: int = 0
    differing: list[AuditDifference] = []


def certify(
    reader: Reader,
    rules: Mapping[str, Rules],
    applied_offsets: Mapping[Place, int],
    recounter: Recounter,
    topics: Collection[Topic] = TOPICS,
) -> Certified:
    """Compare everything that a version holds of some topics, of every force, with the log, up to the version's applied offsets.

    Args:
        reader: the reader of the version, which no other process may write.
        rules: the rules of every force.
        applied_offsets: the applied offsets of the version in these topics.
        recounter: recounts the log.
        topics: the topics.

    Raises:
        IncompleteError: the log does not hold everything that the version was folded from.
    """
    result = Certified()
    reader.refresh()
    periods = {name: period for name, each in rules.items() if (period := _period(reader, name, each))}
    if not periods:
        return result
    with recounter(applied_offsets, topics) as recount:
        for name, (start, end) in periods.items():
            held = read_period(reader, rules[name].force, start, end, reader.present(name), (), topics)
            audited = audit(held, recount, rules[name], start, end)
            result.compared += audited.counts + audited.open_items
            result.differing += [*audited.differing_counts, *audited.differing_open]
    return result


def _period(reader: Reader, force: str, rules: Rules) -> tuple[date, date] | None:
    """The first day that is kept, and the day after the last; None if nothing was ever received."""
    feeds = reader.feeds(force)
    first = min((each.first_event_at for each in feeds if each.first_event_at is not None), default=None)
    if first is None:
        return None
    known = [each for feed in feeds for each in (feed.last_event_at, feed.complete_to) if each is not None]
    last = date.fromordinal(rules.local_day(max(*known, microseconds(reader.present(force)))))
    # The oldest days may already be dropped from the state.
    return max(date.fromordinal(rules.local_day(first)), last - DAYS_KEPT + timedelta(days=2)), last + timedelta(days=2)
