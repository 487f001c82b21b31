"""Suspects personal data in values by pattern alone; the values are counted and never kept or printed."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from bluelamp.feeding.feed_check.sample import Suspects

_PATTERNS = {
    "e-mail addresses": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "phone numbers": re.compile(r"(?<![\w.-])(?:\+44 ?(?:\(0\) ?)?|\(?0)[1-378](?:[ ()-]*\d){8,9}(?![\w-])"),
    "postcodes": re.compile(r"\b[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2}\b"),
    "National Insurance numbers": re.compile(r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"),
}
_NAME = re.compile(
    r"(?:(?:Mr|Mrs|Ms|Miss|Dr)\.? )?[A-Z][a-z]+(?:[' -][A-Z]?[a-z]+)* (?:[A-Z]\.? )?(?:O'|Mc|Mac)?[A-Z][a-z]+(?:-[A-Z][a-z]+)?"
)
_FIRST_NAMES = frozenset(
    [
        "adam",
        "ahmed",
        "aisha",
        "alan",
        "alex",
        "ali",
        "amy",
        "andrew",
        "angela",
        "ann",
        "anna",
        "anne",
        "anthony",
        "barbara",
        "ben",
        "brian",
        "carol",
        "catherine",
        "charles",
        "chloe",
        "chris",
        "christine",
        "christopher",
        "claire",
        "daniel",
        "david",
        "dawn",
        "deborah",
        "elizabeth",
        "emily",
        "emma",
        "fatima",
        "gary",
        "george",
        "grace",
        "graham",
        "hannah",
        "harry",
        "helen",
        "ian",
        "jack",
        "jacob",
        "james",
        "jane",
        "janet",
        "jason",
        "jennifer",
        "jessica",
        "joan",
        "joe",
        "john",
        "jonathan",
        "joseph",
        "julie",
        "karen",
        "kate",
        "katie",
        "keith",
        "kevin",
        "laura",
        "lee",
        "linda",
        "lisa",
        "louise",
        "lucy",
        "margaret",
        "mark",
        "martin",
        "mary",
        "matthew",
        "michael",
        "michelle",
        "mohammed",
        "muhammad",
        "nicholas",
        "nicola",
        "oliver",
        "olivia",
        "omar",
        "patricia",
        "paul",
        "peter",
        "philip",
        "priya",
        "rachel",
        "rebecca",
        "richard",
        "robert",
        "ruth",
        "ryan",
        "samantha",
        "sarah",
        "sharon",
        "simon",
        "sophie",
        "stephen",
        "steven",
        "sunita",
        "susan",
        "thomas",
        "tom",
        "tracey",
        "victoria",
        "william",
        "zoe",
    ]
)
_NAMES_SHARE, _NAMES_LEAST, _KNOWN_SHARE = 0.5, 8, 0.2
"""A column holds names if half of its values look like one, and either most differ (areas and stations repeat) or a fifth begin with
a common first name (those of officers repeat)."""


class PersonalData:
    """Counts what looks personal in each column, one value at a time."""

    def __init__(self) -> None:
        self._values: Counter[str] = Counter()
        self._kinds: dict[str, Counter[str]] = defaultdict(Counter)
        self._named: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
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
                self._known[column] += not _FIRST_NAMES.isdisjoint(text.lower().split()[:2])
                self._distinct[column].add(hash(text))

    def found(self) -> dict[str, Suspects]:
        """What was counted, for each column that has anything suspicious."""
        for column, named in self._named.items():
            distinct = len(self._distinct[column])
            are_different = distinct >= _NAMES_LEAST and 2 * distinct > named
            are_known = named >= _NAMES_LEAST and self._known[column] >= _KNOWN_SHARE * named
            if named >= _NAMES_SHARE * self._values[column] and (are_different or are_known):
                self._kinds[column]["names"] = named
        return {column: Suspects(self._values[column], dict(kinds)) for column, kinds in self._kinds.items() if kinds}


def of_rows(rows: Iterable[Mapping[str, str]]) -> dict[str, Suspects]:
    """What looks personal in rows."""
    counted = PersonalData()
    for cells in rows:
        counted.add(cells)
    return counted.found()
