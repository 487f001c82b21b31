"""Follows subjects to which a source gives no id of their own, such as call takers at work: each begins with one row and ends with another."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from producers.declaration import Condition, Mapping, Session
from producers.values import Cells, holds

_TICK = timedelta(microseconds=1)


class OpenSession(Struct, frozen=True, kw_only=True):
    """A session that has begun.

    Attributes:
        began: the time of its first row.
        last: the time of its last row as the source writes it.
        ticks: how many rows before that one had the same time.
        remembered: the values that its rows have set, by column.
    """

    began: datetime
    last: datetime
    ticks: int = 0
    remembered: dict[str, str] = {}

    def shift(self) -> timedelta:
        """What to add to the times of the last row's facts, so that rows with the same time keep their order."""
        return self.ticks * _TICK


OpenSessions = dict[str, OpenSession]
"""The open session of each key, by a digest of the key."""


def entered(
    mapping: Mapping, session: Session, before: OpenSession | None, cells: Cells, at: datetime
) -> OpenSession | None:
    """The session that a row belongs to; None if it belongs to none.

    Args:
        mapping: says how long a session may last; after that, a row that can begin a session begins a new one.
        session: how sessions begin and end.
        before: the session of the row's key that was open before the row; None if there was none.
        cells: the row.
        at: the row's time.
    """
    if before and not (_is_met(session.begins, cells) and at - before.began > _longest(mapping)):
        return replace(before, last=at, ticks=before.ticks + 1 if at == before.last else 0)
    return OpenSession(began=at, last=at) if _is_met(session.begins, cells) else None


def left(session: Session, current: OpenSession, cells: Cells) -> OpenSession | None:
    """The session after a row; None if the row ends it."""
    if _is_met(session.ends, cells):
        return None
    remembered = dict(current.remembered)
    for each in session.remembers:
        if _is_met(each.when, cells):
            remembered[each.column] = each.value if each.copies is None else cells.get(each.copies, "")
    return replace(current, remembered={column: value for column, value in remembered.items() if value})


def has_facts(mapping: Mapping, cells: Cells) -> bool:
    """Whether a row would give a fact."""
    return any(_is_met(declared.when, cells) for declared in mapping.facts)


def _longest(mapping: Mapping) -> timedelta:
    return timedelta(hours=mapping.subject.opened_within_hours)


def _is_met(conditions: tuple[Condition, ...], cells: Cells) -> bool:
    return all(holds(each, cells) for each in conditions)
