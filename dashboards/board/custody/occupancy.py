"""The number in custody in each suite: now, with its capacity, and at every hour of the last day."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.sparkline import Sparkline, SparklinePoint
from dashboards.board.shared.table import in_order, name_of
from measures.display import local_words
from measures.occupancy import Suites

HOURS = 24


class SuiteOccupancy(Struct, frozen=True):
    """One suite.

    Attributes:
        suite: its name.
        now: the number in custody at the last whole hour, of how many cells if the profile says; why it is not known otherwise.
        is_full: it holds as many as it has cells, or more.
        hours: the last day, hour by hour; None if no hour is known.
    """

    suite: str
    now: str
    is_full: bool
    hours: Sparkline | None


def read_occupancy(view: View) -> list[SuiteOccupancy]:
    """Every suite of the profile, and any other with somebody in it; blocking."""
    present = view.reader.present(view.force)
    hours = view.reader.occupancy(view.force, present - timedelta(hours=HOURS - 1), present)
    listed = [term.label for term in view.profile.suites]
    others = {suite for suites in hours.values() for suite in suites or {}} - set(listed)
    capacity = {term.label: term.capacity for term in view.profile.suites}
    # One scale for all suites without a capacity, so that a tall bar means many people in each.
    most = max((count for suites in hours.values() for count in (suites or {}).values()), default=1)
    return [
        _suite(suite, hours, capacity.get(suite), most, view) for suite in in_order("suite", [*listed, *others], view)
    ]


def _suite(
    suite: str, hours: Mapping[datetime, Suites | None], cells: int | None, most: int, view: View
) -> SuiteOccupancy:
    counts = {at: None if suites is None else suites.get(suite, 0) for at, suites in hours.items()}
    last = next(reversed(counts.values()), None)
    of = f" of {cells}" if cells else ""
    known = [count for count in counts.values() if count is not None]
    top, zone = max([*known, cells or most]), view.profile.zone()
    points = [
        SparklinePoint(
            None if count is None else round(count / top, 4),
            f"{local_words(at, zone, '%a %H:%M')}: {'no record' if count is None else f'{count}{of}'}",
        )
        for at, count in counts.items()
    ]
    name = name_of("suite", suite, view)
    says = f"{name}, in custody at each hour: lowest {min(known, default=0)}, highest {max(known, default=0)}"
    return SuiteOccupancy(
        suite=name,
        now="not known" if last is None else f"{last}{of}",
        is_full=bool(cells and last is not None and last >= cells),
        hours=Sparkline(points, says) if known else None,
    )
