"""The exporter: every reading as Prometheus metrics, taken when it is scraped; one process for a whole state."""

import logging
import re
from collections.abc import Iterable, Iterator
from threading import Thread
from typing import Any
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
from streams.readings import Reader

EXPORTED_WINDOWS = ("15m", "60m", "today", "24h")
_logger = logging.getLogger("bluelamp.exporter")

_FEED_METRICS = {
    "complete_to": ("feed_complete_to_timestamp_seconds", "Everything up to here has been counted."),
    "heard_at": ("feed_heartbeat_timestamp_seconds", "When the log received the last heartbeat."),
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


class ReadingsCollector(Collector):
    """Turns readings into metrics; without the state it says so and nothing else.

    Args:
        reader: of the state.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

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
            yield from _readings(self._reader)
            yield from _feeds(self._reader)
            yield from _partitions(self._reader)


def _readings(reader: Reader) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "bluelamp_reading_state", "1 for the state each reading is in.", labels=["force", "measure", "window", "state"]
    )
    for measure in CATALOGUE.values():
        if isinstance(measure.statistic, External):
            continue
        readings = [each for force in reader.rules for each in _taken(reader, measure, force)]
        yield from _families(measure, readings)
        for each in {(each.force, each.window): each for each in readings}.values():
            state.add_metric([each.force, measure.name, each.window, each.state], 1)
    yield state


def _taken(reader: Reader, measure: Measure, force: str) -> Iterator[Reading]:
    """The readings of the whole force that its feeds carry at all."""
    windows = EXPORTED_WINDOWS[:1] if measure.is_open() else EXPORTED_WINDOWS
    if measure.feeds(reader.rules[force].force):
        for window in windows:
            try:
                yield from reader.read(measure, window, force=force)
            except QuestionError as error:
                _logger.warning("%s over %s: %s", measure.name, window, error.what)


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
