"""Every query of every panel and variable, on a real Prometheus that scrapes the exporter, equals `bluelamp read`."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest
from msgspec.structs import replace

from bluelamp.wiring.clock import wall
from dashboards.grafana import query
from dashboards.grafana.dashboard import dashboards
from dashboards.grafana.panel import identity
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.window import REPORT_WINDOWS
from streams import reading_metrics
from streams.exporter import ReadingsCollector
from streams.names import is_exported
from streams.reading_metrics import EXPORTED_LIVE_WINDOWS, EXPORTED_WINDOWS
from tests.grafana.conftest import SAMPLE, Exported, Scraped
from tests.grafana.files import FILES, panels
from tests.grafana.quarter import FORCE, NOW
from tests.real.parts import missing

pytestmark = pytest.mark.real
ENDED = {"last_month", "12m", "previous_12m"}
SHOWN = [measure for measure in CATALOGUE.values() if is_exported(measure)]


class PanelQuery(NamedTuple):
    """A query of a panel, with the values of the dashboard's variables."""

    panel: dict[str, Any]
    letter: str
    expression: str
    is_range: bool


def chosen(expression: str, force: str, window: str) -> str:
    """An expression with the dashboard's variables replaced; none may be left."""
    replaced = expression.replace("$force", force).replace("$window", window)
    assert "$" not in replaced, expression
    return replaced


def queries_of(dashboard: dict[str, Any], force: str, window: str) -> Iterator[PanelQuery]:
    """Every query of a dashboard's panels."""
    for panel in panels(dashboard):
        for each in panel.get("targets", ()):
            yield PanelQuery(panel, each["refId"], chosen(each["expr"], force, window), each["range"])


def samples(scraped: Scraped, each: PanelQuery) -> int:
    """The number of series that a query returns."""
    ask = scraped.prometheus.over_time if each.is_range else scraped.prometheus.instant
    return len(ask(each.expression, scraped.at))


def shown(kind: str) -> list[tuple[Measure, dict[str, str]]]:
    """Every measure with the queries of its panel of a kind, by letter, from the committed files."""
    found = {panel["id"]: panel["targets"] for name in FILES for panel in panels(FILES[name]) if panel.get("targets")}
    return [
        (measure, {each["refId"]: each["expr"] for each in found[identity(measure.name, kind)]})
        for measure in SHOWN
        if identity(measure.name, kind) in found
    ]


FIGURES, HISTORIES, PERIODS = shown("figure"), shown("history"), shown("periods")


def test_every_measure_has_a_panel() -> None:
    names = [each.name for each, _ in FIGURES + PERIODS]
    assert set(names) == {each.name for each, _ in HISTORIES} == {each.name for each in SHOWN}


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.faults) if each == "analyst" else each for each in FILES]
)
def test_no_query_fails_and_no_panel_is_empty(scraped: Scraped, name: str) -> None:
    """Each query has a result over the shortest window, for the force that has every feed and enough cases of everything.

    The exception is a count that was 0 the year before: it has no relative change.
    """
    changeless = {
        chosen(queries["E"], FORCE, "")
        for measure, queries in PERIODS
        if read(scraped, measure, FORCE, "previous_12m")["value"] == 0 and measure.unit != "ratio"
    }
    empty = {each.expression for each in queries_of(FILES[name], FORCE, "15m") if not samples(scraped, each)}
    assert empty == (changeless if name == "analyst" else set())


@pytest.mark.parametrize("name", FILES)
def test_a_panel_of_the_sample_is_empty_only_without_a_feed(scraped: Scraped, name: str) -> None:
    """The sample has only incidents. A measure without a value still shows its state."""
    force = scraped.exported.reader.rules[SAMPLE].force
    known = {identity(each.name, kind): each for each in SHOWN for kind in ("figure", "history", "periods")}
    for each in queries_of(FILES[name], SAMPLE, "24h"):
        count, measure = samples(scraped, each), known.get(each.panel["id"])
        if measure and "reading_state" in each.expression:
            assert (count > 0) == bool(measure.feeds(force)), each


Shown = float | dict[str, float | None] | None
"""The result of a query: a value, a value for each band, or nothing."""


def read(scraped: Scraped, measure: Measure, force: str, window: str) -> dict[str, Shown]:
    """The figure that a panel must show: value, n, met and the number of the state; nothing without a feed."""
    reader = scraped.exported.reader
    if not measure.feeds(reader.rules[force].force):
        return dict.fromkeys(("value", "n", "met", "state"))
    readings = reader.read(measure, "15m" if measure.is_open() else window, force=force)
    bands = {each.dimensions["band"]: each.value for each in readings if each.dimensions}
    reading = readings[0]
    is_counted = reading.state in ("live", "too_few") and measure.unit != "count"
    in_part = reading.state == "live" and reading.begins is not None  # an hour at most is missing
    return {
        "value": (bands or reading.value) if reading.state == "live" else None,
        "n": reading.n if is_counted else None,
        "met": reading.met if is_counted and measure.unit == "ratio" else None,
        "state": query.STATES["in_part" if in_part else reading.state],
    }


@pytest.mark.parametrize("force", [FORCE, SAMPLE])
def test_every_figure_equals_bluelamp_read(scraped: Scraped, force: str) -> None:
    """Value, n and state of every measure over every window that a dashboard offers."""
    states = set()
    for measure, queries in FIGURES:
        for window in EXPORTED_LIVE_WINDOWS[:1] if measure.is_open() else EXPORTED_LIVE_WINDOWS:
            expected = read(scraped, measure, force, window)
            names = {"A": "value", "B": "n", "C": "state"}
            found = {names[each]: only(scraped, chosen(text, force, window)) for each, text in queries.items()}
            assert found == {name: expected[name] for name in found}, (measure.name, window)
            states.add(expected["state"])
    assert states >= ({1} if force == FORCE else {None, 1, 2, 4})


def only(scraped: Scraped, expression: str) -> Shown:
    """The value of an expression, or a value for each band; None when there is no sample."""
    found = scraped.prometheus.instant(expression, scraped.at)
    if found and all("band" in labels for labels, _ in found):
        return {labels["band"]: value for labels, value in found}
    assert len(found) <= 1, found
    return found[0][1] if found else None


def test_every_line_ends_with_the_figure_of_bluelamp_read(scraped: Scraped) -> None:
    for measure, queries in HISTORIES:
        expected = read(scraped, measure, FORCE, "24h")
        for name, expression in zip(("value", "n"), queries.values(), strict=False):
            found = scraped.prometheus.over_time(chosen(expression, FORCE, "24h"), scraped.at)
            last = {labels.get("band"): values[-1] for labels, values in found}
            wanted = expected[name]
            assert last == (wanted if isinstance(wanted, dict) else {None: wanted}), (measure.name, name)


@pytest.mark.parametrize("force", [FORCE, SAMPLE])
def test_every_period_equals_bluelamp_read(scraped: Scraped, force: str) -> None:
    for measure, queries in PERIODS:
        expected = {window: read(scraped, measure, force, window) for window in REPORT_WINDOWS}
        names = {"A": "value", "B": "n", "C": "met", "D": "state"}
        for letter in queries.keys() & names.keys():
            found = by_window(scraped, chosen(queries[letter], force, ""))
            wanted = {window: each[names[letter]] for window, each in expected.items()}
            assert found == {window: value for window, value in wanted.items() if value is not None}, measure.name
        change = by_window(scraped, chosen(queries["E"], force, ""))
        assert change == pytest.approx(change_on_year(measure, expected["12m"], expected["previous_12m"])), measure.name
        assert force == FORCE or change == {}, "the sample's record begins inside both years"


def by_window(scraped: Scraped, expression: str) -> dict[str, float]:
    """The values of an expression by their window."""
    return {labels["window"]: value for labels, value in scraped.prometheus.instant(expression, scraped.at)}


def change_on_year(measure: Measure, now: dict[str, Shown], before: dict[str, Shown]) -> dict[str, float]:
    """The change between two years, calculated from readings; empty unless both are live and covered completely."""
    one, other = now["value"], before["value"]
    if {now["state"], before["state"]} != {1} or not isinstance(one, float | int) or not isinstance(other, float | int):
        return {}
    if measure.unit == "ratio":
        return {"12m": 100 * (one - other)}
    return {"12m": one / other - 1} if other else {}


@pytest.mark.parametrize("name", FILES)
def test_every_variable_offers_the_existing_values(scraped: Scraped, name: str) -> None:
    force, window = FILES[name]["templating"]["list"]
    found = re.fullmatch(r"label_values\((.*), (\w+)\)", force["query"]["query"])
    assert found
    forces = [FORCE] if name == "supervisor" else [SAMPLE, FORCE]
    assert sorted(scraped.prometheus.values(found[2], found[1])) == forces
    assert [each["value"] for each in window["options"]] == list(EXPORTED_LIVE_WINDOWS)
    assert window["current"]["value"] in EXPORTED_LIVE_WINDOWS


@pytest.mark.parametrize("name", FILES)
def test_the_annotations_find_firing_alerts(scraped: Scraped, name: str) -> None:
    expression = FILES[name]["annotations"]["list"][0]["target"]["expr"]
    """Blue Lamp's own rules: those of the chosen force, and those of no force."""
    alerts = 'ALERTS{alertstate="firing", alertname="%s"}'
    for alertname in ("Elsewhere", "OfNoForce", "Grade1Unresourced", "DataAlive"):
        at = scraped.prometheus.await_series(alerts % alertname)
    found = scraped.prometheus.over_time(chosen(expression, FORCE, ""), at + 30)
    known = {labels["alertname"]: labels for labels, _ in found}
    assert "OfNoForce" in known
    assert "Elsewhere" not in known
    assert known["Grade1Unresourced"].items() >= {"force": FORCE, "severity": "warning"}.items()
    assert known["Grade1Unresourced"]["measure"] == "grade_1_unresourced_over_2_minutes_count"
    assert known["DataAlive"].items() >= {"force": FORCE, "severity": "heartbeat", "measure": "monitor"}.items()


def test_the_metrics_follow_the_naming_rules_of_prometheus(exported: Exported) -> None:
    reason = missing("prometheus")
    if reason:
        pytest.skip(reason)
    with urlopen(f"http://{exported.address}/metrics", timeout=60) as answer:
        text = answer.read()
    ran = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, b"")


def test_a_new_measure_appears_on_the_dashboards_and_in_prometheus(
    scraped: Scraped, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = replace(CATALOGUE["incident_count"], name="incident_of_crime_count", where={"group": ("crime",)})
    monkeypatch.setitem(CATALOGUE, measure.name, measure)
    made = dashboards(CATALOGUE)
    states = f'bluelamp_reading_state{{measure="{measure.name}", force="{FORCE}"}}'
    at = scraped.prometheus.await_series(f"count({states}) == {len(EXPORTED_WINDOWS)}")
    asked_for = [
        each
        for name in ("inspector", "analyst")
        for each in queries_of(made[name], FORCE, "15m")
        if each.panel["id"] in {identity(measure.name, kind) for kind in ("figure", "history", "periods")}
    ]
    assert {each.panel["type"] for each in asked_for} == {"stat", "timeseries", "table"}
    later = Scraped(scraped.prometheus, scraped.exported, at)
    assert [each for each in asked_for if not samples(later, each)] == []


def test_silent_feeds_remove_every_value_and_show_stale(scraped: Scraped) -> None:
    """A stale figure must not look live or like 0: there is no number, only the word."""
    clock = scraped.exported.clock
    clock.now = wall() + timedelta(days=1)
    try:
        stale, live = (f'bluelamp_reading_state{{state="{each}", window="15m"}}' for each in ("stale", "live"))
        at = scraped.prometheus.await_series(f"{stale} unless on () {live}")
    finally:
        clock.now = NOW
    silent = Scraped(scraped.prometheus, scraped.exported, at)
    for measure, queries in FIGURES:
        found = {letter: only(silent, chosen(text, FORCE, "60m")) for letter, text in queries.items()}
        assert found == {**dict.fromkeys(queries), "C": 3}, measure.name


def test_periods_that_are_over_are_loaded_a_few_at_each_scrape(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year has many panes, and Prometheus gives up after some seconds. What is loaded stays in every later scrape."""
    monkeypatch.setattr(reading_metrics, "ENDED_AT_ONCE", 1)
    looks = count()
    # Each look at this clock takes two of the three seconds, so that a scrape loads one measure over one window.
    collector = ReadingsCollector(exported.reader, steady_seconds=lambda: 2.0 * next(looks), has_health=False)

    def ended() -> int:
        states = [family for family in collector.collect() if family.name == "bluelamp_reading_state"]
        windows = Counter(each.labels["window"] for family in states for each in family.samples)
        assert set(windows) >= {*EXPORTED_WINDOWS} - ENDED
        return sum(windows[each] for each in ENDED)

    found = [ended() for _ in range(3)]
    monkeypatch.setattr(exported.clock, "now", NOW - timedelta(seconds=20))
    assert [*found, ended()] == [1, 2, 3, 4], "also after the wall clock was set back"
