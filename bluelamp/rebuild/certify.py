"""Compares a version of the state with a recount of the log: every count of every day that is kept, and every open item."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from msgspec import Struct

from bluelamp.recount.recount import Recount
from bluelamp.verify.audit import AuditDifference, audit, read_period
from measures.outcome import microseconds
from measures.rules import Rules
from measures.window import DAYS_KEPT
from streams.readings import Reader
from streams.stall import Place

CountAgain = Callable[[Mapping[Place, int]], Recount]
"""Recounts the log, with its facts kept, up to an offset of each partition; whoever asks closes it."""


class Certified(Struct):
    """What came of it.

    Attributes:
        compared: how many counts and open items were compared.
        differing: those that differ.
    """

    compared: int = 0
    differing: list[AuditDifference] = []


def certify(
    reader: Reader, rules: Mapping[str, Rules], applied_offsets: Mapping[Place, int], count_again: CountAgain
) -> Certified:
    """Compare everything that a version holds of every force with the log up to where the version stands.

    Args:
        reader: of the version, which nobody else writes.
        rules: of every force.
        applied_offsets: where it stands.
        count_again: recounts the log.

    Raises:
        IncompleteError: the log does not hold everything that the version was folded from.
    """
    found = Certified()
    reader.refresh()
    periods = {name: period for name, each in rules.items() if (period := _period(reader, name, each))}
    if not periods:
        return found
    with count_again(applied_offsets) as recount:
        for name, (start, end) in periods.items():
            held = read_period(reader, rules[name].force, start, end, reader.present(name), ())
            audited = audit(held, recount, rules[name], start, end)
            found.compared += audited.counts + audited.open_items
            found.differing += [*audited.differing_counts, *audited.differing_open]
    return found


def _period(reader: Reader, force: str, rules: Rules) -> tuple[date, date] | None:
    """The first day of which anything is kept, and the one after the last; None where nothing was ever received."""
    feeds = reader.feeds(force)
    first = min((each.first_event_at for each in feeds if each.first_event_at is not None), default=None)
    if first is None:
        return None
    known = [each for feed in feeds for each in (feed.last_event_at, feed.complete_to) if each is not None]
    last = date.fromordinal(rules.local_day(max(*known, microseconds(reader.present(force)))))
    # Days at the edge of what is kept may be gone from the state already, batch by batch.
    return max(date.fromordinal(rules.local_day(first)), last - DAYS_KEPT + timedelta(days=2)), last + timedelta(days=2)


def line(cell: AuditDifference) -> str:
    """A count or open item that differs, as people read it."""
    words = " ".join(f"{name}={word}" for name, word in cell.words.items())
    value = f"value {cell.value}" if isinstance(cell.value, int) else cell.value
    parts = (cell.kind, str(cell.day), words, value, f"state {cell.state}, log {cell.log}")
    return "  ".join(part for part in parts if part)
