"""The gateway command: load the senders and the profiles, connect to the log, and run the HTTP server."""

import time
from collections.abc import Callable, Mapping, Sequence

from bluelamp.feeding.replay import named_mapping
from bluelamp.services.metrics import ServiceMetrics, reading_right
from bluelamp.services.ready import readiness, ready_route
from bluelamp.services.server import server
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import state_client
from bluelamp.wiring.hosts import host_names
from bluelamp.wiring.ports import listen
from bluelamp.wiring.program import announce_start
from bluelamp.wiring.settings import GATEWAY_TOKENS, WEBHOOK_SECRETS, Settings, load_forces, secret_in, variable
from producers.adapters.webhook import Webhook
from producers.gateway.app import gateway
from producers.gateway.delivery import DeliveryQueue
from producers.gateway.limits import Limits
from producers.gateway.metrics import GatewayMetrics
from producers.gateway.senders import Senders, parse_senders
from producers.gateway.signatures import signing_keys
from producers.publish import Publisher, PublisherSettings, connect

_CONNECT_SECONDS = 2.0
"""Time allowed to connect to Kafka; short, because the sender of a request waits for it."""
_SHUTDOWN_SECONDS = 10


def serve(
    settings: Settings, environment: Mapping[str, str], host: str, webhooks: Sequence[str], say: Callable[[str], None]
) -> None:
    """Run the gateway until SIGINT or SIGTERM; requests received by then are answered first.

    Args:
        settings: these give the log's address and the limits.
        environment: holds the senders' tokens and the secrets of webhooks.
        host: address to listen on.
        webhooks: mappings of platforms that push events: files, or names of supplied mappings.
        say: prints the address once the gateway listens.

    Raises:
        SettingError: no sender has a token and no webhook a secret, or one of these settings is invalid.
        MappingError: a webhook's mapping is invalid.
        PartMissingError: the port is in use.
    """
    hooks = [Webhook(named_mapping(each), wall, Limits().batch_facts) for each in webhooks]
    keys = signing_keys(
        secret_in(environment, WEBHOOK_SECRETS),
        WEBHOOK_SECRETS,
        {each.mapping.name: each.mapping.signing for each in hooks},
        settings.gateway_public_url,
        variable("gateway_public_url"),
    )
    senders = _senders(secret_in(environment, GATEWAY_TOKENS), is_needed=not keys)
    forces = {name: rules.force for name, rules in load_forces(settings).items()}
    limits = Limits(
        body_bytes=settings.gateway_body_bytes,
        facts_per_second=settings.gateway_facts_per_second,
        delivery_seconds=settings.gateway_delivery_seconds,
    )
    deliveries = DeliveryQueue(lambda: _connect(settings), limits)
    counts = GatewayMetrics(time.monotonic)
    application = gateway(
        forces,
        senders,
        deliveries,
        limits,
        now=wall,
        monotonic=time.monotonic,
        webhooks=hooks,
        keys=keys,
        metrics=counts,
    )
    metrics = ServiceMetrics("gateway", settings, reading_right(settings, environment, host), [counts])
    application.router.routes.append(metrics.route)
    application.router.routes.append(ready_route(readiness(settings, has_log=True, has_state=False)))
    running = server(metrics.around(application), host_names(settings, host), _SHUTDOWN_SECONDS)
    with listen(host, settings.gateway_port, "BLUELAMP_GATEWAY_PORT") as listening:
        announce_start(state_client(settings, _CONNECT_SECONDS), settings, "gateway")
        say(f"ready http://{host}:{listening.getsockname()[1]}/")
        running.run(sockets=[listening])


def _senders(text: str, *, is_needed: bool) -> Senders:
    return parse_senders(text, GATEWAY_TOKENS) if is_needed or text.strip() else Senders([])


def _connect(settings: Settings) -> Publisher:
    options = {"bootstrap_timeout_ms": int(_CONNECT_SECONDS * 1000)}
    publishing = PublisherSettings(topic_timeout_seconds=_CONNECT_SECONDS)
    return connect(settings.log(), publishing, now=wall, monotonic=time.monotonic, options=options)
