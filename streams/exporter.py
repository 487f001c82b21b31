"""The exporter: every reading as Prometheus metrics, taken when it is scraped; one process for a whole state."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from facts.errors import QuestionError
from measures.band import Band
from measures.catalogue import CATALOGUE
from measures.measure import Bands, External, Measure
from measures.outcome import SECOND, microseconds
from measures.reading import FeedStatus, Reading
from streams.logwatch import LogWatch
from streams.names import metric_name
from streams.readings import Reader
from streams.recent import Counted, Recent
from streams.stall import Place, Stalls

EXPORTED_WINDOWS = ("15m", "60m", "today", "24h")
_logger = logging.getLogger("bluelamp.exporter")

_FEED_METRICS = {
    "complete_to": ("feed_complete_to_timestamp_seconds", "Everything up to here has been counted."),
    "heard_at": ("feed_heartbeat_timestamp_seconds", "When the log received the last heartbeat."),
    "last_event_at": ("feed_last_event_timestamp_seconds", "The latest event time among the topic's facts."),
}
_LIMITS = (
    ("lower", "expected_lower", "The lower control limit"),
    ("expected", "expected", "The middle"),
    ("upper", "expected_upper", "The upper control limit"),
)
_COUNTERS = {
    "records": "Records of the log folded into the state.",
    "facts": "Facts that were new.",
    "duplicates": "Facts that were known already.",
    "late": "Facts older than what their feed had said to be complete; counted all the same.",
    "heartbeats": "Heartbeats heard.",
    "fenced": "Batches refused because the state no longer stood where their worker thought.",
}


class ReadingsCollector(Collector):
    """Turns readings into metrics; without the state it says so and nothing else.

    Args:
        reader: of the state.
        watch: of the log; without one nothing is said of it.
        steady_seconds: a clock that never jumps.
    """

    def __init__(
        self, reader: Reader, watch: LogWatch | None = None, steady_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._reader, self._watch, self._steady_seconds = reader, watch, steady_seconds
        self._recent, self._stalls = Recent(), Stalls(0.0)

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
            yield from _bands(self._reader)
            yield from _feeds(self._reader)
            yield from _partitions(self._reader)
            yield from self._quarantine_share()
            yield from self._log()

    def _quarantine_share(self) -> Iterator[Metric]:
        """Of the facts read in the last quarter of an hour, the share that was quarantined; nothing when none were."""
        ratio = GaugeMetricFamily(
            "bluelamp_quarantined_recently_ratio", "Share quarantined of the facts read in 15 min.", labels=["topic"]
        )
        taken_from = GaugeMetricFamily(
            "bluelamp_quarantined_recently_ratio_n", "How many facts were read in 15 min.", labels=["topic"]
        )
        for topic, counted in _read_by_topic(self._reader).items():
            lately = self._recent.take(topic, counted, self._steady_seconds())
            taken_from.add_metric([topic], lately.read)
            if lately.read:
                ratio.add_metric([topic], lately.quarantined / lately.read)
        yield ratio
        yield taken_from

    def _log(self) -> Iterator[Metric]:
        """Whether the log answers, how far it reaches, and for how long what it holds has waited."""
        if self._watch is None:
            return
        fences = {place: known.get("fence", 0) for place, known in self._reader.counts().items()}
        ends = self._watch.ends(list(fences))
        yield GaugeMetricFamily("bluelamp_log_up", "Whether the log answers.", value=float(ends is not None))
        labels = ["topic", "partition"]
        end = GaugeMetricFamily("bluelamp_partition_log_end", "The offset at which the log ends.", labels=labels)
        stalled = GaugeMetricFamily(
            "bluelamp_partition_stalled_seconds", "For how long facts have waited with none taken.", labels=labels
        )
        waits = self._stalls.waits(fences, ends or {}, self._steady_seconds())
        for place, offset in (ends or {}).items():
            end.add_metric(_words(place), offset)
            stalled.add_metric(_words(place), waits.get(place, 0.0))
        yield end
        yield stalled


def _words(place: Place) -> list[str]:
    return [place[0], str(place[1])]


def _read_by_topic(reader: Reader) -> dict[str, Counted]:
    found: dict[str, Counted] = {}
    for (topic, _), known in reader.counts().items():
        quarantined = known.get("quarantined", 0)
        read = known.get("facts", 0) + known.get("duplicates", 0) + quarantined
        before = found.get(topic, Counted(0, 0))
        found[topic] = Counted(before.read + read, before.quarantined + quarantined)
    return found


def _readings(reader: Reader) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "bluelamp_reading_state", "1 for the state each reading is in.", labels=["force", "measure", "window", "state"]
    )
    for measure in CATALOGUE.values():
        if isinstance(measure.statistic, External | Bands):
            continue
        readings = [each for force in reader.rules for each in _taken(reader, measure, force)]
        yield from _families(measure, readings)
        for each in readings:
            state.add_metric([each.force, measure.name, each.window, each.state], 1)
    yield state


def _bands(reader: Reader) -> Iterator[Metric]:
    """What is normal for the hour of the week, beside the reading over 60 minutes."""
    for measure in CATALOGUE.values():
        if measure.has_band:
            found = [(force, _expected(reader, measure, force)) for force in _carrying(reader, measure)]
            for attribute, ending, words in _LIMITS:
                question = f"{words} for this hour of the week: {measure.question}"
                family = GaugeMetricFamily(f"{metric_name(measure)}_{ending}", question, labels=["force", "window"])
                for force, band in found:
                    if band:
                        family.add_metric([force, "60m"], getattr(band, attribute))
                yield family


def _expected(reader: Reader, measure: Measure, force: str) -> Band | None:
    try:
        return reader.expected(measure, force)
    except QuestionError as error:
        _logger.warning("what is normal for %s: %s", measure.name, error.what)
        return None


def _carrying(reader: Reader, measure: Measure) -> list[str]:
    return [force for force, rules in reader.rules.items() if measure.feeds(rules.force)]


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
    labels = ["force"] if measure.is_open() else ["force", "window"]
    name = metric_name(measure)
    value = GaugeMetricFamily(name, measure.question, labels=labels)
    taken_from = GaugeMetricFamily(f"{name}_n", f"How many: {measure.population}", labels=labels)
    met = GaugeMetricFamily(f"{name}_met", f"How many of them: {measure.question}", labels=labels)
    for each in readings:
        words = [each.force] if measure.is_open() else [each.force, each.window]
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


def _feeds(reader: Reader) -> Iterator[Metric]:
    statuses = [(force, status) for force in reader.rules for status in reader.feeds(force)]
    for attribute, (name, question) in _FEED_METRICS.items():
        family = GaugeMetricFamily(f"bluelamp_{name}", question, labels=["force", "feed"])
        for force, status in statuses:
            _add_instant(family, force, status, getattr(status, attribute))
        yield family
    yield from _feed_health(reader)


def _feed_health(reader: Reader) -> Iterator[Metric]:
    """Whether each feed is live, and how far it is behind, in the time its profile allows; of forces ever heard of."""
    labels = ["force", "feed"]
    live = GaugeMetricFamily("bluelamp_feed_live", "Whether the feed was heard in the time allowed.", labels=labels)
    behind = GaugeMetricFamily(
        "bluelamp_feed_behind_ratio", "How far it is from complete, as a share of the time allowed.", labels=labels
    )
    now = microseconds(reader.now())
    for force, rules in reader.rules.items():
        statuses = reader.feeds(force)
        if not any(status.heard_at or status.last_event_at for status in statuses):
            continue
        present = microseconds(reader.present(force))
        for status, feed in zip(statuses, rules.force.feeds, strict=True):
            allowed = feed.stale_after_seconds * SECOND
            is_live = status.heard_at is not None and now - status.heard_at <= allowed
            live.add_metric([force, feed.name], int(is_live))
            if status.complete_to is not None:
                behind.add_metric([force, feed.name], max(0, present - status.complete_to) / allowed)
    yield live
    yield behind


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


def serve(collectors: Iterable[Collector], port: int, host: str) -> tuple[WSGIServer, Thread]:
    """Serve what collectors show at /metrics; port 0 takes a free one."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    served: Any = start_http_server(port, addr=host, registry=registry)
    server, thread = served
    return server, thread
