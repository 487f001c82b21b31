"""The exporter: every reading as Prometheus metrics, taken when it is scraped; one process for a whole state."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from streams.expected import expected_families
from streams.exported import ExportedReadings
from streams.health import Health
from streams.logwatch import LogWatch
from streams.readings import Reader

_logger = logging.getLogger("bluelamp.exporter")


class ReadingsCollector(Collector):
    """Turns readings into metrics; without the state it says so and nothing else.

    Args:
        reader: of the state.
        watch: of the log; without one nothing is said of it.
        steady_seconds: a clock that never jumps.
        only: the windows of each measure that are wanted, where not all are: a few cost little.
    """

    def __init__(
        self,
        reader: Reader,
        watch: LogWatch | None = None,
        steady_seconds: Callable[[], float] = time.monotonic,
        only: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._reader, self._only = reader, only
        self._readings = ExportedReadings(reader, steady_seconds, only)
        self._health = Health(reader, watch, steady_seconds)

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
            yield from self._readings.families()
            yield from expected_families(self._reader, self._only)
            yield from self._health.families()


def serve(collectors: Iterable[Collector], port: int, host: str) -> tuple[WSGIServer, Thread]:
    """Serve what collectors show at /metrics; port 0 takes a free one."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    served: Any = start_http_server(port, addr=host, registry=registry)
    server, thread = served
    return server, thread
