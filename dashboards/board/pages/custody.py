"""The page of custody: each detention that is open, with its review clock and its detention clock, worst first."""

from collections.abc import Mapping

from msgspec import Struct

from dashboards.board.page import Page, Parts, View
from dashboards.board.table import name_of
from dashboards.board.tile import NOW, take_tile
from measures.catalogue import find
from measures.outcome import KINDS, Open, instant

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


class Clock(Struct, frozen=True):
    """A clock of custody.

    Attributes:
        state: `due` with an instant, `postponed`, `paused`, or `none` where there is no such clock yet.
        due: the last instant in time, in milliseconds since 1970; None for none.
        at: the same by the force's clock.
    """

    state: str
    due: int | None = None
    at: str = ""


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
    review: Clock
    detention: Clock

    def order(self) -> tuple[int, str]:
        """By the first of the clocks that falls due, then by id; one without a due instant comes last."""
        return min(
            clock.due if clock.due is not None else _NEVER for clock in (self.review, self.detention)
        ), self.detainee


def _take(view: View) -> Parts:
    tiles = [take_tile(find(name), NOW, view) for name in TOTALS]
    reading = view.reader.read(find("in_custody_count"), force=view.force)[0]
    is_live = reading.state == "live"
    return {
        "totals": [[find(name).title, tile.text] for name, tile in zip(TOTALS, tiles, strict=True)] if is_live else [],
        "custody": {"state": reading.state, "says": "" if is_live else reading.reason},
        "detentions": take_detentions(view) if is_live else [],
    }


def take_detentions(view: View) -> list[Detention]:
    """Every detention that is open, that whose clock falls due first before the others; blocking."""
    standing = {kind: dict(view.reader.open_subjects(view.force, kind)) for kind in _KINDS}
    found = view.reader.open_subjects(view.force, "in_custody")
    return sorted((_detention(name, matter, standing, view) for name, matter in found), key=Detention.order)


def _detention(name: str, matter: Open, standing: Mapping[str, Mapping[str, Open]], view: View) -> Detention:
    words = dict(zip(KINDS[matter.kind].dimensions, matter.dimensions, strict=True))
    held = {kind: known[name] for kind, known in standing.items() if name in known}
    return Detention(
        detainee=name,
        suite=name_of("suite", words["suite"], view),
        child=words["child"] == "yes",
        arrived=_local(matter.since, view),
        stands=_stands(held, view),
        review=Clock("postponed") if "review_postponed" in held else _clock(held, "review_due", view),
        detention=_clock(held, "detention_limit", view),
    )


def _stands(held: Mapping[str, Open], view: View) -> str:
    titles = {"awaiting_authorisation": "awaits authorisation", "custody_clock_paused": "clocks paused"}
    return ", ".join(
        f"{title} since {_local(held[kind].since, view)}" for kind, title in titles.items() if kind in held
    )


def _clock(held: Mapping[str, Open], kind: str, view: View) -> Clock:
    if kind not in held:
        return Clock("none")
    due = held[kind].due
    return Clock("paused") if due is None else Clock("due", due // 1000, _local(due, view))


def _local(at: int, view: View) -> str:
    return instant(at).astimezone(view.profile.zone()).strftime("%d %b %H:%M:%S")


CUSTODY = Page(name="custody", path="/custody", title="Custody", take=_take)
