"""What is normal for this hour, and the course of the last day: asked of many hours, so taken a few measures at a time."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from facts.errors import QuestionError
from measures.band import Band
from measures.measure import Measure
from measures.outcome import microseconds
from measures.pane import HOUR
from streams.readings import HourReading, Reader

BUDGET_SECONDS = 0.03
"""What one look may spend on them: nobody's figures wait for them."""
AGAIN_SECONDS = 60.0
"""How soon they are taken again: hours that are over move by corrections alone."""


class _Kept(NamedTuple):
    """Of one measure, with the hour they were taken in and when."""

    hour: int
    taken_at: float
    band: Band | None
    course: list[HourReading]


class Slow:
    """Keeps them for the measures of one force.

    Args:
        reader: of the state.
        force: whose.
        steady_seconds: a clock that never jumps.
    """

    def __init__(self, reader: Reader, force: str, steady_seconds: Callable[[], float]) -> None:
        self._reader, self._force, self._steady_seconds = reader, force, steady_seconds
        self._kept: dict[str, _Kept] = {}
        self._version = reader.version

    def band(self, measure: Measure) -> Band | None:
        """What is normal for this hour of the week; None while it is not known."""
        kept = self._known().get(measure.name)
        return kept.band if kept and kept.hour == self._hour() else None

    def course(self, measure: Measure) -> list[HourReading]:
        """The last 24 whole hours; empty while they are not known."""
        kept = self._known().get(measure.name)
        return kept.course if kept and kept.hour == self._hour() else []

    def work(self, measures: Iterable[Measure]) -> None:
        """Take those anew that are oldest, for as long as one look may spend on them."""
        began, hour = self._steady_seconds(), self._hour()
        for measure in sorted(measures, key=lambda each: self._age(each, hour)):
            now = self._steady_seconds()
            kept = self._known().get(measure.name)
            is_fresh = kept is not None and kept.hour == hour and now - kept.taken_at < AGAIN_SECONDS
            if is_fresh or now - began > BUDGET_SECONDS:
                return
            try:
                band = self._reader.band(measure, self._force)
            except QuestionError:
                band = None
            course = self._reader.hours(measure, self._force)
            self._kept[measure.name] = _Kept(hour, now, band, course)

    def _known(self) -> dict[str, _Kept]:
        """What is kept, of the version of the state that is read now."""
        if self._version != self._reader.version:
            self._kept, self._version = {}, self._reader.version
        return self._kept

    def _hour(self) -> int:
        """The whole hour that bands and courses are of: of the band it is the one most of the last 60 minutes lie in."""
        return microseconds(self._reader.present(self._force)) // (HOUR // 2)

    def _age(self, measure: Measure, hour: int) -> float:
        kept = self._kept.get(measure.name)
        return kept.taken_at if kept and kept.hour == hour else float("-inf")
