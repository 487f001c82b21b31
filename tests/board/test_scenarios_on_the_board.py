"""Each scenario in a browser: the page displays what a supervisor and an inspector should see."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pytest
from selenium import webdriver

from bluelamp.embedded.state import StateServer
from facts.contact import ContactOffered
from facts.incident import IncidentOpened
from producers.simulate.simulation import Simulation
from tests.board.scene import Scene
from tests.board.test_board_in_a_browser import wait
from tests.support.browser import show_as
from tests.support.stores import state_server

pytestmark = pytest.mark.real
SEEN = """
const place = document.querySelector(`[data-measure="${arguments[0]}"] [data-window="${arguments[1]}"]`);
const text = (name) => place?.querySelector("." + name)?.innerText ?? "";
return place && [place.dataset.state ?? "", text("value"), text("n"), place.dataset.verdict ?? ""];
"""
ANSWERED = "contact_999_answered_within_target_ratio"
CALLS = "contact_999_offered_count"
UNRESOURCED = "grade_1_unresourced_over_2_minutes_count"


class Seen(NamedTuple):
    """One figure as displayed."""

    state: str
    value: str
    n: str
    verdict: str

    def number(self) -> float:
        """Its value as a number: a count or a percentage."""
        return float(self.value.replace(",", "").removesuffix("%"))

    def seconds(self) -> int:
        """Its value as a span: 12 s, 6 min 40 s, 2 h 49 min, or 12 days 21 h."""
        units = {"s": 1, "min": 60, "h": 3600, "day": 86_400, "days": 86_400}
        parts = self.value.split()
        return sum(int(float(number)) * units[unit] for number, unit in zip(parts[::2], parts[1::2], strict=True))


class Watched:
    """A page that stays open while a scenario continues.

    Args:
        browser: displays the page.
        scene: the scenario.
        address: of the board.
    """

    def __init__(self, browser: webdriver.Chrome, scene: Scene, address: str) -> None:
        self.browser, self.scene, self.address = browser, scene, address

    def open(self, path: str = "/measures") -> None:
        """Open a page and wait for its figures."""
        self.browser.get(self.address + path)
        wait(self.browser, lambda: self.browser.execute_script("return document.body.dataset.state") == "live", 60)

    def continue_to(self, moment: str, word: str = "Live", *, fold: int = 0) -> None:
        """Continue the scenario to a moment, and wait until the open page displays that time."""
        self.scene.continue_to(moment, fold=fold)
        clock = f"{datetime.fromisoformat(moment):%H:%M}"
        status = "return document.getElementById('as-of').textContent"
        wait(self.browser, lambda: clock in self.browser.execute_script(status) and self.frame()[0] == word, 60)

    def seen(self, measure: str, window: str = "60m") -> Seen:
        """One figure as displayed, once it is there."""
        wait(self.browser, lambda: (self.browser.execute_script(SEEN, measure, window) or [""])[0], 60)
        return Seen(*self.browser.execute_script(SEEN, measure, window))

    def see_live(self, measure: str, window: str) -> None:
        """Wait until one figure is live."""
        wait(self.browser, lambda: self.seen(measure, window).state == "live", 60)

    def frame(self) -> tuple[str, str]:
        """The page's live status and its notice."""
        read = "return [document.getElementById('live').innerText, document.getElementById('notice').innerText]"
        live, notice = self.browser.execute_script(read)
        return live.strip(), notice


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    """One state server for every scenario in turn."""
    with state_server(tmp_path_factory.mktemp("scenes")) as server:
        yield server


@contextmanager
def watched(
    browser: webdriver.Chrome, state: StateServer, scenario: str, moment: str, start: date | None = None
) -> Iterator[Watched]:
    """A scenario up to a moment, with the page of all measures open."""
    show_as(browser, 1280, 800, "light")
    scene = Scene(state, scenario, start)
    scene.continue_to(moment)
    with scene.served() as address:
        found = Watched(browser, scene, address)
        found.open()
        yield found
        browser.get("about:blank")


def subjects(simulation: Simulation, kind: type, begin: datetime, end: datetime, **words: str) -> int:
    """The number of subjects that began between two times, counted from the facts."""
    began: dict[str, datetime] = {}
    facts = [each.fact for each in simulation.reported_before(end.timestamp())]
    corrected = {getattr(fact, "corrects", None) for fact in facts if not fact.fact_id.endswith(".bad")}
    for fact in facts:
        is_meant = isinstance(fact, kind) and all(getattr(fact, name) == word for name, word in words.items())
        if is_meant and not fact.fact_id.endswith(".bad") and fact.fact_id not in corrected:
            subject = str(getattr(fact, "subject_id", ""))
            began[subject] = min(began.get(subject, fact.at), fact.at)
    return sum(begin <= at < end for at in began.values())


@pytest.mark.faults
def test_ordinary_days_are_live_and_grade_1_has_units(browser: webdriver.Chrome, state: StateServer) -> None:
    with watched(browser, state, "normal", "2024-12-02T15:00:00") as page:
        assert page.frame() == ("Live", "")
        assert page.seen(ANSWERED, "today").number() > 80
        assert page.seen(UNRESOURCED, "now").number() < 12


@pytest.mark.faults
def test_a_storm_night_is_displayed_without_a_reload(browser: webdriver.Chrome, state: StateServer) -> None:
    with watched(browser, state, "surge", "2024-01-21T17:00:00") as page:
        page.open("/")
        browser.execute_script("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        browser.execute_script("window.isTheSamePage = true")
        calm = {name: page.seen(name) for name in (CALLS, ANSWERED, "contact_101_answer_median_seconds")}
        waiting = page.seen("grade_2_unattended_over_2_hours_count", "now").number()
        assert calm[ANSWERED].number() > 90
        assert calm[ANSWERED].verdict == "good"
        page.continue_to("2024-01-21T21:00:00")
        storm = {name: page.seen(name) for name in calm}
        assert 3 * calm[CALLS].number() <= storm[CALLS].number() <= 4 * calm[CALLS].number()
        assert storm[ANSWERED].number() < 30
        assert storm[ANSWERED].verdict == "bad"
        assert storm["contact_101_answer_median_seconds"].seconds() > 180
        assert calm["contact_101_answer_median_seconds"].seconds() < 60
        assert page.seen(UNRESOURCED, "now").number() < 12
        assert page.seen("grade_2_unattended_over_2_hours_count", "now").number() > 1.5 * waiting
        page.continue_to("2024-01-22T04:00:00")
        assert page.seen("contact_999_waiting_count", "now").value == "0"
        assert page.seen(ANSWERED).number() > 80
        assert page.seen(ANSWERED, "today").number() < 80, "the figure of the day includes the night"
        assert browser.execute_script("return window.isTheSamePage")


def test_disorder_leaves_grade_1_without_units_and_abandonment_improves_no_figure(
    browser: webdriver.Chrome, state: StateServer
) -> None:
    share = "grade_1_opened_to_arrived_within_target_ratio"
    with watched(browser, state, "disorder", "2024-08-03T16:30:00") as page:
        calls, before = page.seen(CALLS).number(), page.seen(share, "today").number()
        assert page.seen(UNRESOURCED, "now").number() < 12
        page.continue_to("2024-08-03T18:30:00")
        assert page.seen(CALLS).number() > 1.5 * calls
        page.continue_to("2024-08-03T23:00:00")
        night = page.seen(UNRESOURCED, "now")
        assert night.number() > 100
        assert night.verdict == "bad"
        assert page.seen("grade_1_longest_unattended_seconds", "now").seconds() > 3600
        assert page.seen(share, "today").number() < 10 < before
        late = page.seen("grade_2_unattended_over_2_hours_count", "now").number()
        page.continue_to("2024-08-04T02:00:00")
        assert page.seen(UNRESOURCED, "now").number() > 100
        assert page.seen(share, "today").number() < 10
        assert page.seen("grade_2_unattended_over_2_hours_count", "now").number() > late


@pytest.mark.faults
def test_a_silent_feed_makes_only_its_own_figures_stale(browser: webdriver.Chrome, state: StateServer) -> None:
    with watched(browser, state, "feed_outage", "2024-11-12T13:59:50") as page:
        assert page.frame() == ("Live", "")
        assert page.seen(CALLS).number() > 0
        page.scene.continue_to("2024-11-12T14:00:10")
        page.continue_to("2024-11-12T14:00:30", "Not all live")
        for measure, window in ((CALLS, "60m"), (ANSWERED, "today"), ("contact_999_waiting_count", "now")):
            stale = page.seen(measure, window)
            assert stale.state == "stale", measure
            assert stale.value == "not live since 13:59", measure
        live, notice = page.frame()
        assert live == "Not all live"
        assert "telephony_999" in notice
        page.continue_to("2024-11-12T14:31:00", "Not all live")
        for measure in ("contact_101_offered_count", "digital_offered_count", "incident_count"):
            page.see_live(measure, "today")
        assert page.seen(CALLS).value == "not live since 13:59"
        page.continue_to("2024-11-12T15:41:00")
        assert page.frame() == ("Live", "")
        hour = datetime(2024, 11, 12, 14, 41, tzinfo=UTC)
        expected = subjects(page.scene.simulation, ContactOffered, hour, hour + timedelta(hours=1), line="999")
        assert page.seen(CALLS).number() == expected > 0, "the hour is complete"


@pytest.mark.faults
def test_a_quiet_line_has_0_calls_and_is_live(browser: webdriver.Chrome, state: StateServer) -> None:
    with watched(browser, state, "quiet_line", "2024-11-13T02:59:00") as page:
        assert page.seen(CALLS).number() > 0
        page.continue_to("2024-11-13T04:30:00")
        assert page.frame() == ("Live", "")
        assert page.seen(CALLS)[:2] == ("live", "0")
        for measure in (ANSWERED, "contact_999_answer_mean_seconds", "contact_999_abandoned_ratio"):
            assert page.seen(measure)[:2] == ("no_data", "no data"), measure


@pytest.mark.faults
def test_days_with_a_clock_change_have_their_own_hours(browser: webdriver.Chrome, state: StateServer) -> None:
    with watched(browser, state, "clock_change", "2024-03-31T23:58:00") as page:
        midnight = datetime(2024, 3, 31, tzinfo=UTC)
        expected = subjects(page.scene.simulation, ContactOffered, midnight, page.scene.now, line="999")
        assert page.seen(CALLS, "today").number() == expected > 300
    with watched(browser, state, "clock_change", "2024-10-27T01:58:00", date(2024, 10, 26)) as page:
        first = page.seen(CALLS).number()
        hour = datetime(2024, 10, 27, 0, tzinfo=UTC)
        page.scene.continue_to("2024-10-27T01:58:00", fold=1)
        again = subjects(
            page.scene.simulation,
            ContactOffered,
            hour.replace(hour=0, minute=58),
            hour.replace(hour=1, minute=58),
            line="999",
        )
        wait(browser, lambda: page.seen(CALLS).number() == again, 60)
        assert first == subjects(
            page.scene.simulation, ContactOffered, hour - timedelta(minutes=2), hour.replace(minute=58), line="999"
        )


@pytest.mark.faults
def test_a_bad_feed_has_the_figures_of_a_good_one_and_its_bad_facts_are_quarantined(
    browser: webdriver.Chrome, state: StateServer
) -> None:
    with watched(browser, state, "bad_feed", "2024-11-14T11:59:00") as page:
        page.continue_to("2024-11-14T12:11:00")
        midnight = datetime(2024, 11, 14, tzinfo=UTC)
        expected = subjects(page.scene.simulation, IncidentOpened, midnight, page.scene.now)
        assert page.seen("incident_count", "today").number() == expected > 100
        page.open("/feeds")
        text = browser.find_element("tag name", "main").text
        for reason in ("unlisted force", "bad value", "implausible time", "no time zone"):
            assert reason in text.replace("_", " "), reason


@pytest.mark.faults
def test_breaches_stay_open_over_the_handover_and_the_shift_figures_restart(
    browser: webdriver.Chrome, state: StateServer
) -> None:
    share = "grade_1_opened_to_arrived_within_target_ratio"
    with watched(browser, state, "handover", "2024-11-15T14:59:30") as page:
        before, missed = page.seen(CALLS, "shift").number(), page.seen(share, "shift")
        hour = page.seen(CALLS).number()
        assert missed.number() < 50
        page.continue_to("2024-11-15T15:02:00")
        assert page.seen(CALLS, "shift").number() < 10 < before
        assert abs(page.seen(CALLS).number() - hour) <= 5
        assert page.seen("grade_1_unattended_over_15_minutes_count", "now").number() > 6
        n_before, n_after = (int(each.n.removeprefix("n ")) for each in (missed, page.seen(share, "shift")))
        assert n_after < n_before / 4, "cases due earlier count in the previous shift"
        page.open("/")
        status = browser.find_element("css selector", "[data-unattended=immediate] .says")
        wait(browser, lambda: "past a target" in status.text, 60)
