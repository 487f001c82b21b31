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
    given = (urlsplit(each.strip()).hostname or "" for several in addresses for each in several.split(","))
    own = (each.strip() for each in settings.hosts.split(","))
    names = {"localhost", host, socket.gethostname(), *given, *own}
    return sorted(each.lower() for each in names if each)


def is_private(settings: Settings, host: str) -> bool:
    """Whether only this machine can reach a service: it listens on loopback, and no setting says that others reach it.

    Args:
        settings: name a proxy, an identity provider, or host names under which others reach the service.
        host: the address that the service listens on.
    """
    own = {*LOOPBACK, socket.gethostname().lower()}
    is_proxied = settings.proxy_addresses or settings.oidc_issuer or not own.issuperset(host_names(settings, host))
    return host in LOOPBACK and not is_proxied
