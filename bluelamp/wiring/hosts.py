"""The host names under which services may be reached, and the addresses that only this machine can reach."""

import socket
from urllib.parse import urlsplit

from bluelamp.wiring.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def host_names(settings: Settings, host: str) -> list[str]:
    """The host names under which a service may be reached.

    Args:
        settings: name the services' addresses and further hosts.
        host: the address that the service listens on.
    """
    addresses = (
        settings.oidc_address,
        settings.board,
        settings.exporter,
        settings.gateway,
        settings.inbox,
        settings.gateway_public_url,
    )
    given = (urlsplit(each).hostname or "" for each in addresses)
    own = (each.strip() for each in settings.hosts.split(","))
    names = {"localhost", host, socket.gethostname(), *given, *own}
    return sorted(each.lower() for each in names if each)
