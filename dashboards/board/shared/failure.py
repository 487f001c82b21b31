"""What a refused request gets: a page for a person, a problem document for a program."""

from collections.abc import Awaitable, Callable, Mapping

from jinja2 import Environment
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboards.board.shared.page import Page
from producers.http.paths import own_path
from producers.http.problem import Kind, Problem, ProblemError, problem, response_of

FAILURE = Page(name="failure", path="", title="Page not found", folder="shared", is_listed=False)
_TITLES = {404: "Page not found", 405: "That cannot be done here", 503: "Not available now"}
_FOR_PROGRAMS = ("/api/", "/csv/", "/parquet/", "/svg/", "/events", "/static/")
"""Paths that programs request, so that an error there is a document unless the request prefers a page."""


def failure_handler(
    templates: Environment, headers: Mapping[str, str]
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """The handler of every error of the board.

    Args:
        templates: with the template of the page.
        headers: of every response; Starlette adds none to the response for an unexpected error.
    """

    async def handle(request: Request, error: Exception) -> Response:
        found = _problem_of(request, error)
        response = _page(found.problem, templates) if _wants_page(request) else response_of(found)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return handle


def _wants_page(request: Request) -> bool:
    """Whether a person asks: a browser prefers pages, also where a program usually asks."""
    accept = request.headers.get("accept", "")
    return "text/html" in accept or not ("json" in accept or own_path(request.scope).startswith(_FOR_PROGRAMS))


def _problem_of(request: Request, error: Exception) -> ProblemError:
    if isinstance(error, ProblemError):
        return error
    path, status = request.scope["path"], error.status_code if isinstance(error, HTTPException) else 500
    answers: dict[int, tuple[Kind, str, str]] = {
        404: ("no_such_place", "Not found.", f"There is nothing at {path}."),
        405: ("no_such_method", f"{path} does not support {request.method}.", "Use GET."),
    }
    kind, title, detail = answers.get(
        status, ("our_fault", "Blue Lamp failed to handle the request.", "The board's output has the details.")
    )
    return problem(kind, status, title, detail)


def _page(found: Problem, templates: Environment) -> Response:
    page = replace(FAILURE, title=_TITLES.get(found.status, "Something went wrong"))
    detail = found.detail if found.title == "Not found." else f"{found.title} {found.detail}"
    return HTMLResponse(templates.get_template(page.template).render(page=page, detail=detail), found.status)
