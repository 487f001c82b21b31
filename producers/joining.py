"""Joins subjects that turn out to be one, such as a caller whose call got a second id on the way."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

import msgspec

from facts.fact import FactWithdrawn, SubjectFact
from facts.union import AnyFact
from producers.row_facts import digest


class Join(NamedTuple):
    """A row's statement that two subjects are one.

    Attributes:
        subject_id: the subject that the row is about, whose id both then have.
        other_id: the other subject.
    """

    subject_id: str
    other_id: str


class Joins:
    """Which subjects were joined. The id of a moved fact depends only on the fact and on the subject it is moved to."""

    def __init__(self) -> None:
        self._joined_to: dict[str, str] = {}

    def add(self, join: Join) -> bool:
        """Note a join; False if the two are joined already, or the other subject to a third."""
        if join.other_id in self._joined_to or self._end(join.subject_id) == join.other_id:
            return False
        self._joined_to[join.other_id] = join.subject_id
        return True

    def moved(self, fact: AnyFact) -> AnyFact:
        """The fact under the subject that its own was joined to; the same fact if it was not joined."""
        given = cast(SubjectFact, fact)
        end = self._end(given.subject_id)
        if end == given.subject_id:
            return fact
        return cast(AnyFact, msgspec.structs.replace(given, subject_id=end, fact_id=digest(given.fact_id, end)))

    def settled(self, facts: Iterable[AnyFact]) -> Iterator[AnyFact]:
        """All the facts of an extract after its joins.

        A fact that is moved is also withdrawn where it was: an earlier extract may have ended before the join.
        """
        for fact in facts:
            moved = self.moved(fact)
            if moved is not fact:
                yield _withdrawal(fact)
            yield moved

    def _end(self, subject_id: str) -> str:
        while subject_id in self._joined_to:
            subject_id = self._joined_to[subject_id]
        return subject_id


class LiveJoins:
    """Moves facts that were published before their subject was joined to another."""

    def __init__(self) -> None:
        self._joins = Joins()
        self._given: dict[str, list[AnyFact]] = defaultdict(list)

    def publish(self, facts: Iterable[AnyFact], join: Join | None) -> list[AnyFact]:
        """The facts to publish for a row.

        Args:
            facts: the facts that the row gives.
            join: the subjects that it joins.
        """
        published = list(self._join(join)) if join else []
        for fact in facts:
            moved = self._joins.moved(fact)
            self._given[cast(SubjectFact, moved).subject_id].append(fact)
            published.append(moved)
        return published

    def _join(self, join: Join) -> Iterator[AnyFact]:
        given = self._given.get(join.other_id, [])
        before = [self._joins.moved(fact) for fact in given]
        if not self._joins.add(join):
            return
        for fact, old in zip(given, before, strict=True):
            moved = self._joins.moved(fact)
            self._given[cast(SubjectFact, moved).subject_id].append(fact)
            yield _withdrawal(old)
            yield moved
        self._given.pop(join.other_id, None)


def _withdrawal(fact: AnyFact) -> FactWithdrawn:
    given = cast(SubjectFact, fact)
    return FactWithdrawn(
        fact_id=digest("FactWithdrawn", given.fact_id),
        force=given.force,
        at=given.at,
        subject_id=given.subject_id,
        withdraws=given.fact_id,
    )
