"""The page of every measure that the force's feeds carry, over every live window."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dashboards.board.page import Page, Parts
from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from measures.display import words as value_words
from measures.measure import Bands, Measure
from measures.reading import Reading
from measures.window import LIVE_WINDOWS
from streams.readings import Reader

_TITLES = {"15m": "15 min", "60m": "60 min", "24h": "24 hours", "7d": "7 days", "shift": "Shift", "today": "Today"}
_WORDS = {"stale": "stale", "too_few": "too few", "no_data": "no data"}
NOW = "now"


class Tile(Struct, frozen=True):
    """One figure in words.

    Attributes:
        text: the value; for what is not live, why not.
        n: how many it is taken from, in words; empty for counts.
        since: where the record begins, when the window reaches back before it; else empty.
        state: of the reading.
        reason: why it cannot be relied on; empty when it can.
        title: the whole story, for whoever points at it.
    """

    text: str
    n: str
    since: str
    state: str
    reason: str
    title: str


class Row(Struct, frozen=True):
    """One measure over every window shown; `place` is its place in the catalogue."""

    place: int
    name: str
    title: str
    question: str
    tiles: dict[str, Tile]


def columns(reader: Reader, force: str) -> dict[str, str]:
    """The windows shown, with their titles; a force without shifts has no column for them."""
    has_shifts = bool(reader.rules[force].force.shifts)
    return {name: _TITLES[name] for name in LIVE_WINDOWS if name != "shift" or has_shifts}


def _is_carried(measure: Measure, reader: Reader, force: str) -> bool:
    return bool(measure.feeds(reader.rules[force].force)) and not isinstance(measure.statistic, Bands)


def _take(reader: Reader, force: str) -> Parts:
    carried = [each for each in CATALOGUE.values() if _is_carried(each, reader, force)]
    return {f"measure:{each.name}": _row(place, each, reader, force) for place, each in enumerate(carried)}


def _words(reader: Reader, force: str) -> Mapping[str, Any]:
    uncarried = [each.title for each in CATALOGUE.values() if not _is_carried(each, reader, force)]
    return {"columns": columns(reader, force), "uncarried": uncarried}


def _row(place: int, measure: Measure, reader: Reader, force: str) -> Row:
    windows = [NOW] if measure.is_open() else columns(reader, force)
    tiles = {window: _tile(measure, window, reader, force) for window in windows}
    return Row(place, measure.name, measure.title, measure.question, tiles)


def _tile(measure: Measure, window: str, reader: Reader, force: str) -> Tile:
    try:
        reading = reader.read(measure, "60m" if window == NOW else window, force=force)[0]
    except QuestionError as error:
        return Tile(_WORDS["no_data"], "", "", "no_data", error.what, str(error))
    return Tile(
        text=_text(reading, measure),
        n=_n_words(reading, measure),
        since=_since(reading),
        state=reading.state,
        reason=reading.reason,
        title=_story(reading, measure),
    )


def _text(reading: Reading, measure: Measure) -> str:
    """The value only when it is live: nothing stale may look live."""
    return value_words(reading.value, measure.unit) if reading.state == "live" else _WORDS[reading.state]


def _n_words(reading: Reading, measure: Measure) -> str:
    return "" if measure.unit == "count" or reading.state in ("stale", "no_data") else f"n {reading.n:,}"


def _since(reading: Reading) -> str:
    """Where a shown figure really begins: the time of day when that was today, else the date."""
    if reading.begins is None or reading.state not in ("live", "too_few"):
        return ""
    is_today = reading.begins.date() == reading.as_of.date()
    return f"since {reading.begins:%H:%M}" if is_today else f"since {reading.begins.day} {reading.begins:%b}"


def _story(reading: Reading, measure: Measure) -> str:
    parts = (reading.reason, reading.note, measure.population, measure.clock, measure.target)
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


MEASURES = Page(name="measures", path="/", title="Measures", take=_take, words=_words, has_style=True)
