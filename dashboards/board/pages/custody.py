"""The page of custody: each detention that is open, with its review clock and its detention clock, the most pressing first."""

from collections.abc import Mapping

from msgspec import Struct

from dashboards.board.page import Page, Parts, View
from dashboards.board.table import name_of
from dashboards.board.tile import NOW, take_tile
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
TOTALS = (
    "in_custody_count",
    "custody_awaiting_authorisation_count",
    "custody_clock_paused_count",
    "review_postponed_count",
    *(
        f"{who}_{clock}_{what}_count"
        for what in ("overdue", "due_within_60_minutes")
        for clock in ("review", "detention")
        for who in ("child", "adult")
    ),
)
"""The measures whose readings stand above the list."""
_NEVER = 1 << 52
WARNED_MINUTES = (10, 30, 60)
"""How long before a deadline is warned of it, the most pressing first; the rules of the alerts have the same."""


class CustodyClock(Struct, frozen=True):
    """A clock of custody.

    Attributes:
        state: `due` with an instant, `postponed`, `paused`, or `none` where there is no such clock yet.
        due: the last instant in time, in milliseconds since 1970; None for none.
        at: the same by the force's clock.
        stood: since when it stands still although it is overdue, likewise: the time over does not grow meanwhile.
    """

    state: str
    due: int | None = None
    at: str = ""
    stood: int | None = None

    def pressing(self, now: int) -> int:
        """How near it is, in steps from 0 for overdue, as of an instant in milliseconds since 1970."""
        if self.due is None:
            return len(WARNED_MINUTES) + 1
        left = self.due - now
        return 0 if left < 0 else 1 + sum(left >= minutes * 60_000 for minutes in WARNED_MINUTES)


class Detention(Struct, frozen=True):
    """A detention that has not ended.

    Attributes:
        detainee: the opaque id.
        suite: where.
        child: under 18.
        arrived: by the force's clock.
        stands: what holds it: clocks that are paused, an authorisation that is awaited.
        review: the review clock.
        detention: the detention clock.
    """

    detainee: str
    suite: str
    child: bool
    arrived: str
    stands: str
    review: CustodyClock
    detention: CustodyClock

    def order(self, now: int) -> tuple[int, bool, int, str]:
        """The nearest step of warning first, of those within one children first, then whose clock falls due first."""
        clocks = (self.review, self.detention)
        step = min(clock.pressing(now) for clock in clocks)
        is_warned = step <= len(WARNED_MINUTES)
        due = min(clock.due if clock.due is not None else _NEVER for clock in clocks)
        return step, is_warned and not self.child, due, self.detainee


class ListStatus(Struct, frozen=True):
    """How what is listed is known.

    Attributes:
        state: of the reading of who is in custody.
        says: how many there are, or why that cannot be relied on.
        mark: what stands beside each detention while the feed is not live; empty while it is.
    """

    state: str
    says: str
    mark: str = ""


def _take(view: View) -> Parts:
    tiles = [take_tile(find(name), NOW, view) for name in TOTALS]
    detentions = take_detentions(view)
    return {
        "totals": [[find(name).title, tile.text] for name, tile in zip(TOTALS, tiles, strict=True)],
        "custody": take_known(len(detentions), view),
        "detentions": detentions,
    }


def take_known(count: int, view: View) -> ListStatus:
    """How so many detentions are known: a deadline does not go away because its feed has fallen silent."""
    reading = view.reader.read(find("in_custody_count"), force=view.force)[0]
    if reading.state == "live" or reading.reason == NO_EVENTS:
        return ListStatus("live", f"{count} in custody." if count else "Nobody is in custody.")
    if not count:
        return ListStatus(reading.state, f"{reading.reason} Who is in custody is not known.")
    known_at = f" at {reading.stale_since:%d %b %H:%M:%S}" if reading.stale_since else ""
    says = f"{reading.reason} The deadlines below stand as last known{known_at}: what has happened since is not known."
    return ListStatus(reading.state, says, f"as last known{known_at}")


def take_detentions(view: View) -> list[Detention]:
    """Every detention that is open, the most pressing before the others; blocking."""
    standing = {kind: dict(view.reader.open_subjects(view.force, kind)) for kind in _KINDS}
    found = view.reader.open_subjects(view.force, "in_custody")
    now = microseconds(view.reader.present(view.force)) // 1000
    detentions = [_detention(name, matter, standing, view) for name, matter in found]
    return sorted(detentions, key=lambda each: each.order(now))


def _detention(name: str, matter: OpenItem, standing: Mapping[str, Mapping[str, OpenItem]], view: View) -> Detention:
    words = dict(zip(KINDS[matter.kind].dimensions, matter.dimensions, strict=True))
    held = {kind: known[name] for kind, known in standing.items() if name in known}
    return Detention(
        detainee=name,
        suite=name_of("suite", words["suite"], view),
        child=words["child"] == "yes",
        arrived=_local(matter.since, view),
        stands=_stands(held, view),
        review=CustodyClock("postponed") if "review_postponed" in held else _clock(held, "review_due", view),
        detention=_clock(held, "detention_limit", view),
    )


def _stands(held: Mapping[str, OpenItem], view: View) -> str:
    titles = {"awaiting_authorisation": "awaits authorisation", "custody_clock_paused": "clocks paused"}
    return ", ".join(
        f"{title} since {_local(held[kind].since, view)}" for kind, title in titles.items() if kind in held
    )


def _clock(held: Mapping[str, OpenItem], kind: str, view: View) -> CustodyClock:
    if kind not in held:
        return CustodyClock("none")
    due, pause = held[kind].due, held.get("custody_clock_paused")
    if due is None:
        return CustodyClock("paused")
    return CustodyClock("due", due // 1000, _local(due, view), pause.since // 1000 if pause else None)


def _local(at: int, view: View) -> str:
    return instant(at).astimezone(view.profile.zone()).strftime("%d %b %H:%M:%S")


CUSTODY = Page(name="custody", path="/custody", title="Custody", take=_take)
