"""What the board shows at one moment: every measure of a force over the live windows, put into words."""

from typing import Any

from msgspec import Struct

from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from measures.display import words
from measures.measure import Bands, Measure
from measures.outcome import instant
from measures.reading import FeedStatus, Reading
from measures.window import LIVE_WINDOWS
from streams.readings import Reader

_TITLES = {"15m": "15 min", "60m": "60 min", "24h": "24 hours", "7d": "7 days", "shift": "Shift", "today": "Today"}
_WORDS = {"stale": "stale", "too_few": "too few", "no_data": "no data"}
NOW = "now"
FEED_COLUMNS = ("Complete to", "Last heartbeat", "Last event")


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
    """One measure over every window shown."""

    name: str
    title: str
    question: str
    tiles: dict[str, Tile]


class Snapshot(Struct, frozen=True):
    """Everything a board shows of one force.

    Attributes:
        force: the force's title.
        as_of: the moment it is of, in the force's time.
        is_replay: the feeds play recorded facts.
        is_simulated: a feed has told, now or earlier, what did not happen.
        troubles: why figures are stale, each reason once.
        feeds: each feed with what is known of it, in words.
        rows: the measures that the force's feeds carry.
        uncarried: the titles of those they do not.
    """

    force: str
    as_of: str
    is_replay: bool
    is_simulated: bool
    troubles: list[str]
    feeds: list[dict[str, str]]
    rows: list[Row]
    uncarried: list[str]


def columns(reader: Reader, force: str) -> dict[str, str]:
    """The windows shown, with their titles; a force without shifts has no column for them."""
    has_shifts = bool(reader.rules[force].force.shifts)
    return {name: _TITLES[name] for name in LIVE_WINDOWS if name != "shift" or has_shifts}


def take(reader: Reader, force: str) -> Snapshot:
    """The board's present content; blocking, for a thread."""
    with reader.steady():
        return _take(reader, force)


def _take(reader: Reader, force: str) -> Snapshot:
    rules, feeds = reader.rules[force], reader.feeds(force)
    carried = [each for each in CATALOGUE.values() if each.feeds(rules.force) and not isinstance(each.statistic, Bands)]
    rows = [_row(measure, reader, force) for measure in carried]
    return Snapshot(
        force=rules.force.title,
        as_of=reader.present(force).astimezone(rules.force.zone()).strftime("%A %d %B %Y, %H:%M:%S"),
        is_replay=any(feed.is_replay for feed in feeds),
        is_simulated=reader.is_simulated(force),
        troubles=_troubles(rows),
        feeds=[_feed_words(feed, reader, force) for feed in feeds],
        rows=rows,
        uncarried=[measure.title for measure in CATALOGUE.values() if measure not in carried],
    )


def _troubles(rows: list[Row]) -> list[str]:
    reasons = (tile.reason for row in rows for tile in row.tiles.values() if tile.state == "stale")
    return list(dict.fromkeys(reasons))


def _row(measure: Measure, reader: Reader, force: str) -> Row:
    windows = [NOW] if measure.is_open() else columns(reader, force)
    tiles = {window: _tile(measure, window, reader, force) for window in windows}
    return Row(measure.name, measure.title, measure.question, tiles)


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
    return words(reading.value, measure.unit) if reading.state == "live" else _WORDS[reading.state]


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


def _feed_words(feed: FeedStatus, reader: Reader, force: str) -> dict[str, Any]:
    zone = reader.rules[force].force.zone()

    def said(at: int | None) -> str:
        return instant(at).astimezone(zone).strftime("%d %b %Y %H:%M:%S") if at is not None else "never"

    return {
        "name": feed.feed,
        "complete_to": said(feed.complete_to),
        "heard_at": said(feed.heard_at),
        "last_event_at": said(feed.last_event_at),
    }
