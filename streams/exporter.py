"""The exporter: every reading as Prometheus metrics, taken when it is scraped; one process for a whole state."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from measures.measure import Bands, External, Measure
from measures.outcome import SECOND
from measures.reading import FeedStatus, Reading
from measures.window import REPORT_WINDOWS, Window, resolve
from streams.readings import Reader

LIVE_EXPORTED = ("15m", "60m", "shift", "today", "24h")
EXPORTED_WINDOWS = (*LIVE_EXPORTED, *REPORT_WINDOWS)
ENDED_AGAIN = timedelta(minutes=5)
"""How long the reading of a window that has ended is served again: a year is many panes, and only corrections move it."""
ENDED_SECONDS = 3.0
"""What a scrape may spend on them: one that takes longer than Prometheus waits would lose every other figure too."""
_ENDED = tuple(name for name in REPORT_WINDOWS if name != "this_month")
_logger = logging.getLogger("bluelamp.exporter")

_FEED_METRICS = {
    "complete_to": ("feed_complete_to_timestamp_seconds", "Everything up to here has been counted."),
    "heard_at": ("feed_heartbeat_timestamp_seconds", "When the log received the last heartbeat."),
    "first_event_at": ("feed_first_event_timestamp_seconds", "The first event time among the topic's facts."),
    "last_event_at": ("feed_last_event_timestamp_seconds", "The latest event time among the topic's facts."),
}
_COUNTERS = {
    "records": "Records of the log folded into the state.",
    "facts": "Facts that were new.",
    "duplicates": "Facts that were known already.",
    "late": "Facts older than what their feed had said to be complete; counted all the same.",
    "heartbeats": "Heartbeats heard.",
    "fenced": "Batches refused because the state no longer stood where their worker thought.",
}


_SPAN = re.compile(r"(\d+)_(minutes|hours)")
_SPAN_SECONDS = {"minutes": 60, "hours": 3600}


def metric_name(measure: Measure) -> str:
    """The name of a measure's metric.

    It follows the conventions of Prometheus: spans are in seconds, in names too, and the ending _count is kept for
    histograms and summaries.
    """
    name = _SPAN.sub(lambda span: f"{int(span[1]) * _SPAN_SECONDS[span[2]]}_seconds", measure.name)
    name = name.replace("contact_us_", "contactus_")  # promtool takes "us" for microseconds
    return f"bluelamp_{name.removesuffix('_count')}"


class _Kept(NamedTuple):
    """Readings of a window that has ended, by measure, window and force."""

    of: Window
    taken_at: datetime
    readings: list[Reading]


class ReadingsCollector(Collector):
    """Turns readings into metrics; without the state it says so and nothing else.

    Args:
        reader: of the state.
        monotonic: a clock in seconds that never goes back.
    """

    def __init__(self, reader: Reader, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reader, self._monotonic = reader, monotonic
        self._ended: dict[tuple[str, str, str], _Kept] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing: registration must not ask the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric, or only that the state is not to be reached."""
        up = GaugeMetricFamily("bluelamp_state_up", "Whether the state server answers.")
        try:
            metrics = list(self._metrics())
        except (RedisError, OSError) as error:
            _logger.warning("the state server does not answer: %r", error)
            metrics = []
        up.add_metric([], 1 if metrics else 0)
        yield up
        yield from metrics

    def _metrics(self) -> Iterator[Metric]:
        with self._reader.steady():
            self._read_ended()
            yield from self._readings()
            yield from _feeds(self._reader)
            yield from _partitions(self._reader)

    def _readings(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "bluelamp_reading_state",
            "1 for the state each reading is in.",
            labels=["force", "measure", "window", "state"],
        )
        in_part = GaugeMetricFamily(
            "bluelamp_reading_in_part",
            "1 where the record begins inside the window, so that the reading is of less time than its name says.",
            labels=["force", "measure", "window"],
        )
        for measure in CATALOGUE.values():
            if is_exported(measure):
                readings = [each for force in self._reader.rules for each in self._taken(measure, force)]
                yield from _families(measure, readings)
                for each in {(each.force, each.window): each for each in readings}.values():
                    state.add_metric([each.force, measure.name, each.window, each.state], 1)
                    if each.note:
                        in_part.add_metric([each.force, measure.name, each.window], 1)
        yield state
        yield in_part

    def _taken(self, measure: Measure, force: str) -> Iterator[Reading]:
        """The readings of the whole force that its feeds carry at all."""
        for window in self._windows(measure, force):
            if window in _ENDED:
                kept = self._ended.get((measure.name, window, force))
                yield from kept.readings if kept and kept.of == self._resolved(window, force) else ()
            else:
                yield from self._read(measure, window, force)

    def _windows(self, measure: Measure, force: str) -> tuple[str, ...]:
        profile = self._reader.rules[force].force
        if not measure.feeds(profile):
            return ()
        windows = LIVE_EXPORTED[:1] if measure.is_open() else EXPORTED_WINDOWS
        return tuple(each for each in windows if each != "shift" or profile.shifts)

    def _resolved(self, window: str, force: str) -> Window:
        return resolve(window, self._reader.present(force), self._reader.rules[force].force)

    def _read(self, measure: Measure, window: str, force: str) -> list[Reading]:
        try:
            return self._reader.read(measure, window, force=force)
        except QuestionError as error:
            _logger.warning("%s over %s: %s", measure.name, window, error.what)
            return []

    def _read_ended(self) -> None:
        """Read anew the windows that have ended, the longest unread first, for as long as a scrape may spend on them."""
        now, deadline = self._reader.now(), self._monotonic() + ENDED_SECONDS
        windows = {(window, force): self._resolved(window, force) for window in _ENDED for force in self._reader.rules}
        for measure, window, force in sorted(self._ended_questions(), key=self._read_at):
            kept, found = self._ended.get((measure.name, window, force)), windows[window, force]
            if kept and kept.of == found and now - kept.taken_at < ENDED_AGAIN:
                continue
            if self._monotonic() > deadline:
                return
            self._ended[measure.name, window, force] = _Kept(found, now, self._read(measure, window, force))

    def _ended_questions(self) -> Iterator[tuple[Measure, str, str]]:
        for measure in CATALOGUE.values():
            for force in self._reader.rules if is_exported(measure) else ():
                yield from ((measure, each, force) for each in self._windows(measure, force) if each in _ENDED)

    def _read_at(self, question: tuple[Measure, str, str]) -> datetime:
        measure, window, force = question
        kept = self._ended.get((measure.name, window, force))
        return kept.taken_at if kept else datetime.min.replace(tzinfo=UTC)


def is_exported(measure: Measure) -> bool:
    """Whether it has a metric: what others publish has none."""
    return not isinstance(measure.statistic, External)


def _families(measure: Measure, readings: Iterable[Reading]) -> Iterator[Metric]:
    """A gauge of the value, and of what it is taken from; a reading that is not live has no sample."""
    labels = ["force", *([] if measure.is_open() else ["window"]), *(["band"] if _has_bands(measure) else [])]
    name = metric_name(measure)
    value = GaugeMetricFamily(name, measure.question, labels=labels)
    taken_from = GaugeMetricFamily(f"{name}_n", f"How many: {measure.population}", labels=labels)
    met = GaugeMetricFamily(f"{name}_met", f"How many of them: {measure.question}", labels=labels)
    for each in readings:
        known = {"force": each.force, "window": each.window, **each.dimensions}
        if _has_bands(measure) and not each.dimensions:
            continue  # nothing happened that could be put into bands
        words = [known[label] for label in labels]
        if each.state == "live" and each.value is not None:
            value.add_metric(words, each.value)
        if each.state in ("live", "too_few") and measure.unit != "count":
            taken_from.add_metric(words, each.n)
            if each.met is not None:
                met.add_metric(words, each.met)
    yield value
    if measure.unit != "count":
        yield taken_from
    if measure.unit == "ratio":
        yield met


def _has_bands(measure: Measure) -> bool:
    return isinstance(measure.statistic, Bands)


def _feeds(reader: Reader) -> Iterator[Metric]:
    statuses = [(force, status) for force in reader.rules for status in reader.feeds(force)]
    for attribute, (name, question) in _FEED_METRICS.items():
        family = GaugeMetricFamily(f"bluelamp_{name}", question, labels=["force", "feed"])
        for force, status in statuses:
            _add_instant(family, force, status, getattr(status, attribute))
        yield family


def _add_instant(family: GaugeMetricFamily, force: str, status: FeedStatus, at: int | None) -> None:
    if at is not None:
        family.add_metric([force, status.feed], at / SECOND)


def _partitions(reader: Reader) -> Iterator[Metric]:
    counts = reader.counts()
    fence = GaugeMetricFamily(
        "bluelamp_partition_fence", "The offset up to which the log is folded in.", labels=["topic", "partition"]
    )
    quarantined = CounterMetricFamily(
        "bluelamp_quarantined", "Facts that may not be counted.", labels=["topic", "partition", "reason"]
    )
    for (topic, number), known in counts.items():
        fence.add_metric([topic, str(number)], known.get("fence", 0))
        for name, count in known.items():
            if name.startswith("quarantined_"):
                quarantined.add_metric([topic, str(number), name.removeprefix("quarantined_")], count)
    yield fence
    yield quarantined
    for name, question in _COUNTERS.items():
        family = CounterMetricFamily(f"bluelamp_{name}", question, labels=["topic", "partition"])
        for (topic, number), known in counts.items():
            family.add_metric([topic, str(number)], known.get(name, 0))
        yield family


def serve(reader: Reader, port: int, host: str) -> tuple[WSGIServer, Thread]:
    """Serve /metrics; port 0 takes a free one."""
    registry = CollectorRegistry()
    registry.register(ReadingsCollector(reader))
    served: Any = start_http_server(port, addr=host, registry=registry)
    server, thread = served
    return server, thread
