"""Call takers on the board: the groups that are shown together, and the figures of a group that show what no single person does."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from dashboards.board.shared.interval_cells import IntervalCells
from dashboards.board.shared.page import View, error_words
from dashboards.report.document import DocumentCell
from facts.errors import QuestionError
from facts.roster import Roster
from measures.display import words
from measures.measure import Where
from measures.staffing import FEWEST, Skills, Takers, is_shown, occupancy, staffed, staffed_range

FEW = f"fewer than {FEWEST}"
HIDDEN = "not shown"
WHY_HIDDEN = (
    f"Not shown, because it could be about one person: {FEW} call takers were staffed at some time, or {FEW} more "
    "than in a queue that is shown."
)
_WHY_ROSTER_HIDDEN = (
    f"Not shown, because it could be about one person: {FEW} call takers were staffed or rostered at some time, or {FEW} "
    "more than in a queue that is shown."
)
_TRAILING = 2
"""How many minutes at the end may be unknown: a feed reports a little after the minute."""
_ALL = "all"
_ROSTERED = "rostered"
_NOT_PLANNED = "The roster does not say how many call takers are planned for all of this time."


class TakerGroup(NamedTuple):
    """The call takers of one queue, or all of them.

    Attributes:
        name: its name in an address.
        title: its name for people.
        skills: the skills that answer the queue; None for all call takers.
    """

    name: str
    title: str
    skills: frozenset[str] | None = None

    def queue(self) -> Where:
        """The filter of contacts that were handled for it."""
        return {} if self.skills is None else {"queue": (self.name,)}


def groups(view: View) -> list[TakerGroup]:
    """All call takers, then those of each queue that a skill answers."""
    skills = view.profile.skills
    answered = {
        queue.label: frozenset(skill.label for skill in skills if queue.label in skill.queues)
        for queue in view.profile.queues
    }
    by_queue = [TakerGroup(each.label, each.name, answered[each.label]) for each in view.profile.queues]
    return [TakerGroup(_ALL, "All call takers"), *(each for each in by_queue if each.skills)]


def find_group(name: str, view: View) -> TakerGroup:
    """The group of a name; that of the first queue if the name is empty, because much about all call takers may be hidden.

    Raises:
        QuestionError: there is none.
    """
    every = groups(view)
    found = next((each for each in (*every[1:], *every[:1]) if name in ("", each.name)), None)
    if found is None:
        hint = f"Choose one of {', '.join(each.name for each in every)}."
        raise QuestionError(f"No call takers answer a queue {name!r}.", where="queue", hint=hint)
    return found


class Staffing:
    """The call takers of each minute of a stretch of time, and those rostered; blocking.

    Args:
        view: what is read.
        start: the first minute.
        end: the end, or a time after the present.

    Attributes:
        has_roster: whether the force has a roster, readable or not.
    """

    def __init__(self, view: View, start: datetime, end: datetime) -> None:
        self._shown_skills = [each.skills for each in groups(view) if each.skills is not None]
        self._skills = frozenset(each.label for each in view.profile.skills)
        self._roster = view.roster()
        self.has_roster = self._roster is not None
        self._takers: dict[datetime, Takers | None] = {}
        self._why = "The record does not cover all of this time."
        try:
            self._takers = dict(view.reader.staffing(view.force, start, end))
        except QuestionError as error:
            self._why = error_words(error)

    def minutes(self, start: datetime, end: datetime) -> Sequence[Takers] | str:
        """The call takers at each minute from a time up to another, as far as the present; the reason if they are not known."""
        found = [each for at, each in self._takers.items() if start <= at < end]
        known = [each for each in found if each is not None]
        is_whole = bool(found) and found[0] is not None and len(found) - len(known) <= _TRAILING
        return known if is_whole else self._why

    def rostered(self, at: datetime, skills: Skills) -> Takers | str:
        """Those rostered with these skills at a time, past or to come; the reason if that is not known."""
        if not isinstance(self._roster, Roster):
            return self._roster or _NOT_PLANNED
        planned, wanted = self._roster.at(at), self._skills if skills is None else skills
        return {(each, _ROSTERED): planned[each] for each in wanted} if planned.keys() >= set(wanted) else _NOT_PLANNED

    def with_roster(
        self, start: datetime, end: datetime, skills: Skills
    ) -> tuple[Sequence[Takers], Sequence[Takers]] | str:
        """The call takers at each minute from a time up to another, and those rostered for it; the reason if either is not known."""
        minutes = self.minutes(start, end)
        if isinstance(minutes, str):
            return minutes
        rostered = [self.rostered(at, skills) for at in self._takers if start <= at < end][: len(minutes)]
        known = [each for each in rostered if not isinstance(each, str)]
        return (
            (minutes, known) if len(known) == len(minutes) else next(each for each in rostered if isinstance(each, str))
        )

    def is_shown(self, minutes: Sequence[Takers], skills: Skills) -> bool:
        """Whether states, occupancy and times of a group can be shown."""
        return is_shown(minutes, skills, self._shown_skills)

    def range(self, takers: Takers, skills: Skills) -> tuple[int, int]:
        """The least and the most that may be shown as the number of call takers of a group."""
        return staffed_range(takers, skills, self._shown_skills)


def count_words(least: int, most: int) -> str:
    """A number of call takers: 1 and 2 as "fewer than 3", and a range as such."""
    if 0 < most < FEWEST:
        return FEW
    return words(least, "count") if least == most else f"{least} to {most}"


def staffed_cell(
    minutes: Sequence[Takers] | str,
    skills: Skills,
    staffing: Staffing,
    cells: IntervalCells,
    why_hidden: str = WHY_HIDDEN,
) -> DocumentCell:
    """The mean number staffed over minutes, or rostered over half-hours."""
    if isinstance(minutes, str):
        return cells.unknown(minutes)
    mean = staffed(minutes, skills)
    if mean is None:
        return cells.unknown("There is no minute to count.")
    if 0 < mean < FEWEST:
        return DocumentCell(FEW)
    if not all(least == most or most < FEWEST for least, most in (staffing.range(each, skills) for each in minutes)):
        return cells.noted(DocumentCell(HIDDEN), why_hidden)
    return DocumentCell(f"{float(mean):.1f}", mean, "count")


def occupancy_cell(
    minutes: Sequence[Takers] | str, group: TakerGroup, staffing: Staffing, cells: IntervalCells
) -> DocumentCell:
    """The occupancy over minutes."""
    if isinstance(minutes, str):
        return cells.unknown(minutes)
    if not staffing.is_shown(minutes, group.skills):
        return cells.noted(DocumentCell(HIDDEN), WHY_HIDDEN)
    share = occupancy(minutes, group.skills)
    return DocumentCell("none") if share is None else DocumentCell(words(share, "ratio"), Fraction(share), "ratio")


def rostered_cell(at: datetime, skills: Skills, staffing: Staffing, cells: IntervalCells) -> DocumentCell:
    """The number rostered for the half-hour of a time; 1 and 2 are shown as "fewer than 3"."""
    found = staffing.rostered(at, skills)
    if isinstance(found, str):
        return cells.unknown(found)
    return DocumentCell(count_words(*staffing.range(found, skills)))


def rostered_mean_cell(
    half_hours: Iterable[datetime], skills: Skills, staffing: Staffing, cells: IntervalCells
) -> DocumentCell:
    """The mean number rostered over half-hours, each given by its start; unknown if the roster does not cover one of them."""
    found = [staffing.rostered(at, skills) for at in half_hours]
    planned = [each for each in found if not isinstance(each, str)]
    if len(planned) < len(found):
        return cells.unknown(next(each for each in found if isinstance(each, str)))
    return staffed_cell(planned, skills, staffing, cells, _WHY_ROSTER_HIDDEN)


def roster_cell(
    share: Callable[[Sequence[Takers], Sequence[Takers], Skills], float | None],
    pair: tuple[Sequence[Takers], Sequence[Takers]] | str,
    skills: Skills,
    staffing: Staffing,
    cells: IntervalCells,
) -> DocumentCell:
    """The adherence or shrinkage over minutes.

    Args:
        share: which of the two.
        pair: the call takers at each minute, and those rostered.
        skills: the skills that count.
        staffing: decides what is shown.
        cells: makes the cell.
    """
    if isinstance(pair, str):
        return cells.unknown(pair)
    if not all(staffing.is_shown(each, skills) for each in pair):
        return cells.noted(DocumentCell(HIDDEN), _WHY_ROSTER_HIDDEN)
    found = share(*pair, skills)
    return DocumentCell("none") if found is None else DocumentCell(words(found, "ratio"), Fraction(found), "ratio")
