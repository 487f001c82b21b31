"""Open detentions with their review clock and detention clock, the most urgent first."""

from collections.abc import Mapping

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.table import name_of
from measures.catalogue import find
from measures.outcome import KINDS, OpenItem, instant, microseconds
from measures.reading import NO_EVENTS

_KINDS = (
    "awaiting_authorisation",
    "custody_clock_paused",
    "review_postponed",
    "review_due",
    "detention_limit",
)
_NEVER = 1 << 52
WARNING_MINUTES = (10, 30, 60)
"""How long before a deadline each warning begins, the most urgent first; the alert rules use the same times."""


class CustodyClock(Struct, frozen=True):
    """A clock of a detention.

    Attributes:
        state: `due` with a time, `postponed`, `paused`, or `none` if there is no such clock yet.
        due: the deadline, in milliseconds since 1970; None for none.
        at: the same in local time.
        paused_since: when it was paused, if it was overdue by then, likewise: the time overdue does not grow while it is paused.
    """

    state: str
    due: int | None = None
    at: str = ""
    paused_since: int | None = None

    def urgency(self, now: int) -> int:
        """How near the deadline is, in steps from 0 for overdue, at a time in milliseconds since 1970."""
        if self.due is None:
            return len(WARNING_MINUTES) + 1
        left = self.due - now
        return 0 if left < 0 else 1 + sum(left >= minutes * 60_000 for minutes in WARNING_MINUTES)


class Detention(Struct, frozen=True):
    """A detention that has not ended.

    Attributes:
        detainee: the opaque id.
        suite: the custody suite.
        child: whether the detainee is under 18.
        arrived: in local time.
        status: whether clocks are paused or an authorisation is awaited; empty otherwise.
        review: the review clock.
        detention: the detention clock.
    """

    detainee: str
    suite: str
    child: bool
    arrived: str
    status: str
    review: CustodyClock
    detention: CustodyClock

    def order(self, now: int) -> tuple[int, bool, int, str]:
        """The sort key: the most urgent warning first, children first in each, then the earliest deadline."""
        clocks = (self.review, self.detention)
        step = min(clock.urgency(now) for clock in clocks)
        is_warned = step <= len(WARNING_MINUTES)
        due = min(clock.due if clock.due is not None else _NEVER for clock in clocks)
        return step, is_warned and not self.child, due, self.detainee


class ListStatus(Struct, frozen=True):
    """Whether the list of detentions is up to date.

    Attributes:
        state: of the reading of the number in custody.
        says: the number in custody, or why it cannot be relied on.
        mark: the note on each detention while the feed is not live; empty otherwise.
    """

    state: str
    says: str
    mark: str = ""


def read_list_status(count: int, view: View) -> ListStatus:
    """The status of a list of detentions: deadlines stay listed when their feed is silent."""
    reading = view.reader.read(find("in_custody_count"), force=view.force)[0]
    if reading.state == "live" or reading.reason == NO_EVENTS:
        return ListStatus("live", f"{count} in custody." if count else "Nobody is in custody.")
    if not count:
        return ListStatus(reading.state, f"{reading.reason} It is not known who is in custody.")
    known_at = f" at {reading.stale_since:%d %b %H:%M:%S}" if reading.stale_since else ""
    says = f"{reading.reason} The deadlines below are as last known{known_at}. Later changes are missing."
    return ListStatus(reading.state, says, f"as last known{known_at}")


def read_detentions(view: View) -> list[Detention]:
    """Every open detention, the most urgent first; blocking."""
    by_kind = {kind: dict(view.reader.open_subjects(view.force, kind)) for kind in _KINDS}
    in_custody = view.reader.open_subjects(view.force, "in_custody")
    now = microseconds(view.reader.present(view.force)) // 1000
    detentions = [_detention(name, item, by_kind, view) for name, item in in_custody]
    return sorted(detentions, key=lambda each: each.order(now))


def _detention(name: str, item: OpenItem, by_kind: Mapping[str, Mapping[str, OpenItem]], view: View) -> Detention:
    words = dict(zip(KINDS[item.kind].dimensions, item.dimensions, strict=True))
    items = {kind: subjects[name] for kind, subjects in by_kind.items() if name in subjects}
    return Detention(
        detainee=name,
        suite=name_of("suite", words["suite"], view),
        child=words["child"] == "yes",
        arrived=_local(item.since, view),
        status=_status(items, view),
        review=CustodyClock("postponed") if "review_postponed" in items else _clock(items, "review_due", view),
        detention=_clock(items, "detention_limit", view),
    )


def _status(items: Mapping[str, OpenItem], view: View) -> str:
    titles = {"awaiting_authorisation": "awaiting authorisation", "custody_clock_paused": "clocks paused"}
    return ", ".join(
        f"{title} since {_local(items[kind].since, view)}" for kind, title in titles.items() if kind in items
    )


def _clock(items: Mapping[str, OpenItem], kind: str, view: View) -> CustodyClock:
    if kind not in items:
        return CustodyClock("none")
    due, pause = items[kind].due, items.get("custody_clock_paused")
    if due is None:
        return CustodyClock("paused")
    return CustodyClock("due", due // 1000, _local(due, view), pause.since // 1000 if pause else None)


def _local(at: int, view: View) -> str:
    return instant(at).astimezone(view.profile.zone()).strftime("%d %b %H:%M:%S")
