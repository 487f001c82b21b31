"""What every service measures about itself, who may read that, and what the exporter watches besides figures."""

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.routing import Route
from starlette.types import ASGIApp

from bluelamp.wiring.hosts import is_private
from bluelamp.wiring.program import VERSION
from bluelamp.wiring.settings import FORCE_METRICS_TOKENS, METRICS_TOKEN, Settings, secret_in
from facts.errors import SettingError
from producers.gateway.senders import Senders, parse_pairs
from producers.http.metrics import HttpMetrics, MetricsAccess, build_info, may_read, metrics_route


def reading_right(settings: Settings, environment: Mapping[str, str], host: str) -> Callable[[str], bool]:
    """Whether a request with an Authorization header may read all metrics.

    With a token, only requests that have it. Without one, everybody if the service listens on loopback, and nobody otherwise.

    Args:
        settings: may say that others reach the service although it listens on loopback.
        environment: holds the token for all metrics, and the tokens of forces. If forces have tokens, loopback is not open either.
        host: the address that the service listens on.
    """
    token = secret_in(environment, METRICS_TOKEN)
    is_open = is_private(settings, host) and not secret_in(environment, FORCE_METRICS_TOKENS)
    return lambda authorization: may_read(authorization, token, is_open=is_open)


def force_of_token(environment: Mapping[str, str], known: Container[str]) -> Callable[[str], str]:
    """The only force whose metrics a request with an Authorization header may read; empty for none.

    Args:
        environment: holds the tokens of forces.
        known: the forces that have a profile.

    Raises:
        SettingError: a token is invalid, is that of all forces or of two, or its force has no profile.
    """
    pairs = parse_pairs(secret_in(environment, FORCE_METRICS_TOKENS), FORCE_METRICS_TOKENS)
    of_all, tokens = secret_in(environment, METRICS_TOKEN), [token for _, token in pairs]
    for force, token in pairs:
        if force not in known:
            hint = "`bluelamp check` lists the profiles."
            raise SettingError(f"There is no force {force!r}.", where=FORCE_METRICS_TOKENS, hint=hint)
        if token == of_all or tokens.count(token) > 1:
            hint = f"Give each force a token of its own, and {METRICS_TOKEN} another one."
            raise SettingError(f"The token of {force} is used twice.", where=FORCE_METRICS_TOKENS, hint=hint)
    senders = Senders(pairs)
    return lambda authorization: senders.authenticate(authorization) or ""


class ServiceMetrics:
    """The metrics of a service over HTTP.

    Args:
        service: its name.
        settings: its build.
        is_allowed: who may read them.
        collectors: what else it measures.
    """

    def __init__(
        self, service: str, settings: Settings, is_allowed: Callable[[str], bool], collectors: Iterable[Collector] = ()
    ) -> None:
        registry = CollectorRegistry()
        build_info(registry, service, VERSION, settings.build)
        for each in collectors:
            registry.register(each)
        self._http = HttpMetrics(registry)
        self.route: Route = metrics_route(registry, MetricsAccess(is_allowed))

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, with its requests counted."""
        return self._http.around(app)


class CachedMetrics(Collector):
    """Metrics that are costly or slow to read, and are cached for a time.

    Args:
        read: reads them; raises nothing.
        seconds: how long they are cached.
        monotonic: a clock that never jumps, in seconds.
    """

    def __init__(
        self, read: Callable[[], Iterable[Metric]], seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._seconds, self._monotonic = read, seconds, monotonic
        self._kept: list[Metric] = []
        self._until = float("-inf")

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registration reads nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric, read again if those kept are too old."""
        if self._monotonic() >= self._until:
            self._kept, self._until = list(self._read()), self._monotonic() + self._seconds
        yield from self._kept
