"""The response at an address that does not exist: a page for people, a problem document for programs."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from producers.http.problem import ProblemError, response_of

_TEMPLATES = Environment(loader=PackageLoader("alerts.inbox.api"), autoescape=True, undefined=StrictUndefined)


def failure_response(request: Request, error: ProblemError, place: str) -> Response:
    """The response.

    Args:
        request: the request; browsers prefer pages.
        error: what is wrong and what to do.
        place: the path of the alerts API.
    """
    if "text/html" not in request.headers.get("accept", ""):
        return response_of(error)
    found = error.problem
    page = _TEMPLATES.get_template("failure.html").render(title=found.title, detail=found.detail, place=place)
    return HTMLResponse(page, found.status)
