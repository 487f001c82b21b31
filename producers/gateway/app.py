"""The gateway's web application: facts in by HTTP, answered once the log has them, and the documents that describe it."""

import asyncio
import contextlib
import http
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime

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
from producers.gateway.courier import Courier
from producers.gateway.limits import Bucket, Limits
from producers.gateway.openapi import openapi
from producers.gateway.problem import problem
from producers.gateway.reading import read_facts
from producers.gateway.senders import Senders
from producers.http.headers import API_HEADERS, SecurityHeaders
from producers.http.problem import Kind, ProblemError, response_of

_logger = logging.getLogger("bluelamp.gateway")
_DRAINED_BYTES = 4 * 1024 * 1024
"""What is read of a body that is too large, and thrown away, so that its sender is there to hear the answer."""

Read = Callable[[bytes], Sequence[AnyFact]]
"""A request's body to facts, or a ProblemError."""


def gateway(
    forces: Mapping[str, Force],
    senders: Senders,
    courier: Courier,
    limits: Limits,
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    webhooks: Sequence[Webhook] = (),
) -> Starlette:
    """The application, for any ASGI server.

    Args:
        forces: the profiles, by name.
        senders: who may tell facts.
        courier: carries them to the log; started and closed here.
        limits: how much is taken.
        now: the wall clock.
        monotonic: a clock that is never put back, in seconds.
        webhooks: of platforms that push events of their own; each is at its mapping's name.
    """
    desk = _Desk(senders, courier, limits, monotonic)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        courier.start()
        yield
        await asyncio.to_thread(courier.close)

    def reads(topic: Topic) -> Read:
        return lambda body: read_facts(body, topic, forces, now(), limits.batch_facts)

    hooks = [each.mapping.name for each in webhooks]
    documents = {"/openapi.json": openapi(forces.values(), limits, hooks), "/asyncapi.json": asyncapi()}
    routes: list[BaseRoute] = [
        *(Route(f"/v1/{topic}", desk.taking(topic, reads(topic)), methods=["POST"]) for topic in TOPICS),
        *(
            Route(f"/v1/webhooks/{each.mapping.name}", desk.taking(each.mapping.topic, each.read), methods=["POST"])
            for each in webhooks
        ),
        *(Route(path, _telling(document)) for path, document in documents.items()),
        Route("/health", _health),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(SecurityHeaders, headers=API_HEADERS)],
        exception_handlers={ProblemError: _tell_problem, HTTPException: _tell_status, Exception: _tell_fault},
    )


class _Desk:
    """Takes requests in: who asks, how much, what it says; and answers when the log has it."""

    def __init__(self, senders: Senders, courier: Courier, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._senders, self._courier, self._limits = senders, courier, limits
        self._buckets = {name: Bucket(limits, monotonic) for name in senders.names}

    def taking(self, topic: Topic, read: Read) -> Callable[[Request], Awaitable[Response]]:
        """What answers the requests of one place.

        Args:
            topic: where the facts travel.
            read: a body to facts.
        """

        async def take(request: Request) -> Response:
            sender = self._sender(request)
            try:
                self._charge(sender, 1)
                facts = read(await self._body(request))
                self._charge(sender, len(facts) - 1)
                if facts:
                    await self._deliver(topic, facts)
            except ProblemError as error:
                _logger.warning("%s, %s: %d %s", sender, topic, error.problem.status, error.problem.title)
                raise
            return JSONResponse({"facts": len(facts)}, status_code=202)

        return take

    def _sender(self, request: Request) -> str:
        sender = self._senders.named_by(request.headers.get("authorization"))
        if sender is None:
            title = "This sender is not known."
            detail = "Send the header `Authorization: Bearer` with the token that the gateway was given for you."
            raise problem("not_authorised", 401, title, detail, headers={"WWW-Authenticate": "Bearer"})
        return sender

    def _charge(self, sender: str, facts: int) -> None:
        seconds = self._buckets[sender].take(facts) if facts > 0 else 0.0
        if seconds:
            wait = math.ceil(seconds)
            title = f"This sender tells more than {self._limits.facts_per_second:g} facts a second."
            raise problem(
                "too_many_facts", 429, title, f"Send it again in {wait} s.", headers={"Retry-After": str(wait)}
            )

    async def _body(self, request: Request) -> bytes:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            detail = "Send JSON, with the header `Content-Type: application/json`."
            raise problem("wrong_media_type", 415, "This is not application/json.", detail)
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await self._read(request)
        except (TimeoutError, ClientDisconnect):
            title = f"The request did not arrive whole within {self._limits.body_seconds:g} s."
            raise problem("too_slow", 408, title, "Send smaller batches.", headers={"Connection": "close"}) from None

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
            raise problem("too_large", 413, title, "Send it as several batches; a hundred facts make a good one.")
        return b"".join(parts)

    async def _deliver(self, topic: Topic, facts: Sequence[AnyFact]) -> None:
        try:
            await self._courier.deliver(topic, facts)
        except (BlueLampError, TimeoutError):
            wait = str(self._limits.retry_seconds)
            title = "The log has not acknowledged this; it may have it, or not."
            detail = f"Send all of it again in {wait} s: a fact that is told twice counts once."
            raise problem("log_unavailable", 503, title, detail, headers={"Retry-After": wait}) from None


def _telling(document: Mapping[str, object]) -> Callable[[Request], Awaitable[Response]]:
    async def tell(_: Request) -> Response:
        return JSONResponse(document)

    return tell


async def _health(_: Request) -> Response:
    return PlainTextResponse("bluelamp gateway ok\n")


async def _tell_problem(_: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return response_of(error)
    raise error


async def _tell_status(_: Request, error: Exception) -> Response:
    """What the routing refuses: a path or a method that does not exist."""
    if not isinstance(error, HTTPException):
        raise error
    title = f"{http.HTTPStatus(error.status_code).phrase}."
    kind: Kind = "no_such_method" if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED else "no_such_place"
    detail = "GET /openapi.json says what there is."
    return response_of(problem(kind, error.status_code, title, detail, headers=error.headers))


async def _tell_fault(_: Request, _error: Exception) -> Response:
    detail = "Send it again; if it stays, the gateway's own log says more."
    return response_of(problem("our_fault", 500, "Something went wrong here.", detail))
