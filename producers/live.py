"""An extract that still grows: each row tells its facts at once, and a later row that changes one corrects it."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, cast

import msgspec

from facts.fact import SubjectFact
from facts.union import AnyFact
from producers.declaration import Mapping
from producers.extract import Malformed, RowReader, malformed
from producers.row_facts import RowValues, digest
from producers.rows import Row, UnreadableRow
from producers.values import MalformedError


class RowFacts(NamedTuple):
    """What a row told.

    Attributes:
        facts: to be published.
        malformed: what could not be read.
    """

    facts: list[AnyFact]
    malformed: list[Malformed]


class RowFollower:
    """Rows to facts as they come.

    The same rows in the same order give the same facts with the same ids. Once every row has come, the facts that stand are
    those that reading the whole extract would have given, but for one thing: where rows must agree and do not, what the
    first of them told stands, and the others are listed.

    Args:
        mapping: by which they are read.
        now: the wall clock.
    """

    def __init__(self, mapping: Mapping, now: Callable[[], datetime]) -> None:
        self._mapping, self._reading = mapping, RowReader(mapping, now)
        self._tellings: dict[tuple[str, int], list[RowValues]] = defaultdict(list)
        self._told: dict[tuple[str, int], list[SubjectFact]] = defaultdict(list)

    def take(self, row: Row | UnreadableRow) -> RowFacts:
        """What a row tells."""
        taken = RowFacts([], [])
        try:
            told = self._reading.read(row)
        except MalformedError as error:
            taken.malformed.append(malformed(error, row.line))
            return taken
        if not isinstance(told, str):
            taken.facts.extend(told.facts)
            for index, telling in told.tellings.items():
                self._settle((told.subject_id, index), telling, taken)
        return taken

    def _settle(self, place: tuple[str, int], telling: RowValues, taken: RowFacts) -> None:
        tellings = self._tellings[place]
        tellings.append(telling)
        try:
            fact = cast(SubjectFact, self._reading.settled(*place, tellings))
        except MalformedError as error:
            if error.fault == "rows_disagree":
                # It is not kept: rows to come are held against what was told.
                tellings.pop()
            taken.malformed.append(malformed(error, telling.line))
            return
        revised = self._revised(fact, self._told[place])
        if revised:
            self._told[place].append(revised)
            taken.facts.append(cast(AnyFact, revised))

    def _revised(self, fact: SubjectFact, told: list[SubjectFact]) -> SubjectFact | None:
        """The fact as it is to be told now, correcting the one told before; None when that says the same."""
        if not told:
            return fact
        last = told[-1]
        if msgspec.structs.replace(fact, fact_id=last.fact_id, corrects=last.corrects) == last:
            return None
        fact_id = digest(fact.fact_id, "revision", str(len(told)))
        return msgspec.structs.replace(fact, fact_id=fact_id, corrects=last.fact_id)
