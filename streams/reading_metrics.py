"""Readings as Prometheus metrics; windows that have ended are read again only every few minutes."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from facts.errors import QuestionError
from measures.catalogue import CATALOGUE, find
from measures.catalogue.custody import BY_DETAINEE, MORE_URGENT
from measures.measure import SPREAD, Bands, Measure
from measures.reading import Reading
from measures.window import REPORT_WINDOWS, Window, resolve
from streams.names import detainee_metric_name, is_exported, metric_name
from streams.readings import Reader

EXPORTED_LIVE_WINDOWS = ("15m", "60m", "shift", "today", "24h")
EXPORTED_OPEN_WINDOWS = EXPORTED_LIVE_WINDOWS[:1]
"""The open items are the same over every window."""
EXPORTED_WINDOWS = (*EXPORTED_LIVE_WINDOWS, *REPORT_WINDOWS)
ENDED_REFRESH_SECONDS = 300.0
"""How long the reading of an ended window is served: a year has many panes, and only corrections change it."""
ENDED_BUDGET_SECONDS = 3.0
"""The time that a scrape may spend on ended windows: if Prometheus times out, every other figure is lost too."""
ENDED_AT_ONCE = 16
"""How many ended windows are read at one moment."""
_ENDED = tuple(name for name in REPORT_WINDOWS if name != "this_month")
_logger = logging.getLogger("bluelamp.exporter")


ReadingFilter = Callable[[str, str], bool]
"""Whether to include a measure, by its name, over a window."""


def all_readings(_measure: str, _window: str) -> bool:
    """Include every measure over every window."""
    return True


class _EndedReadings(NamedTuple):
    """The readings of a window that has ended, and when they were read, in seconds of a steady clock."""

    window: Window
    read_at: float
    readings: list[Reading]


class ReadingMetrics:
    """Every measure over every window that is exported.

    Args:
        reader: the reader of the state.
        steady_seconds: a clock that never jumps.
        is_wanted: whether to include a measure over a window.
    """

    def __init__(
        self, reader: Reader, steady_seconds: Callable[[], float], is_wanted: ReadingFilter = all_readings
    ) -> None:
        self._reader, self._steady_seconds, self._is_wanted = reader, steady_seconds, is_wanted
        self._ended: dict[tuple[str, str, str], _EndedReadings] = {}
        self._version = reader.version

    def families(self) -> Iterator[Metric]:
        """The figures with their states."""
        state = GaugeMetricFamily(
            "bluelamp_reading_state",
            "1 for the state of each reading.",
            labels=["force", "measure", "window", "state"],
        )
        in_part = GaugeMetricFamily(
            "bluelamp_reading_in_part",
            "1 if the record covers only part of the window, so that the reading covers less time than the window's name says.",
            labels=["force", "measure", "window"],
        )
        for measure in CATALOGUE.values():
            if is_exported(measure):
                readings = [each for force in self._reader.rules for each in self._readings(measure, force)]
                yield from _families(measure, readings)
                if measure.name in BY_DETAINEE:
                    yield by_detainee(measure, readings, self._reader)
                for each in {(each.force, each.window): each for each in readings}.values():
                    state.add_metric([each.force, measure.name, each.window, each.state], 1)
                    if _is_in_part(each):
                        in_part.add_metric([each.force, measure.name, each.window], 1)
        yield state
        yield in_part

    def _readings(self, measure: Measure, force: str) -> Iterator[Reading]:
        """The readings of the whole force, for every window of a measure that its feeds supply."""
        for window in self._windows(measure, force):
            if window in _ENDED:
                kept = self._ended.get((measure.name, window, force))
                yield from kept.readings if kept and kept.window == self._resolved(window, force) else ()
            else:
                yield from self._read(measure, window, force)

    def _windows(self, measure: Measure, force: str) -> tuple[str, ...]:
        profile = self._reader.rules[force].force
        if not measure.feeds(profile):
            return ()
        windows = EXPORTED_OPEN_WINDOWS if measure.is_open() else EXPORTED_WINDOWS
        return tuple(
            each for each in windows if self._is_wanted(measure.name, each) and (each != "shift" or profile.shifts)
        )

    def _resolved(self, window: str, force: str) -> Window:
        return resolve(window, self._reader.present(force), self._reader.rules[force].force)

    def _read(self, measure: Measure, window: str, force: str) -> list[Reading]:
        try:
            return self._reader.read(measure, window, force=force)
        except QuestionError as error:
            _logger.warning("%s over %s: %s", measure.name, window, error.what)
            return []

    def read_ended(self) -> None:
        """Read ended windows again, the least recently read first, for as long as a scrape may spend on them.

        Each has a moment up to five minutes before that of the scrape; only corrections change them. Several are read at the same
        moment, because each moment first asks every partition what has changed.
        """
        self._reader.refresh()
        if self._version != self._reader.version:
            self._ended, self._version = {}, self._reader.version
        now = self._steady_seconds()
        windows = {(window, force): self._resolved(window, force) for window in _ENDED for force in self._reader.rules}
        due = [
            (measure, window, force)
            for measure, window, force in sorted(self._ended_questions(), key=self._read_at)
            if self._is_due(self._ended.get((measure.name, window, force)), windows[window, force], now)
        ]
        for first in range(0, len(due), ENDED_AT_ONCE):
            if self._steady_seconds() - now > ENDED_BUDGET_SECONDS:
                return
            some = due[first : first + ENDED_AT_ONCE]
            for (measure, window, force), readings in zip(some, self._read_together(some), strict=True):
                self._ended[measure.name, window, force] = _EndedReadings(windows[window, force], now, readings)

    @staticmethod
    def _is_due(kept: _EndedReadings | None, window: Window, now: float) -> bool:
        """Whether a window that has ended is to be read again."""
        return not kept or kept.window != window or now - kept.read_at >= ENDED_REFRESH_SECONDS

    def _read_together(self, questions: Sequence[tuple[Measure, str, str]]) -> list[list[Reading]]:
        return self._reader.at_one_moment(lambda: [self._read(*each) for each in questions])

    def _ended_questions(self) -> Iterator[tuple[Measure, str, str]]:
        for measure in CATALOGUE.values():
            for force in self._reader.rules if is_exported(measure) else ():
                yield from ((measure, each, force) for each in self._windows(measure, force) if each in _ENDED)

    def _read_at(self, question: tuple[Measure, str, str]) -> float:
        measure, window, force = question
        kept = self._ended.get((measure.name, window, force))
        return kept.read_at if kept else float("-inf")


def _is_in_part(reading: Reading) -> bool:
    """Whether it covers less than its window; for a window in progress, whether its start is missing."""
    is_over = reading.end <= reading.as_of
    return reading.coverage == "part" and (is_over or reading.begins is not None)


def _families(measure: Measure, readings: Iterable[Reading]) -> Iterator[Metric]:
    """Gauges of the value and of n; a reading that is not live has no sample."""
    labels = ["force", *([] if measure.is_open() else ["window"]), *(["band"] if _has_bands(measure) else [])]
    name = metric_name(measure)
    value = GaugeMetricFamily(name, measure.question, labels=labels)
    samples = GaugeMetricFamily(f"{name}_n", f"Number of: {measure.population}", labels=labels)
    met = GaugeMetricFamily(f"{name}_met", f"Number that met the condition: {measure.question}", labels=labels)
    for each in readings:
        known = {"force": each.force, "window": each.window, **each.dimensions}
        if _has_bands(measure) and not each.dimensions:
            continue  # there is nothing to put into bands
        words = [known[label] for label in labels]
        if each.state == "live" and each.value is not None:
            value.add_metric(words, each.value)
        if each.state in ("live", "too_few") and measure.unit != "count" and each.n is not None:
            samples.add_metric(words, each.n)
            if each.met is not None:
                met.add_metric(words, each.met)
    yield value
    if measure.unit != "count":
        yield samples
    if measure.unit == "ratio":
        yield met
    yield from _spread_families(measure, labels, readings)
    if measure.unrecorded or measure.is_share():
        yield from _doubt_families(measure, labels, readings)


def _spread_families(measure: Measure, labels: list[str], readings: Iterable[Reading]) -> Iterator[Metric]:
    """Gauges of the rest of the distribution behind a live mean or median."""
    for figure in measure.spread():
        help_text = f"{SPREAD[figure]} of the same times: {measure.question}"
        family = GaugeMetricFamily(f"{metric_name(measure)}_{figure}", help_text, labels=labels)
        for each in readings:
            if each.state == "live" and each.value is not None and each.spread is not None:
                words = [{"force": each.force, "window": each.window}[label] for label in labels]
                family.add_metric(words, getattr(each.spread, figure))
        yield family


def _doubt_families(measure: Measure, labels: list[str], readings: Iterable[Reading]) -> Iterator[Metric]:
    """Gauges of what is not recorded of a figure and, for a share, of its bounds."""
    name, question = metric_name(measure), measure.question
    low = GaugeMetricFamily(f"{name}_low", f"If every unrecorded outcome had been missed: {question}", labels=labels)
    high = GaugeMetricFamily(f"{name}_high", f"If every unrecorded outcome had been met: {question}", labels=labels)
    count = GaugeMetricFamily(f"{name}_unrecorded", f"Number not recorded or in doubt: {question}", labels=labels)
    for each in readings:
        words = [{"force": each.force, "window": each.window}[label] for label in labels]
        if each.state == "live" and each.low is not None and each.high is not None:
            low.add_metric(words, each.low)
            high.add_metric(words, each.high)
        if each.state in ("live", "too_few") and each.unrecorded is not None:
            count.add_metric(words, each.unrecorded)
    yield from (low, high) if measure.is_share() else ()
    yield count


def by_detainee(measure: Measure, readings: Iterable[Reading], reader: Reader) -> Metric:
    """A series for each detainee whom a live reading of a measure counts, so that each has an alert of their own.

    Of the steps of one clock, only the most urgent has a series: an overdue review is not due within 60 minutes too.
    """
    help_text = (
        f"1 for each detainee, by opaque number and suite, unless a more urgent step applies: {measure.question}"
    )
    urgent = MORE_URGENT.get(measure.name)
    family = GaugeMetricFamily(detainee_metric_name(measure), help_text, labels=["force", "detainee", "suite"])
    for each in readings:
        if each.state == "live":
            found = _detainees(measure, each, reader) - (_detainees(find(urgent), each, reader) if urgent else set())
            for detainee, suite in sorted(found):
                family.add_metric([each.force, detainee, suite], 1)
    return family


def _detainees(measure: Measure, reading: Reading, reader: Reader) -> set[tuple[str, str]]:
    listed = reader.listed(measure, reading.window, force=reading.force)
    return {(subject.subject_id, subject.dimensions["suite"]) for subject in listed}


def _has_bands(measure: Measure) -> bool:
    return isinstance(measure.statistic, Bands)
