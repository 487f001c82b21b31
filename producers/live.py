"""Reads a growing extract: each row gives its facts at once, and a later row that changes a fact corrects it."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, cast

import msgspec

from facts.fact import SubjectFact
from facts.union import AnyFact
from producers.declaration import Mapping
from producers.extract import Malformed, RowReader, malformed
from producers.joining import LiveJoins
from producers.row_facts import RowValues, digest
from producers.rows import Row, UnreadableRow
from producers.values import MalformedError


class RowFacts(NamedTuple):
    """What a row gives.

    Attributes:
        facts: facts to publish.
        malformed: what could not be read.
    """

    facts: list[AnyFact]
    malformed: list[Malformed]


class RowFollower:
    """Turns rows into facts as they arrive.

    The same rows in the same order give the same facts with the same ids. After the last row, the facts in force are those
    that reading the whole extract would give, with one exception: if rows must agree and do not, the value of the first
    row remains and the others are listed as malformed.

    Args:
        mapping: the mapping to read the rows by.
        now: the wall clock.
    """

    def __init__(self, mapping: Mapping, now: Callable[[], datetime]) -> None:
        self._mapping, self._reader = mapping, RowReader(mapping, now)
        self._partial: dict[tuple[str, int], list[RowValues]] = defaultdict(list)
        self._published: dict[tuple[str, int], list[SubjectFact]] = defaultdict(list)
        self._joins = LiveJoins() if mapping.subject.join else None

    def read(self, row: Row | UnreadableRow) -> RowFacts:
        """The facts to publish for a row."""
        row_facts = RowFacts([], [])
        try:
            result = self._reader.read(row)
        except MalformedError as error:
            row_facts.malformed.append(malformed(error, row.line))
            return row_facts
        if not isinstance(result, str):
            row_facts.facts.extend(self._joins.publish(result.facts, result.join) if self._joins else result.facts)
            for index, values in result.partial.items():
                self._combine((result.subject_id, index), values, row_facts)
        return row_facts

    def _combine(self, key: tuple[str, int], values: RowValues, row_facts: RowFacts) -> None:
        rows = self._partial[key]
        rows.append(values)
        try:
            fact = cast(SubjectFact, self._reader.combine(*key, rows))
        except MalformedError as error:
            if error.fault == "rows_disagree":
                # Later rows are compared with the published fact, so this row is dropped.
                rows.pop()
            row_facts.malformed.append(malformed(error, values.line))
            return
        revised = self._revised(fact, self._published[key])
        if revised:
            self._published[key].append(revised)
            row_facts.facts.append(cast(AnyFact, revised))

    def _revised(self, fact: SubjectFact, published: list[SubjectFact]) -> SubjectFact | None:
        """The fact to publish, as a correction if an earlier one was published; None if nothing has changed."""
        if not published:
            return fact
        last = published[-1]
        if msgspec.structs.replace(fact, fact_id=last.fact_id, corrects=last.corrects) == last:
            return None
        fact_id = digest(fact.fact_id, "revision", str(len(published)))
        return msgspec.structs.replace(fact, fact_id=fact_id, corrects=last.fact_id)
