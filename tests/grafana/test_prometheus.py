"""Every query of every panel and variable, asked of a real Prometheus that scrapes the product: what they show is what `read` says."""

import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest
from msgspec.structs import replace

from bluelamp.clock import wall
from dashboards.grafana import query
from dashboards.grafana.dashboard import dashboards
from dashboards.grafana.panel import identity
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.reading import Reading
from measures.window import REPORT_WINDOWS
from streams.exporter import ENDED_AGAIN, EXPORTED_WINDOWS, LIVE_EXPORTED, ReadingsCollector, is_exported
from tests.grafana.conftest import SAMPLE, Exported, Scraped
from tests.grafana.files import FILES, panels
from tests.grafana.quarter import FORCE, NOW
from tests.real.parts import missing

pytestmark = pytest.mark.real
SHOWN = [measure for measure in CATALOGUE.values() if is_exported(measure)]


class Asked(NamedTuple):
    """One query of one panel, with what is chosen above the dashboard."""

    panel: dict[str, Any]
    letter: str
    expression: str
    is_range: bool


def chosen(expression: str, force: str, window: str) -> str:
    """An expression with the dashboard's choices put in; none may be left over."""
    told = expression.replace("$force", force).replace("$window", window)
    assert "$" not in told, expression
    return told


def asked(dashboard: dict[str, Any], force: str, window: str) -> Iterator[Asked]:
    """Every query of a dashboard's panels."""
    for panel in panels(dashboard):
        for each in panel.get("targets", ()):
            yield Asked(panel, each["refId"], chosen(each["expr"], force, window), each["range"])


def samples(scraped: Scraped, each: Asked) -> int:
    """How many series a query gives."""
    ask = scraped.prometheus.course if each.is_range else scraped.prometheus.instant
    return len(ask(each.expression, scraped.at))


@pytest.mark.parametrize("name", FILES)
def test_no_query_is_refused_and_no_panel_is_empty(scraped: Scraped, name: str) -> None:
    """Of the force that has every feed and enough of everything: each query gives something, over the shortest window.

    But for a change on nothing: a count that was 0 the year before has none.
    """
    changeless = {query.change_on_previous_year(each).replace("$force", FORCE) for each in never_before(scraped)}
    empty = {each.expression for each in asked(FILES[name], FORCE, "15m") if not samples(scraped, each)}
    assert empty == (changeless if name == "analyst" else set())


def never_before(scraped: Scraped) -> list[Measure]:
    """The measures that were 0 in the 12 months before."""
    windowed = [each for each in SHOWN if not each.is_open() and each.unit != "ratio"]
    return [each for each in windowed if getattr(readings(scraped, each, FORCE, "previous_12m"), "value", 0) == 0]


@pytest.mark.parametrize("name", FILES)
def test_a_panel_of_the_sample_is_empty_only_where_no_feed_carries_it(scraped: Scraped, name: str) -> None:
    """The sample has incidents alone; where a measure of them has no value its panel still says its state."""
    force = scraped.exported.reader.rules[SAMPLE].force
    known = {identity(each.name, kind): each for each in SHOWN for kind in ("figure", "history", "periods")}
    for each in asked(FILES[name], SAMPLE, "24h"):
        measure = known.get(each.panel["id"])
        is_state = "reading_state" in each.expression
        if measure and is_state:
            assert (samples(scraped, each) > 0) == bool(measure.feeds(force)), each
        else:
            samples(scraped, each)  # refused or not


def readings(scraped: Scraped, measure: Measure, force: str, window: str) -> Reading | None:
    """What the product says; none where no feed of the force carries it."""
    reader = scraped.exported.reader
    if not measure.feeds(reader.rules[force].force):
        return None
    return reader.read(measure, "15m" if measure.is_open() else window, force=force)[0]


def expected(reading: Reading | None, measure: Measure) -> dict[str, float | None]:
    """What the queries of a panel must give for a reading."""
    if reading is None:
        return {"value": None, "n": None, "met": None, "state": None}
    is_counted = reading.state in ("live", "too_few") and measure.unit != "count"
    in_part = reading.state == "live" and bool(reading.note)
    return {
        "value": reading.value if reading.state == "live" else None,
        "n": reading.n if is_counted else None,
        "met": reading.met if is_counted and measure.unit == "ratio" else None,
        "state": query.IN_PART if in_part else query.STATES[reading.state],
    }


@pytest.mark.parametrize("force", [FORCE, SAMPLE])
def test_every_figure_shown_is_what_read_says(scraped: Scraped, force: str) -> None:
    """Value, n and state of every measure over every window that a dashboard offers."""
    states = set()
    for measure in SHOWN:
        for window in LIVE_EXPORTED[:1] if measure.is_open() else LIVE_EXPORTED:
            reading = readings(scraped, measure, force, window)
            found = {
                "value": query.value(measure, query.CHOSEN),
                "n": query.taken_from(measure, query.CHOSEN),
                "met": query.met(measure, query.CHOSEN),
                "state": query.state(measure, query.CHOSEN),
            }
            assert {
                name: only(scraped, chosen(expression, force, window)) for name, expression in found.items()
            } == expected(reading, measure), (measure.name, window)
            states.add(reading.state if reading else "")
    assert states >= ({"live"} if force == FORCE else {"", "live", "too_few", "no_data"})


def only(scraped: Scraped, expression: str) -> float | None:
    """The one value of an expression; none when it gives nothing."""
    found = scraped.prometheus.instant(expression, scraped.at)
    assert len(found) <= 1, found
    return found[0][1] if found else None


@pytest.mark.parametrize("force", [FORCE, SAMPLE])
def test_every_period_shown_is_what_read_says(scraped: Scraped, force: str) -> None:
    for measure in (each for each in SHOWN if not each.is_open()):
        values = by_window(scraped, chosen(query.value(measure, query.REPORT), force, ""))
        states = by_window(scraped, chosen(query.state(measure, query.REPORT), force, ""))
        for window in REPORT_WINDOWS:
            told = expected(readings(scraped, measure, force, window), measure)
            assert (values.get(window), states.get(window)) == (told["value"], told["state"]), (measure.name, window)
        changes = by_window(scraped, chosen(query.change_on_previous_year(measure), force, ""))
        assert changes == pytest.approx(change(scraped, measure, force)), measure.name


def by_window(scraped: Scraped, expression: str) -> dict[str, float]:
    """The values of an expression by their window."""
    return {labels["window"]: value for labels, value in scraped.prometheus.instant(expression, scraped.at)}


def change(scraped: Scraped, measure: Measure, force: str) -> dict[str, float]:
    """The change on the year before, reckoned from the readings; nothing unless both are whole and live."""
    now, before = (readings(scraped, measure, force, window) for window in ("12m", "previous_12m"))
    if not now or not before or now.note or before.note or now.value is None or before.value is None:
        return {}
    if measure.unit == "ratio":
        return {"12m": 100 * (now.value - before.value)}
    return {"12m": now.value / before.value - 1} if before.value else {}


def test_the_sample_is_too_short_to_compare_years(scraped: Scraped) -> None:
    """Its record begins inside both years; a change against nothing would be nonsense."""
    for measure in (each for each in SHOWN if not each.is_open()):
        assert by_window(scraped, chosen(query.change_on_previous_year(measure), SAMPLE, "")) == {}


@pytest.mark.parametrize("name", FILES)
def test_every_variable_offers_what_there_is(scraped: Scraped, name: str) -> None:
    force, window = FILES[name]["templating"]["list"]
    found = re.fullmatch(r"label_values\((.*), (\w+)\)", force["query"]["query"])
    assert found
    forces = [FORCE] if name == "supervisor" else [SAMPLE, FORCE]
    assert sorted(scraped.prometheus.values(found[2], found[1])) == forces
    assert [each["value"] for each in window["options"]] == list(LIVE_EXPORTED)
    assert window["current"]["value"] in LIVE_EXPORTED


@pytest.mark.parametrize("name", FILES)
def test_the_annotations_find_alerts_that_fire(scraped: Scraped, name: str) -> None:
    expression = FILES[name]["annotations"]["list"][0]["target"]["expr"]
    found = scraped.prometheus.course(chosen(expression, FORCE, ""), scraped.at)
    assert [labels["alertname"] for labels, _ in found] == ["StateServerAnswers"]


def test_the_metrics_are_named_as_prometheus_wishes(exported: Exported) -> None:
    reason = missing("prometheus")
    if reason:
        pytest.skip(reason)
    with urlopen(f"http://{exported.address}/metrics", timeout=30) as answer:
        text = answer.read()
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (told.returncode, told.stdout + told.stderr) == (0, b"")


def test_one_declaration_more_is_on_the_dashboards_and_in_prometheus(
    scraped: Scraped, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = replace(CATALOGUE["incident_count"], name="incident_of_crime_count", where={"group": ("crime",)})
    monkeypatch.setitem(CATALOGUE, measure.name, measure)
    shown = dashboards(CATALOGUE)
    at = scraped.prometheus.await_series("bluelamp_incident_of_crime")
    asked_for = [
        each
        for name in ("inspector", "analyst")
        for each in asked(shown[name], FORCE, "15m")
        if each.panel["id"] in {identity(measure.name, kind) for kind in ("figure", "history", "periods")}
    ]
    assert {each.panel["type"] for each in asked_for} == {"stat", "timeseries", "table"}
    later = Scraped(scraped.prometheus, scraped.exported, at)
    assert [each for each in asked_for if not samples(later, each)] == []


def test_feeds_that_fall_silent_take_every_value_away_and_say_stale(scraped: Scraped) -> None:
    """Nothing that is not live may look live, and nothing stale like 0: there is no number at all, only the word."""
    clock = scraped.exported.clock
    clock.now = wall() + timedelta(days=1)
    try:
        at = scraped.prometheus.await_series('absent(bluelamp_reading_state{state="live", window="15m"})')
    finally:
        clock.now = NOW
    silent = Scraped(scraped.prometheus, scraped.exported, at)
    figures = {identity(each.name, "figure"): each for each in SHOWN}
    looked_at = 0
    for each in (each for name in FILES for each in asked(FILES[name], FORCE, "60m") if each.panel["id"] in figures):
        found = scraped.prometheus.instant(each.expression, silent.at)
        assert [value for _, value in found] == ([query.STATES["stale"]] if each.letter == "C" else []), each
        looked_at += 1
    assert looked_at > 2 * len(SHOWN)


def test_periods_that_have_ended_are_read_again_only_now_and_then(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year is many panes, and a scrape comes every 15 seconds; the windows under way are read each time."""
    asked_windows: list[str] = []
    read = exported.reader.read

    def counted(measure: Measure, window: str, *, force: str) -> list[Reading]:
        asked_windows.append(window)
        return read(measure, window, force=force)

    monkeypatch.setattr(exported.reader, "read", counted)
    collector = ReadingsCollector(exported.reader)

    def windows() -> set[str]:
        asked_windows.clear()
        list(collector.collect())
        return set(asked_windows)

    ended = {"last_month", "12m", "previous_12m"}
    assert windows() == set(EXPORTED_WINDOWS)
    assert windows() == set(EXPORTED_WINDOWS) - ended
    monkeypatch.setattr(exported.clock, "now", NOW + ENDED_AGAIN)
    assert windows() >= ended
