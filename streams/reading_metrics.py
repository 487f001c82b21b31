"""Readings as Prometheus metrics; what has not changed since the last scrape is neither judged nor written again."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import is_
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from facts.errors import QuestionError
from facts.union import Topic
from measures.catalogue import CATALOGUE, find
from measures.catalogue.custody import BY_DETAINEE, MORE_URGENT
from measures.judging import Verdict
from measures.measure import SPREAD, Bands, Measure, OpenLongest, OpenSoonest
from measures.outcome import microseconds
from measures.pane import Grain
from measures.reading import Figure, Reading
from measures.window import REPORT_WINDOWS, Window
from streams.figure_cache import FOREVER
from streams.names import detainee_metric_name, is_exported, metric_name
from streams.readings import Reader
from streams.row_metric import MetricPart, MetricRow, RowMetric

EXPORTED_LIVE_WINDOWS = ("15m", "60m", "shift", "today", "24h")
EXPORTED_OPEN_WINDOWS = EXPORTED_LIVE_WINDOWS[:1]
"""The open items are the same over every window."""
EXPORTED_WINDOWS = (*EXPORTED_LIVE_WINDOWS, *REPORT_WINDOWS)
ENDED_BUDGET_SECONDS = 3.0
"""The time that a scrape may spend on loading ended windows: if Prometheus times out, every other figure is lost too."""
ENDED_AT_ONCE = 16
"""How many ended windows are loaded at once. A year has many panes, but they are loaded only once."""
_ENDED = tuple(name for name in REPORT_WINDOWS if name != "this_month")
_STATE, _IN_PART = "bluelamp_reading_state", "bluelamp_reading_in_part"
_DETAINEE_LABELS = ["force", "detainee", "suite"]
_logger = logging.getLogger("bluelamp.exporter")


ReadingFilter = Callable[[str, str], bool]
"""Whether to include a measure, by its name, over a window."""


def all_readings(_measure: str, _window: str) -> bool:
    """Include every measure over every window."""
    return True


class _Windowed(NamedTuple):
    """What is exported of a measure over one window, and what that was worked out from.

    Attributes:
        inputs: the figures, and those that decide who is listed: the same objects while they have not changed; empty if they may
            change at any time.
        verdict: how they were judged.
        rows: the samples, by metric.
    """

    inputs: tuple[list[Figure], ...]
    verdict: Verdict
    rows: Mapping[str, Sequence[MetricRow]]

    def is_same(self, inputs: tuple[list[Figure], ...], verdict: Verdict) -> bool:
        """Whether the samples are still right."""
        is_unchanged = len(inputs) == len(self.inputs) > 0 and all(map(is_, inputs, self.inputs))
        return is_unchanged and verdict == self.verdict


class _Group:
    """The measures of a force that have the same feeds, and so are judged alike; updated at each scrape.

    Args:
        reader: the reader of the state.
        force: the force.
        windows: the windows that are exported of each measure.

    Attributes:
        parts: what is exported of each measure.
    """

    def __init__(self, reader: Reader, force: str, windows: Mapping[str, tuple[str, ...]]) -> None:
        self._reader, self._force, self._windows_of = reader, force, windows
        self._measures = [CATALOGUE[name] for name in windows]
        self._topics = frozenset[Topic]().union(*(measure.topics() for measure in self._measures))
        self._names = tuple(dict.fromkeys(name for names in windows.values() for name in names))
        self._kept = {name: dict[str, _Windowed]() for name in windows}
        self._key: object = None
        self._since = self._until = 0
        self.parts = {name: MetricPart(force, {}) for name in windows}

    def update(self, windows: Mapping[str, Window], unread: Collection[tuple[str, str]]) -> None:
        """Bring the parts up to the present moment.

        Args:
            windows: the windows at the force's present, by name.
            unread: the measures and windows of the force that are not loaded yet.
        """
        names = [name for name in self._names if name in windows]
        own = [windows[name] for name in names]
        verdicts = dict(zip(names, self._reader.verdicts(self._measures[0], own, self._force), strict=True))
        dropped = [self._reader.dropped(each, self._topics, self._force) for each in own]
        key = (own, dropped, verdicts, self._reader.versions(self._topics, self._force), len(unread))
        now = microseconds(self._reader.present(self._force))
        if key == self._key and self._since <= now < self._until:
            return
        self._key, self._until = None, FOREVER
        for measure in self._measures:
            own_names = [name for name in self._windows_of[measure.name] if name in windows]
            self._update(measure, [each for each in own_names if (measure.name, each) not in unread], windows, verdicts)
        self._key, self._since = key, now

    def _update(
        self, measure: Measure, names: Sequence[str], windows: Mapping[str, Window], verdicts: Mapping[str, Verdict]
    ) -> None:
        """Bring the part of one measure up to date; it stays the same object if nothing has changed."""
        before = self._kept[measure.name]
        after = {name: self._windowed(measure, windows[name], verdicts[name], before.get(name)) for name in names}
        if list(after) != list(before) or any(after[name] is not before[name] for name in after):
            rows: dict[str, list[MetricRow]] = {}
            for each in after.values():
                for name, found in each.rows.items():
                    rows.setdefault(name, []).extend(found)
            self._kept[measure.name], self.parts[measure.name] = after, MetricPart(self._force, rows)

    def _windowed(self, measure: Measure, window: Window, verdict: Verdict, before: _Windowed | None) -> _Windowed:
        try:
            inputs = tuple(self._figures(each, window) for each in _decisive(measure))
        except QuestionError:
            self._until = 0  # while a history loads, this may change with any fact
            return _Windowed((), verdict, self._rows(measure, window, self._read(measure, window)))
        if before and before.is_same(inputs, verdict):
            return before
        readings = self._reader.judged(measure, window, inputs[0], self._force)
        return _Windowed(inputs, verdict, self._rows(measure, window, readings))

    def _figures(self, measure: Measure, window: Window) -> list[Figure]:
        """The figures of a measure; the group is valid no longer than they are."""
        kept = self._reader.kept_figures(measure, window, self._force)
        self._until = min(self._until, kept.until)
        return kept.figures

    def _read(self, measure: Measure, window: Window) -> list[Reading]:
        try:
            return self._reader.read(measure, window, force=self._force)
        except QuestionError as error:
            _logger.warning("%s over %s: %s", measure.name, window.name, error.what)
            return []

    def _rows(self, measure: Measure, window: Window, readings: Sequence[Reading]) -> dict[str, list[MetricRow]]:
        rows: dict[str, list[MetricRow]] = {}
        for each in readings:
            words = _words(measure, each)
            for name, value in _values(measure, each) if words else ():
                rows.setdefault(name, []).append(MetricRow(words, value))
        if measure.name in BY_DETAINEE:
            rows[detainee_metric_name(measure)] = _detainee_rows(measure, readings, self._reader)
        for each in readings[-1:]:
            rows[_STATE] = [MetricRow((self._force, measure.name, window.name, each.state), 1)]
            if _is_in_part(each):
                rows[_IN_PART] = [MetricRow((self._force, measure.name, window.name), 1)]
        return rows


class ReadingMetrics:
    """Every measure over every window that is exported.

    What a measure exports depends on its figures, on the verdict on its feeds and window, and on nothing else. Both are compared at
    each scrape, so that nothing that has changed is exported as it was.

    Args:
        reader: the reader of the state.
        steady_seconds: a clock that never jumps.
        is_wanted: whether to include a measure over a window.
    """

    def __init__(
        self, reader: Reader, steady_seconds: Callable[[], float], is_wanted: ReadingFilter = all_readings
    ) -> None:
        self._reader, self._steady_seconds, self._is_wanted = reader, steady_seconds, is_wanted
        self._forget()

    def _forget(self) -> None:
        """Begin again: another version of the state has become current, or a definition has changed."""
        self._basis = self._reader.version, [*CATALOGUE.values()]
        self._measures = [measure for measure in CATALOGUE.values() if is_exported(measure)]
        self._groups = {force: self._groups_of(force) for force in self._reader.rules}
        self._unread = {
            force: dict.fromkeys(
                (measure.name, window)
                for measure in self._measures
                for window in self._windows(measure, force)
                if window in _ENDED
            )
            for force in self._reader.rules
        }
        self._blocks: dict[str, set[tuple[Grain, int, int]]] = {}

    def _groups_of(self, force: str) -> list[_Group]:
        grouped: dict[object, dict[str, tuple[str, ...]]] = {}
        for measure in self._measures:
            if windows := self._windows(measure, force):
                feeds = tuple(feed.name for feed in measure.feeds(self._reader.rules[force].force))
                # An age changes at every moment: apart from such measures, those of open items may stay as they are.
                is_age = isinstance(measure.statistic, OpenLongest | OpenSoonest)
                grouped.setdefault((feeds, measure.is_open(), is_age), {})[measure.name] = windows
        return [_Group(self._reader, force, windows) for windows in grouped.values()]

    def families(self) -> Iterator[Metric]:
        """The figures with their states."""
        if self._basis != (self._reader.version, [*CATALOGUE.values()]):
            self._forget()
        windows = {force: self._resolved(force) for force in self._reader.rules}
        self._load(windows)
        parts = {force: self._parts(force, windows[force]) for force in self._reader.rules}
        of_measure = {
            measure.name: [each[measure.name] for each in parts.values() if measure.name in each]
            for measure in self._measures
        }
        for measure in self._measures:
            labels, own = _labels(measure), of_measure[measure.name]
            yield from (RowMetric(name, words, labels, own) for name, words in _helps(measure).items())
            if measure.name in BY_DETAINEE:
                yield RowMetric(detainee_metric_name(measure), _detainee_help(measure), _DETAINEE_LABELS, own)
        every = [part for each in of_measure.values() for part in each]
        yield RowMetric(_STATE, "1 for the state of each reading.", ["force", "measure", "window", "state"], every)
        in_part = "1 if the record covers only part of the window, so that the reading covers less time than the window's name says."
        yield RowMetric(_IN_PART, in_part, ["force", "measure", "window"], every)

    def _load(self, windows: Mapping[str, Mapping[str, Window]]) -> None:
        """Load what live windows need, in one request to each partition, whenever one of them comes to need further blocks."""
        blocks = {
            force: {
                (run.grain, *run.blocks())
                for name, each in of_force.items()
                if name not in _ENDED
                for run in each.segments
            }
            for force, of_force in windows.items()
        }
        if blocks != self._blocks:
            self._reader.load_forces(
                (measure, of_force[name], force)
                for force, of_force in windows.items()
                for measure in self._measures
                for name in self._windows(measure, force)
                if name in of_force and name not in _ENDED
            )
            self._blocks = blocks

    def _parts(self, force: str, windows: Mapping[str, Window]) -> dict[str, MetricPart]:
        """What is exported of each measure of a force at the present moment."""
        for group in self._groups[force]:
            group.update(windows, self._unread[force])
        return {name: part for group in self._groups[force] for name, part in group.parts.items()}

    def _windows(self, measure: Measure, force: str) -> tuple[str, ...]:
        profile = self._reader.rules[force].force
        if not measure.feeds(profile):
            return ()
        windows = EXPORTED_OPEN_WINDOWS if measure.is_open() else EXPORTED_WINDOWS
        return tuple(
            each for each in windows if self._is_wanted(measure.name, each) and (each != "shift" or profile.shifts)
        )

    def _resolved(self, force: str) -> dict[str, Window]:
        """The windows at the force's present; without the shift if none covers it."""
        found: dict[str, Window] = {}
        for name in EXPORTED_WINDOWS:
            try:
                found[name] = self._reader.window(name, force)
            except QuestionError as error:
                if self._reader.rules[force].force.shifts:
                    _logger.warning("%s over %s: %s", force, name, error.what)
        return found

    def read_ended(self) -> None:
        """Load what windows that have ended need, for as long as a scrape may spend on it. Until then they have no samples."""
        self._reader.refresh()
        if self._basis != (self._reader.version, [*CATALOGUE.values()]):
            self._forget()
        start = self._steady_seconds()
        for force, unread in self._unread.items():
            while some := [*unread][:ENDED_AT_ONCE]:
                if self._steady_seconds() - start > ENDED_BUDGET_SECONDS:
                    return
                self._reader.load_forces(
                    (CATALOGUE[name], self._reader.window(window, force), force) for name, window in some
                )
                for each in some:
                    unread.pop(each, None)


def _is_in_part(reading: Reading) -> bool:
    """Whether it covers less than its window; for a window in progress, whether its start is missing."""
    is_over = reading.end <= reading.as_of
    return reading.coverage == "part" and (is_over or reading.begins is not None)


def _families(measure: Measure, readings: Iterable[Reading]) -> Iterator[Metric]:
    """Gauges of the figures of some readings."""
    labels = _labels(measure)
    families = {name: GaugeMetricFamily(name, words, labels=labels) for name, words in _helps(measure).items()}
    for each in readings:
        words = _words(measure, each)
        for name, value in _values(measure, each) if words else ():
            families[name].add_metric(words, value)
    yield from families.values()


def _labels(measure: Measure) -> list[str]:
    return ["force", *([] if measure.is_open() else ["window"]), *(["band"] if _has_bands(measure) else [])]


def _words(measure: Measure, reading: Reading) -> tuple[str, ...]:
    """The words of the labels; none if there is nothing to put into bands."""
    if _has_bands(measure) and not reading.dimensions:
        return ()
    known = {"force": reading.force, "window": reading.window, **reading.dimensions}
    return tuple(known[label] for label in _labels(measure))


def _helps(measure: Measure) -> dict[str, str]:
    """The metrics of a measure with their help: its value, its n, the rest of its distribution, and what is not recorded."""
    name, question = metric_name(measure), measure.question
    helps = {name: question}
    if measure.unit != "count":
        helps[f"{name}_n"] = f"Number of: {measure.population}"
    if measure.unit == "ratio":
        helps[f"{name}_met"] = f"Number that met the condition: {question}"
    for figure in measure.spread():
        helps[f"{name}_{figure}"] = f"{SPREAD[figure]} of the same times: {question}"
    if measure.is_share():
        helps[f"{name}_low"] = f"If every unrecorded outcome had been missed: {question}"
        helps[f"{name}_high"] = f"If every unrecorded outcome had been met: {question}"
    if measure.unrecorded or measure.is_share():
        helps[f"{name}_unrecorded"] = f"Number not recorded or in doubt: {question}"
    return helps


def _values(measure: Measure, reading: Reading) -> Iterator[tuple[str, float]]:
    """The samples of a reading, by metric; a reading that is not live has no value."""
    name, is_live, is_known = metric_name(measure), reading.state == "live", reading.state in ("live", "too_few")
    if is_live and reading.value is not None:
        yield name, reading.value
    if is_known and measure.unit != "count" and reading.n is not None:
        yield f"{name}_n", reading.n
        if measure.unit == "ratio" and reading.met is not None:
            yield f"{name}_met", reading.met
    if is_live and reading.value is not None and reading.spread is not None:
        yield from ((f"{name}_{figure}", getattr(reading.spread, figure)) for figure in measure.spread())
    yield from _doubts(measure, reading, name)


def _doubts(measure: Measure, reading: Reading, name: str) -> Iterator[tuple[str, float]]:
    """What is not recorded of a figure and, for a share, its bounds."""
    if measure.is_share() and reading.state == "live" and reading.low is not None and reading.high is not None:
        yield f"{name}_low", reading.low
        yield f"{name}_high", reading.high
    has_doubt = bool(measure.unrecorded) or measure.is_share()
    if has_doubt and reading.state in ("live", "too_few") and reading.unrecorded is not None:
        yield f"{name}_unrecorded", reading.unrecorded


def by_detainee(measure: Measure, readings: Iterable[Reading], reader: Reader) -> Metric:
    """A series for each detainee whom a live reading of a measure counts, so that each has an alert of their own.

    Of the steps of one clock, only the most urgent has a series: an overdue review is not due within 60 minutes too.
    """
    family = GaugeMetricFamily(detainee_metric_name(measure), _detainee_help(measure), labels=_DETAINEE_LABELS)
    for words, value in _detainee_rows(measure, readings, reader):
        family.add_metric(words, value)
    return family


def _detainee_help(measure: Measure) -> str:
    return f"1 for each detainee, by opaque number and suite, unless a more urgent step applies: {measure.question}"


def _detainee_rows(measure: Measure, readings: Iterable[Reading], reader: Reader) -> list[MetricRow]:
    rows: list[MetricRow] = []
    for each in readings:
        if each.state == "live":
            found = set[tuple[str, str]]().union(*(_detainees(one, each, reader) for one in _decisive(measure)[1:]))
            rows += (MetricRow((each.force, *one), 1) for one in sorted(_detainees(measure, each, reader) - found))
    return rows


def _decisive(measure: Measure) -> tuple[Measure, ...]:
    """The measures whose figures decide what is exported of a measure: itself, and the more urgent step of its clock."""
    urgent = MORE_URGENT.get(measure.name)
    return (measure, find(urgent)) if urgent else (measure,)


def _detainees(measure: Measure, reading: Reading, reader: Reader) -> set[tuple[str, str]]:
    listed = reader.listed(measure, reading.window, force=reading.force)
    return {(subject.subject_id, subject.dimensions["suite"]) for subject in listed}


def _has_bands(measure: Measure) -> bool:
    return isinstance(measure.statistic, Bands)
