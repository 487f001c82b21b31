"""The gateway's web application: accepts facts over HTTP and serves the documents that describe its API."""

import asyncio
import contextlib
import http
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from facts.errors import BlueLampError
from facts.force import Force
from facts.union import TOPICS, AnyFact, Topic
from producers.adapters.webhook import Webhook
from producers.gateway.asyncapi import asyncapi
from producers.gateway.delivery import DeliveryQueue
from producers.gateway.events import MEDIA_TYPES
from producers.gateway.limits import Bucket, Limits
from producers.gateway.metrics import GatewayMetrics
from producers.gateway.openapi import openapi
from producers.gateway.problem import problem
from producers.gateway.reading import read_facts
from producers.gateway.senders import Senders, digest_of
from producers.gateway.sent import CLOUDEVENT, CLOUDEVENTS, JSON, Sent
from producers.gateway.signatures import SigningKey, is_signed
from producers.http.attempts import TokenAttempts
from producers.http.headers import API_HEADERS, SecurityHeaders
from producers.http.problem import Kind, ProblemError, response_of
from producers.repeated import RepeatedLines

_logger = logging.getLogger("bluelamp.gateway")
_DRAINED_BYTES = 4 * 1024 * 1024
"""How much of a body that is too large is read and discarded, so that its sender still receives the answer."""

Endpoint = Callable[[Request], Awaitable[Response]]
Read = Callable[[Sent], Sequence[AnyFact]]
"""Turns a request into facts, or raises a ProblemError."""
_FACT_TYPES = (JSON, CLOUDEVENT, CLOUDEVENTS)
_ACCEPTED_FACTS = (
    "Send JSON, with the header `Content-Type: application/json`, or CloudEvents in JSON. A platform's own events and forms go to "
    "/v1/webhooks/MAPPING; docs/feed/platforms.md lists the mappings."
)
_ACCEPTED_EVENTS = f"Send JSON, a form or CloudEvents, with the header `Content-Type`: {', '.join(MEDIA_TYPES)}."


def gateway(
    forces: Mapping[str, Force],
    senders: Senders,
    deliveries: DeliveryQueue,
    limits: Limits,
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    webhooks: Sequence[Webhook] = (),
    keys: Mapping[str, SigningKey] = MappingProxyType({}),
    metrics: GatewayMetrics | None = None,
) -> Starlette:
    """The application, for any ASGI server.

    Args:
        forces: the profiles, by name.
        senders: who may send facts.
        deliveries: delivers facts to the log; started and closed here.
        limits: the limits of a request and of a sender.
        now: the wall clock.
        monotonic: a monotonic clock, in seconds.
        webhooks: readers for platforms that push their own events; each is served under its mapping's name.
        keys: the signing key of each webhook that accepts only signed requests, by its mapping's name.
        metrics: counts what is accepted and refused.
    """
    ingest = _Ingest(senders, deliveries, limits, monotonic, metrics or GatewayMetrics(monotonic))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        deliveries.start()
        yield
        await asyncio.to_thread(deliveries.close)

    def reads(topic: Topic) -> Read:
        return lambda sent: read_facts(sent, topic, forces, now(), limits.batch_facts)

    hooks = {each.mapping.name: each for each in webhooks}
    documents = {"/openapi.json": openapi(forces.values(), limits, hooks), "/asyncapi.json": asyncapi()}
    routes: list[BaseRoute] = [
        *(Route(f"/v1/{topic}", ingest.endpoint(topic, reads(topic)), methods=["POST"]) for topic in TOPICS),
        *(
            Route(f"/v1/webhooks/{name}", ingest.webhook(each, keys.get(name)), methods=["POST"])
            for name, each in hooks.items()
        ),
        *(Route(path, _document_endpoint(document)) for path, document in documents.items()),
        Route("/health", _health),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(SecurityHeaders, headers=API_HEADERS)],
        exception_handlers={ProblemError: _problem, HTTPException: _http_error, Exception: _server_error},
    )


class _Ingest:
    """Authenticates requests, applies the limits, reads the facts, and answers once the log has them."""

    def __init__(
        self,
        senders: Senders,
        deliveries: DeliveryQueue,
        limits: Limits,
        monotonic: Callable[[], float],
        metrics: GatewayMetrics,
    ) -> None:
        self._metrics, self._refusals = metrics, RepeatedLines(_logger.warning, monotonic)
        self._senders, self._deliveries, self._limits, self._monotonic = senders, deliveries, limits, monotonic
        self._attempts = TokenAttempts(monotonic, lambda address: _logger.warning("wrong token from %s", address))
        self._buckets = {name: Bucket(limits, monotonic) for name in senders.names}

    def endpoint(self, topic: Topic, read: Read) -> Endpoint:
        """The endpoint that accepts facts for one topic.

        Args:
            topic: the topic to publish to.
            read: turns a request into facts.
        """

        async def accept(request: Request) -> Response:
            sender = self._known(request, "Bearer")
            return await self._accept(sender, topic, lambda: self._sent(request, _FACT_TYPES, _ACCEPTED_FACTS), read)

        return accept

    def webhook(self, hook: Webhook, key: SigningKey | None) -> Endpoint:
        """The endpoint that accepts a platform's events.

        Args:
            hook: reads the events.
            key: the signing key; None if the platform sends a token.
        """
        signer = f"webhook {hook.mapping.name}"
        self._buckets[signer] = Bucket(self._limits, self._monotonic)

        async def accept(request: Request) -> Response:
            async def sent() -> Sent:
                whole = await self._sent(request, MEDIA_TYPES, _ACCEPTED_EVENTS)
                if key and not is_signed(whole, key):
                    raise _unsigned(key)
                return whole

            sender = signer if key else self._known(request, 'Basic realm="Blue Lamp"')
            return await self._accept(sender, hook.mapping.topic, sent, hook.read)

        return accept

    async def _accept(self, sender: str, topic: Topic, sent: Callable[[], Awaitable[Sent]], read: Read) -> Response:
        try:
            self._charge(sender, 1)
            facts = read(await sent())
            self._charge(sender, len(facts) - 1)
            if facts:
                await self._deliver(topic, facts)
        except ProblemError as error:
            self._metrics.refused(_reason(error))
            words = f"{sender}, {topic}: {error.problem.status} {error.problem.title}"
            self._refusals.add(f"{sender} {topic} {_reason(error)}", words)
            raise
        self._metrics.accepted(topic, len(facts))
        return JSONResponse({"facts": len(facts)}, status_code=202)

    def _known(self, request: Request, challenge: str) -> str:
        try:
            return self._sender(request, challenge)
        except ProblemError as error:
            self._metrics.refused(_reason(error))
            raise

    def _sender(self, request: Request, challenge: str) -> str:
        authorization = request.headers.get("authorization", "")
        address, digest = request.client.host if request.client else "", digest_of(authorization)
        wait = self._attempts.wait_seconds(address, digest) if authorization else 0
        if wait:
            title, headers = "There were too many wrong tokens from this address.", {"Retry-After": str(wait)}
            raise problem("too_many_attempts", 429, title, f"Try again in {wait} seconds.", headers=headers)
        sender = self._senders.authenticate(authorization)
        if authorization:  # a client that waits to be asked for its password sends nothing at first
            self._attempts.note(address, digest, is_right=sender is not None)
        if sender is None:
            title = "The token is missing or unknown."
            detail = (
                "Send the header `Authorization: Bearer TOKEN`, with the token that the gateway has for this sender, or Basic "
                "authentication with the sender's name and its token."
            )
            raise problem("not_authorised", 401, title, detail, headers={"WWW-Authenticate": challenge})
        return sender

    def _charge(self, sender: str, facts: int) -> None:
        seconds = self._buckets[sender].spend(facts) if facts > 0 else 0.0
        if seconds:
            wait = math.ceil(seconds)
            title = f"This sender has sent more than {self._limits.facts_per_second:g} facts a second."
            detail = f"Send the request again in {wait} s."
            raise problem("too_many_facts", 429, title, detail, headers={"Retry-After": str(wait)})

    async def _sent(self, request: Request, media_types: Sequence[str], detail: str) -> Sent:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in media_types:
            raise problem("wrong_media_type", 415, "The content type is not one that is accepted here.", detail)
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await self._read(request)
        except (TimeoutError, ClientDisconnect):
            title = f"The whole request did not arrive within {self._limits.body_seconds:g} s."
            raise problem("too_slow", 408, title, "Send smaller batches.", headers={"Connection": "close"}) from None
        query = f"?{request.url.query}" if request.url.query else ""
        return Sent(body=body, media_type=media_type, headers=dict(request.headers), target=request.url.path + query)

    async def _read(self, request: Request) -> bytes:
        parts: list[bytes] = []
        size_bytes = 0
        async for part in request.stream():
            size_bytes += len(part)
            if size_bytes <= self._limits.body_bytes:
                parts.append(part)
            elif size_bytes > _DRAINED_BYTES:
                break
        if size_bytes > self._limits.body_bytes:
            title = f"The request has more than {self._limits.body_bytes:,} bytes."
            raise problem("too_large", 413, title, "Send smaller batches, of about a hundred facts each.")
        return b"".join(parts)

    async def _deliver(self, topic: Topic, facts: Sequence[AnyFact]) -> None:
        try:
            await self._deliveries.deliver(topic, facts)
        except (BlueLampError, TimeoutError):
            wait = str(self._limits.retry_seconds)
            title = "The log has not acknowledged the facts; it may or may not have them."
            detail = f"Send the whole request again in {wait} s: a fact sent twice counts once."
            raise problem("log_unavailable", 503, title, detail, headers={"Retry-After": wait}) from None


def _reason(error: ProblemError) -> str:
    """The kind of a problem, without the rest of its URN."""
    return error.problem.type.rpartition(":")[2]


def _unsigned(key: SigningKey) -> ProblemError:
    title = "The signature is missing or wrong."
    detail = (
        f"The header {key.header} must have the signature of this request. Check that the gateway has the platform's "
        "current secret, and the address that the platform calls."
    )
    return problem("not_authorised", 401, title, detail, headers={"WWW-Authenticate": key.header})


def _document_endpoint(document: Mapping[str, object]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return JSONResponse(document)

    return serve


async def _health(_: Request) -> Response:
    return PlainTextResponse("bluelamp gateway ok\n")


async def _problem(_: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return response_of(error)
    raise error


async def _http_error(_: Request, error: Exception) -> Response:
    """The answer to a path or a method that does not exist."""
    if not isinstance(error, HTTPException):
        raise error
    title = f"{http.HTTPStatus(error.status_code).phrase}."
    kind: Kind = "no_such_method" if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED else "no_such_place"
    detail = "GET /openapi.json lists every path and method."
    return response_of(problem(kind, error.status_code, title, detail, headers=error.headers))


async def _server_error(_: Request, _error: Exception) -> Response:
    detail = "Send the request again. If it keeps failing, the gateway's own log says why."
    return response_of(problem("our_fault", 500, "The gateway failed.", detail))
