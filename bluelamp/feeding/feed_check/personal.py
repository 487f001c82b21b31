"""Suspects personal data in values by pattern alone; the values are counted and never kept or printed."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from bluelamp.feeding.feed_check.sample import Suspects

_PATTERNS = {
    "e-mail addresses": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "phone numbers": re.compile(r"(?<![\d.])(?:\+44 ?(?:\(0\) ?)?|0)(?:\d[ -]?){9,10}(?!\d)"),
    "postcodes": re.compile(r"\b[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2}\b"),
    "National Insurance numbers": re.compile(r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"),
}
_NAME = re.compile(
    r"(?:(?:Mr|Mrs|Ms|Miss|Dr)\.? )?[A-Z][a-z]+(?:[' -][A-Z]?[a-z]+)* (?:[A-Z]\.? )?[A-Z][a-z]+(?:[-'][A-Z][a-z]+)?"
)
_NAMES_SHARE, _NAMES_LEAST = 0.5, 8
"""A column holds names if half of its values look like one and most of them differ: areas and stations repeat."""


class PersonalData:
    """Counts what looks personal in each column, one value at a time."""

    def __init__(self) -> None:
        self._values: Counter[str] = Counter()
        self._kinds: dict[str, Counter[str]] = defaultdict(Counter)
        self._named: Counter[str] = Counter()
        self._distinct: dict[str, set[int]] = defaultdict(set)

    def add(self, cells: Mapping[str, str]) -> None:
        """Count the cells of one row."""
        for column, text in cells.items():
            self._values[column] += 1
            for kind, pattern in _PATTERNS.items():
                if pattern.search(text):
                    self._kinds[column][kind] += 1
            if _NAME.fullmatch(text):
                self._named[column] += 1
                self._distinct[column].add(hash(text))

    def found(self) -> dict[str, Suspects]:
        """What was counted, for each column that has anything suspicious."""
        for column, named in self._named.items():
            distinct = len(self._distinct[column])
            if distinct >= _NAMES_LEAST and named >= _NAMES_SHARE * self._values[column] and 2 * distinct > named:
                self._kinds[column]["names"] = named
        return {column: Suspects(self._values[column], dict(kinds)) for column, kinds in self._kinds.items() if kinds}


def of_rows(rows: Iterable[Mapping[str, str]]) -> dict[str, Suspects]:
    """What looks personal in rows."""
    counted = PersonalData()
    for cells in rows:
        counted.add(cells)
    return counted.found()
