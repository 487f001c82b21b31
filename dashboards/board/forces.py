"""One board for several forces: each force has its own address, and the page Region adds up their figures."""

from collections.abc import Mapping

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.board.region.page import PATHS

UNDER = "/forces"
"""The path under which each force has its pages, by its name."""


def root_of(force: str, first: str) -> str:
    """The path under which a force's pages are: the first force is at the board's plain address."""
    return "" if force == first else f"{UNDER}/{force}"


class ForceBoards:
    """Sends each request to the board of its force.

    Args:
        boards: the board of each force, in order; the first one has the plain address.
        region: the page Region.
    """

    def __init__(self, boards: Mapping[str, ASGIApp], region: ASGIApp) -> None:
        self._boards, self._region = boards, region
        self._first = next(iter(boards))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        application, scope = self._found(scope)
        await application(scope, receive, send)

    def _found(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        path = scope.get("path", "")
        if path in PATHS and len(self._boards) > 1:
            return self._region, scope
        under, _, rest = path.removeprefix(f"{UNDER}/").partition("/")
        if not path.startswith(f"{UNDER}/") or under not in self._boards:
            return self._boards[self._first], scope
        if under == self._first or f"{UNDER}/{under}" == path:
            return RedirectResponse(f"{root_of(under, self._first)}/{rest}"), scope
        return self._boards[under], {**scope, "root_path": scope.get("root_path", "") + root_of(under, self._first)}
