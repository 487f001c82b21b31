"""Normal ranges and the last 24 hours of each measure: they need many hours of data, so they are read a few measures at a time."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from facts.errors import QuestionError
from measures.band import Band
from measures.measure import Measure
from measures.outcome import microseconds
from measures.pane import HOUR
from streams.readings import HourReading, Reader

BUDGET_SECONDS = 0.03
"""The most time that one refresh may take: live figures must not wait for it."""
REFRESH_SECONDS = 60.0
"""How long a measure's readings are used: hours that have ended change only by corrections."""


class _Kept(NamedTuple):
    """What was read for one measure, with the hour and the steady time of the read."""

    hour: int
    read_at: float
    band: Band | None
    last_day: list[HourReading]


class BackgroundReadings:
    """Keeps the normal range and the last 24 hours of each measure of one force.

    Args:
        reader: reads the state.
        force: the force.
        steady_seconds: a clock that never jumps.
    """

    def __init__(self, reader: Reader, force: str, steady_seconds: Callable[[], float]) -> None:
        self._reader, self._force, self._steady_seconds = reader, force, steady_seconds
        self._kept: dict[str, _Kept] = {}
        self._version = reader.version

    def band(self, measure: Measure) -> Band | None:
        """What is normal for this hour of the week; None until it has been read, or if it is unknown."""
        kept = self._of_this_version().get(measure.name)
        return kept.band if kept and kept.hour == self._hour() else None

    def last_day(self, measure: Measure) -> list[HourReading]:
        """The last 24 whole hours; empty until they have been read."""
        kept = self._of_this_version().get(measure.name)
        return kept.last_day if kept and kept.hour == self._hour() else []

    def refresh(self, measures: Iterable[Measure]) -> None:
        """Read the oldest ones again, within the time budget."""
        began, hour = self._steady_seconds(), self._hour()
        for measure in sorted(measures, key=lambda each: self._read_at(each, hour)):
            now = self._steady_seconds()
            kept = self._of_this_version().get(measure.name)
            is_fresh = kept is not None and kept.hour == hour and now - kept.read_at < REFRESH_SECONDS
            if is_fresh or now - began > BUDGET_SECONDS:
                return
            try:
                band = self._reader.band(measure, self._force)
            except QuestionError:
                band = None
            self._kept[measure.name] = _Kept(hour, now, band, self._reader.hours(measure, self._force))

    def _of_this_version(self) -> dict[str, _Kept]:
        """What is kept; nothing that was read from another version of the state."""
        if self._version != self._reader.version:
            self._kept, self._version = {}, self._reader.version
        return self._kept

    def _hour(self) -> int:
        """A number that changes each half hour: the band is for the hour that contains most of the last 60 minutes."""
        return microseconds(self._reader.present(self._force)) // (HOUR // 2)

    def _read_at(self, measure: Measure, hour: int) -> float:
        kept = self._kept.get(measure.name)
        return kept.read_at if kept and kept.hour == hour else float("-inf")
