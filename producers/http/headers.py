"""Security headers, and the middleware that adds them to every response."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_HEADERS: Mapping[str, str] = MappingProxyType({"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"})
"""For every response: browsers must not guess its type, and nobody may cache it."""


def page_headers(*own: str) -> dict[str, str]:
    """The headers of a site with pages, which may load nothing from other sites and may not be framed.

    Args:
        own: Content-Security-Policy directives that may use the site itself, such as `script-src`.
    """
    allowed = [f"{directive} 'self'" for directive in own]
    denied = ["default-src", "base-uri", "frame-ancestors", *({"form-action"} - set(own))]
    policy = "; ".join([*(f"{directive} 'none'" for directive in denied), *allowed])
    return {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", **API_HEADERS}


class SecurityHeaders:
    """Adds headers to every response that does not set them itself.

    It is plain ASGI, so that event streams pass through unbuffered.

    Args:
        app: the application.
        headers: the headers, by name.
    """

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app, self._headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_secured)
