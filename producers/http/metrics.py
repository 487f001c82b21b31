"""Metrics of a service over HTTP: its program, its process, its requests and how long they took."""

import hmac
import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import NamedTuple

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from producers.http.answer import Answer, AnswerRoute
from producers.http.attempts import WRONG_TOKENS, Attempts

_logger = logging.getLogger("bluelamp.metrics")
PATH = "/metrics"
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
_STREAM = b"text/event-stream"


def build_info(registry: CollectorRegistry, service: str, version: str, build: str) -> None:
    """Add the metric that says which program runs, and those of its process."""
    info = Gauge(
        "bluelamp_build_info",
        "Always 1; its labels say which program runs.",
        ["service", "version", "build"],
        registry=registry,
    )
    info.labels(service, version, build).set(1)
    ProcessCollector(registry=registry)


class HttpMetrics:
    """Counts requests; plain ASGI, so that event streams pass through unbuffered.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "bluelamp_http_requests", "Requests answered.", ["method", "status"], registry=registry
        )
        self._seconds = Histogram(
            "bluelamp_http_request_seconds", "How long an answer took; event streams are left out.", registry=registry
        )
        self._open = Gauge("bluelamp_http_requests_open", "Requests that are being answered.", registry=registry)
        self._streams = Gauge("bluelamp_http_event_streams", "Event streams that are open.", registry=registry)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, with its requests counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, started = time.monotonic(), list[Message]()

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    started.append(message)
                    self._streams.inc(_is_stream(message))
                await send(message)

            self._open.inc()
            try:
                await app(scope, receive, sending)
            finally:
                self._open.dec()
                self._note(scope["method"], started, time.monotonic() - began)

        return counted

    def _note(self, method: str, started: list[Message], seconds: float) -> None:
        status = started[0]["status"] if started else 0
        self._requests.labels(method if method in _METHODS else "other", str(status)).inc()
        if started and _is_stream(started[0]):
            self._streams.dec()
        else:
            self._seconds.observe(seconds)


def _is_stream(message: Message) -> bool:
    return any(name == b"content-type" and value.startswith(_STREAM) for name, value in message.get("headers", ()))


class MayRead(NamedTuple):
    """What a request may read of the metrics.

    Attributes:
        is_all: everything.
        force: the samples of this force alone; empty for none.
        wait_seconds: how long its address must wait after too many wrong tokens; 0 if it need not wait.
    """

    is_all: bool = False
    force: str = ""
    wait_seconds: int = 0

    @property
    def status(self) -> HTTPStatus:
        """The status of a refusal."""
        return HTTPStatus.TOO_MANY_REQUESTS if self.wait_seconds else HTTPStatus.UNAUTHORIZED

    def headers(self) -> dict[str, str]:
        """The headers of a refusal."""
        return {"Retry-After": str(self.wait_seconds)} if self.wait_seconds else {"WWW-Authenticate": "Bearer"}


def may_read(authorization: str, token: str, *, is_open: bool) -> bool:
    """Whether a request may read the metrics.

    Args:
        authorization: its header.
        token: the token that it must have; empty if none is set.
        is_open: whether it may read them without a token, if none is set.
    """
    if not token:
        return is_open
    return hmac.compare_digest(authorization.encode("utf-8", "replace"), f"Bearer {token}".encode())


class MetricsAccess:
    """Decides who may read metrics, logs wrong tokens, and limits them for each address.

    Args:
        is_allowed: whether a request with this Authorization header may read all metrics.
        force_of: the only force whose metrics a request with this Authorization header may read; empty for none.
        monotonic: a clock that never jumps.
    """

    def __init__(
        self,
        is_allowed: Callable[[str], bool],
        force_of: Callable[[str], str] = lambda _: "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_allowed, self._force_of = is_allowed, force_of
        self._attempts = Attempts(monotonic, WRONG_TOKENS)

    def decide(self, authorization: str, address: str) -> MayRead:
        """What a request may read. A right token is never delayed, so a wrong one does not stop others that share its address.

        Args:
            authorization: its header.
            address: the address that it comes from.
        """
        if self._is_allowed(authorization):
            return MayRead(is_all=True)
        if force := self._force_of(authorization):
            return MayRead(force=force)
        wait = self._attempts.wait_seconds(address)
        if authorization and not wait:
            self._attempts.note_failure(address)
            _logger.warning("wrong token for metrics from %s", address)
        return MayRead(wait_seconds=wait)


CLOSED = (
    "Metrics need a token here: set BLUELAMP_METRICS_TOKEN for this service, and the same token for Prometheus "
    "(`authorization` in its scrape configuration).\n"
)


def metrics_route(registry: CollectorRegistry, access: MetricsAccess) -> Route:
    """The route of the metrics.

    Args:
        registry: holds them.
        access: decides who may read them.
    """

    def answer(request: Request) -> Response:
        address = request.client.host if request.client else ""
        found = access.decide(request.headers.get("authorization", ""), address)
        if not found.is_all:
            return PlainTextResponse(CLOSED, found.status, headers=found.headers())
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return AnswerRoute(PATH, answer, Answer(summary="The program's own metrics.", media=("text/plain",)))


def registry_of(collectors: Iterable[Collector]) -> CollectorRegistry:
    """A registry of these collectors."""
    registry = CollectorRegistry()
    for each in collectors:
        registry.register(each)
    return registry
