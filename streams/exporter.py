"""The exporter: every reading as Prometheus metrics, taken when it is scraped; one process for a whole state."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import Metric
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from facts.errors import IncompleteError
from streams.band_metrics import band_families
from streams.repeated_errors import RepeatedErrors
from streams.health import Health, state_families
from streams.logwatch import LogWatch
from streams.reading_metrics import ReadingMetrics, ReadingFilter, all_readings
from streams.readings import Reader
from streams.refusal import Refusal, refusal_of

_logger = logging.getLogger("bluelamp.exporter")


class ReadingsCollector(Collector):
    """Turns readings into metrics; without the state it says so, and why, and nothing else.

    Args:
        reader: of the state.
        watch: of the log; without one nothing is said of it.
        steady_seconds: a clock that never jumps.
        probe: finds out what is refused although the state can be read; without one that is not looked for.
        is_wanted: whether a measure is wanted over a window: a few cost little.
        has_health: the monitor's own figures are wanted.
    """

    def __init__(
        self,
        reader: Reader,
        watch: LogWatch | None = None,
        steady_seconds: Callable[[], float] = time.monotonic,
        probe: Callable[[], Refusal | None] = lambda: None,
        *,
        is_wanted: ReadingFilter = all_readings,
        has_health: bool = True,
    ) -> None:
        self._reader, self._is_wanted, self._has_health = reader, is_wanted, has_health
        self._readings = ReadingMetrics(reader, steady_seconds, is_wanted)
        self._health, self._probe = Health(reader, watch, steady_seconds), probe
        self._errors = RepeatedErrors(_logger.warning, steady_seconds)

    def describe(self) -> Iterable[Metric]:
        """Nothing: registration must not ask the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric; or, where the state cannot be read, only that it cannot and why."""
        metrics, refusal = list[Metric](), None
        try:
            self._readings.read_ended()
            metrics = self._reader.at_one_moment(lambda: list(self._metrics()))
            self._errors.end()
        except (RedisError, OSError, IncompleteError) as error:
            refusal = refusal_of(error)
            self._errors.add_error(error)
        if self._has_health:
            yield from state_families(refusal or self._probe(), is_up=refusal is None)
        yield from metrics

    def _metrics(self) -> Iterator[Metric]:
        yield from self._readings.families()
        yield from band_families(self._reader, self._is_wanted)
        if self._has_health:
            yield from self._health.families()


def serve(places: Mapping[str, Iterable[Collector]], port: int, host: str) -> tuple[WSGIServer, Thread]:
    """Serve what collectors show, each place its own; port 0 takes a free one.

    Args:
        places: collectors by path; any other path is answered as the first, and /health without looking at any.
        port: to listen on.
        host: address to listen on.
    """
    applications: dict[str, WSGIApplication] = {
        path: make_wsgi_app(_registry(collectors)) for path, collectors in places.items()
    }
    first = next(iter(applications.values()))
    applications["/health"] = _health

    def answer(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return applications.get(environment.get("PATH_INFO", ""), first)(environment, start_response)

    server = make_server(host, port, answer, ThreadingWSGIServer, handler_class=_Quiet)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server, thread


def _health(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"bluelamp exporter ok\n"]


def _registry(collectors: Iterable[Collector]) -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry


class _Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Nothing."""
