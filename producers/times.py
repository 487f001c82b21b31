"""Reads the times of a row, each after the time that it follows, and converts them to UTC."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from producers.declaration import ISO, Mapping, columns_of
from producers.time_formats import advice_on, parse, parse_time_of_day
from producers.values import Cells, MalformedError, check_digits, text_of

Note = Literal["repeated_hour", "moved"]
"""A reading that depends on more than the cell: one of the two meanings of a repeated hour, or a time moved to the one it follows."""

_TIMES_CACHED = 100_000
_ADVICE_MOST = 100
_A_DAY = timedelta(days=1)


class After(NamedTuple):
    """The earlier time that another time must follow.

    Attributes:
        time: the earlier time.
        within: the longest a time of day may come after it.
        tolerance: how far another clock may be behind: a time that much before the earlier one is read as equal to it.
    """

    time: datetime
    within: timedelta
    tolerance: timedelta

    @property
    def floor(self) -> datetime:
        """The earliest time that may follow."""
        return self.time - self.tolerance


class _Follows(NamedTuple):
    """What a mapping says that a time follows."""

    columns: tuple[str, ...]
    within: timedelta
    tolerance: timedelta


class LocalClock:
    """Reads an extract's local times and converts them to UTC.

    A time that other times follow is read as the mapping reads it everywhere: after the time that it follows itself.

    Args:
        mapping: gives the formats, the zone, the meaning of a repeated hour, and which time follows which.

    Attributes:
        noted: the notes on the times read since it was last emptied, each with its columns.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._source, self._zone = mapping.source, ZoneInfo(mapping.source.time_zone)
        # A workbook's own dates and times are read as ISO text, whatever the mapping lists.
        own = (ISO,) if mapping.source.format == "xlsx" else ()
        self._times, self._times_of_day = (*mapping.source.times, *own), (*mapping.source.times_of_day, *own)
        self._follows: dict[tuple[str, ...], _Follows] = {}
        for declared in mapping.facts:
            if declared.after is not None:
                within, tolerance = (
                    timedelta(seconds=seconds) for seconds in (declared.within_seconds, declared.tolerance_seconds)
                )
                follows = _Follows(columns_of(declared.after), within, tolerance)
                self._follows.setdefault(columns_of(declared.at), follows)
        # The same time occurs in many cells, so each text is parsed once.
        self._read_times: dict[tuple[str, After | None], tuple[datetime, Note | None]] = {}
        self.noted: set[tuple[Note, str]] = set()
        self._advice_left = _ADVICE_MOST

    def time_in(self, cells: Cells, columns: tuple[str, ...]) -> datetime | None:
        """The time in one column of a row, or in several joined; None if one of them is absent.

        Raises:
            MalformedError: it is not a time, or one that the local clock skipped.
        """
        text = text_of(cells, columns)
        if text is None:
            return None
        follows = self._follows.get(columns)
        return self.read_time(text, columns, self._after(cells, follows) if follows else None)

    def after(
        self, cells: Cells, columns: tuple[str, ...], within_seconds: int, tolerance_seconds: int
    ) -> After | None:
        """The time that another must follow: the one in these columns or, if it is absent, the one that it follows itself.

        Raises:
            MalformedError: it is not a time.
        """
        within, tolerance = timedelta(seconds=within_seconds), timedelta(seconds=tolerance_seconds)
        return self._after(cells, _Follows(columns, within, tolerance))

    def _after(self, cells: Cells, follows: _Follows) -> After | None:
        columns: tuple[str, ...] | None = follows.columns
        while columns:
            at = self.time_in(cells, columns)
            if at is not None:
                return After(at, follows.within, follows.tolerance)
            earlier = self._follows.get(columns)
            columns = earlier.columns if earlier else None
        return None

    def local_day(self, at: datetime) -> date:
        """The local date of a time."""
        return at.astimezone(self._zone).date()

    def read_time(self, text: str, columns: tuple[str, ...], after: After | None = None) -> datetime:
        """Read a time.

        Args:
            text: a time; it may lack a date only if `after` is given.
            columns: the columns it comes from, for errors.
            after: the earlier time it must follow. A time of day is on that day or the next; a local time that occurs twice
                is the first one at or after it.

        Raises:
            MalformedError: the text is not a time, or is a time that the local clock skipped.
        """
        if len(self._read_times) > _TIMES_CACHED:
            self._read_times.clear()
        column = ", ".join(columns)
        known = self._read_times.get((text, after))
        if known is None:
            known = self._read_times[text, after] = self._read(text, column, after)
        at, note = known
        if note:
            self.noted.add((note, column))
        return at

    def _read(self, text: str, column: str, after: After | None) -> tuple[datetime, Note | None]:
        for form in self._times:
            at = parse(text, form, self._zone)
            if at:
                read, note = (at.astimezone(UTC), None) if at.tzinfo else self._to_utc(at, column, after)
                return _moved(read, note, after)
        for form in self._times_of_day:
            of_day = parse_time_of_day(text, form)
            if of_day is not None and after:
                return _moved(*self._next(of_day, column, after), after)
            if of_day is not None:
                raise MalformedError("missing_value", column, "is a time of day, but the row does not give the day")
        check_digits(text, (column,))
        forms = " or ".join((*self._source.times, *self._source.times_of_day))
        raise MalformedError("bad_time", column, f"is not a time of the form {forms}{self._advice(text)}")

    def _advice(self, text: str) -> str:
        """What to do about a text that is not a time; only for the first ones, because trying formats takes long."""
        self._advice_left -= 1
        return advice_on(text, self._source) if self._advice_left >= 0 else ""

    def _next(self, time_of_day: time, column: str, after: After) -> tuple[datetime, Note | None]:
        """The first time, at or after the earlier one, at which the local clock shows a time of day."""
        day = self.local_day(after.floor)
        read = self._to_utc(datetime.combine(day, time_of_day), column, after)
        if read[0] < after.floor:
            read = self._to_utc(datetime.combine(day + _A_DAY, time_of_day), column, after)
        if read[0] - after.time > after.within:
            hours = after.within.total_seconds() / 3600
            what = f"is not within {hours:g} hours after the time it should follow"
            raise MalformedError("out_of_order", column, what)
        return read

    def _to_utc(self, local: datetime, column: str, after: After | None) -> tuple[datetime, Note | None]:
        first, second = (local.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(self._zone).replace(tzinfo=None, fold=0) != local:
            what = f"is a time that the clock of {self._source.time_zone} skipped when it went forward"
            raise MalformedError("no_such_local_time", column, what)
        if first == second:
            return first, None
        if after and first < after.floor <= second:
            return second, None
        if self._source.repeated_hour == "refuse":
            what = f"is a time that occurred twice when the clock of {self._source.time_zone} went back"
            raise MalformedError("repeated_local_time", column, what)
        return first if after or self._source.repeated_hour == "first" else second, "repeated_hour"


def _moved(read: datetime, note: Note | None, after: After | None) -> tuple[datetime, Note | None]:
    """A time that another clock shows a little before the one it follows is moved to it."""
    return (after.time, "moved") if after and after.floor <= read < after.time else (read, note)
