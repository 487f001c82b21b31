"""The tables of the Staffing page: the call takers of every queue now, and those of one queue by half-hours of today."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from dashboards.board.shared.day import Interval, half_hours, whole_day
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
    roster_cell,
    rostered_cell,
    staffed_cell,
)
from dashboards.report.document import Column, DocumentCell, DocumentRow, Table
from facts.errors import QuestionError
from measures.catalogue import find
from measures.measure import Measure
from measures.reading import Reading
from measures.staffing import Takers, adherence, number, shrinkage
from measures.window import Window, between, whole_minutes

_STAFFED = find("call_taker_staffed_count")
_STATES = tuple(find(f"call_taker_{state}_count") for state in ("available", "on_contact", "wrapping_up", "on_break"))
TIMES = tuple(find(f"{part}_mean_seconds") for part in ("handling", "talk", "hold", "wrap"))
_TIME_TITLES = ("Handling time", "Talk", "Hold", "Wrap-up")
MEASURES = (_STAFFED, *_STATES, *TIMES)
_BY_ROSTER = (("Adherence", adherence), ("Shrinkage", shrinkage))
_RECENT, _HOUR = timedelta(minutes=30), timedelta(hours=1)
_NOT_BEGUN = "not begun"


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
        self._intervals = half_hours(whole_day(today, self._zone))
        self._begins = min(self._day.start, self.present - _HOUR).replace(second=0, microsecond=0)
        self._staffing = Staffing(view, self._begins, self.present + timedelta(minutes=1))
        self._has_roster = self._staffing.has_roster

    def window(self) -> Window:
        """The window of all minutes that are read."""
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        first, after = ((at - epoch) // timedelta(minutes=1) for at in (self._begins, self.present))
        return whole_minutes("staffing", first, after + 1, self._view.profile)

    def now(self) -> Table:
        """A row for each queue, with the call takers of all queues first."""
        cells, takers = IntervalCells(), self._takers()
        states = (("Available", "now"), ("On a contact", "now"), ("Wrapping up", "now"), ("On a break", "now"))
        columns = (
            *self._roster_columns(("Staffed", "now"), ("Rostered", "now")),
            *(Column(title, brief=brief) for title, brief in states),
            *self._roster_columns(("Occupancy", "30 minutes"), *((title, "30 minutes") for title, _ in _BY_ROSTER)),
            *(Column(each, brief="60 minutes") for each in _TIME_TITLES),
        )
        rows = (self._row(each.title, self._now(each, takers, cells), _STATES) for each in groups(self._view))
        return Table("Call takers now", "Queue", columns, tuple(rows), cells.notes())

    def _roster_columns(self, first: tuple[str, str], *others: tuple[str, str]) -> Iterator[Column]:
        """The first column, and those that need a roster, if there is one; each with a title and a brief."""
        yield from (Column(title, brief=brief) for title, brief in (first, *(others if self._has_roster else ())))

    def _row(self, label: str, found: Iterator[DocumentCell], states: Sequence[Measure] = ()) -> DocumentRow:
        """A row, with the measure of each column: all but the times are calculated from the states, like the number staffed."""
        row, times = tuple(found), tuple(each.name for each in TIMES)
        named = [_STAFFED.name] * (len(row) - len(times))
        first = 2 if self._has_roster else 1
        named[first : first + len(states)] = [each.name for each in states]
        return DocumentRow(label, "", row, measures=(*named, *times))

    def _takers(self) -> Takers | str:
        """The call takers now, by skill and state; why they are not known otherwise."""
        reader, force = self._view.reader, self._view.force
        (total,) = reader.read(_STAFFED, force=force)
        if total.state != "live":
            return total.reason or total.note or "There is no record of call takers."
        found = reader.read(_STAFFED, by=("skill", "state"), force=force)
        return {(each.dimensions["skill"], each.dimensions["state"]): int(each.value or 0) for each in found}

    def _now(self, group: TakerGroup, takers: Takers | str, cells: IntervalCells) -> Iterator[DocumentCell]:
        yield self._staffed_now(group, takers, cells)
        yield from self._rostered(group, self.present, cells)
        yield from (self._state(group, each, takers, cells) for each in _STATES)
        yield occupancy_cell(self._last(_RECENT), group, self._staffing, cells)
        yield from self._by_roster(group, self._minute(_RECENT), self._minute(timedelta()), cells)
        window = between("60 minutes", self._minute(_HOUR), self._minute(timedelta()), self._view.profile)
        yield from self._times(group, self._last(_HOUR), window, cells)

    def _staffed_now(self, group: TakerGroup, takers: Takers | str, cells: IntervalCells) -> DocumentCell:
        if isinstance(takers, str):
            return cells.unknown(takers)
        return DocumentCell(count_words(*self._staffing.range(takers, group.skills)))

    def _rostered(self, group: TakerGroup, at: datetime, cells: IntervalCells) -> Iterator[DocumentCell]:
        """The cell of the number rostered at a time; none without a roster."""
        if self._has_roster:
            yield rostered_cell(at, group.skills, self._staffing, cells)

    def _by_roster(
        self, group: TakerGroup, start: datetime, end: datetime, cells: IntervalCells
    ) -> Iterator[DocumentCell]:
        """The cells of adherence and shrinkage; none without a roster."""
        if self._has_roster:
            pair = self._staffing.with_roster(start, end, group.skills)
            yield from (roster_cell(share, pair, group.skills, self._staffing, cells) for _, share in _BY_ROSTER)

    def _state(self, group: TakerGroup, measure: Measure, takers: Takers | str, cells: IntervalCells) -> DocumentCell:
        if isinstance(takers, str):
            return cells.unknown(takers)
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
        columns = (
            *self._roster_columns(("Staffed", ""), ("Rostered", "")),
            *self._roster_columns(("Occupancy", ""), *((title, "") for title, _ in _BY_ROSTER)),
            *(Column(each) for each in _TIME_TITLES),
        )
        rows = (
            replace(self._row(self._label(each), self._half_hour(each, cells)), is_current=self._is_current(each))
            for each in self._intervals
        )
        return Table(f"{self.group.title}, today by half-hour", "Time", columns, tuple(rows), cells.notes())

    def _is_current(self, interval: Interval) -> bool:
        return interval.start < self.present < interval.end

    def _label(self, interval: Interval) -> str:
        return interval.words(self._zone) + (", so far" if self._is_current(interval) else "")

    def _half_hour(self, interval: Interval, cells: IntervalCells) -> Iterator[DocumentCell]:
        if interval.start >= self._minute(timedelta()):
            yield DocumentCell(_NOT_BEGUN)
            yield from self._rostered(self.group, interval.start, cells)
            later = 1 + len(TIMES) + (len(_BY_ROSTER) if self._has_roster else 0)
            yield from (DocumentCell(_NOT_BEGUN) for _ in range(later))
            return
        end = min(interval.end, self._minute(timedelta()))
        minutes = self._staffing.minutes(interval.start, end)
        yield staffed_cell(minutes, self.group.skills, self._staffing, cells)
        yield from self._rostered(self.group, interval.start, cells)
        yield occupancy_cell(minutes, self.group, self._staffing, cells)
        yield from self._by_roster(self.group, interval.start, end, cells)
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
