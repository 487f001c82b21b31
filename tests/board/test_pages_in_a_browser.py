"""Every page of a simulated day in Chromium: accessible in both themes, whole on every screen, and usable by keyboard alone."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from measures.catalogue import CATALOGUE
from streams.readings import Reader
from tests.board.day import MOMENT, Day, serving
from tests.board.desk import Desk
from tests.board.test_board_in_a_browser import wait
from tests.real.parts import AXE, missing
from tests.support.browser import complaints, show_as

pytestmark = pytest.mark.real
PAGES = (
    "/",
    "/wall",
    "/wall?page=attendance",
    "/measures",
    "/custody",
    "/alerts",
    "/handover?shift=last",
    "/intervals?queue=999&day=2024-12-03&compare=52_weeks_before",
    "/intervals?queue=triage&compare=week_before",
    "/staffing?queue=emergency",
    "/whatif?local=8&triage=-1",  # refused in the form
    "/feeds",
    "/trust",
    "/region",
    "/measure/incident_unattended_count?by=area",
    "/measure/contact_999_answered_within_target_ratio?window=today&compare=year_before",  # refused in the form
    "/compare?measure=incident_count&by=area&window=yesterday&compare=period_before",
    "/chart?measure=contact_999_answered_within_target_ratio&grain=day&window=last_week&over=queue:emergency&compare=week_before",
    "/explore?measure=grade_2_opened_to_arrived_median_seconds&window=today&by=area&weeks=1",
    "/nothing",
)
SCREENS = ((320, 640), (768, 1024), (1280, 800), (1920, 1080), (3840, 2160))
FEW_SCREENS = SCREENS[::2]
RULES = """
const done = arguments[arguments.length - 1];
const limits = arguments[0] ? { runOnly: { type: "rule", values: arguments[0] } } : {};
axe.run(document, { resultTypes: ["violations"], ...limits }).then((found) => done(found.violations.map((each) =>
  `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")} (${each.nodes.length})`)));
"""
# Axe takes long for large tables: three rows of each look are enough.
FEW_ROWS = """
const seen = {};
for (const row of document.querySelectorAll("tbody tr")) {
  const look = [row.closest("table"), row, ...row.querySelectorAll("*")].map((each) => each.tagName + each.getAttribute("class")).join();
  seen[look] = (seen[look] ?? 0) + 1;
  if (seen[look] > 3) row.remove();
}
"""
GROUND = "return getComputedStyle(document.body).backgroundColor"
# Two frames after a change of its size, a page is laid out again.
DRAWN = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));"
# Elements wider than their place or the screen, except those that scroll and those for screen readers only.
CUT = """
const hidden = (place) => !place.checkVisibility() || place.closest(".scroll, .away, dialog") || getComputedStyle(place).clipPath !== "none";
return [...document.querySelectorAll("body *")].filter((place) => place.getClientRects().length && !hidden(place) &&
  !(place instanceof SVGElement) && (place.scrollWidth > place.clientWidth + 1 && place.clientWidth > 0 &&
  getComputedStyle(place).display !== "inline" || place.getBoundingClientRect().right > innerWidth + 1))
  .map((place) => place.outerHTML.slice(0, 200));
"""
# Areas of the strip whose names would be under their word if it were the longest.
UNDER_WORDS = """
for (const word of document.querySelectorAll("#strip .word")) word.textContent = "Unknown";
return [...document.querySelectorAll("#strip .area")].filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent);
"""
# By how much the table of call takers is wider than its place.
WIDER = """
const place = document.querySelector("#staffed-now .scroll");
return place.scrollWidth - place.clientWidth;
"""
# Whether the number of alerts in the navigation is on the screen.
ALERTS_SEEN = """
const { left, right, width } = document.getElementById("alert-count").getBoundingClientRect();
return width > 20 && left >= 0 && right <= innerWidth;
"""
# Pairs of texts that overlap.
OVERLAPPING = """
const texts = [...document.querySelectorAll("main *, header *")].filter((place) => place.checkVisibility({ opacityProperty: true }) &&
  getComputedStyle(place).clipPath === "none" && !place.closest(".readout, .skip, #simulation, li:has(#alert-count)") &&
  [...place.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())).flatMap((place) => {
    const range = document.createRange();
    return [...place.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim()).flatMap((node) => {
      range.selectNodeContents(node);
      // The box of a line of text is higher than its glyphs, so only its middle counts.
      return [...range.getClientRects()].map(({ left, right, top, bottom, height }) =>
        [place, { left, right, top: top + height * 0.2, bottom: bottom - height * 0.2 }]);
    });
  }).filter(([place, { top, bottom }]) => {
    // Of a table that scrolls by itself, only the rows below its headings and above its end are seen.
    const box = place.closest(".long > .scroll");
    if (!box || place.closest("thead")) return true;
    return top >= box.querySelector("thead th").getBoundingClientRect().bottom && bottom <= box.getBoundingClientRect().bottom;
  });
texts.sort((one, other) => one[1].top - other[1].top);
const found = [];
for (let first = 0; first < texts.length; first++) for (let second = first + 1; second < texts.length; second++) {
  const [place, a] = texts[first], [other, b] = texts[second];
  if (b.top >= a.bottom) break;
  if (place !== other && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - b.top > 1)
    found.push(`${place.textContent.slice(0, 60)} <> ${other.textContent.slice(0, 60)}`);
}
return found;
"""


@pytest.fixture(scope="module")
def address(day: Day) -> Iterator[str]:
    """The address of the board on the simulated day, with an inbox."""
    desk = Desk(day.client, day.reader)
    desk.fill()
    with day.served(desk.mounts(), desk.counts) as served:
        yield served


def opened(browser: webdriver.Chrome, address: str, path: str) -> webdriver.Chrome:
    """An open page, live and drawn."""
    browser.get(address + path)
    wait(browser, lambda: browser.execute_script("return document.body.dataset.state") == "live", 60)
    drawn = """return !document.querySelector("main").innerText.includes("Loading \u2026") &&
      document.querySelectorAll('[data-state] .value, tbody td, .alert, main a[href="/"], [aria-invalid]').length"""
    wait(browser, lambda: browser.execute_script(drawn), 60)
    return browser


def test_every_page_passes_the_rules_of_axe(browser: webdriver.Chrome, address: str) -> None:
    """The themes differ only in colours, so these are checked in both, and everything else in one."""
    reason = missing("axe")
    if reason:
        pytest.skip(reason)
    broken = {}
    for path in PAGES:
        show_as(browser, 1280, 800, "light")
        opened(browser, address, path)
        broken[path] = rules_broken(browser, None)
        broken[f"{path}, dark"] = rules_broken(browser, "dark")
    show_as(browser, 1280, 800, "light")
    opened(browser, address, "/")
    browser.find_element("css selector", ".panel h3 a").send_keys("?")
    wait(browser, lambda: browser.find_elements("css selector", "dialog[open] dl"), 60)
    broken["the definition of a measure"] = rules_broken(browser, None)
    broken["the definition of a measure, dark"] = rules_broken(browser, "dark")
    show_as(browser, 1280, 800, "light")
    browser.get(f"{address}/api/alerts/sign-in")
    assert browser.execute_script("return getComputedStyle(document.querySelector('main')).borderRadius") != "0px"
    broken["/api/alerts/sign-in"] = rules_broken(browser, None)
    broken["/api/alerts/sign-in, dark"] = rules_broken(browser, "dark")
    assert {path: rules for path, rules in broken.items() if rules} == {}
    assert len(broken) == 2 * (len(PAGES) + 2)
    refused = {"/nothing": " 404 ", "compare=year_before": " 400 ", "triage=-1": " 400 "}
    found = [
        each for each in complaints(browser) if not any(path in each and refused[path] in each for path in refused)
    ]
    assert found == []


def rules_broken(browser: webdriver.Chrome, theme: Literal["dark"] | None) -> list[str]:
    """What breaks a rule of axe on the open page; in the dark theme only the contrasts are checked."""
    if theme:
        light = browser.execute_script(GROUND)
        show_as(browser, 1280, 800, theme)
        wait(browser, lambda: browser.execute_script(GROUND) != light, 60)
    browser.execute_script(FEW_ROWS)
    browser.execute_script(AXE.read_text())
    found: list[str] = browser.execute_async_script(RULES, ["color-contrast"] if theme else None)
    return found


def test_a_table_of_half_hours_begins_at_the_present(browser: webdriver.Chrome, address: str) -> None:
    show_as(browser, 1280, 800, "light")
    opened(browser, address, "/intervals?queue=999")
    at = """const box = document.querySelector(".long > .scroll"), row = box.querySelector("[aria-current=time]");
      return [row.textContent.slice(0, 14), box.scrollTop, Math.round(row.getBoundingClientRect().top - box.getBoundingClientRect().top)]"""
    label, moved, below = browser.execute_script(at)
    assert label == "15:30 to 16:00"
    assert moved > 0
    assert 0 < below < 300, "the headings and the two half-hours before it are above"


def test_the_form_of_what_if_opens_when_there_is_no_forecast(browser: webdriver.Chrome, address: str) -> None:
    """The number of call takers may be what is missing, and the form asks for it."""
    browser.get(f"{address}/whatif")
    wait(browser, lambda: browser.find_element("id", "local").is_displayed(), 60)
    assert browser.find_element("id", "as-of-fetched").text.startswith("A forecast needs at least 4 weeks of hours")
    assert all("/api/whatif" in each for each in complaints(browser))


@pytest.mark.parametrize("screens", [FEW_SCREENS, pytest.param(SCREENS, marks=pytest.mark.faults)], ids=["few", "all"])
def test_nothing_is_cut_off_and_nothing_overlaps(
    browser: webdriver.Chrome, address: str, screens: tuple[tuple[int, int], ...]
) -> None:
    """On each screen, from a phone to a wall: a page may be moved from one to another."""
    for path in PAGES:
        for width, height in screens:
            show_as(browser, width, height, "light")
            if (width, height) == screens[0]:
                opened(browser, address, path)
            wait(browser, lambda width=width: browser.execute_script("return innerWidth") == width, 60)  # type: ignore[misc]
            browser.execute_async_script(DRAWN)
            for is_open in (False, True) if path == "/" else (False,):
                browser.execute_script(
                    "for (const each of document.querySelectorAll('details')) each.open = arguments[0]", is_open
                )
                assert browser.execute_script("return document.documentElement.scrollWidth") <= width, (path, width)
                assert browser.execute_script(CUT) == [], (path, width)
                assert browser.execute_script(OVERLAPPING) == [], (path, width)
            if path.startswith("/staffing"):
                assert browser.execute_script(WIDER) <= 0, width
            if path == "/trust":
                assert browser.execute_script(UNDER_WORDS) == [], width
            if path in ("/", "/trust"):
                assert browser.execute_script(ALERTS_SEEN), (path, width)


def press(browser: webdriver.Chrome, *keys: str) -> None:
    """Press keys in order."""
    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def focused(browser: webdriver.Chrome, attribute: str) -> str:
    """An attribute of the focused element."""
    found: str = browser.execute_script("return document.activeElement.getAttribute(arguments[0]) ?? ''", attribute)
    return found


def test_contract_and_sparkline_can_be_reached_by_keyboard_alone(browser: webdriver.Chrome, address: str) -> None:
    show_as(browser, 1280, 800, "light")
    opened(browser, address, "/")
    wait(browser, lambda: browser.find_elements("css selector", "#emergency [role=slider]"), 60)
    assert browser.execute_script(STOPS) < 40, "each page of the navigation is one; the strip is one, and so is a panel"
    press(browser, Keys.TAB)
    assert focused(browser, "class") == "skip"
    press(browser, Keys.ENTER, Keys.TAB)
    assert focused(browser, "href") == "/measure/contact_999_waiting_count"
    press(browser, Keys.ARROW_RIGHT)
    assert focused(browser, "href") == "/measure/contact_999_longest_wait_seconds"
    press(browser, Keys.ARROW_LEFT, "?")
    wait(browser, lambda: browser.find_elements("css selector", "dialog[open]"), 60)
    text = browser.find_element("tag name", "dialog").text
    assert "How many 999 callers are waiting now?" in text
    assert {"Population", "Window", "Version"} <= set(text.splitlines())
    press(browser, Keys.ESCAPE)
    assert browser.find_elements("css selector", "dialog[open]") == []
    assert focused(browser, "href") == "/measure/contact_999_waiting_count"
    for _ in range(20):
        press(browser, Keys.TAB)
        if browser.switch_to.active_element.tag_name == "summary":
            press(browser, Keys.ENTER)
        if focused(browser, "role") == "slider":
            break
    assert focused(browser, "aria-label").startswith("999 calls, last 24 hours by hour: lowest ")
    last = focused(browser, "aria-valuetext")
    press(browser, Keys.ARROW_LEFT)
    before = focused(browser, "aria-valuetext")
    assert re.fullmatch(r"Tue 14:00, 1 hour: \d+", last)
    assert re.fullmatch(r"Tue 13:00, 1 hour: \d+", before)
    assert before in browser.find_element("id", "emergency").text
    press(browser, Keys.HOME)
    assert focused(browser, "aria-valuenow") == "0"


# What the Tab key stops at.
STOPS = """
return [...document.querySelectorAll("a[href], button, summary, [tabindex]")].filter((place) => place.tabIndex >= 0 &&
  place.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })).length;
"""
VISIBLE_PANELS = """
return [...document.querySelectorAll(".panel")].filter((place) => place.getClientRects().length).map((place) => place.id);
"""
COLUMN = (
    "return [...document.querySelectorAll('[data-table=grid] tbody td:last-child')].map((cell) => cell.textContent)"
)


def test_now_fits_one_screen_and_a_phone_displays_one_panel_at_a_time(browser: webdriver.Chrome, address: str) -> None:
    show_as(browser, 1920, 1080, "light")
    opened(browser, address, "/")
    wait(browser, lambda: browser.find_elements("css selector", "[data-sparkline=still] svg"), 60)
    assert browser.execute_script("return document.documentElement.scrollHeight") <= 1080
    assert len(browser.execute_script(VISIBLE_PANELS)) >= 7

    browser.find_element("css selector", "#incidents summary").click()
    wait(browser, lambda: browser.execute_script(COLUMN), 60)
    before = browser.execute_script(COLUMN)
    button = "[data-table=grid] thead th:last-child button"
    browser.find_element("css selector", button).click()
    counts = [int(text.replace(",", "")) for text in browser.execute_script(COLUMN)]
    assert counts == sorted(counts, reverse=True)
    assert sorted(before) == sorted(browser.execute_script(COLUMN))
    assert before != browser.execute_script(COLUMN)
    assert browser.find_element("css selector", "[data-table=grid] [aria-sort=descending]").text.startswith("All")

    deadlines = "return [...document.querySelectorAll('[data-unattended=priority] tbody [data-clock=arrive]')].map((cell) => Number(cell.dataset.value))"
    assert browser.execute_script(deadlines) == sorted(browser.execute_script(deadlines))
    browser.execute_script("document.querySelector('[data-unattended=priority] thead button').focus()")
    press(browser, *[Keys.ARROW_RIGHT] * 4, Keys.ENTER)
    latest_first = browser.execute_script(deadlines)
    assert latest_first == sorted(latest_first, reverse=True) != sorted(latest_first)

    show_as(browser, 390, 844, "light")
    opened(browser, address, "/")
    assert browser.execute_script(VISIBLE_PANELS) == ["emergency"]
    for area, panel in (("grade_1", "attendance"), ("non_emergency", "non_emergency")):
        browser.find_element("css selector", f"#strip [data-area={area}]").click()
        wait(browser, lambda panel=panel: browser.execute_script(VISIBLE_PANELS) == [panel], 60)  # type: ignore[misc]
        assert browser.execute_script("return document.documentElement.scrollHeight") < 4 * 844


def test_more_tabs_than_a_browser_has_connections_stay_live(browser: webdriver.Chrome, address: str) -> None:
    """A browser opens six connections to a server, and each page is sent its figures for as long as it is open."""
    first = browser.current_window_handle
    paths = ["/", "/feeds", "/custody", "/wall"] * 3
    try:
        for path in paths:
            browser.switch_to.new_window("tab")
            opened(browser, address, path)
        for tab in browser.window_handles[1:]:
            browser.switch_to.window(tab)
            wait(browser, lambda: browser.execute_script("return document.body.dataset.state") == "live", 60)
    finally:
        for tab in browser.window_handles:
            if tab != first:
                browser.switch_to.window(tab)
                browser.close()
        browser.switch_to.window(first)
    opened(browser, address, "/feeds")


SORTED = [
    ["9 s", "59.9 s", "10 min 31 s", "2 h 49 min", "1 day 0 h", "12 days 21 h", "none"],
    ["0.0%", "9.5%", "41.2%", "100.0%", "no data"],
    ["-3", "0", "27", "1,095", "not live"],
    ["Cannock", "Lichfield", "SOT North"],
]


def test_a_column_sorts_by_what_its_words_mean(browser: webdriver.Chrome, address: str) -> None:
    opened(browser, address, "/feeds")
    for texts in SORTED:
        found = browser.execute_async_script(
            "const done = arguments[1]; import('/static/sortable.js').then(({ compare }) => done(arguments[0].toSorted(compare)));",
            [*reversed(texts)],
        )
        assert found == texts


def test_a_figure_links_to_its_breakdown_and_its_subjects(browser: webdriver.Chrome, address: str) -> None:
    show_as(browser, 1280, 800, "light")
    opened(browser, address, "/")
    browser.find_element("link text", "Not attended yet").click()
    wait(browser, lambda: browser.find_elements("css selector", "#rows tfoot"), 60)
    total = browser.find_element("css selector", "#rows tfoot td").text
    assert browser.find_element("css selector", "#whole .value").text == total
    rows = [each.is_displayed() for each in browser.find_elements("css selector", "#subjects tbody tr")]
    assert rows == [True] * 20 + [False] * (int(total) - 20), "the first rows of a long list"
    assert browser.find_element("css selector", "#subjects .order").text.startswith("The oldest first.")
    more = browser.find_element("css selector", "#subjects .rest button")
    assert (more.text, more.get_attribute("aria-expanded")) == (f"Show all {total}", "false")
    more.click()
    assert all(each.is_displayed() for each in browser.find_elements("css selector", "#subjects tbody tr"))
    browser.execute_script("scrollTo(0, 0)")
    browser.find_element("link text", "Moorlands").click()
    wait(browser, lambda: "Filters:" in browser.find_element("tag name", "main").text, 60)
    wait(browser, lambda: browser.find_elements("css selector", "#subjects tbody tr"), 60)
    count = browser.find_element("css selector", "#whole .value").text
    assert len(browser.find_elements("css selector", "#subjects tbody tr")) == int(count) > 0
    assert browser.find_element("css selector", "#subjects tbody th").text.startswith("s41-")


ROW = """
return [...document.querySelectorAll("#panels tr")].filter((row) => row.textContent.startsWith(arguments[0]))
  .map((row) => [...row.querySelectorAll("td .value")].map((each) => [each.textContent, each.getAttribute("href")]));
"""


def test_the_region_adds_up_leads_to_each_force_and_is_hidden_when_it_cannot_be_read(
    browser: webdriver.Chrome, address: str, day: Day
) -> None:
    show_as(browser, 1280, 800, "light")
    complaints(browser)  # those of earlier tests
    opened(browser, address, "/region")
    (reading,) = day.reader.read("incident_unattended_count", "60m", force=day.view.force)
    assert reading.value
    [[total, *forces]] = browser.execute_script(ROW, CATALOGUE["incident_unattended_count"].title)
    assert total == [f"{2 * reading.value:.0f}", None]
    own = f"{reading.value:.0f}"
    assert forces == [[own, f"{root}/measure/incident_unattended_count"] for root in ("", "/forces/again")]
    file = browser.find_element("link text", "Download as CSV").get_attribute("href")
    assert file
    assert requests.get(file, timeout=60).ok
    assert complaints(browser) == []
    browser.execute_script("window.fetch = () => Promise.reject(new TypeError('for a test'))")
    wait(browser, lambda: browser.execute_script("return document.body.dataset.state") == "lost", 60)
    assert not browser.find_element("css selector", "#panels td .value").is_displayed()
    assert "does not answer" in browser.find_element("id", "notice").text


def test_an_analyst_can_choose_by_keyboard_and_the_address_holds_every_choice(
    browser: webdriver.Chrome, address: str, day: Day
) -> None:
    show_as(browser, 1280, 800, "light")
    opened(browser, address, "/compare?measure=incident_count&by=area")
    browser.execute_script("document.getElementById('by').focus()")
    press(browser, "g", "r", "a")
    while focused(browser, "type") != "submit":
        press(browser, Keys.TAB)
    press(browser, Keys.ENTER)
    wait(browser, lambda: "by=grade" in browser.current_url, 60)
    wait(browser, lambda: browser.find_elements("css selector", "#comparison tbody tr"), 60)
    assert browser.find_element("css selector", "#comparison thead th").text == "Grade"
    today = browser.find_element("css selector", "#comparison tr.total td").text
    assert int(today) == day.reader.read("incident_count", "today", force="staffordshire")[0].value

    measure = "grade_2_opened_to_arrived_median_seconds"
    opened(browser, address, f"/explore?measure={measure}&window=today&by=&weeks=1")
    wait(browser, lambda: browser.find_elements("css selector", "#histogram rect"), 60)
    browser.execute_script("document.getElementById('slider').focus()")
    press(browser, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    seconds = int(re.findall(r"within=(\d+)", browser.current_url)[0])
    assert seconds < 7200
    spans = day.reader.histograms(CATALOGUE[measure], "today", force="staffordshire")[()]
    met, n = sum(count for value, count in spans.items() if value <= seconds), sum(spans.values())
    field = browser.find_element("id", "time")
    for typed, wanted in (("720.5 s", "Give whole seconds"), ("0:01:01", "")):
        field.clear()
        field.send_keys(typed, Keys.TAB)
        error = browser.find_element("id", "within-error")
        wait(browser, lambda error=error, wanted=wanted: wanted in error.text and bool(error.text) == bool(wanted), 60)  # type: ignore[misc]
        assert field.get_attribute("value") == typed
        assert browser.find_elements("css selector", "#histogram rect"), "the figures stay"
    wait(browser, lambda: "within=61" in browser.current_url, 60)
    browser.execute_script(f"history.replaceState(null, '', location.href.replace('within=61', 'within={seconds}'))")
    browser.refresh()
    within = browser.find_element("id", "within")
    wait(browser, lambda: f"{met:,} of {n:,}" in within.text, 60)
    opened(browser, "", browser.current_url)
    wait(browser, lambda: f"{met:,} of {n:,}" in browser.find_element("id", "within").text, 60)


READING = "return document.querySelector('#chart [role=slider]').getAttribute('aria-valuetext')"


def test_a_chart_is_read_by_keys_and_zoomed_by_dragging_and_its_form_changes_with_the_measure(
    browser: webdriver.Chrome, address: str
) -> None:
    """No day has enough cases, so every place of the chart is a day without a figure."""
    show_as(browser, 1280, 800, "light")
    measure = "grade_1_opened_to_arrived_median_seconds"
    opened(browser, address, f"/chart?measure={measure}&grain=day&window=2024-11-25/2024-12-03&where=area:out_of_force")
    wait(browser, lambda: browser.find_elements("css selector", "#chart [role=slider]"), 60)
    chart = browser.find_element("css selector", "#chart [role=slider]")
    chart.send_keys(Keys.END)
    assert browser.execute_script(READING) == "Mon 02 Dec 2024: no figure"
    chart.send_keys(Keys.ARROW_LEFT)
    assert browser.execute_script(READING) == "Sun 01 Dec 2024: no figure"
    assert browser.find_element("id", "readout").text == browser.execute_script(READING)

    browser.execute_script("document.getElementById('measure').focus()")
    choices = "return document.getElementById('over').innerHTML"
    assert "area:stafford" in browser.execute_script(choices)
    press(browser, "9", "9", "9", " ", "c")
    wait(browser, lambda: "queue:emergency" in browser.execute_script(choices), 60)
    assert "area:stafford" not in browser.execute_script(choices)
    assert focused(browser, "id") == "measure"
    assert measure in browser.current_url, "no figure has changed yet"

    chart = browser.find_element("css selector", "#chart svg")
    width = chart.size["width"]
    ActionChains(browser).move_to_element(chart).move_by_offset(int(width * 0.07), 0).click_and_hold().move_by_offset(
        int(width * 0.26), 0
    ).release().perform()
    wait(browser, lambda: "window=2024-11-29%2F2024-12-02" in browser.current_url, 60)
    opened(browser, "", browser.current_url)
    wait(browser, lambda: browser.find_elements("css selector", "#chart [role=slider]"), 60)
    assert browser.find_element("id", "from").get_attribute("value") == "2024-11-29"
    assert browser.find_element("id", "from-hint").text == "Fri 29 Nov 2024"
    browser.execute_script("""const field = document.getElementById("to"); field.value = "";
      field.dispatchEvent(new Event("input", { bubbles: true }));""")
    assert browser.find_element("id", "to-hint").text == "For 27 March 2026, type 03/27/2026", (
        "in this browser's language"
    )


def test_a_chosen_theme_stays_and_the_browser_decides_until_then(browser: webdriver.Chrome, address: str) -> None:
    show_as(browser, 1280, 800, "dark")
    opened(browser, address, "/feeds")
    dark = browser.execute_script(GROUND)
    button = browser.find_element("id", "theme")
    assert button.text == "Light theme"
    button.click()
    light = browser.execute_script(GROUND)
    assert light != dark
    opened(browser, address, "/")
    assert browser.execute_script(GROUND) == light
    browser.execute_script("localStorage.clear()")
    opened(browser, address, "/feeds")
    assert browser.execute_script(GROUND) == dark


def place_on_the_wall(browser: webdriver.Chrome) -> str:
    """Which page the wall displays, in its words; they are out of sight until somebody moves the pointer."""
    found: str = browser.execute_script("return document.getElementById('where').textContent")
    return found


def test_the_wall_changes_its_panels_unless_paused_and_displays_no_id(browser: webdriver.Chrome, address: str) -> None:
    show_as(browser, 1920, 1080, "dark")
    opened(browser, address, "/wall")
    count = len(browser.find_elements("css selector", ".slide"))
    seen = []
    for number in range(1, count + 1):
        assert place_on_the_wall(browser) == f"Page {number} of {count}"
        (displayed,) = [each for each in browser.find_elements("css selector", ".slide") if each.is_displayed()]
        seen.append(displayed.get_attribute("id"))
        assert browser.execute_script("return document.documentElement.scrollHeight <= innerHeight")
        assert browser.execute_script(LEAST_HEIGHT) >= (33 if number == 1 else 20)
        press(browser, Keys.ARROW_RIGHT)
    assert len(set(seen)) == count >= 6
    assert seen[0] == "overview"
    assert "s41-" not in browser.page_source
    assert not browser.find_elements("css selector", "header nav, header button")
    press(browser, Keys.SPACE)
    assert place_on_the_wall(browser) == f"Page 1 of {count}, paused"
    ActionChains(browser).move_by_offset(10, 10).perform()
    wait(browser, lambda: browser.find_element("id", "next").is_displayed(), 60)
    wait(browser, lambda: not browser.find_element("id", "next").is_displayed(), 60)

    opened(browser, address, "/wall?page=custody")
    (alone,) = browser.find_elements("css selector", ".slide")
    assert alone.get_attribute("id") == "custody"
    press(browser, Keys.ARROW_RIGHT, Keys.SPACE)
    assert alone.is_displayed()
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    )
    opened(browser, address, "/wall")
    assert place_on_the_wall(browser) == f"Page 1 of {count}, paused"


# The smallest text of a slide, in pixels of 1080: on a 55-inch screen 20 pixels are 13 mm, and 33 can be read at five metres.
LEAST_HEIGHT = """
return Math.min(...[...document.querySelectorAll(".slide:not([hidden]) *")].filter((place) => place.getClientRects().length &&
  [...place.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())).map((place) =>
  parseFloat(getComputedStyle(place).fontSize)));
"""


# A bad hour: the longest possible figures and words; then the height of the slide below the screen's edge.
BAD_HOUR = """
const slide = document.querySelector(".slide:not([hidden])");
slide.querySelectorAll("[data-window] .value, [data-most-urgent] .value").forEach((place) => (place.textContent = "59 min 59 s"));
slide.querySelectorAll("[data-window] .sign").forEach((place) => (place.textContent = "\u25b2\u2717"));
slide.querySelectorAll("[data-window] .says").forEach((place) => (place.textContent = "above normal, target missed"));
slide.querySelectorAll("[data-reference=normal]").forEach((place) => (place.textContent = "normal 12 min 30 s to 59 min 59 s"));
slide.querySelectorAll("[data-reference=target]").forEach((place) => (place.textContent = "target 90.0% in under 10 seconds"));
queueMicrotask(() => arguments[0](slide.scrollHeight - slide.clientHeight));
"""


# Every feed is silent: the notice takes some of the screen, and words take the place of the figures. Then what is cut off.
ALL_SILENT = """
const slide = document.querySelector(".slide:not([hidden])");
document.getElementById("notice").textContent = "Not live since 30 November 2026 at 10:19:57: no newer data from the feed.\\n".repeat(3);
slide.querySelectorAll("[data-window]").forEach((place) => (place.dataset.state = "stale"));
slide.querySelectorAll("[data-window] .value").forEach((place) => (place.textContent = "not live since 10:19"));
slide.querySelectorAll("[data-window] :is(.sign, .says)").forEach((place) => (place.textContent = ""));
queueMicrotask(() => arguments[0]([slide, ...slide.querySelectorAll("li")].filter((place) =>
  place.scrollHeight > place.clientHeight + 1 || place.scrollWidth > place.clientWidth + 1).map((place) => place.innerText)));
"""


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (3840, 2160)])
def test_every_figure_of_the_wall_is_on_the_screen_in_a_bad_hour(
    browser: webdriver.Chrome, address: str, width: int, height: int
) -> None:
    show_as(browser, width, height, "dark")
    opened(browser, address, "/wall")
    for slide in browser.find_elements("css selector", ".slide"):
        below = browser.execute_async_script(BAD_HOUR)
        assert below <= 0, f"{slide.get_attribute('id')}: {below} pixels"
        if slide.get_attribute("id") == "overview":
            assert browser.execute_async_script(ALL_SILENT) == []
            browser.execute_script("document.getElementById('notice').textContent = ''")
        press(browser, Keys.ARROW_RIGHT)


def test_the_list_of_unattended_incidents_counts_down_by_the_servers_clock(
    browser: webdriver.Chrome, address: str, day: Day
) -> None:
    show_as(browser, 1280, 800, "light")
    opened(browser, address, "/")
    cell = "[data-unattended=priority] [data-clock=arrive]"
    WebDriverWait(browser, 10).until(lambda _: browser.find_elements("css selector", cell))
    displayed = [each.text for each in browser.find_elements("css selector", cell)]
    assert len(displayed) > 3
    assert all(
        re.fullmatch(r"(\u2717 over )?(\d+:\d\d|\d+ h \d+ min|\d+ days? \d+ h)( left)?", text) for text in displayed
    )
    assert all(
        re.fullmatch(r"(\d+ [A-Z][a-z]{2} )?\d\d:\d\d, \d+ .*", each.text)
        for each in browser.find_elements("css selector", "[data-unattended=priority] [data-title^=Opened]")
    )
    past = [text.startswith("\u2717 over ") for text in displayed]
    assert past == sorted(past, reverse=True)
    text = browser.find_element("css selector", "[data-unattended=priority] .says").text
    over = int(day.reader.read("grade_2_unattended_over_2_hours_count", force="staffordshire")[0].value or 0)
    assert f"\u2717 {over} past a target" in text


def at(minutes: float, **more: object) -> dict[str, object]:
    """A custody clock that is due the given number of minutes after the start of 1970."""
    return {"state": "due", "due": round(minutes * 60_000), "at": "03 Dec 16:00:00", "paused_since": None, **more}


DEADLINES: list[tuple[dict[str, object], str, str | None]] = [
    (at(60), "1 h 0 min left, due 03 Dec 16:00:00", None),
    (at(60 - 1 / 60), "under 60 min: 59 min 59 s left, due 03 Dec 16:00:00", "odd"),
    (at(30), "under 60 min: 30 min 00 s left, due 03 Dec 16:00:00", "odd"),
    (at(30 - 1 / 60), "under 30 min: 29 min 59 s left, due 03 Dec 16:00:00", "odd"),
    (at(10), "under 30 min: 10 min 00 s left, due 03 Dec 16:00:00", "odd"),
    (at(10 - 1 / 60), "under 10 min: 9 min 59 s left, due 03 Dec 16:00:00", "bad"),
    (at(0), "under 10 min: 0 s left, due 03 Dec 16:00:00", "bad"),
    (at(-1 / 60), "\u2717 OVERDUE by 1 s, due 03 Dec 16:00:00", "bad"),
    (at(-90), "\u2717 OVERDUE by 1 h 30 min, due 03 Dec 16:00:00", "bad"),
    # Paused an hour ago, 30 minutes after its deadline: the time overdue has not grown since.
    (at(-90, paused_since=-60 * 60_000), "\u2717 OVERDUE by 30 min 00 s (paused), due 03 Dec 16:00:00", "bad"),
    ({"state": "paused", "due": None, "left": "4 h 30 min"}, "paused, 4 h 30 min left", None),
    (
        at(90, state="postponed", postponed="postponed since 14:00, was due 13:50"),
        "postponed since 14:00, was due 13:50: hold it as soon as practicable; the next is due 03 Dec 16:00:00",
        "odd",
    ),
    (
        at(-90, state="postponed", postponed="postponed since 14:00, was due 13:50"),
        "\u2717 OVERDUE by 1 h 30 min, due 03 Dec 16:00:00; postponed since 14:00, was due 13:50",
        "bad",
    ),
    (
        at(9, postponed="postponed before it was due"),
        "under 10 min: 9 min 00 s left, due 03 Dec 16:00:00; postponed before it was due",
        "bad",
    ),
    ({"state": "none", "due": None}, "-", None),
]


def test_a_deadline_has_the_words_of_each_warning_step(browser: webdriver.Chrome, address: str) -> None:
    opened(browser, address, "/custody")
    worded = browser.execute_async_script(
        "const done = arguments[1]; import('/static/deadline.js').then(({ deadlineWords }) =>"
        " done(arguments[0].map((clock) => deadlineWords(clock, 0))));",
        [clock for clock, _, _ in DEADLINES],
    )
    assert [(each["text"], each["verdict"]) for each in worded] == [(text, verdict) for _, text, verdict in DEADLINES]


def test_alerts_of_one_rule_about_several_detainees_are_one_group(browser: webdriver.Chrome, address: str) -> None:
    opened(browser, address, "/custody")
    alerts = [
        {"id": "1", "rule": "review", "title": "A review is overdue", "scope": {"force": "f", "detainee": "d1"}},
        {"id": "2", "rule": "silent", "title": "A feed is silent", "scope": {"force": "f", "feed": "custody"}},
        {"id": "3", "rule": "review", "title": "A review is overdue", "scope": {"force": "f", "detainee": "d2"}},
    ]
    found = browser.execute_async_script(
        "const done = arguments[1]; import('/static/alert_words.js').then(({ grouped }) => done(grouped(arguments[0])));",
        alerts,
    )
    assert [(each["id"], each.get("group")) for each in found] == [
        ("1", "2 detainees: A review is overdue"), ("3", None), ("2", None),
    ]  # fmt: skip


def test_alerts_of_one_situation_are_one_card(browser: webdriver.Chrome, address: str) -> None:
    opened(browser, address, "/feeds")
    alerts = [{"id": str(place), "situation": situation} for place, situation in enumerate("aabacb")]
    found = browser.execute_async_script(
        "const done = arguments[1]; import('/static/alert_words.js').then(({ stepped }) => done(stepped(arguments[0])));",
        alerts,
    )
    assert [(each["id"], [step["id"] for step in each["steps"]]) for each in found] == [
        ("0", ["1", "3"]), ("2", ["5"]), ("4", []),
    ]  # fmt: skip


def test_resolved_steps_that_followed_each_other_are_one_card_and_an_open_situation_is_not_listed(
    browser: webdriver.Chrome, address: str
) -> None:
    opened(browser, address, "/feeds")
    ended = [
        {"id": name, "situation": situation, "since": f"2026-11-30T{since}Z", "ended_at": f"2026-11-30T{until}Z"}
        for name, situation, since, until in (
            ("a-30", "a", "10:00:00", "10:20:30"),
            ("a-10", "a", "10:20:00", "10:30:30"),
            ("a-over", "a", "10:30:00", "11:00:00"),
            ("a-later", "a", "12:00:00", "12:10:00"),
            ("b-60", "b", "10:00:00", "10:30:30"),
            ("b-30", "b", "10:30:00", "11:00:30"),
            ("b-earlier", "b", "08:00:00", "09:00:00"),
        )
    ]
    active = [{"id": "b-10", "situation": "b", "since": "2026-11-30T11:00:00Z"}]
    found = browser.execute_async_script(
        "const done = arguments[2]; import('/static/alert_words.js').then(({ episodes }) => done(episodes(arguments[0], arguments[1])));",
        ended,
        active,
    )
    assert [(each["id"], [step["id"] for step in each["steps"]]) for each in found] == [
        ("a-later", []), ("a-over", ["a-10", "a-30"]), ("b-earlier", []),
    ]  # fmt: skip


def test_custody_deadlines_keep_counting_down_when_the_feed_is_silent(browser: webdriver.Chrome, day: Day) -> None:
    show_as(browser, 1280, 800, "light")
    with serving(Reader(day.client, "test", day.reader.rules, lambda: MOMENT + timedelta(minutes=5))) as address:
        opened(browser, address, "/custody")
        says = browser.find_element("id", "says").text
        rows = [each.text for each in browser.find_elements("css selector", "#detentions tr")]
        browser.get("about:blank")
    assert "The deadlines below are as last known at 03 Dec 15:40:19" in says
    assert len(rows) == day.reader.read("in_custody_count", force="staffordshire")[0].value
    assert all("as last known at 03 Dec 15:40:19" in row for row in rows)
    assert sum(" left, due " in row or "OVERDUE by" in row for row in rows) > 10
