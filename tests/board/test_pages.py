"""The served pages: each is in the navigation where it exists, has its script, and keeps the content-security policy."""

import json
import re
from importlib.resources import files

import pytest
from redis import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboards.board.app import board
from dashboards.board.pages import FOLDERS, PAGES
from dashboards.board.shared.page import MARKING, Page
from streams.readings import Reader
from tests.support.asgi import get
from tests.support.forces import STRICT, rules
from tests.support.memory import RECEIVED

FORCE = "strict"


def reader() -> Reader:
    """A reader that is never used: its client would connect to nothing."""
    return Reader(Redis(port=1), "test", rules(STRICT), lambda: RECEIVED)


def mounted() -> Starlette:
    """An application with one response."""

    async def say(_: Request) -> Response:
        return PlainTextResponse("inbox")

    return Starlette(routes=[Route("/anything", say)])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_served_under_the_policy_with_no_inline_script_or_style(page: Page) -> None:
    mounts = {page.needs: mounted()} if page.needs else {}
    answer = get(board(reader(), FORCE, mounts), page.path.format(name="incident_count"))
    assert answer.status == 200
    assert "script-src 'self'; style-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.text) == []
    assert re.findall(r"https?://", answer.text) == []
    assert "<footer>OFFICIAL</footer>" in answer.text
    assert answer.text.count('aria-current="page"') == int(page.is_listed and page.has_bar)
    for name in re.findall(r'(?:src|href)="/static/([^"]+)"', answer.text):
        assert [folder for folder in FOLDERS if files("dashboards.board").joinpath(folder, "static", name).is_file()]


def test_a_page_exists_only_if_the_application_it_needs_is_mounted() -> None:
    without, with_it = board(reader(), FORCE), board(reader(), FORCE, {"/api/alerts": mounted()})
    assert 'href="/alerts"' not in get(without, "/feeds").text
    assert get(without, "/alerts").status == 404
    assert 'href="/alerts"' in get(with_it, "/feeds").text
    assert get(with_it, "/alerts").status == 200
    answer = get(with_it, "/api/alerts/anything")
    assert answer.text == "inbox"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/nothing", "", "There is nothing at /nothing."),
        ("/alerts", "", "There is nothing at /alerts."),
        (
            "/measure/nothing",
            "",
            "There is no measure &#39;nothing&#39;. See the list on the board&#39;s page All measures",
        ),
        ("/chart", "measure=in_custody_count", "in_custody_count cannot be charted"),
        ("/wall", "page=<b>", "The wall has no page &#39;&lt;b&gt;&#39;. Its pages: overview, "),
        ("/explore", "measure=<script>", "There is no measure &#39;&lt;script&gt;&#39;"),
        ("/now/then/", "", "There is nothing at /now/then/."),
    ],
)
def test_unknown_addresses_have_a_404_page_with_the_reason_and_links(path: str, query: str, words: str) -> None:
    answer = get(board(reader(), FORCE), path, query)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert words in answer.text
    assert "try:" not in answer.text
    assert '<a href="/">Go to the Now page' in answer.text
    assert 'href="/compare"' in answer.text
    assert "<footer>OFFICIAL</footer>" in answer.text
    assert 'aria-current="page"' not in answer.text


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/csv/explore/nothing/more", "/parquet/nothing", "/static/nothing.js"]
)
def test_programs_get_a_404_as_json(path: str) -> None:
    answer = get(board(reader(), FORCE), path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.text)["detail"] == f"There is nothing at {path}."


@pytest.mark.parametrize(
    ("path", "query", "accept", "status", "is_page"),
    [
        ("/nothing", "", "text/html,application/xhtml+xml", 404, True),
        ("/nothing", "", "*/*", 404, True),
        ("/nothing", "", "application/json", 404, False),
        ("/chart", "measure=nothing", "application/json", 404, False),
        ("/api/measure/nothing", "", "*/*", 404, False),
        ("/csv/nothing", "", "*/*", 404, False),
        ("/csv/nothing", "", "text/html", 404, True),
        ("/api/measure/incident_count", "", "*/*", 503, False),
        ("/csv/incident_count", "", "text/html", 503, True),
    ],
)
def test_every_refusal_is_a_page_for_a_person_and_a_problem_document_for_a_program(
    path: str, query: str, accept: str, status: int, *, is_page: bool
) -> None:
    answer = get(board(reader(), FORCE), path, query, {"Accept": accept})
    assert answer.status == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    if is_page:
        assert answer.headers["content-type"].startswith("text/html")
        assert '<a href="/">Go to the Now page' in answer.text
        return
    assert answer.headers["content-type"] == "application/problem+json"
    found = json.loads(answer.text)
    assert (found["status"], set(found)) == (status, {"type", "title", "status", "detail"})
    assert found["title"]
    assert found["detail"]


def test_an_unknown_stream_is_a_404() -> None:
    served = board(reader(), FORCE)
    for path, query in (("/events/nothing", ""), ("/events", ""), ("/events", "page=now&page=nothing")):
        answer = get(served, path, query)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json"), (path, query)


def test_a_printed_sheet_has_the_marking_of_every_page() -> None:
    style = files("dashboards.board").joinpath("handover", "static", "handover.css").read_text()
    assert re.findall(r'@(?:top|bottom)-center \{ content: "([A-Z]+)', style) == [MARKING, MARKING]
