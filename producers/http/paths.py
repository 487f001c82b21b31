"""The path of a request within the application that handles it."""

from starlette.types import Scope


def own_path(scope: Scope) -> str:
    """The path without the one under which the whole application is reached, such as `/forces/north`."""
    path: str = scope["path"]
    # Within a mounted part of the application, Starlette keeps the path of the whole under another key.
    return path.removeprefix(scope.get("app_root_path", scope.get("root_path", "")))
