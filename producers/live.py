"""Reads a growing extract: each row gives its facts at once, and a later row that changes a fact corrects it."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, cast

import msgspec

from facts.fact import FactWithdrawn, SubjectFact
from facts.union import AnyFact
from producers.declaration import Mapping
from producers.extract import Malformed, RowReader, RowResult, malformed
from producers.joining import LiveJoins
from producers.keys import check_openings
from producers.row_facts import digest
from producers.rows import Row, UnreadableRow
from producers.sessions import OpenSessions
from producers.values import MalformedError, RowPlace


class RowFacts(NamedTuple):
    """What a row gives.

    Attributes:
        facts: facts to publish.
        malformed: what could not be read.
    """

    facts: list[AnyFact]
    malformed: list[Malformed]


Openings = dict[str, tuple[RowPlace, datetime]]


class RowFollower:
    """Turns rows into facts as they arrive.

    The same rows in the same order give the same facts with the same ids. After the last row, the facts in force are those
    that reading the whole extract would give, with one exception: if rows of a subject contradict each other, the first ones
    remain and the others are listed as malformed. A row is published whole or not at all.

    Args:
        mapping: the mapping to read the rows by.
        now: the wall clock.
        before: when the file before opened its subjects, by subject: a number may begin again in each file.
        sessions: the sessions that were open at the end of the previous file.

    Attributes:
        openings: when the rows open their subjects, and where the rows are, by subject.
    """

    def __init__(
        self,
        mapping: Mapping,
        now: Callable[[], datetime],
        before: Openings | None = None,
        sessions: OpenSessions | None = None,
    ) -> None:
        self._mapping, self._replaces = mapping, mapping.rows.later == "replace"
        self._reader = RowReader(mapping, now, sessions)
        self._before = before or {}
        self.openings: Openings = {}
        self._rows: dict[str, list[RowResult]] = defaultdict(list)
        self._published: dict[str, dict[str, list[SubjectFact]]] = defaultdict(dict)
        self._joins = LiveJoins() if mapping.subject.join else None

    @property
    def sessions(self) -> OpenSessions:
        """The sessions that are open now."""
        return self._reader.sessions

    def read(self, row: Row | UnreadableRow) -> RowFacts:
        """The facts to publish for a row."""
        try:
            result = self._reader.read(row)
        except MalformedError as error:
            return RowFacts([], [malformed(error, RowPlace(row.line))])
        return RowFacts([], []) if isinstance(result, str) else self._add(result)

    def _add(self, result: RowResult) -> RowFacts:
        known = self._rows[result.subject_id]
        rows = self._reader.in_order([*known, result])
        try:
            opened = self._checked_opening(result)
            facts = self._reader.facts_of(rows)
        except MalformedError as error:
            if error.fault == "missing_value":
                # A later row may give what is missing; until then nothing of the subject is published.
                known.append(result)
            return RowFacts([], [malformed(error, result.place)])
        if opened:
            self.openings[result.subject_id] = (result.place, opened)
        self._rows[result.subject_id] = rows[-1:] if self._replaces else rows
        published = self._published[result.subject_id]
        changed = [self._changed(cast(SubjectFact, fact), published) for fact in facts]
        given = {fact.fact_id for fact in facts}
        ended = [_withdraw(own) for fact_id, own in published.items() if fact_id not in given and _is_in_force(own)]
        given_now = [cast(AnyFact, fact) for fact in (*changed, *ended) if fact]
        return RowFacts(self._joins.publish(given_now, result.join) if self._joins else given_now, [])

    def _checked_opening(self, result: RowResult) -> datetime | None:
        """When a row opens its subject; None if it does not say.

        Raises:
            MalformedError: the file before opened a subject with the same key, too long ago to be the same.
        """
        opened = self._reader.opened(result)
        if result.subject_id in self._before:
            (line, _), at = self._before[result.subject_id]
            check_openings(self._mapping, [(RowPlace(line, "the file before"), at), (result.place, opened)])
        return opened

    def _changed(self, fact: SubjectFact, published: dict[str, list[SubjectFact]]) -> SubjectFact | None:
        """The fact to publish, as a correction if an earlier one is in force; None if nothing has changed."""
        own = published.setdefault(fact.fact_id, [])
        revised = _revised(fact, own)
        if revised:
            own.append(revised)
        return revised


def _revised(fact: SubjectFact, published: list[SubjectFact]) -> SubjectFact | None:
    if not published:
        return fact
    last, fact_id = published[-1], digest(fact.fact_id, "revision", str(len(published)))
    if isinstance(last, FactWithdrawn):
        return msgspec.structs.replace(fact, fact_id=fact_id)
    same = msgspec.structs.replace(fact, fact_id=last.fact_id, corrects=last.corrects, recorded_at=last.recorded_at)
    if same == last:
        return None
    return msgspec.structs.replace(fact, fact_id=fact_id, corrects=last.fact_id)


def _is_in_force(published: list[SubjectFact]) -> bool:
    return not isinstance(published[-1], FactWithdrawn)


def _withdraw(published: list[SubjectFact]) -> FactWithdrawn:
    """Withdraw the last of a fact's revisions, because the later row no longer gives the fact."""
    last = published[-1]
    fact_id = digest(published[0].fact_id, "revision", str(len(published)))
    withdrawal = FactWithdrawn(
        fact_id=fact_id, force=last.force, at=last.at, subject_id=last.subject_id, withdraws=last.fact_id
    )
    published.append(withdrawal)
    return withdrawal
