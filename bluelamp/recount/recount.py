"""A recount of one set of facts: it answers any measure of the catalogue, and shows the outcomes behind an answer."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

from bluelamp.recount.cell import Finished, RecountCell, RecountOpenItem
from bluelamp.recount.coverage import FeedCoverage, KnownFigure, known
from bluelamp.recount.figures import cells
from bluelamp.recount.interval import interval
from bluelamp.recount.listing import ListedOutcome, Slot, outcomes, slots, subjects_of, subjects_open
from bluelamp.recount.question import RecountQuestion
from bluelamp.recount.subject import RecountSubject, subjects
from bluelamp.recount.times import microseconds
from facts.errors import QuestionError
from facts.force import Force
from facts.union import Topic
from measures.measure import Measure, Where
from measures.outcome import KINDS


class Loaded(Struct, kw_only=True):
    """What a log held.

    Attributes:
        records: records read.
        facts: facts counted, each time they were told; heartbeats are not among them.
        heartbeats: heartbeats heard.
        left_out: reason to the number of facts, or of whole unreadable records, that are not counted.
        missing_before: (topic, partition) to the first offset the log still has, where older ones are gone: the recount
            is then not of the whole.
        missing_after: (topic, partition) to where the log ends and how far it was to be read, where it ends before that.
        left_beyond: offsets between where it was told to stop and the log's end.
        held_back: records behind the beginning of a transaction that is still open: they count once it is committed.
    """

    records: int = 0
    facts: int = 0
    heartbeats: int = 0
    left_out: dict[str, int] = {}
    missing_before: dict[tuple[str, int], int] = {}
    missing_after: dict[tuple[str, int], tuple[int, int]] = {}
    left_beyond: int = 0
    held_back: int = 0

    def leave_out(self, reason: str) -> None:
        """Count one more that is left out."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


class Recount:
    """The outcomes of one set of facts. A context manager: leaving it removes its temporary database.

    Args:
        connection: to the database with the tables of outcomes.
        forces: the profiles they were derived with.
        loaded: what the log held.
        resources: closed with the recount.
        told: the facts that are counted, where they are kept.
        reports: what the feeds have reported in all.
    """

    def __init__(
        self,
        connection: Any,
        forces: Sequence[Force],
        loaded: Loaded,
        resources: ExitStack,
        told: Path | None = None,
        reports: FeedCoverage | None = None,
    ) -> None:
        self.loaded = loaded
        self.forces = {force.name: force for force in forces}
        self._connection = connection
        self._resources = resources
        self._told = told
        self._reports = reports or FeedCoverage()

    def answer(
        self,
        measure: Measure,
        force: str,
        window: str,
        as_of: datetime,
        by: Sequence[str] = (),
        where: Where | None = None,
    ) -> list[RecountCell]:
        """What a measure is, cell by cell.

        Args:
            measure: of the catalogue, or declared likewise.
            force: a force's name.
            window: a window of semantics section 4, or FROM/TO in dates; measures of what stands open take no notice.
            as_of: the instant of the question, with its zone.
            by: dimensions to break it down by; `day` and `month` in report windows.
            where: dimension to the words that count, besides those of the measure itself.

        Returns:
            cells in the order of their words; those with nothing are not among them, except that a question with no `by`
            always has one cell, of value 0 for counts and None for all else. None at all for what is published by others.

        Raises:
            QuestionError: there is no such force, window or dimension.
        """
        return cells(self._question(measure, force, window, as_of, by, where))

    def known(
        self,
        measure: Measure,
        force: str,
        window: str,
        as_of: datetime,
        by: Sequence[str] = (),
        where: Where | None = None,
        complete_to: Mapping[str, int | None] | None = None,
    ) -> list[KnownFigure]:
        """What is known of a measure, cell by cell; asked as `answer` is, which says what was counted.

        A count of a period that no feed has reported on is 0 there, and not known here.

        Args:
            measure: as for `answer`; likewise what follows.
            force: whose.
            window: over which stretch of time.
            as_of: the instant of the question.
            by: the dimensions to break it down by.
            where: the words to limit it to.
            complete_to: how far each feed is complete, in microseconds; as its heartbeats in the log say unless given.
        """
        question = self._question(measure, force, window, as_of, by, where)
        return known(question, cells(question), self._reports, self.forces[force], complete_to)

    def outcomes(
        self,
        measure: Measure,
        force: str,
        window: str,
        as_of: datetime,
        by: Sequence[str] = (),
        where: Where | None = None,
    ) -> list[ListedOutcome]:
        """The single outcomes that an answer is taken from; asked as `answer` is."""
        return outcomes(self._question(measure, force, window, as_of, by, where))

    def slots(self, topic: Topic, force: str, first: date, end: date) -> dict[Slot, int]:
        """How many outcomes of each kind, day, words and value there are, of the days from `first` to `end`, that excluded."""
        return slots(self._connection, topic, force, first, end)

    def subjects_of(self, force: str, slot: Slot) -> list[int]:
        """The subjects that a slot counts, by their numbers."""
        return subjects_of(self._connection, force, slot)

    def subjects_open(self, item: RecountOpenItem) -> list[int]:
        """The subjects that have just this open item, by their numbers."""
        return subjects_open(self._connection, item)

    def subjects(self, numbers: Sequence[int]) -> dict[int, RecountSubject]:
        """Subjects by their numbers, with every fact that was told of them.

        Raises:
            QuestionError: the facts were not kept.
        """
        if self._told is None:
            raise QuestionError("This recount kept no facts.", where="RECOUNT", hint="Make it with keeps_facts=True.")
        return subjects(self._connection, self._told, numbers)

    def _question(
        self, measure: Measure, force: str, window: str, as_of: datetime, by: Sequence[str], where: Where | None
    ) -> RecountQuestion:
        profile = self._force(force)
        # What stands open now has no window, and what is published by others has nothing to ask.
        span = None if measure.is_open() else interval(window, profile, as_of)
        return RecountQuestion(
            connection=self._connection,
            measure=measure,
            force=force,
            interval=span,
            as_of=microseconds(as_of),
            by=tuple(by),
            where=where or {},
        )

    def finished(self, kind: str) -> list[Finished]:
        """Every outcome of a kind, force by force in order of decision."""
        return [
            Finished(kind=kind, force=force, decided=decided, began=began, value=value, dimensions=tuple(words))
            for force, decided, began, value, *words in self._rows(kind, "finished", "decided", "value")
        ]

    def open(self, kind: str) -> list[RecountOpenItem]:
        """Every matter of a kind that stands open, force by force, the longest first."""
        return [
            RecountOpenItem(kind=kind, force=force, since=since, began=began, due=due, dimensions=tuple(words))
            for force, since, began, due, *words in self._rows(kind, "open", "since", "due")
        ]

    def close(self) -> None:
        """Remove the temporary database."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _force(self, name: str) -> Force:
        if name not in self.forces:
            raise QuestionError(
                f"There is no force {name!r}.", where="FORCE", hint=f"There are {', '.join(self.forces)}."
            )
        return self.forces[name]

    def _rows(self, kind: str, table: str, first: str, last: str) -> list[tuple[Any, ...]]:
        declared = KINDS[kind]
        words = "".join(f', "{name}"' for name in declared.dimensions)
        text = (
            f"SELECT force, {first}, began, {last}{words} FROM {declared.topic}_{table} "  # noqa: S608 - names are ours
            f"WHERE kind = ? ORDER BY ALL"
        )
        rows: list[tuple[Any, ...]] = self._connection.execute(text, [kind]).fetchall()
        return rows
