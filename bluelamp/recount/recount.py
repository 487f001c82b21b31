"""A recount of a set of facts: the figures of any measure, and the outcomes and facts behind them."""

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
from bluelamp.recount.roster import with_roster
from bluelamp.recount.statements import rows_of
from bluelamp.recount.subject import RecountSubject, subjects
from bluelamp.recount.times import microseconds
from facts.errors import QuestionError
from facts.force import Force
from facts.union import Topic
from measures.measure import Measure, Where
from measures.outcome import KINDS


class Loaded(Struct, kw_only=True):
    """What was read from a log.

    Attributes:
        records: the number of records read.
        facts: the number of facts read, including repeated ones, without heartbeats.
        heartbeats: the number of heartbeats read.
        unchecked: the number of facts that were not checked, because the question does not need their subjects. They are not in `facts`.
        left_out: the number of facts and unreadable records that are not counted, by reason.
        missing_before: for each partition whose beginning has been deleted, its first offset; the recount is then incomplete.
        missing_after: for each partition that ends too early, its end and the offset up to which it should have been read.
        left_beyond: the number of offsets after the point where reading stopped.
        held_back: the number of records behind an open transaction; they count when it is committed.
    """

    records: int = 0
    facts: int = 0
    heartbeats: int = 0
    unchecked: int = 0
    left_out: dict[str, int] = {}
    missing_before: dict[tuple[str, int], int] = {}
    missing_after: dict[tuple[str, int], tuple[int, int]] = {}
    left_beyond: int = 0
    held_back: int = 0

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count more facts or records that are left out."""
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count


class Recount:
    """The outcomes of a set of facts. A context manager: leaving it deletes its temporary database.

    Args:
        connection: the database with the tables of outcomes.
        forces: the profiles that the outcomes were derived with.
        loaded: what was read from the log.
        resources: closed together with the recount.
        facts_file: the file of the facts; None if they were not kept.
        coverage: when each feed began and up to when it is complete.
    """

    def __init__(
        self,
        connection: Any,
        forces: Sequence[Force],
        loaded: Loaded,
        resources: ExitStack,
        facts_file: Path | None = None,
        coverage: FeedCoverage | None = None,
    ) -> None:
        self.loaded = loaded
        self.forces = {force.name: force for force in forces}
        self._connection = connection
        self._resources = resources
        self._facts_file = facts_file
        self._coverage = coverage or FeedCoverage()
        self._kinds: dict[str, frozenset[str]] = {}

    def answer(
        self,
        measure: Measure,
        force: str,
        window: str,
        as_of: datetime,
        by: Sequence[str] = (),
        where: Where | None = None,
    ) -> list[RecountCell]:
        """The counted figures of a measure.

        Args:
            measure: the measure.
            force: the name of the force.
            window: a window of semantics section 4, or FROM/TO as dates; ignored for measures of open items.
            as_of: the time of the question, with its zone.
            by: the dimensions to break it down by; `day` and `month` in report windows.
            where: the labels to filter by, for each dimension, in addition to the measure's own.

        Returns:
            the figures in the order of their labels, without those that have no outcomes. A question without `by` always has one
            figure: 0 for a count, None otherwise. A measure that others publish has no figures.

        Raises:
            QuestionError: the force, window or dimension does not exist.
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
        """The figures of a measure with their coverage: a figure of a period that no feed covers is not known.

        `answer` gives 0 for such a count.

        Args:
            measure: the measure.
            force: the name of the force.
            window: the window.
            as_of: the time of the question.
            by: the dimensions to break it down by.
            where: the labels to filter by, for each dimension.
            complete_to: the time up to which each feed is complete, in microseconds; None to use the heartbeats in the log.
        """
        question = self._question(measure, force, window, as_of, by, where)
        return known(question, cells(question), self._coverage, self.forces[force], complete_to)

    def outcomes(
        self,
        measure: Measure,
        force: str,
        window: str,
        as_of: datetime,
        by: Sequence[str] = (),
        where: Where | None = None,
    ) -> list[ListedOutcome]:
        """The outcomes and open items behind the figures of a question; the arguments are those of `answer`."""
        return outcomes(self._question(measure, force, window, as_of, by, where))

    def slots(self, topic: Topic, force: str, first: date, end: date) -> dict[Slot, int]:
        """The number of outcomes of each kind, day, labels and value, for the days from `first` to before `end`."""
        return slots(self._connection, topic, force, first, end)

    def subjects_of(self, force: str, slot: Slot) -> list[int]:
        """The numbers of the subjects that a slot counts."""
        return subjects_of(self._connection, force, slot)

    def subjects_open(self, item: RecountOpenItem) -> list[int]:
        """The numbers of the subjects that have exactly this open item."""
        return subjects_open(self._connection, item)

    def subjects(self, numbers: Sequence[int]) -> dict[int, RecountSubject]:
        """Subjects with all of their facts, by number.

        Raises:
            QuestionError: the recount was made without keeping the facts.
        """
        if self._facts_file is None:
            raise QuestionError("This recount kept no facts.", where="RECOUNT", hint="Create it with keeps_facts=True.")
        return subjects(self._connection, self._facts_file, numbers)

    def _question(
        self, measure: Measure, force: str, window: str, as_of: datetime, by: Sequence[str], where: Where | None
    ) -> RecountQuestion:
        profile = self._force(force)
        # Open items have no window: they are always as of now.
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

    def record(self, measure: Measure, force: str) -> tuple[int, int] | None:
        """The time in microseconds that the record of a measure covers, by the heartbeats in the log; None if there is none."""
        feeds = measure.feeds(self._force(force))
        begins = self._coverage.begins(force, feeds)
        ends = [self._coverage.complete_to(force, feed) for feed in feeds]
        known = [end for end in ends if end is not None]
        return (begins, min(known)) if begins is not None and len(known) == len(ends) else None

    def occupancy(self, force: str, at: datetime) -> dict[str, int] | None:
        """The number of people in custody in each suite at a time, by the stays that it recounts; None before the record begins."""
        begins = self._coverage.begins(force, [feed for feed in self.forces[force].feeds if feed.topic == "custody"])
        if begins is None or microseconds(at) < begins:
            return None
        text = """
            SELECT suite, sum(CASE kind WHEN 'suite_entered' THEN 1 ELSE -1 END)::BIGINT AS present
            FROM custody_finished
            WHERE kind IN ('suite_entered', 'suite_left') AND force = ? AND decided < ?
            GROUP BY suite HAVING present <> 0 ORDER BY suite
            """
        return dict(self._connection.execute(text, [force, microseconds(at)]).fetchall())

    def staffing(self, force: str, at: datetime) -> dict[tuple[str, str], int] | None:
        """The number of call takers by skill and state at a time, by the states that it recounts; None before the record begins."""
        begins = self._coverage.begins(
            force, [feed for feed in self.forces[force].feeds if feed.topic == "call_takers"]
        )
        if begins is None or microseconds(at) < begins:
            return None
        text = """
            SELECT skill, state, sum(change)::BIGINT AS present
            FROM (
                SELECT skill, state, CASE kind WHEN 'call_taker_state_began' THEN 1 ELSE -1 END AS change
                FROM call_takers_finished
                WHERE kind IN ('call_taker_state_began', 'call_taker_state_ended') AND force = $force AND decided < $at
                UNION ALL
                SELECT skill, state, -1 AS change
                FROM call_takers_open
                WHERE kind = 'call_taker_unrecorded' AND force = $force AND since <= $at
            )
            GROUP BY skill, state HAVING present <> 0 ORDER BY skill, state
            """
        rows = self._connection.execute(text, {"force": force, "at": microseconds(at)}).fetchall()
        return {(skill, state): present for skill, state, present in rows}

    def with_roster(
        self, force: str, roster: Path, skills: Sequence[str], start: datetime, end: datetime
    ) -> tuple[int, int, int] | None:
        """The rostered minutes of a period, in how many somebody was staffed, and in how many ready; None if the roster leaves any out.

        Args:
            force: the force's name.
            roster: its roster file.
            skills: the skills that count together.
            start: the first minute.
            end: the end.
        """
        return with_roster(self._connection, self.forces[force], roster, skills, start, end)

    def finished(self, kind: str) -> list[Finished]:
        """Every outcome of a kind, by force and in order of decision."""
        return [
            Finished(kind=kind, force=force, decided=decided, began=began, value=value, dimensions=tuple(words))
            for force, decided, began, value, *words in self._rows(kind, "finished", "decided", "value")
        ]

    def open(self, kind: str) -> list[RecountOpenItem]:
        """Every open item of a kind, by force, the longest first."""
        return [
            RecountOpenItem(
                kind=kind,
                force=force,
                since=since,
                began=began,
                due=due,
                unrecorded_from=unrecorded_from,
                dimensions=tuple(words),
            )
            for force, since, began, due, unrecorded_from, *words in self._rows(
                kind, "open", "since", "due, unrecorded_from"
            )
        ]

    def close(self) -> None:
        """Delete the temporary database."""
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
                f"There is no force {name!r}.", where="FORCE", hint=f"Choose one of {', '.join(self.forces)}."
            )
        return self.forces[name]

    def _rows(self, kind: str, table: str, first: str, last: str) -> list[tuple[Any, ...]]:
        declared = KINDS[kind]
        if kind not in self._kinds_in(f"{declared.topic}_{table}"):
            return []
        words = "".join(f', "{name}"' for name in declared.dimensions)
        text = (
            f"SELECT force, {first}, began, {last}{words} FROM {declared.topic}_{table} "  # noqa: S608 - names are ours
            f"WHERE kind = ? ORDER BY ALL"
        )
        return rows_of(self._connection, text, [kind])

    def _kinds_in(self, table: str) -> frozenset[str]:
        """The kinds that a table has; most logs have few of them."""
        if table not in self._kinds:
            rows = self._connection.execute(f"SELECT DISTINCT kind FROM {table}").fetchall()  # noqa: S608 - names are ours
            self._kinds[table] = frozenset(kind for (kind,) in rows)
        return self._kinds[table]
