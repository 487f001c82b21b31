"""What the HTTP services share: every response has the security headers, and problem documents are RFC 9457."""

import json

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from producers.http.headers import API_HEADERS, SecurityHeaders, page_headers
from producers.http.problem import MEDIA_TYPE, problem, response_of
from tests.support.asgi import get


def application() -> Starlette:
    """An application with a page, and a page that sets a header itself."""

    async def page(_: Request) -> Response:
        return PlainTextResponse("page")

    async def cached(_: Request) -> Response:
        return PlainTextResponse("cached", headers={"Cache-Control": "max-age=60"})

    return Starlette(
        routes=[Route("/", page), Route("/cached", cached)],
        middleware=[Middleware(SecurityHeaders, headers=page_headers("script-src"))],
    )


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/nothing", 404)])
def test_every_response_has_the_security_headers(path: str, status: int) -> None:
    answer = get(application(), path)
    assert answer.status == status
    assert {name.lower(): value for name, value in page_headers("script-src").items()}.items() <= answer.headers.items()


def test_a_responses_own_header_counts() -> None:
    assert get(application(), "/cached").headers["cache-control"] == "max-age=60"


def test_a_page_may_load_only_what_is_listed() -> None:
    policy = page_headers("script-src", "form-action")["Content-Security-Policy"].split("; ")
    assert sorted(policy) == [
        "base-uri 'none'",
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "script-src 'self'",
    ]
    assert "form-action 'none'" in page_headers()["Content-Security-Policy"]
    assert API_HEADERS.items() <= page_headers().items()


def test_a_problem_document_has_the_fields_of_the_standard() -> None:
    response = response_of(problem("has_ended", 409, "It has ended.", "Add a note.", {"Retry-After": "2"}))
    assert (response.status_code, response.media_type, response.headers["retry-after"]) == (409, MEDIA_TYPE, "2")
    assert json.loads(bytes(response.body)) == {
        "type": "urn:bluelamp:problem:has_ended",
        "title": "It has ended.",
        "status": 409,
        "detail": "Add a note.",
    }
