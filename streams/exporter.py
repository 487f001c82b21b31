"""The exporter: every reading as a Prometheus metric, read at each scrape; one process serves the whole state."""

import copy
import gzip
import logging
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from socket import SHUT_RDWR
from threading import BoundedSemaphore, Thread, Timer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client.core import Metric
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from facts.errors import IncompleteError
from producers.http.hosts import is_own_host
from producers.http.metrics import CLOSED, MetricsAccess
from streams.band_metrics import band_families
from streams.exposition import exposition
from streams.health import STATE_UP, Health, state_families
from streams.logwatch import LogWatch
from streams.prepared_metrics import AGE, NotPreparedError
from streams.reading_metrics import ReadingFilter, ReadingMetrics, all_readings
from streams.readings import Reader
from streams.refusal import Refusal, refusal_of
from streams.repeated_errors import RepeatedErrors
from streams.row_metric import RowMetric
from streams.trust import trust_families

_logger = logging.getLogger("bluelamp.exporter")
_REQUEST_SECONDS = 10.0
"""How long the head of a request may take to arrive."""
_CONNECTIONS_MAX = 256
_COMPRESSION = 1
"""How hard to compress: at the usual 9, compressing takes longer than everything else."""


class ReadingsCollector(Collector):
    """Turns readings into metrics; if the state cannot be read, it exports only that and the cause.

    Args:
        reader: the reader of the state.
        watch: the watch of the log; without one there are no metrics of the log.
        steady_seconds: a clock that never jumps.
        probe: finds out what the state server refuses although it can be read.
        further: collectors of what is not in the state.
        is_wanted: whether to include a measure over a window.
        has_health: whether to include the monitor's own figures.
        has_trust: whether to include what is missing from each feed.
    """

    def __init__(
        self,
        reader: Reader,
        watch: LogWatch | None = None,
        steady_seconds: Callable[[], float] = time.monotonic,
        probe: Callable[[], Refusal | None] = lambda: None,
        further: Sequence[Collector] = (),
        *,
        is_wanted: ReadingFilter = all_readings,
        has_health: bool = True,
        has_trust: bool = False,
    ) -> None:
        self._reader, self._is_wanted = reader, is_wanted
        self._has_health, self._has_trust = has_health, has_trust
        self._readings = ReadingMetrics(reader, steady_seconds, is_wanted)
        self._health, self._probe, self._further = Health(reader, watch, steady_seconds), probe, further
        self._errors = RepeatedErrors(_logger.warning, steady_seconds)

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registration does not query the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric; if the state cannot be read, only that and the cause."""
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
        for each in self._further:
            yield from each.collect()

    def _metrics(self) -> Iterator[Metric]:
        yield from self._readings.families()
        yield from band_families(self._reader, self._is_wanted)
        if self._has_health:
            yield from self._health.families()
        if self._has_trust:
            yield from trust_families(self._reader)


def serve(
    collectors_by_path: Mapping[str, Iterable[Collector]],
    port: int,
    host: str,
    *,
    names: Collection[str] = ("localhost",),
    ready: Callable[[], tuple[bool, bytes]] | None = None,
    is_allowed: Callable[[str], bool] = lambda _: True,
    force_of: Callable[[str], str] = lambda _: "",
    service: str = "exporter",
) -> tuple[WSGIServer, Thread]:
    """Serve metrics, with collectors of its own for each path.

    Args:
        collectors_by_path: collectors by path; any other path serves the first, and /health none.
        port: to listen on; 0 chooses a free one.
        host: address to listen on.
        names: the host names under which it is reached.
        ready: says for /ready whether the parts that it needs respond, and which do not; without it there is no such path.
        is_allowed: whether a request with this Authorization header may read all metrics.
        force_of: the only force whose metrics a request with this Authorization header may read; empty for none.
        service: its name, which /health says.
    """
    access = MetricsAccess(is_allowed, force_of)
    applications: dict[str, WSGIApplication] = {
        path: _guarded(collectors, access) for path, collectors in collectors_by_path.items()
    }
    first = next(iter(applications.values()))
    applications["/health"] = _health(service)
    if ready:
        applications["/ready"] = _ready(ready)

    def answer(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not is_own_host(environment.get("HTTP_HOST", ""), names):
            start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"Invalid host header"]
        return applications.get(environment.get("PATH_INFO", ""), first)(environment, start_response)

    server = make_server(host, port, answer, _BoundedServer, handler_class=_TimedHandler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server, thread


class OfForce(Collector):
    """The metrics of one force alone: samples of another force, or of no force, are left out.

    Args:
        collector: has the metrics of every force.
        force: the force.
    """

    def __init__(self, collector: Collector, force: str) -> None:
        self._collector, self._force = collector, force

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registration does not query the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics that have a sample of the force, and whether the state can be read."""
        for metric in self._collector.collect():
            if isinstance(metric, RowMetric):
                if (own := metric.of_force(self._force)).samples:
                    yield own
                continue
            kept = copy.copy(metric)
            is_shared = metric.name in (STATE_UP, AGE)
            kept.samples = [each for each in metric.samples if is_shared or each.labels.get("force") == self._force]
            if kept.samples:
                yield kept


def _guarded(collectors: Iterable[Collector], access: MetricsAccess) -> WSGIApplication:
    every = list(collectors)

    def answer(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = access.decide(environment.get("HTTP_AUTHORIZATION", ""), environment.get("REMOTE_ADDR", ""))
        if found.is_all:
            return _metrics(every, environment, start_response)
        if found.force:
            return _metrics([OfForce(each, found.force) for each in every], environment, start_response)
        headers = [("Content-Type", "text/plain; charset=utf-8"), *found.headers().items()]
        start_response(f"{found.status.value} {found.status.phrase}", headers)
        return [CLOSED.encode()]

    return answer


def _metrics(
    collectors: Iterable[Collector], environment: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """The text of the metrics, compressed lightly if the client accepts it."""
    if environment.get("REQUEST_METHOD") != "GET":
        start_response("405 Method Not Allowed", [("Allow", "GET"), ("Content-Type", "text/plain; charset=utf-8")])
        return [b"Use GET.\n"]
    try:
        text, content_type = exposition(collectors, environment.get("HTTP_ACCEPT", ""))
    except NotPreparedError as error:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "5")])
        return [f"{error}\n".encode()]
    headers = [("Content-Type", content_type)]
    if "gzip" in environment.get("HTTP_ACCEPT_ENCODING", ""):
        text = gzip.compress(text, _COMPRESSION)
        headers.append(("Content-Encoding", "gzip"))
    start_response("200 OK", headers)
    return [text]


def _health(service: str) -> WSGIApplication:
    def answer(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"bluelamp {service} ok\n".encode()]

    return answer


def _ready(ready: Callable[[], tuple[bool, bytes]]) -> WSGIApplication:
    def answer(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_ready, body = ready()
        start_response("200 OK" if is_ready else "503 Service Unavailable", [("Content-Type", "application/json")])
        return [body]

    return answer


class _BoundedServer(ThreadingWSGIServer):
    """A thread for each connection, up to a number; further ones are closed at once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._free = BoundedSemaphore(_CONNECTIONS_MAX)
        super().__init__(*arguments, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a connection."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off is not worth a traceback."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _TimedHandler(WSGIRequestHandler):
    """Closes a connection whose request does not arrive in time, and writes no line for each request."""

    timeout = _REQUEST_SECONDS

    def handle(self) -> None:
        """Serve one request."""
        self._limit = Timer(_REQUEST_SECONDS, self._close)
        self._limit.daemon = True
        self._limit.start()
        try:
            super().handle()
        finally:
            self._limit.cancel()

    def parse_request(self) -> bool:
        """Read the head of the request; the answer may then take its time."""
        try:
            return super().parse_request()
        finally:
            self._limit.cancel()

    def _close(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Nothing."""
