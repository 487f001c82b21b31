"""The Alerts page in Chromium: alerts in words, actions logged with name and time, and "No active alerts" only when that is known."""

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from alerts.inbox.api.app import EndRequest
from alerts.inbox.api.people import Role
from alerts.inbox.log.data_status import ALIVE
from alerts.inbox.log.entry import Acknowledged, Assigned, SubjectEnded, Suppressed, Unsuppressed
from alerts.table import RULES
from dashboards.board.handover import data as handover
from facts.fact import EndedByHand
from facts.incident import IncidentOpened
from measures.catalogue import find
from measures.display import words
from measures.outcome import instant
from tests.board.day import FORCE, MOMENT, Day
from tests.board.desk import Desk
from tests.board.test_board_in_a_browser import wait
from tests.support.browser import complaints, show_as
from tests.support.inbox import LOGINS, TOKENS
from tests.support.stores import state_server

pytestmark = pytest.mark.real
SECONDS = 60
"""The longest wait for a page on a busy machine."""
TITLE = "Eight or more Grade 1 incidents have had no unit for 2 minutes or more"


class Page:
    """The Alerts page in a browser.

    Args:
        browser: displays the page.
        address: of the board.
    """

    def __init__(self, browser: webdriver.Chrome, address: str) -> None:
        self.browser, self.address = browser, address

    def open(self) -> None:
        """Open it, and wait for its summary or its error."""
        self.browser.get(self.address + "/alerts")
        wait(self.browser, lambda: self.text("summary").strip() or self.text("trouble"), SECONDS)

    def sign_in(self, role: Role) -> None:
        """Sign in by a link, as `bluelamp up` prints it, and arrive at the page."""
        self.browser.get(f"{self.address}/api/alerts/sign-in?next=/alerts#{LOGINS[role]}:{TOKENS[role]}")
        wait(self.browser, lambda: self.browser.current_url == f"{self.address}/alerts", SECONDS)
        wait(self.browser, lambda: "Signed in as" in self.text("person"), SECONDS)

    def text(self, name: str) -> str:
        """The visible text of an element."""
        found: str = self.browser.execute_script("return document.getElementById(arguments[0])?.innerText ?? ''", name)
        return found

    def cards(self, name: str = "active") -> list[str]:
        """The visible text of each alert."""
        found: list[str] = self.browser.execute_script(
            "return [...document.querySelectorAll(`#${arguments[0]} > li`)].map((each) => each.innerText)", name
        )
        return found

    def card(self, title: str) -> WebElement:
        """The alert with a title."""
        found = self.browser.find_elements("css selector", "#active > li")
        return next(each for each in found if title in each.text)

    def press(self, title: str, action: str) -> None:
        """Press a button of an alert."""
        buttons = self.card(title).find_elements("css selector", ".acts button")
        next(each for each in buttons if each.text.rstrip("\u2026") == action).click()

    def reach(self, action: str) -> None:
        """Move the focus to the first button of a name by the Tab key alone."""
        for _ in range(60):
            keys(self.browser, Keys.TAB)
            if self.browser.switch_to.active_element.text.rstrip("\u2026") == action:
                return
        pytest.fail(f"{action} cannot be reached by keyboard")

    def possible(self) -> set[str]:
        """The buttons of all alerts."""
        return {
            each.text.rstrip("\u2026")
            for each in self.browser.find_elements("css selector", ":is(#active, #ended) .acts button")
        }


def child_explained(page: Page) -> str:
    """The address that explains the figure of the first alert, which is about a child."""
    (found,) = page.browser.find_elements("css selector", "#active > li:first-child .acts a[href^='/api/explain']")
    return str(found.get_dom_attribute("href"))


def keys(browser: webdriver.Chrome, *pressed: str) -> None:
    """Press keys where the focus is."""
    ActionChains(browser).send_keys(*pressed).perform()


@pytest.fixture
def desk(day: Day) -> Desk:
    """An inbox without alerts, before any heartbeat of an alert engine."""
    return Desk(day.client, day.reader)


@pytest.fixture
def page(browser: webdriver.Chrome, day: Day, desk: Desk) -> Iterator[Page]:
    """The page, without anybody signed in."""
    show_as(browser, 1280, 800, "light")
    with day.served(desk.mounts()) as address:
        browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        yield Page(browser, address)
        browser.get("about:blank")


def test_active_alerts_are_listed_in_words_by_severity_with_the_readers_figures(
    page: Page, desk: Desk, day: Day
) -> None:
    desk.fill()
    page.open()
    wait(page.browser, lambda: len(page.cards()) == 6 and len(page.cards("ended")) == 1, SECONDS)
    alerts = page.cards()
    titles = [each.splitlines()[0] for each in alerts]
    assert titles[0].startswith("Critical (child): ")
    assert [title.partition(":")[0] for title in titles[1:]] == ["Critical"] * 2 + ["Warning"] * 2 + ["Information"]
    child, silent, unresourced, quarantine, late, unattended = alerts
    few, many = (
        words(day.reader.read(name, force=FORCE)[0].value, "count")
        for name in ("grade_1_unresourced_over_2_minutes_count", "grade_2_unattended_over_2_hours_count")
    )
    recovery = ", within the threshold now: the alert will resolve if this lasts"
    assert f"Now\n{few}{recovery}\n" in unresourced
    assert "Threshold\nabove 7\nSince\n15:28:20\nAlert active for\n12 min 01 s" in unresourced
    waits = sorted(
        (each.item.since, each.subject_id) for each in day.reader.listed(find("grade_2_unattended_over_2_hours_count"))
    )
    wait(page.browser, lambda: all(name in page.cards()[-1] for _, name in waits[:5]), SECONDS)
    unattended = page.cards()[-1]
    hours = int((MOMENT - instant(waits[0][0])).total_seconds()) // 3600
    assert (
        f"Now\n{many}\nLongest wait\n{f'{hours // 24} day {hours % 24} h' if hours >= 24 else f'{hours} h'}"
        in unattended
    )
    assert "Since\n15:05:20\nAlert active for\n35 min 01 s" in unattended
    assert f"and {len(waits) - 5} more" in unattended
    assert waits[5][1] not in unattended
    assert "UNACKNOWLEDGED." in unresourced
    assert "Take command of resourcing" in unresourced
    assert "Escalated to duty inspector at 15:40:20: Nobody acknowledged this critical alert within 5 minutes." in child
    assert 'Acknowledged by inspector at 15:02:20: "Suite telephoned: their link is down."' in silent
    assert "Scope\nfeed custody" in silent
    assert "Assigned to sergeant north, not acknowledged." in quarantine
    assert "Raised again at the shift change" in quarantine
    assert "Planned work until 17:40:20, set by chief: no notifications are sent." in late
    assert "6 active alerts, 4 UNACKNOWLEDGED. Checked 15:40:21." in page.text("summary")
    assert page.browser.title.startswith("(4) ")
    assert page.text("ended-title") == "Resolved since Tue 07:00 (this shift and the previous one)"
    (ended,) = page.cards("ended")
    assert "Resolved at 12:50:20 after 30 min 00 s." in ended
    links = page.card(TITLE).find_elements("css selector", ".acts a")
    assert [(each.text, each.get_dom_attribute("href")) for each in links] == [
        ("View measure", "/measure/grade_1_unresourced_over_2_minutes_count"),
        ("Explain as JSON", "/api/explain/grade_1_unresourced_over_2_minutes_count"),
    ]
    explained = page.browser.execute_script(
        "return fetch(arguments[0]).then((got) => got.json())", child_explained(page)
    )
    assert explained["measure"] == "child_review_overdue_count"
    assert "--where suite=north" in explained["recount"]
    assert page.possible() == {"History"}, "nobody can act without signing in"
    stops = "#inbox ol :is(a, button):not([tabindex='-1'])"
    assert len(page.browser.find_elements("css selector", stops)) == len(alerts) + 1, "one for each card"
    assert "You are not signed in" in page.text("person")
    assert complaints(page.browser) == []


def test_the_links_of_a_card_have_the_window_of_its_rule() -> None:
    """They give none, so the pages take an hour."""
    assert {rule.series.where.get("window", "60m") for rule in RULES if rule.measure} == {"60m"}


def test_an_alert_is_acknowledged_on_the_page_and_logged_with_name_and_time(page: Page, desk: Desk) -> None:
    desk.receive_heartbeat()
    name = desk.begin("grade_1_unresourced_several", 12)
    step = desk.begin("grade_1_unresourced", 30)
    page.sign_in("act")
    wait(page.browser, lambda: "Acknowledge" in page.possible(), SECONDS)
    assert page.possible() == {"Acknowledge", "Assign", "Escalate", "Add note", "History"}
    assert "2 active alerts on 1 card, 2 UNACKNOWLEDGED." in page.text("summary")
    page.reach("Acknowledge")
    keys(page.browser, Keys.ENTER)
    field = page.browser.switch_to.active_element
    assert field.get_attribute("name") == "note"
    keys(page.browser, Keys.ESCAPE)
    assert page.browser.find_elements("name", "note") == []
    page.reach("Acknowledge")
    keys(page.browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert page.browser.switch_to.active_element.text == "Assign\u2026", "the arrow keys move within a card"
    keys(page.browser, Keys.ARROW_LEFT, Keys.ENTER, "Two units")
    field = page.browser.switch_to.active_element
    desk.begin("feed_silent", 20, feed="custody")
    wait(page.browser, lambda: len(page.cards()) == 2, SECONDS)
    desk.end("feed_silent", 0, feed="custody")
    wait(page.browser, lambda: len(page.cards()) == 1, SECONDS)
    assert page.browser.switch_to.active_element == field, "alerts that come and go above must not take the focus"
    desk.clock.now = MOMENT + timedelta(seconds=9)
    keys(page.browser, " sent.", Keys.ENTER)
    wait(page.browser, lambda: "Acknowledged by inspector" in page.card(TITLE).text, SECONDS)
    assert 'Acknowledged by inspector at 15:40:29: "Two units sent."' in page.card(TITLE).text
    entry, other = [each for each in desk.log.entries() if isinstance(each, Acknowledged)]
    assert (other.alert, other.by, other.note) == (step, "inspector", "Two units sent."), "a step of the same card"
    wait(
        page.browser,
        lambda: "A Grade 1 incident has had no unit for 2 minutes or more, since" in page.card(TITLE).text,
        SECONDS,
    )
    wait(page.browser, lambda: "UNACKNOWLEDGED" not in page.card(TITLE).text, SECONDS)
    assert (entry.alert, entry.by, entry.at, entry.note) == (
        name,
        "inspector",
        MOMENT + timedelta(seconds=9),
        "Two units sent.",
    )
    page.press(TITLE, "Assign")
    page.browser.switch_to.active_element.send_keys("sergeant north", Keys.ENTER)
    wait(page.browser, lambda: "Assigned to sergeant north." in page.card(TITLE).text, SECONDS)
    assert [(each.by, each.to) for each in desk.log.entries() if isinstance(each, Assigned)] == [
        ("inspector", "sergeant north")
    ]
    page.press(TITLE, "Escalate")
    page.browser.switch_to.active_element.send_keys("force incident manager", Keys.TAB, "No unit", Keys.ENTER)
    wait(page.browser, lambda: "inspector escalated it: No unit." in page.card(TITLE).text, SECONDS)
    page.press(TITLE, "History")
    wait(page.browser, lambda: "inspector: Assigned to sergeant north." in page.card(TITLE).text, SECONDS)
    assert 'inspector: Acknowledged: "Two units sent."' in page.card(TITLE).text


def test_a_refused_action_is_reported_and_the_typed_text_stays(page: Page, desk: Desk) -> None:
    desk.receive_heartbeat()
    desk.begin("grade_1_unresourced_several", 12)
    page.sign_in("act")
    wait(page.browser, lambda: "Acknowledge" in page.possible(), SECONDS)
    page.press(TITLE, "Acknowledge")
    page.browser.delete_all_cookies()
    page.browser.switch_to.active_element.send_keys("Two units sent.", Keys.ENTER)
    wait(page.browser, lambda: "NOT DONE: You are not signed in." in page.card(TITLE).text, SECONDS)
    wait(page.browser, lambda: "You are not signed in" in page.text("person"), SECONDS)
    assert [each for each in desk.log.entries() if isinstance(each, Acknowledged)] == []
    complaints(page.browser)


def test_planned_work_is_for_administrators_has_an_end_and_can_be_ended_early(page: Page, desk: Desk) -> None:
    desk.receive_heartbeat()
    desk.begin("feed_silent", 3, feed="custody")
    page.sign_in("admin")
    wait(page.browser, lambda: "Planned work" in page.possible(), SECONDS)
    page.press("A feed is silent", "Planned work")
    page.browser.switch_to.active_element.send_keys("Suite moves.", Keys.ENTER)
    wait(
        page.browser, lambda: "Planned work until 16:10:20, set by chief" in page.card("A feed is silent").text, SECONDS
    )
    (plan,) = [each for each in desk.log.entries() if isinstance(each, Suppressed)]
    assert (plan.by, plan.until, plan.scope) == (
        "chief",
        MOMENT + timedelta(minutes=30),
        {"force": FORCE, "feed": "custody", "system": "custody"},
    )
    assert 'feed silent, feed custody: planned work until 16:10:20, set by chief: "Suite moves."' in page.text(
        "planned"
    )
    desk.clock.now += timedelta(seconds=1)
    page.browser.find_element("css selector", "#planned button").click()
    wait(page.browser, lambda: "UNACKNOWLEDGED" in page.card("A feed is silent").text.splitlines()[1][:14], SECONDS)
    assert [each.by for each in desk.log.entries() if isinstance(each, Unsuppressed)] == ["chief"]
    assert not page.browser.find_element("id", "planned").is_displayed()


def test_viewers_see_why_there_are_no_buttons(page: Page, desk: Desk) -> None:
    desk.receive_heartbeat()
    desk.begin("grade_1_unresourced_several", 12)
    page.sign_in("view")
    wait(page.browser, lambda: page.possible() == {"History"}, SECONDS)
    assert "Signed in as wall, to view only. To act on alerts, ask an administrator" in page.text("person")


def test_no_active_alerts_is_displayed_only_when_it_is_known(page: Page, desk: Desk) -> None:
    page.open()
    calm = "No active alerts"
    assert (
        "NOT MONITORED: no alert engine reports that data are arriving. No heartbeat has been received yet."
        in page.text("trouble")
    )
    assert calm not in page.browser.find_element("tag name", "body").text
    desk.receive_heartbeat()
    wait(page.browser, lambda: calm in page.text("summary"), SECONDS)
    assert "No active alerts. Checked 15:40:20. Last heartbeat of the alert engine: 15:40:20." in page.text("summary")
    assert page.text("trouble") == ""
    desk.clock.now += ALIVE + timedelta(seconds=1)
    wait(page.browser, lambda: "Last heartbeat: 15:40:20." in page.text("trouble"), SECONDS)
    assert page.text("summary").strip() == ""
    desk.receive_heartbeat()
    wait(page.browser, lambda: calm in page.text("summary"), SECONDS)
    desk.receive_heartbeat(is_alive=False)
    wait(page.browser, lambda: "NOT MONITORED" in page.text("trouble"), SECONDS)
    assert calm not in page.browser.find_element("tag name", "body").text
    size = "return parseFloat(getComputedStyle(document.getElementById('trouble')).fontSize)"
    assert page.browser.execute_script(size) >= 20


def test_alerts_stay_on_the_page_when_the_inbox_cannot_be_read(page: Page, desk: Desk) -> None:
    desk.receive_heartbeat()
    page.open()
    wait(page.browser, lambda: "No active alerts" in page.text("summary"), SECONDS)
    desk.is_away = True
    wait(page.browser, lambda: "ALERTS CANNOT BE READ." in page.text("trouble"), SECONDS)
    assert "The state server does not answer" in page.text("trouble")
    assert "It is not known which alerts are active" in page.text("trouble")
    assert "No active alerts" not in page.browser.find_element("tag name", "body").text
    desk.is_away = False
    desk.begin("feed_silent", 3, feed="custody")
    wait(page.browser, lambda: len(page.cards()) == 1 and page.text("trouble") == "", SECONDS)
    desk.is_away = True
    wait(page.browser, lambda: page.text("trouble"), SECONDS)
    assert re.fullmatch(r"Active alerts as last known at .*15:40:20", page.text("active-title"))
    assert len(page.cards()) == 1
    complaints(page.browser)


def test_a_handover_sheet_says_what_is_not_known(page: Page, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page.browser.get(page.address + "/handover")
    wait(page.browser, lambda: "NOT MONITORED" in page.text("alerts-trouble") and page.text("made-at"), SECONDS)
    assert page.text("made-at") == "Tue 03 Dec 2024, 15:40:20"
    assert page.text("feeds-summary").startswith("\u2713 All 7 feeds are live")
    assert "No active alerts" not in page.browser.find_element("tag name", "body").text
    desk.receive_heartbeat()
    desk.begin("grade_1_unresourced_several", 12)
    wait(page.browser, lambda: TITLE in page.text("alerts"), SECONDS)
    assert "UNACKNOWLEDGED." in page.text("alerts")
    desk.begin_of_a_removed_rule()
    wait(page.browser, lambda: "the rule no longer exists" in page.text("alerts"), SECONDS)
    assert (page.text("alerts-trouble"), TITLE in page.text("alerts")) == ("", True)
    printed = page.browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]
    assert len(re.findall(rb"/Type\s*/Page\b", b64decode(printed))) == 1, (
        "on an ordinary day everything fits on one sheet"
    )
    desk.is_away = True
    wait(page.browser, lambda: "ALERTS CANNOT BE READ" in page.text("alerts-trouble"), SECONDS)
    assert TITLE not in page.text("alerts")

    def unreadable(*_: object, **__: object) -> None:
        raise ConnectionError("the state server is away, for a test")

    monkeypatch.setattr(handover, "read_handover", unreadable)
    page.browser.get(page.address + "/handover")
    wait(page.browser, lambda: "THE HANDOVER SHEET IS NOT AVAILABLE" in page.text("trouble"), SECONDS)
    assert "The state server does not answer" in page.text("trouble")
    assert page.text("breaches-summary") == page.text("custody-says") == page.text("made-at") == ""


def test_the_page_asks_people_to_sign_in_where_only_they_may_view_alerts(browser: webdriver.Chrome, day: Day) -> None:
    desk = Desk(day.client, day.reader, is_open_to_view=False)
    desk.receive_heartbeat()
    with day.served(desk.mounts()) as address:
        browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        page = Page(browser, address)
        page.open()
        assert page.text("trouble").startswith("SIGN IN TO SEE ALERTS")
        assert "No active alerts" not in browser.find_element("tag name", "body").text
        page.sign_in("view")
        wait(browser, lambda: "No active alerts" in page.text("summary"), SECONDS)
        browser.get("about:blank")
    complaints(browser)


def test_a_person_ends_on_the_page_what_was_never_ended(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Only who may act, after a reason and a role; the inbox's log has the login, and the fact has not."""
    opened = IncidentOpened(
        fact_id="o", force=FORCE, at=MOMENT - timedelta(days=2), subject_id="i-7", grade="1", group="crime"
    )
    received: list[EndRequest] = []

    def end(request: EndRequest) -> EndedByHand:
        received.append(request)
        return EndedByHand(
            fact_id="e", force=FORCE, at=MOMENT, subject_id="i-7", reason=request.reason, role=request.role
        )

    with state_server(tmp_path) as state:
        recent = replace(opened, fact_id="p", at=MOMENT - timedelta(hours=2), subject_id="i-8")
        day = Day(state, [("incidents", opened), ("incidents", recent)])
        desk = Desk(day.client, day.reader)
        desk.parts = replace(desk.parts, end=end)
        end_on_the_page(browser, day, desk, received)
        (entry,) = [each for each in desk.log.entries() if isinstance(each, SubjectEnded)]
    assert received == [
        EndRequest(force=FORCE, subject="incident", subject_id="i-7", reason="test", role="duty_inspector")
    ]
    assert (entry.by, entry.reason, entry.subject_id) == ("inspector", "test", "i-7")
    assert complaints(browser) == []


def end_on_the_page(browser: webdriver.Chrome, day: Day, desk: Desk, received: list[EndRequest]) -> None:
    """Sign in and end the only incident; nothing is sent before a reason and a role are chosen."""
    with day.served(desk.mounts()) as address:
        browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        page = Page(browser, address)
        page.open()
        wait(browser, lambda: "Incident i-7" in page.text("unrecorded"), SECONDS)
        assert "Sign in with the role act to end one by hand." in page.text("unrecorded")
        assert "End by hand" not in page.text("unrecorded")
        assert "i-8" not in page.text("unrecorded"), "its end has a day to be recorded"
        page.sign_in("act")
        wait(browser, lambda: "End by hand" in page.text("unrecorded"), SECONDS)
        section = browser.find_element("id", "unrecorded")
        section.find_element("css selector", ".acts button").click()
        section.find_element("css selector", "form button.first").click()
        assert received == [], "neither a reason nor a role was chosen"
        for name, value in (("reason", "test"), ("role", "duty_inspector")):
            Select(section.find_element("name", name)).select_by_value(value)
        section.find_element("css selector", "form button.first").click()
        wait(browser, lambda: "Ended: Incident i-7, as inspector." in page.text("unrecorded"), SECONDS)
        browser.get("about:blank")
