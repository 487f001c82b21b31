"""Refuses requests for host names that are not ours: a page of another site may have its own name lead to this machine."""

from collections.abc import Collection, Sequence
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class OwnHosts:
    """Starlette's check of the Host header, which IP addresses pass: only a name can be made to lead elsewhere.

    Args:
        app: the application.
        names: the names under which it is reached.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app = app
        self._checked = TrustedHostMiddleware(app, allowed_hosts=list(names), www_redirect=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        is_address = scope["type"] == "http" and is_ip_address(Headers(scope=scope).get("host", ""))
        await (self._app if is_address else self._checked)(scope, receive, send)


def is_own_host(host: str, names: Collection[str]) -> bool:
    """Whether a Host header is an IP address, or one of the names, with or without a port; an old client may send none."""
    name, _, port = host.partition(":")
    return not host or is_ip_address(host) or (name.lower() in names and (port.isdecimal() or not port))


def is_ip_address(host: str) -> bool:
    """Whether a Host header is an IP address, with or without a port."""
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    try:
        ip_address((name if port.isdecimal() and name else host).strip("[]"))
    except ValueError:
        return False
    return True
