"""The tables of the Staffing page: the call takers of every queue now, and those of one queue by half-hours of today."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from dashboards.board.shared.day import Interval, Minutes, intervals, whole_day
from dashboards.board.shared.interval_cells import IntervalCells
from dashboards.board.shared.page import View, error_words
from dashboards.board.shared.takers import (
    HIDDEN,
    WHY_HIDDEN,
    Staffing,
    TakerGroup,
    count_words,
    groups,
    occupancy_cell,
    staffed_cell,
)
from dashboards.report.document import Column, DocumentCell, DocumentRow, Table
from facts.errors import QuestionError
from measures.catalogue import find
from measures.measure import Measure
from measures.reading import Reading
from measures.staffing import Takers, number
from measures.window import Window, between, whole_minutes

_STAFFED = find("call_taker_staffed_count")
_STATES = tuple(find(f"call_taker_{state}_count") for state in ("available", "on_contact", "wrapping_up", "on_break"))
TIMES = tuple(find(f"{part}_mean_seconds") for part in ("handling", "talk", "hold", "wrap"))
_TIME_TITLES = ("Handling time", "Talk", "Hold", "Wrap-up")
MEASURES = (_STAFFED, *_STATES, *TIMES)
_OF_TODAY = tuple(each.name for each in (_STAFFED, _STAFFED, *TIMES))
_OF_NOW = tuple(each.name for each in (_STAFFED, *_STATES, _STAFFED, *TIMES))
"""The measure of each column. Occupancy is calculated from all states, like the number staffed."""
_OCCUPANCY, _HOUR = timedelta(minutes=30), timedelta(hours=1)
_HALF_HOUR: Minutes = 30


class StaffingTables:
    """The tables at the reader's moment; blocking.

    Args:
        group: the call takers whose half-hours are shown.
        view: what is read.
    """

    def __init__(self, group: TakerGroup, view: View) -> None:
        self.group, self._view = group, view
        self._zone, self.present = view.profile.zone(), view.reader.present(view.force).astimezone(UTC)
        today = self.present.astimezone(self._zone).date()
        self._day = whole_day(today, self._zone)
        self._intervals = intervals(today, _HALF_HOUR, self._zone)
        self._begins = min(self._day.start, self.present - _HOUR).replace(second=0, microsecond=0)
        self._staffing = Staffing(view, self._begins, self.present + timedelta(minutes=1))

    def window(self) -> Window:
        """The window of all minutes that are read."""
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        first, after = ((at - epoch) // timedelta(minutes=1) for at in (self._begins, self.present))
        return whole_minutes("staffing", first, after + 1, self._view.profile)

    def now(self) -> Table:
        """A row for each queue, with the call takers of all queues first."""
        cells = IntervalCells()
        takers = self._takers()
        titles = ("Staffed", "Available", "On a contact", "Wrapping up", "On a break", "Occupancy", *_TIME_TITLES)
        brief = ["now"] * (1 + len(_STATES)) + ["30 minutes"] + ["60 minutes"] * len(TIMES)
        columns = tuple(Column(title, brief=words) for title, words in zip(titles, brief, strict=True))
        rows = tuple(
            DocumentRow(each.title, "", tuple(self._now(each, takers, cells)), measures=_OF_NOW)
            for each in groups(self._view)
        )
        return Table("Call takers now", "Queue", columns, rows, cells.notes())

    def _takers(self) -> Takers | str:
        """The call takers now, by skill and state; why they are not known otherwise."""
        reader, force = self._view.reader, self._view.force
        (total,) = reader.read(_STAFFED, force=force)
        if total.state != "live":
            return total.reason or total.note or "There is no record of call takers."
        found = reader.read(_STAFFED, by=("skill", "state"), force=force)
        return {(each.dimensions["skill"], each.dimensions["state"]): int(each.value or 0) for each in found}

    def _now(self, group: TakerGroup, takers: Takers | str, cells: IntervalCells) -> Iterator[DocumentCell]:
        if isinstance(takers, str):
            yield from (cells.unknown(takers) for _ in (_STAFFED, *_STATES))
        else:
            yield DocumentCell(count_words(*self._staffing.range(takers, group.skills)))
            yield from (self._state(group, each, takers, cells) for each in _STATES)
        yield occupancy_cell(self._last(_OCCUPANCY), group, self._staffing, cells)
        window = between("60 minutes", self._minute(_HOUR), self._minute(timedelta()), self._view.profile)
        yield from self._times(group, self._last(_HOUR), window, cells)

    def _state(self, group: TakerGroup, measure: Measure, takers: Takers, cells: IntervalCells) -> DocumentCell:
        if not self._staffing.is_shown([takers], group.skills):
            return cells.noted(DocumentCell(HIDDEN), WHY_HIDDEN)
        states = measure.statistic.of.where["state"]  # type: ignore[union-attr]
        return DocumentCell(f"{number(takers, group.skills, states):,}")

    def _minute(self, before: timedelta) -> datetime:
        return self.present.replace(second=0, microsecond=0) - before

    def _last(self, length: timedelta) -> Sequence[Takers] | str:
        return self._staffing.minutes(self._minute(length), self._minute(timedelta()))

    def today(self) -> Table:
        """The half-hours of today for one queue."""
        cells = IntervalCells()
        titles = ("Staffed", "Occupancy", *_TIME_TITLES)
        rows = tuple(
            DocumentRow(self._label(each), "", tuple(self._half_hour(each, cells)), measures=_OF_TODAY)
            for each in self._intervals
        )
        title = f"{self.group.title}, today by half-hour"
        return Table(title, "Time", tuple(Column(each) for each in titles), rows, cells.notes())

    def _label(self, interval: Interval) -> str:
        is_in_progress = interval.start < self.present < interval.end
        return interval.words(self._zone) + (", so far" if is_in_progress else "")

    def _half_hour(self, interval: Interval, cells: IntervalCells) -> Iterator[DocumentCell]:
        if interval.start >= self._minute(timedelta()):
            yield from (DocumentCell("not begun") for _ in range(2 + len(TIMES)))
            return
        end = min(interval.end, self._minute(timedelta()))
        minutes = self._staffing.minutes(interval.start, end)
        yield staffed_cell(minutes, self.group.skills, self._staffing, cells)
        yield occupancy_cell(minutes, self.group, self._staffing, cells)
        window = between("interval", interval.start, end, self._view.profile)
        yield from self._times(self.group, minutes, window, cells)

    def _times(
        self, group: TakerGroup, minutes: Sequence[Takers] | str, window: Window, cells: IntervalCells
    ) -> Iterator[DocumentCell]:
        for measure in TIMES:
            if isinstance(minutes, str):
                yield cells.unknown(minutes)
            elif not self._staffing.is_shown(minutes, group.skills):
                yield cells.noted(DocumentCell(HIDDEN), WHY_HIDDEN)
            else:
                yield cells.shown(measure, "value", self._reading(measure, group, window))

    def _reading(self, measure: Measure, group: TakerGroup, window: Window) -> Reading | str:
        try:
            (found,) = self._view.reader.read(measure, window, where=group.queue(), force=self._view.force)
        except QuestionError as error:
            return error_words(error)
        return found
