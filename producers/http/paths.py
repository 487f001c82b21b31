"""The path of a request within the application that handles it."""

from starlette.types import Scope


def own_path(scope: Scope) -> str:
    """The path without its beginning under which the application is mounted, such as `/forces/north`."""
    path: str = scope["path"]
    # For a mounted part of the application, Starlette keeps the root path of the whole application under another key.
    return path.removeprefix(scope.get("app_root_path", scope.get("root_path", "")))
