"""The panels of the Now and Wall pages; each measure in the catalogue says in which of them it appears."""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.tile import is_displayed
from measures.catalogue import CATALOGUE, shown
from measures.measure import Measure, Place

WINDOWS = ("15m", "60m", "shift", "today")


Extra = Literal["journey", "channels", "grid", "attendance", "suites"]


class Panel(Struct, frozen=True, kw_only=True):
    """A panel.

    Attributes:
        name: its id in the page, for links and styles.
        title: its heading.
        place: where its measures say that they appear; None for a panel that contains nothing but extras.
        extra: what else the panel holds.
        has_hour: whether the page Now displays its figures of the last hour without unfolding.
    """

    name: str
    title: str
    place: Place | None = None
    extra: Extra | None = None
    has_hour: bool = True

    def measures(self) -> tuple[Measure, ...]:
        """Its measures."""
        return shown(self.place) if self.place else ()

    def now(self) -> list[Measure]:
        """Its measures of what is open now, the most important first."""
        return [each for each in self.measures() if each.is_open()]

    def over_time(self) -> list[Measure]:
        """Its measures over windows."""
        return [each for each in self.measures() if not each.is_open()]

    def wall(self) -> list[Measure]:
        """Those over windows that fit on the wall."""
        return [each for each in self.over_time() if "wall" in each.show]


PANELS = (
    Panel(name="emergency", title="999", place="emergency"),
    Panel(name="non_emergency", title="101", place="non_emergency"),
    Panel(name="attendance", title="Grade 1 and Grade 2", place="attendance", extra="attendance"),
    Panel(name="custody", title="Custody", place="custody", extra="suites", has_hour=False),
    Panel(name="incidents", title="Incidents", place="incidents", extra="grid", has_hour=False),
    Panel(name="digital", title="Digital", place="digital", extra="channels", has_hour=False),
    Panel(name="journey", title="101 call journey", extra="journey"),
)
_EXTRA_MEASURES: dict[Extra, str] = {
    "journey": "contact_101_offered_count",
    "channels": "digital_offered_count",
    "grid": "incident_count",
    "attendance": "incident_unattended_count",
    "suites": "in_custody_count",
}
"""The measure that a force must have for each extra."""


def displayed(measures: Iterable[Measure], view: View) -> list[Measure]:
    """The measures that the force has."""
    return [each for each in measures if is_displayed(each, view)]


def has_extra(panel: Panel, view: View) -> bool:
    """Whether the panel has an extra, and the force has its measure."""
    return panel.extra is not None and is_displayed(CATALOGUE[_EXTRA_MEASURES[panel.extra]], view)


def panels(view: View) -> Iterator[Panel]:
    """The panels with at least one measure that the force has."""
    return (panel for panel in PANELS if displayed(panel.measures(), view) or has_extra(panel, view))
