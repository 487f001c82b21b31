"""The content of the page Region: each measure in each force, and over all forces where it can be added correctly."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.tile import NOW, as_window, n_words, text
from measures.catalogue import shown
from measures.display import words
from measures.measure import Mean, Measure, Median, Place
from measures.reading import SIMULATION, Reading
from measures.region import Added, Part, added
from streams.readings import Reader

_PANELS: dict[Place, str] = {
    "emergency": "999",
    "non_emergency": "101",
    "attendance": "Attendance",
    "custody": "Custody",
    "incidents": "Incidents",
}
_KEPT_SECONDS = 1.0
"""How long one answer serves every viewer. If it was read again for each viewer, live pages would have to wait for the reader."""
_UNKNOWN, _IN_PART, _LOADING = "not known", "in part", "loading history"


class RegionCell(Struct, frozen=True, kw_only=True):
    """A figure.

    Attributes:
        text: its value in words, or the words for none.
        n: the number of cases behind it in words; empty for counts.
        reason: why there is no value, or what is missing from it; empty if nothing is.
        value: the unrounded value, in the unit of the row; null if it must not be displayed.
        cases: the number of cases behind it; null if that is not known.
    """

    text: str
    n: str = ""
    reason: str = ""
    value: float | None
    cases: int | None


class RegionRow(Struct, frozen=True, kw_only=True):
    """A measure over all forces, and in each force.

    Attributes:
        measure: its name.
        title: its title.
        window: the title of its window.
        unit: the unit of its values.
        total: the figure of all forces together.
        forces: the figure of each force, in the page's order.
    """

    measure: str
    title: str
    window: str
    unit: str
    total: RegionCell
    forces: list[RegionCell]


class RegionPanel(Struct, frozen=True):
    """The measures of one part of the page."""

    title: str
    rows: list[RegionRow]


class RegionForce(Struct, frozen=True):
    """A force: its name, its title, the path of its pages, and the time of its figures."""

    name: str
    title: str
    root: str
    as_of: datetime


class Region(Struct, frozen=True, kw_only=True):
    """The page.

    Attributes:
        forces: the forces, in the order of the cells.
        panels: the measures.
        notice: says that figures are simulated; empty if none are.
    """

    forces: list[RegionForce]
    panels: list[RegionPanel]
    notice: str


class RegionReadings:
    """Reads the page, at most once a second however many viewers there are.

    Args:
        views: the forces; they share one reader.
        steady_seconds: a clock that never jumps.
    """

    def __init__(self, views: Sequence[View], steady_seconds: Callable[[], float]) -> None:
        self._views, self._steady_seconds = views, steady_seconds
        self._lock = threading.Lock()
        self._kept: tuple[float, Region] | None = None

    def __call__(self) -> Region:
        """The page; blocking.

        Raises:
            RedisError: the state server does not answer.
        """
        with self._lock:
            now = self._steady_seconds()
            if self._kept is None or now - self._kept[0] >= _KEPT_SECONDS:
                self._kept = now, read_region(self._views)
            return self._kept[1]


def read_region(views: Sequence[View]) -> Region:
    """The page, with all forces at one moment of the reader; blocking."""
    reader: Reader = views[0].reader
    return reader.at_one_moment(lambda: _region(views))


def _region(views: Sequence[View]) -> Region:
    forces = [RegionForce(each.force, each.profile.title, each.root, _present(each)) for each in views]
    panels = [RegionPanel(title, list(_rows(place, views))) for place, title in _PANELS.items()]
    notice = SIMULATION if any(each.reader.is_simulated(each.force) for each in views) else ""
    return Region(forces=forces, panels=[each for each in panels if each.rows], notice=notice)


def _present(view: View) -> datetime:
    return view.reader.present(view.force).astimezone(view.profile.zone())


def _rows(place: Place, views: Sequence[View]) -> Iterator[RegionRow]:
    for measure in shown(place):
        if any(measure.feeds(each.profile) for each in views):
            yield _row(measure, views)


def _row(measure: Measure, views: Sequence[View]) -> RegionRow:
    window = NOW if measure.is_open() else "60m"
    parts = [_part(measure, as_window(window), each) for each in views]
    return RegionRow(
        measure=measure.name,
        title=measure.title,
        window="Now" if window == NOW else "60 min",
        unit=measure.unit,
        total=_total(measure, added(measure, parts)),
        forces=[force_cell(measure, each.reading) for each in parts],
    )


def _part(measure: Measure, window: str, view: View) -> Part:
    (reading,) = view.reader.read(measure, window, force=view.force)
    if not (reading.n and isinstance(measure.statistic, Mean | Median)):
        return Part(view.profile.title, reading)
    return Part(view.profile.title, reading, view.reader.histograms(measure, window, force=view.force).get((), {}))


def force_cell(measure: Measure, reading: Reading) -> RegionCell:
    """The figure of one force."""
    is_live = reading.state == "live" and not reading.is_loading
    # A value of part of its window, or of a past moment, would look complete next to those of other forces.
    instead = _LOADING if reading.is_loading else _IN_PART if reading.state == "in_part" else ""
    return RegionCell(
        text=instead or text(reading, measure),
        n="" if instead else n_words(reading, measure),
        reason=reading.reason,
        value=reading.value if is_live else None,
        cases=reading.n if reading.state in ("live", "too_few") and not reading.is_loading else None,
    )


def _total(measure: Measure, all_forces: Added) -> RegionCell:
    value, cases = all_forces.value, all_forces.n
    if value is None:
        without = "none" if cases == 0 and measure.is_open() else _UNKNOWN
        return RegionCell(text=without, reason=all_forces.reason, value=None, cases=cases)
    n = "" if measure.unit == "count" else f"n {cases:,}"
    missing = f"{all_forces.unrecorded:,} not recorded or in doubt." if all_forces.unrecorded else ""
    return RegionCell(text=words(value, measure.unit), n=n, reason=missing, value=value, cases=cases)
