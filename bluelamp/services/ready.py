"""What `/ready` checks at each service: that Kafka and the state server respond, and how old the figures are."""

import asyncio
import time

from redis import Redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bluelamp.wiring.connections import state_client
from bluelamp.wiring.settings import Settings
from measures.outcome import microseconds
from producers.http.answer import Answer, AnswerRoute
from producers.http.ready import Check, Readiness
from producers.kafka_probe import check_reachable
from streams.readings import Reader

_SECONDS = 2.0
_MICROSECONDS = 1_000_000


def readiness(settings: Settings, *, has_log: bool, has_state: bool, source: Reader | None = None) -> Readiness:
    """What a service needs.

    Args:
        settings: the addresses of the parts.
        has_log: whether it needs Kafka.
        has_state: whether it needs the state server.
        source: reads the figures that it displays; None if it displays none.
    """
    checks: dict[str, Check] = {}
    if has_log:
        checks["log"] = lambda: _log(settings)
    if has_state:
        client = state_client(settings, _SECONDS)
        checks["state_server"] = lambda: _state_server(client)
    if source:
        checks["figures"] = lambda: _age_seconds(source, settings.force)
    return Readiness(checks, time.monotonic)


def _log(settings: Settings) -> None:
    check_reachable(settings.log())


def _state_server(client: Redis) -> None:
    client.ping()


def _age_seconds(source: Reader, force: str) -> float | None:
    """How long ago the feed that is furthest behind was complete; None if a feed has never been complete."""
    source.refresh()
    complete = [each.complete_to for each in source.feeds(force)]
    known = [each for each in complete if each is not None]
    if not known or len(known) < len(complete):
        return None
    return max(0.0, (microseconds(source.now()) - min(known)) / _MICROSECONDS)


def ready_route(ready: Readiness) -> Route:
    """The route of `/ready`: 200 if every part responds, otherwise 503."""

    async def answer(_: Request) -> Response:
        is_ready, body = await asyncio.to_thread(ready)
        return Response(body, 200 if is_ready else 503, media_type="application/json")

    return AnswerRoute(
        "/ready", answer, Answer(summary="Whether this program can do its work.", media=("application/json",))
    )
