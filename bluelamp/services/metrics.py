"""What every service measures about itself, who may read that, and what the exporter watches besides figures."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.routing import Route
from starlette.types import ASGIApp

from bluelamp.wiring.hosts import LOOPBACK
from bluelamp.wiring.program import VERSION
from bluelamp.wiring.settings import METRICS_TOKEN, Settings, secret_in
from producers.http.metrics import HttpMetrics, build_info, may_read, metrics_route


def reading_right(settings: Settings, environment: Mapping[str, str], host: str) -> Callable[[str], bool]:
    """Whether a request with an Authorization header may read metrics.

    With a token, only requests that have it. Without one, everybody if the service listens on loopback, and nobody otherwise.

    Args:
        settings: name a proxy or a provider, with which loopback is not private.
        environment: holds the token.
        host: the address that the service listens on.
    """
    token = secret_in(environment, METRICS_TOKEN)
    is_open = host in LOOPBACK and not (settings.proxy_addresses or settings.oidc_issuer)
    return lambda authorization: may_read(authorization, token, is_open=is_open)


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
        self.route: Route = metrics_route(registry, is_allowed)

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
