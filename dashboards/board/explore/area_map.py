"""The map of the areas: where the tile of each area is, from a file for the force."""

import tomllib
from functools import lru_cache
from importlib.resources import files

from facts.force import Force

_COLUMNS = 4
_PLACES = 2


def tiles(force: Force) -> dict[str, tuple[int, int]]:
    """The column and row of each area's tile, by the name of the area. Areas that no file places are below the others, in the profile's order."""
    placed = _placed(force.name)
    found = {area.name: placed[area.label] for area in force.areas if area.label in placed}
    below = max((row for _, row in found.values()), default=-1) + 1
    rest = [area.name for area in force.areas if area.label not in placed]
    return found | {name: (place % _COLUMNS, below + place // _COLUMNS) for place, name in enumerate(rest)}


@lru_cache(maxsize=16)
def _placed(force: str) -> dict[str, tuple[int, int]]:
    """The file's places, by label; none if there is no file."""
    file = files("dashboards.board.explore").joinpath("maps", f"{force}.toml")
    if not file.is_file():
        return {}
    places = tomllib.loads(file.read_text("utf-8"))
    assert all(len(place) == _PLACES for place in places.values())  # noqa: S101 - our own file
    return {label: (column, row) for label, (column, row) in places.items()}
