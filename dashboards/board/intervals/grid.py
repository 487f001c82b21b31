"""The table of the Intervals page: each interval of a day with its figures, or with words where a figure is not known."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from typing import Literal, NamedTuple

from msgspec.structs import replace

from dashboards.board.intervals.forecasting import DayForecast, DayHandling
from dashboards.board.intervals.question import IntervalQuestion
from dashboards.board.shared.day import (
    Interval,
    clock_change,
    day_words,
    half_hours,
    is_kept,
    whole_day,
)
from dashboards.board.shared.interval_cells import IntervalCells
from dashboards.board.shared.interval_queues import IntervalColumn
from dashboards.board.shared.page import View, error_words
from dashboards.board.shared.query import filter_parameters
from dashboards.board.shared.takers import HIDDEN, WHY_HIDDEN, Staffing, rostered_mean_cell, staffed_cell
from dashboards.report.document import Column, DocumentCell, DocumentRow, Table
from facts.errors import QuestionError
from measures.display import NOTHING, minutes_words
from measures.forecast import WEEKS_READ
from measures.reading import Reading, loading
from measures.window import Window, between, resolve

Status = Literal["over", "in progress", "not begun"]
_HANDLING = "handling_mean_seconds"
NOT_BEGUN, NOT_OVER = "not begun", "not over yet"
FORECAST_BRIEF = "made at midnight"
_NO_SUCH_TIME = "no such time"
_KEPT = "half-hours are kept for 56 weeks"


class Read(NamedTuple):
    """A stretch of time to read, and its window; the window is None where nothing can be read yet."""

    interval: Interval
    window: Window | None


class Grid:
    """The table of a question at the reader's moment; blocking.

    Args:
        question: a question that was accepted.
        view: what is read.
    """

    def __init__(self, question: IntervalQuestion, view: View) -> None:
        self.question, self._view = question, view
        self._zone, self.present = view.profile.zone(), view.reader.present(view.force).astimezone(UTC)
        self._other = question.other()
        self.intervals = self._half_hours(question.day)
        others = self._half_hours(self._other) if self._other else []
        self._matched = {each.place(self._zone): each for each in others}
        self._has_columns = bool(others) or (self._other is not None and not self.intervals)
        self._cells = IntervalCells()
        self._readings: dict[object, Reading | str] = {}
        self._staffing: dict[date, Staffing] = {}
        staffed = [each.where["skill"] for each in question.queue.columns if each.part == "minutes"]
        self._skills = frozenset(skill for each in staffed for skill in each)

    @cached_property
    def forecast(self) -> DayForecast | None:
        """The forecast of the day; None if its hours are no longer kept. Read only when it is needed: it takes weeks of hours."""
        if not self._has_hours:
            return None
        queue = self.question.queue
        return DayForecast(queue.columns[0], queue.line, self.question.day, self._view)

    @cached_property
    def forecast_of_times(self) -> DayHandling | None:
        """The forecast of the handling time; None if its hours are no longer kept, or if no call takers are reported."""
        column = self._handling
        return DayHandling(column, self.question.day, self._view) if column and self._has_hours else None

    @property
    def _handling(self) -> IntervalColumn | None:
        """The column with the mean handling time."""
        return next((each for each in self.question.queue.columns if each.name == _HANDLING), None)

    @property
    def _has_hours(self) -> bool:
        """Whether the hours are kept that a forecast of the day is compared with."""
        return is_kept("hour", self.question.day, self.present, self._zone)

    def _half_hours(self, day: date) -> list[Interval]:
        """The half-hours of a day; none if only its total is kept."""
        return half_hours(whole_day(day, self._zone)) if is_kept("half_hour", day, self.present, self._zone) else []

    def status(self, interval: Interval) -> Status:
        """Whether an interval is over."""
        if interval.start >= self.present:
            return "not begun"
        return "in progress" if interval.end > self.present else "over"

    def windows(self) -> Iterator[Window]:
        """The windows that are read, in order."""
        totals = [each for label, *both in self._totals() for each in both]
        for each in (*self.intervals, *self._matched.values(), *totals):
            if each is not None and (window := self._window(each)):
                yield window
        for column in (self.question.queue.columns[0], self._handling):
            if self._has_hours and column:
                hours = self._view.reader.hours_known(column.measure, self._view.force, WEEKS_READ)
                yield from (hours,) if hours else ()

    def says(self) -> list[str]:
        """What a reader of the table must know, in sentences."""
        past = loading(self._view.reader.feeds(self._view.force))
        rules = self._view.reader.rules[self._view.force]
        return [
            each
            for each in (
                past.words(rules) if past else "",
                self._length_words(),
                *self._clock_words(),
                *(self.forecast.says() if self.forecast else ()),
                *(self.forecast_of_times.says() if self.forecast_of_times else ()),
                self._progress_words(),
                self._other_words(),
                self.question.queue.note,
            )
            if each
        ]

    def _length_words(self) -> str:
        day = day_words(self.question.day)
        if self.intervals:
            return f"{day} by half-hours. Each outcome counts in the half-hour in which it was decided."
        return f"{day}: only the total is kept, because {_KEPT}. It counts contacts by their start."

    def _clock_words(self) -> Iterator[str]:
        for day in (self.question.day, self._other):
            change = clock_change(day, self._zone) if day else ""
            if day and change:
                yield f"{day_words(day)}: {change[0].lower()}{change[1:]}"

    def _progress_words(self) -> str:
        current = next((each for each in self.intervals if self.status(each) == "in progress"), None)
        if current is None:
            return ""
        return f"{current.words(self._zone)} is not over yet: it shows the figures so far."

    def _other_words(self) -> str:
        if self._other is None or self._has_columns:
            return ""
        return (
            f"{day_words(self._other)}: only the total is kept, because {_KEPT}. "
            "It counts contacts by their start; the other figures count outcomes when they were decided."
        )

    def table(self) -> Table:
        """The table: a row for each interval, then the totals."""
        rows = [
            self._row(self._label(each), each, self._matched.get(each.place(self._zone)), is_total=False)
            for each in self.intervals
        ]
        rows += [self._row(label, chosen, other, is_total=True) for label, chosen, other in self._totals()]
        title = f"{self.question.queue.title}, {day_words(self.question.day)}"
        return Table(title, "Time", tuple(self._columns()), tuple(rows), self._cells.notes())

    def _columns(self) -> Iterator[Column]:
        days = [each for each in (self.question.day, self._other if self._has_columns else None) if each]
        for column in self.question.queue.columns:
            for day in days:
                brief = day_words(day) if self._has_columns else ""
                yield Column(column.title, f"{day.day} {day:%b %Y}", brief)
        if self.forecast:
            made = f"{self.question.day.day} {self.question.day:%b %Y}"
            if self.forecast_of_times:
                yield Column("Forecast of handling time", made, f"{FORECAST_BRIEF}, in min:s")
            yield Column("Forecast of offered", made, FORECAST_BRIEF)

    def _label(self, interval: Interval) -> str:
        status = self.status(interval)
        return interval.words(self._zone) + (", so far" if status == "in progress" else "")

    def _totals(self) -> Iterator[tuple[str, Interval | date, Interval | date | None]]:
        """The totals: of today also up to the last interval that is over, so that equal times are compared."""
        day, other = self.question.day, self._other
        whole = whole_day(day, self._zone)
        over = [each for each in self.intervals if self.status(each) == "over"]
        if over and whole.end > self.present:
            matching = self._matched.get(over[-1].place(self._zone))
            until = Interval(whole_day(other, self._zone).start, matching.end) if other and matching else None
            label = f"Total to {over[-1].words(self._zone).rpartition(' to ')[2]}"
            yield label, Interval(whole.start, over[-1].end), until
        yield "Whole day", self._total(day), self._total(other) if other and self._has_columns else None
        if other and not self._has_columns:
            yield f"Whole day, {day_words(other)}", self._total(other), None

    def _total(self, day: date) -> Interval | date:
        """A whole day by half-hours, or as a report window if they are no longer kept."""
        return whole_day(day, self._zone) if is_kept("half_hour", day, self.present, self._zone) else day

    def _row(
        self, label: str, chosen: Interval | date, other: Interval | date | None, *, is_total: bool
    ) -> DocumentRow:
        cells: list[DocumentCell] = []
        for column in self.question.queue.columns:
            cells.append(self._cell(column, chosen, is_total=is_total))
            if self._has_columns:
                cells.append(self._other_cell(column, other, is_total=is_total))
        repeats = 2 if self._has_columns else 1
        measures = tuple(each.name for each in self.question.queue.columns for _ in range(repeats))
        if self.forecast_of_times:
            cells.append(self._time_cell(self.forecast_of_times, chosen, is_total=is_total))
            measures += (_HANDLING,)
        if self.forecast:
            cells.append(self._forecast_cell(self.forecast, chosen))
            measures += (self.question.queue.columns[0].name,)
        is_current = isinstance(chosen, Interval) and not is_total and self.status(chosen) == "in progress"
        return DocumentRow(label, "", tuple(cells), is_total=is_total, is_current=is_current, measures=measures)

    def _forecast_cell(self, forecast: DayForecast, asked: Interval | date) -> DocumentCell:
        """The expected number with its range; of a total without one, because ranges do not add up."""
        inside = [
            each for each in self.intervals if isinstance(asked, Interval) and asked.start <= each.start < asked.end
        ]
        expected = [found for each in inside if (found := forecast.expected(each)) is not None]
        if not expected or len(expected) < len(inside):
            return self._cells.unknown(forecast.made.unknown_words())
        mean = Fraction(sum(each.mean for each in expected))
        between = (
            f" ({expected[0].low:,} to {expected[0].high:,})"
            if len(expected) == 1 and expected[0].low is not None
            else ""
        )
        cell = DocumentCell(f"{float(mean):,.1f}{between}", mean, "count")
        notes = dict.fromkeys(forecast.note(each) for each in inside)
        return self._cells.noted(cell, " ".join(each for each in notes if each))

    def _time_cell(self, forecast: DayHandling, asked: Interval | date, *, is_total: bool) -> DocumentCell:
        """The expected mean with its range; none of a total, for which nothing is forecast."""
        if isinstance(asked, Interval) and not is_total:
            expected = forecast.expected(asked)
        elif forecast.made.reason:
            expected = None
        else:
            return DocumentCell(NOTHING)
        if expected is None:
            return self._cells.unknown(forecast.made.unknown_words())
        mean, low, high = map(minutes_words, expected)
        return DocumentCell(f"{mean} ({low} to {high})", Fraction(expected.mean), "seconds")

    def _other_cell(self, column: IntervalColumn, other: Interval | date | None, *, is_total: bool) -> DocumentCell:
        return DocumentCell(_NO_SUCH_TIME) if other is None else self._cell(column, other, is_total=is_total)

    def _cell(self, column: IntervalColumn, asked: Interval | date, *, is_total: bool) -> DocumentCell:
        if column.part == "rostered":
            return self._rostered(asked)
        if isinstance(asked, Interval) and asked.end > self.present and is_total:
            return DocumentCell(NOT_OVER)
        window = self._window(asked)
        if window is None:
            return DocumentCell(NOT_BEGUN)
        if column.measure.is_of_people():
            return self._of_takers(column, window)
        reading = self._reading(column, window)
        return replace(self._cells.shown(column.measure, column.part, reading), href=self._address(column, window))

    def _rostered(self, asked: Interval | date) -> DocumentCell:
        """How many the roster plans for a time, past or to come."""
        chosen = asked if isinstance(asked, Interval) else whole_day(asked, self._zone)
        starts = [each.start for each in half_hours(chosen)]
        return rostered_mean_cell(starts, self._skills, self._staffing_of(chosen.start), self._cells)

    def _staffing_of(self, start: datetime) -> Staffing:
        """The call takers of the local day of a time."""
        day = start.astimezone(self._zone).date()
        if day not in self._staffing:
            whole = whole_day(day, self._zone)
            self._staffing[day] = Staffing(self._view, whole.start, whole.end)
        return self._staffing[day]

    def _of_takers(self, column: IntervalColumn, window: Window) -> DocumentCell:
        """A cell about the call takers of the queue."""
        staffing = self._staffing_of(window.start)
        minutes = staffing.minutes(window.start, window.end)
        if column.part == "minutes":
            return staffed_cell(minutes, self._skills, staffing, self._cells)
        if isinstance(minutes, str):
            return self._cells.unknown(minutes)
        if not staffing.is_shown(minutes, self._skills):
            return self._cells.noted(DocumentCell(HIDDEN), WHY_HIDDEN)
        return self._cells.shown(column.measure, column.part, self._reading(column, window))

    def _window(self, asked: Interval | date) -> Window | None:
        """The window of an interval, up to the present; None if it has not begun."""
        profile = self._view.profile
        if not isinstance(asked, Interval):
            return resolve(f"{asked}/{asked + timedelta(days=1)}", self.present, profile)
        if asked.start >= self.present:
            return None
        minute = self.present.replace(second=0, microsecond=0)
        end = minute if minute == self.present else minute + timedelta(minutes=1)
        return between("interval", asked.start, min(asked.end, end), profile)

    def _reading(self, column: IntervalColumn, window: Window) -> Reading | str:
        """The reading of a column's measure; the reason if there is none. Two columns may show parts of one reading."""
        key = (column.name, tuple(column.where.items()), window.start, window.start.fold, window.kind, window.end)
        if key not in self._readings:
            try:
                (found,) = self._view.reader.read(column.measure, window, where=column.where, force=self._view.force)
                self._readings[key] = found
            except QuestionError as error:
                self._readings[key] = error_words(error)
        return self._readings[key]

    def _address(self, column: IntervalColumn, window: Window) -> str:
        """The address of the breakdown of a figure; empty for a time that an address cannot name, because it occurs twice."""
        if window.kind == "report":
            named = f"{window.start:%Y-%m-%d}/{window.end:%Y-%m-%d}"
        else:
            named = f"{window.start:%Y-%m-%dT%H:%M}/{window.end:%Y-%m-%dT%H:%M}"
            if window.start.fold or window.end.fold:
                return ""
        return (
            f"{self._view.root}/measure/{column.name}?{'&'.join([f'window={named}', *filter_parameters(column.where)])}"
        )
