"""Tables of counts with totals, in the profile's order and with its names."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.tile import VALUE_STATES, Tile, as_window, read_tile
from facts.force import NONE, UNLISTED
from measures.catalogue import find
from measures.clock import NOTE_WORDS
from measures.measure import Measure

_NONE_NAMES = {"area": "No area", "group": "No group", "category": "No category", "channel": "No channel"}
_YES_NO = {"yes": "Yes", "no": "No"}
_OTHER_NAMES = {
    "domestic": {"yes": "Domestic", "no": "Not domestic"},
    "child": {"yes": "Children", "no": "Adults"},
    "family": {
        "crime": "Crime",
        "asb": "ASB",
        "fatal_collision": "Fatal collisions",
        "stop_and_search": "Stop and searches",
        "school_notification": "School notifications",
        "other": "Other",
    },
    "role": {"suspect": "Suspects", "victim": "Victims", "address": "Addresses"},
    "repeat": {"yes": "Repeats", "no": "No repeats"},
    "line": {"999": "999", "101": "101", "digital": "Digital"},
    "response": {
        "immediate": "Immediate",
        "priority": "Priority",
        "scheduled": "Scheduled",
        "desk": "Desk",
        "other": "Other",
    },
    "compliance": {"timely": "On time", "late": "Late", "missed": "Missed"},
    "state": {
        "signed_on": "Signed on, no state yet",
        "available": "Available",
        "on_contact": "On a contact",
        "on_hold": "Caller on hold",
        "wrapping_up": "Wrapping up",
        "on_break": "On a break",
    },
    "result": {},
    "disposal": {},
    "note": {str(note): words for note, words in NOTE_WORDS.items()},
}
DIMENSION_TITLES = {
    "line": "Line",
    "queue": "Queue",
    "channel": "Channel",
    "grade": "Grade",
    "group": "Group",
    "area": "Area",
    "domestic": "Domestic",
    "category": "Category",
    "suite": "Suite",
    "child": "Child",
    "type": "Type",
    "result": "Result",
    "disposal": "Disposal",
    "note": "Note",
    "from_grade": "Previous grade",
    "response": "Response type",
    "online_home": "Single Online Home",
    "family": "Family",
    "role": "Role",
    "repeat": "Repeat",
    "compliance": "Victim contract",
    "skill": "Skill",
    "state": "State",
    "contradiction": "Contradiction",
    "end": "Unrecorded end",
    "reason": "Reason",
}


class BoardTable(Struct, frozen=True):
    """A table.

    Attributes:
        state: the state of its readings.
        says: why it is empty; empty if it is live.
        columns: the titles; the first is the title of the row names.
        rows: each with its name and its cells.
        total: the row of totals, likewise.
    """

    state: str
    says: str
    columns: list[str]
    rows: list[list[str]]
    total: list[str]


def name_of(dimension: str, word: str, view: View) -> str:
    """The name of a label of a dimension: the profile's, or the name for no value or an unlisted one."""
    if word == NONE:
        return _NONE_NAMES.get(dimension, "None")
    if word == UNLISTED:
        return "Unlisted"
    return names(dimension, view).get(word, word.replace("_", " ").capitalize())


def names(dimension: str, view: View) -> dict[str, str]:
    """Every label of a dimension in the profile's order, with its name."""
    profile = view.profile
    terms = {
        "grade": profile.grades,
        "from_grade": profile.grades,
        "area": profile.areas,
        "group": profile.groups,
        "category": profile.categories,
        "queue": profile.queues,
        "channel": profile.channels,
        "suite": profile.suites,
        "type": profile.occurrence_types,
        "skill": profile.skills,
    }
    if dimension in terms:
        return {term.label: term.name for term in terms[dimension]}
    return dict(_OTHER_NAMES.get(dimension, _YES_NO))


def in_order(dimension: str, words: Iterable[str], view: View) -> list[str]:
    """Labels in the profile's order, unlisted ones last."""
    order = {word: place for place, word in enumerate(names(dimension, view))}
    return sorted(set(words), key=lambda word: (order.get(word, len(order)), word))


class _Column(NamedTuple):
    """A count over one window.

    Attributes:
        title: the title of the window; with the start of the record if that is inside the window.
        counts: by the labels of a dimension; None where no value may be displayed.
        instead: the text of every cell where no value may be displayed.
        total: the overall count, in words.
    """

    title: str
    counts: dict[tuple[str, ...], int] | None
    instead: str
    total: str

    def cell(self, word: str) -> str:
        """The count of a label."""
        return self.instead if self.counts is None else _count_words(self.counts.get((word,), 0))


def by_windows(measure: Measure | str, dimension: str, windows: Mapping[str, str], view: View) -> BoardTable:
    """A count by the labels of one dimension over several windows."""
    resolved = find(measure) if isinstance(measure, str) else measure
    columns = [_column(resolved, dimension, window, title, view) for window, title in windows.items()]
    head = [DIMENSION_TITLES.get(dimension, dimension), *(each.title for each in columns)]
    first = read_tile(resolved, next(iter(windows)), view)
    if first.state not in VALUE_STATES:
        return _without_values(first, head)
    words = [word for each in columns for (word,) in each.counts or ()]
    rows = [
        [name_of(dimension, word, view), *(each.cell(word) for each in columns)]
        for word in in_order(dimension, [*names(dimension, view), *words], view)
    ]
    return BoardTable("live", "", head, rows, ["All", *(each.total for each in columns)])


def _column(measure: Measure, dimension: str, window: str, title: str, view: View) -> _Column:
    tile = read_tile(measure, window, view)
    if tile.state not in VALUE_STATES:
        return _Column(title, None, tile.text, tile.text)
    counts = _counts(measure, window, (dimension,), view)
    return _Column(_titled(title, tile), counts, "", _whole(measure, window, view))


def crossed(measure: Measure | str, down: str, across: str, window: str, view: View) -> BoardTable:
    """A count by two dimensions; the totals of rows and columns are read separately, as a check on the cells."""
    resolved = find(measure) if isinstance(measure, str) else measure
    tile = read_tile(resolved, window, view)
    if tile.state not in VALUE_STATES:
        return _without_values(tile, [DIMENSION_TITLES[down]])
    counts = _counts(resolved, window, (down, across), view)
    rows_total, columns_total = _counts(resolved, window, (down,), view), _counts(resolved, window, (across,), view)
    listed_down = in_order(down, [*names(down, view), *(word for word, _ in counts)], view)
    listed_across = in_order(across, [*names(across, view), *(word for _, word in counts)], view)
    rows = [
        [
            name_of(down, row, view),
            *(_count_words(counts.get((row, column), 0)) for column in listed_across),
            _count_words(rows_total.get((row,), 0)),
        ]
        for row in listed_down
    ]
    title = _titled(DIMENSION_TITLES[down], tile)
    head = [title, *(_short(name_of(across, word, view)) for word in listed_across), "All"]
    total = [
        "All",
        *(_count_words(columns_total.get((word,), 0)) for word in listed_across),
        _whole(resolved, window, view),
    ]
    return BoardTable("live", "", head, rows, total)


def _short(name: str) -> str:
    """The part of a name before its explanation: "Grade 1" of "Grade 1 - Immediate"."""
    return name.partition(" - ")[0].partition(" (")[0]


def _counts(measure: Measure, window: str, by: tuple[str, ...], view: View) -> dict[tuple[str, ...], int]:
    readings = view.reader.read(measure, as_window(window), by=by, force=view.force)
    return {tuple(each.dimensions[name] for name in by): int(each.value or 0) for each in readings}


def _whole(measure: Measure, window: str, view: View) -> str:
    return _count_words(int(view.reader.read(measure, as_window(window), force=view.force)[0].value or 0))


def _count_words(count: int) -> str:
    return f"{count:,}"


def _titled(title: str, tile: Tile) -> str:
    """A heading that names the start of its figures, if that is not the start of their window."""
    return f"{title}, {tile.since}" if tile.since else title


def _without_values(tile: Tile, head: list[str]) -> BoardTable:
    """A table without values, and why."""
    return BoardTable(tile.state, f"{tile.text}. {tile.reason}", head, [], [])
