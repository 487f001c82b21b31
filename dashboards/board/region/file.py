"""The page Region as a CSV file: a row for each measure in each force, and one for all of them together."""

import io
from collections.abc import Iterator
from datetime import datetime

from dashboards.board.region.data import Region, RegionCell, RegionRow
from dashboards.board.shared.export import as_comments
from dashboards.board.shared.page import MARKING
from measures.spreadsheet import SafeRows

CONTENT = "comments, a header row, and a row for each measure in each force and in all of them together"
ALL_FORCES = "all forces"
_COLUMNS = (
    ("panel", "title of the part of the page"),
    ("measure", "name of the measure, as `bluelamp measures` lists it"),
    ("title", "title of the measure"),
    ("window", "window of the figure"),
    ("force", f"name of the force; `{ALL_FORCES}` for all of them together"),
    ("as_of", "time of the force's figures; empty for all forces"),
    ("shown", "figure as the page displays it, or the words for none"),
    ("value", "unrounded value; empty if there is none"),
    ("unit", "unit of the value: count, seconds or ratio (a share of 1)"),
    ("n", "number of cases behind the figure"),
    ("reason", "why there is no value, or what is missing from it"),
)


def region_file(region: Region) -> str:
    """The page as CSV."""
    out = io.StringIO()
    rows = SafeRows(out)
    rows.writerows(as_comments(_head(region)))
    rows.writerow(name for name, _ in _COLUMNS)
    for panel in region.panels:
        rows.writerows([panel.title, *cells] for row in panel.rows for cells in _cells(region, row))
    return out.getvalue()


def latest(region: Region) -> datetime:
    """The latest time of a force's figures."""
    return max(each.as_of for each in region.forces)


def _head(region: Region) -> Iterator[list[str]]:
    yield ["Marking", MARKING]
    if region.notice:
        yield ["Simulation", region.notice]
    yield from (["Force", each.name, each.title, each.as_of.isoformat(timespec="seconds")] for each in region.forces)
    yield ["All forces", "A figure is shown only if it is known in every force at the same time."]
    yield from (["Column", name, what] for name, what in _COLUMNS)


def _cells(region: Region, row: RegionRow) -> Iterator[list[str]]:
    yield _line(row, ALL_FORCES, "", row.total)
    for force, cell in zip(region.forces, row.forces, strict=True):
        yield _line(row, force.name, force.as_of.isoformat(timespec="seconds"), cell)


def _line(row: RegionRow, force: str, as_of: str, cell: RegionCell) -> list[str]:
    value = "" if cell.value is None else repr(cell.value)
    cases = "" if cell.cases is None else str(cell.cases)
    return [row.measure, row.title, row.window, force, as_of, cell.text, value, row.unit, cases, cell.reason]
