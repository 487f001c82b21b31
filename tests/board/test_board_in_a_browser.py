"""The board in a browser: it displays the reader's figures, updates without a reload, and never displays a stale figure as live."""

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from facts.incident import IncidentOpened
from measures.catalogue import CATALOGUE
from measures.display import words
from measures.measure import Bands, OpenLongest
from measures.reading import Reading
from producers.publish import LIVE
from tests.board.conftest import STALE_AFTER_SECONDS, BoardProcess, RunningBoard
from tests.integration.conftest import FORCE
from tests.support.browser import complaints, network, show_as
from tests.support.facts import heartbeat
from tests.support.system import until

RECORDS_REQUESTS = True
pytestmark = [pytest.mark.real, pytest.mark.usefixtures("dropped_sockets")]
WINDOWS = ("15m", "60m", "24h", "7d", "shift", "today")
WORDS = {"stale": "stale", "too_few": "too few", "no_data": "no data"}
Cells = dict[tuple[str, str], tuple[str, str, str, str]]

# innerText is the visible text, without anything that styles hide.
CELLS = """
const seen = (cell, name) => cell.querySelector("." + name)?.innerText ?? "";
return [...document.querySelectorAll("[data-measure] [data-window]")].map((cell) => [
  cell.closest("[data-measure]").dataset.measure, cell.dataset.window,
  cell.dataset.state, seen(cell, "value"), seen(cell, "n"), seen(cell, "since")]);
"""
# The contrast ratio of WCAG 2.2 (1.4.3) of every text on the page against its background.
FAINT = """
const channels = (color) => color.match(/[0-9.]+/g).map(Number);
const part = (value) => value <= 10.314 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4;
const luminance = (color) => { const [r, g, b] = channels(color).map(part); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = (place) => { const color = getComputedStyle(place).backgroundColor;
  return (channels(color)[3] ?? 1) > 0 || !place.parentElement ? color : behind(place.parentElement); };
return [...document.querySelectorAll("body *")].filter((place) => [...place.childNodes].some(
  (node) => node.nodeType === 3 && node.textContent.trim()) && place.getClientRects().length).filter((place) => {
  const [one, other] = [getComputedStyle(place).color, behind(place)].map(luminance);
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5; }).map((place) => place.outerHTML);
"""
CUT = """
return [...document.querySelectorAll("body *")].filter((place) => place.getClientRects().length && !place.closest(".scroll") &&
  getComputedStyle(place).clipPath === "none" && (place.scrollWidth > place.clientWidth + 1 && place.clientWidth > 0 && getComputedStyle(place).display !== "inline" ||
   place.getBoundingClientRect().right > innerWidth + 1)).map((place) => place.outerHTML.slice(0, 200));
"""


def cells(browser: webdriver.Chrome) -> Cells:
    """What each cell displays, by measure and window: its state, value, n, and where its figure begins."""
    found: list[list[str]] = browser.execute_script(CELLS)
    return {(measure, window): (state, value, n, since) for measure, window, state, value, n, since in found}


def expected(running: RunningBoard) -> Cells:
    """The same according to the reader."""
    carried = [
        each
        for each in CATALOGUE.values()
        if each.feeds(running.system.rules[FORCE].force)
        and not each.is_of_people()
        and not isinstance(each.statistic, Bands)
    ]
    return {
        (each.name, window): as_seen(running.reader.read(each, "60m" if window == "now" else window, force=FORCE)[0])
        for each in carried
        for window in (("now",) if each.is_open() else WINDOWS)
    }


def as_seen(reading: Reading) -> tuple[str, str, str, str]:
    """A reading as the board must display it."""
    measure = CATALOGUE[reading.measure]
    value = words(reading.value, measure.unit) if reading.state == "live" else WORDS[reading.state]
    if measure.is_open() and reading.state == "no_data":
        value = "none"
    has_n = reading.state in ("live", "too_few")
    n = f"n {reading.n:,}" if has_n and reading.unit != "count" else ""
    if isinstance(measure.statistic, OpenLongest) and reading.value is not None:
        began = reading.as_of - timedelta(seconds=reading.value)
        is_today = began.date() == reading.as_of.date()
        n += f", since {began:%H:%M}" if is_today else f", since {began.day} {began:%b %H:%M}"
    return reading.state, value, n, "since 31 Dec" if has_n and reading.begins else ""


def wait(browser: webdriver.Chrome, is_so: Callable[[], Any], seconds: float) -> float:
    """Wait for a condition on the page; returns the seconds it took."""
    began = time.monotonic()
    WebDriverWait(browser, seconds, poll_frequency=0.1).until(lambda _: is_so())
    return time.monotonic() - began


def state(browser: webdriver.Chrome) -> str:
    """The state of the page."""
    found: str = browser.execute_script("return document.body.dataset.state")
    return found


def strip(browser: webdriver.Chrome) -> set[tuple[str, str]]:
    """Each word of the strip with its figure."""
    script = """return [...document.querySelectorAll("#strip a")].map((each) =>
      [each.querySelector(".word").innerText, each.querySelector(".figure").innerText])"""
    return {(word, figure) for word, figure in browser.execute_script(script)}


def notice(browser: webdriver.Chrome) -> str:
    """The text of the page's notice, if visible."""
    found: str = browser.execute_script("return document.getElementById('notice').innerText")
    return found


def figures(browser: webdriver.Chrome) -> set[str]:
    """Every visible value."""
    return {value for _, value, _, _ in cells(browser).values()} - {""}


def is_live(browser: webdriver.Chrome) -> bool:
    """Whether the page displays figures without a notice."""
    return state(browser) == "live" and notice(browser) == ""


@pytest.fixture
def page(browser: webdriver.Chrome, running: RunningBoard) -> webdriver.Chrome:
    """The board, freshly opened and live, with a mark in the page that a reload would remove."""
    running.recover()
    show_as(browser, 1920, 1080, "light")
    browser.get(f"{running.board.url}measures")
    wait(browser, lambda: is_live(browser), 60)
    browser.execute_script("window.isTheSamePage = true")
    return browser


def is_the_same(page: webdriver.Chrome) -> bool:
    """Whether the page has not been reloaded."""
    return bool(page.execute_script("return window.isTheSamePage === true"))


def test_every_tile_displays_the_readers_figure(page: webdriver.Chrome, running: RunningBoard) -> None:
    wait(page, lambda: cells(page) == expected(running), 60)
    found = cells(page)
    assert len(found) > 200
    assert {cell[0] for cell in found.values()} == {"live", "too_few", "no_data"}
    assert found["incident_count", "24h"][1] > "0"
    assert {since for (_, window), (_, _, _, since) in found.items() if window in ("15m", "60m", "24h")} == {""}
    assert "Replay" in page.find_element("tag name", "header").text


def test_a_measure_is_found_by_words_of_its_title_and_question(page: webdriver.Chrome) -> None:
    def listed() -> set[str]:
        return {each for each in named if page.find_element("css selector", f"[data-measure={each}]").is_displayed()}

    named = {measure for measure, _ in cells(page)}
    find, found = page.find_element("id", "find"), page.find_element("id", "found")
    find.send_keys("Grade 1 MEDIAN")
    by_hand = {each for each in named if all(word in _title_and_question(each) for word in ("grade", "1", "median"))}
    assert listed() == by_hand
    assert 0 < len(by_hand) < len(named)
    assert found.text == f"{len(by_hand)} of {len(named)} measures"
    find.send_keys(Keys.CONTROL, "a")
    find.send_keys("no such words")
    assert listed() == set()
    find.send_keys(Keys.CONTROL, "a", Keys.BACKSPACE)
    assert listed() == named
    assert found.text == ""


def _title_and_question(measure: str) -> str:
    return f"{CATALOGUE[measure].title} {CATALOGUE[measure].question}".lower()


def publish_an_incident(running: RunningBoard, subject: str) -> None:
    """Publish an incident opened in the last 15 minutes."""
    at = running.present - timedelta(minutes=2)
    with running.system.publisher() as publisher:
        publisher.publish(IncidentOpened(fact_id=subject, force=FORCE, at=at, subject_id=subject, grade="2"))


def test_a_new_fact_changes_the_figure_on_the_open_page(page: webdriver.Chrome, running: RunningBoard) -> None:
    before = int(cells(page)["incident_count", "15m"][1])
    network(page)
    publish_an_incident(running, "board-1")
    took = wait(page, lambda: cells(page)["incident_count", "15m"][1] == str(before + 1), 60)
    print(f"seen {took:.2f} s after it was published")  # noqa: T201 - a measurement for the test report
    assert is_the_same(page)
    assert network(page)[0] == [], "it must arrive on the open stream"
    wait(page, lambda: cells(page) == expected(running), 60)


def test_a_silent_feed_makes_every_figure_stale_and_says_so(page: webdriver.Chrome, running: RunningBoard) -> None:
    before = cells(page)
    running.stop_heartbeats()
    since = re.compile("not live since ([0-9]+ [A-Z][a-z]{2} )?[0-9]{2}:[0-9]{2}")

    def is_stale() -> bool:
        found = cells(page).values()
        return all(cell[0] == "stale" and since.fullmatch(cell[1]) and cell[2:] == ("", "") for cell in found)

    took = wait(page, is_stale, STALE_AFTER_SECONDS + 10)
    print(f"stale after {took:.2f} s")  # noqa: T201 - a measurement for the test report
    assert took > STALE_AFTER_SECONDS / 2
    assert "Not live since" in notice(page)
    assert "the feed dispatch is silent" in notice(page)
    assert page.find_element("id", "live").text == "Not live"
    running.start_heartbeats()
    wait(page, lambda: is_live(page) and cells(page) == before, 60)
    assert is_the_same(page)


def test_without_the_state_server_figures_are_hidden_until_it_is_back(
    page: webdriver.Chrome, running: RunningBoard
) -> None:
    before = cells(page)
    running.parts.state.kill()
    took = wait(page, lambda: state(page) == "unreachable", 60)
    print(f"hidden after {took:.2f} s")  # noqa: T201 - a measurement for the test report
    assert "NOT LIVE. The state server does not answer" in notice(page)
    assert strip(page) == {("Unknown", "")}
    assert figures(page) == set()
    running.parts.state.start()
    wait(page, lambda: is_live(page) and cells(page) == before, 60)
    assert is_the_same(page)


@contextmanager
def killed(board: BoardProcess) -> Iterator[None]:
    """The board, killed by SIGKILL."""
    board.kill()
    yield
    board.start()


@contextmanager
def frozen(board: BoardProcess) -> Iterator[None]:
    """The board, stopped with its connections open."""
    board.send(signal.SIGSTOP)
    yield
    board.send(signal.SIGCONT)


@contextmanager
def refused(board: BoardProcess) -> Iterator[None]:
    """In place of the board, a server that refuses, as a proxy does; browsers do not retry after that."""
    board.kill()
    with ThreadingHTTPServer(("127.0.0.1", board.port), Refusing) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        until(lambda: Refusing.times, 60, "a refused request")
        yield
        server.shutdown()
        serving.join()
    board.start()


class Refusing(BaseHTTPRequestHandler):
    """Refuses everything."""

    times: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Refuse."""
        self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
        self.times.append(self.path)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.mark.parametrize(("fault", "seconds"), [(killed, 5), (frozen, 15), (refused, 5)])
def test_a_page_without_its_server_says_that_it_has_lost_the_connection(
    page: webdriver.Chrome,
    running: RunningBoard,
    fault: Callable[[BoardProcess], AbstractContextManager[None]],
    seconds: float,
) -> None:
    before = cells(page)
    with fault(running.board):
        took = wait(page, lambda: state(page) == "lost", seconds)
        print(f"lost after {took:.2f} s")  # noqa: T201 - a measurement for the test report
        assert "NOT LIVE: this page has lost its connection to the server" in notice(page)
        assert strip(page) == {("Unknown", "")}
        assert figures(page) == set()
    wait(page, lambda: is_live(page) and cells(page) == before, 60)
    assert is_the_same(page)


def test_an_open_page_recovers_after_worker_state_server_and_board_are_killed(
    page: webdriver.Chrome, running: RunningBoard
) -> None:
    before = int(cells(page)["incident_count", "15m"][1])
    (worker,) = running.system.workers
    worker.kill()
    publish_an_incident(running, "while-no-worker-runs")
    wait(page, lambda: not is_live(page), 60)
    running.parts.state.kill()
    running.board.kill()
    wait(page, lambda: state(page) == "lost", 60)
    assert figures(page) == set()
    running.parts.state.start()
    running.board.start()
    worker.start()
    wait(page, lambda: is_live(page) and cells(page)["incident_count", "15m"][1] == str(before + 1), 60)
    assert cells(page) == expected(running)
    assert is_the_same(page)


def test_nothing_is_refused_and_no_other_host_is_contacted(page: webdriver.Chrome, running: RunningBoard) -> None:
    complaints(page)
    network(page)
    page.get(f"{running.board.url}measures")
    wait(page, lambda: is_live(page), 60)
    assert complaints(page) == []
    requests, responses = network(page)
    addresses = [urlsplit(each["url"]) for each in requests]
    assert {each.netloc for each in addresses} == {urlsplit(running.board.url).netloc}
    assert {each.path for each in addresses} >= {
        "/measures",
        "/static/frame.css",
        "/static/stream.js",
        "/static/shared_stream.js",
    }
    assert len(responses) >= 4
    assert all("default-src 'none'" in each["headers"]["content-security-policy"] for each in responses)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1024, 768), (390, 844)])
def test_no_text_is_cut_off_or_faint(page: webdriver.Chrome, width: int, height: int, scheme: str) -> None:
    show_as(page, width, height, scheme)
    wait(page, lambda: page.execute_script("return innerWidth") == width, 60)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script(CUT) == []
    assert page.execute_script(FAINT) == []


def test_a_simulated_force_is_marked_permanently(page: webdriver.Chrome, running: RunningBoard) -> None:
    """Must be the last test here, because the mark cannot be removed."""
    mark = page.find_element("id", "simulation")
    assert not mark.is_displayed()
    beat = heartbeat("dispatch", running.present, force=FORCE, replay=True, simulated=True)
    with running.system.publisher(LIVE) as publisher:
        publisher.heartbeat(beat, "incidents")
    wait(page, mark.is_displayed, 60)
    assert mark.text == "SIMULATION - no figure is real"
    page.refresh()
    wait(page, lambda: state(page) == "live", 60)
    assert page.find_element("id", "simulation").is_displayed()
    assert page.execute_script(FAINT) == []
    running.stop_heartbeats()
    wait(page, lambda: "NOT LIVE" in notice(page) or "Not live" in notice(page), STALE_AFTER_SECONDS + 10)
    assert page.find_element("id", "simulation").is_displayed()
