"""Clients of the state server, created from the settings; they connect at their first command."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings, load_forces
from streams.readings import Reader
from streams.state_address import blocking_client


def state_client(settings: Settings, timeout_seconds: float = 5.0) -> Redis:
    """A blocking client of the state server that does not retry: its caller decides about that."""
    return blocking_client(
        settings.state_server(),
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )


def reader(settings: Settings, timeout_seconds: float = 5.0) -> Reader:
    """A reader of the state that the settings name."""
    return Reader(state_client(settings, timeout_seconds), settings.state_name, load_forces(settings), wall)
