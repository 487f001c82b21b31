"""The worker's port: whether it runs, whether Kafka and the state server respond to it, and its metrics."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from bluelamp.services.metrics import reading_right
from bluelamp.services.ready import readiness
from bluelamp.wiring.hosts import host_names
from bluelamp.wiring.program import VERSION
from bluelamp.wiring.settings import Settings
from facts.errors import PartMissingError
from producers.http.metrics import build_info
from streams.exporter import serve


def serve_worker(settings: Settings, environment: Mapping[str, str], host: str) -> None:
    """Serve /health, /ready and /metrics from a thread of their own, if the settings give a port.

    Args:
        settings: the port.
        environment: holds the token for metrics.
        host: address to listen on.

    Raises:
        PartMissingError: the port is in use.
    """
    if not settings.worker_port:
        return
    registry = CollectorRegistry()
    build_info(registry, "worker", VERSION, settings.build)
    try:
        serve(
            {"/metrics": [registry]},
            settings.worker_port,
            host,
            names=host_names(settings, host),
            ready=readiness(settings, has_log=True, has_state=True),
            is_allowed=reading_right(settings, environment, host),
            service="worker",
        )
    except OSError as error:
        hint = "Choose another port for each worker of one machine, or 0 for none."
        where = f"BLUELAMP_WORKER_PORT={settings.worker_port}"
        raise PartMissingError(f"The port cannot be used: {error.strerror}.", where=where, hint=hint) from None
