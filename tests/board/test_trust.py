"""What is missing, wherever a figure is displayed: tile, drill page, CSV, report, metrics, and the page Trust."""

import csv
import json
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from alerts.engine import by_series
from alerts.inbox.figure import figure
from alerts.table import RULES
from bluelamp.cli.read import spread_words
from dashboards.board.app import board
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.page import View, no_log_ends
from dashboards.board.shared.tile import read_tile
from dashboards.board.trust.page import TRUST
from dashboards.report.build import report
from dashboards.report.figures import from_reader
from dashboards.report.file import table_file
from facts.contact import ContactAnswered, ContactOffered
from facts.incident import IncidentClosed, IncidentOpened, UnitArrived
from facts.union import AnyFact, Topic, topic_of
from measures.catalogue import find
from measures.trust import Missing, TrustRow, ranked
from streams.reading_metrics import ReadingMetrics
from streams.trust import trust_families
from tests.support.asgi import get
from tests.support.begun import FORCE, ZONE, all_facts, beats, read_by
from tests.support.csv_file import comments_and_rows

NOW = datetime(2026, 1, 3, 12, 0, 20, tzinfo=ZONE)
HOUR_AGO = NOW - timedelta(minutes=50)
DECEMBER = datetime(2025, 12, 10, 9, tzinfo=ZONE)
SERVICE = "contact_999_service_level_ratio"
AREA = FORCE.areas[0].label


def made(kind: Any, subject: str, after_seconds: float, **fields: Any) -> AnyFact:
    """A fact of the last hour."""
    at = HOUR_AGO + timedelta(seconds=after_seconds)
    fact: AnyFact = kind(fact_id=f"{subject}-{kind.__name__}", force=FORCE.name, at=at, subject_id=subject, **fields)
    return fact


def hour() -> Iterable[AnyFact]:
    """18 calls answered in time, two answered but never offered; an incident closed as attended without an arrival, one unlisted."""
    for number in range(18):
        yield made(ContactOffered, f"call{number}", number, line="999", queue="emergency")
        yield made(ContactAnswered, f"call{number}", number + 5, queue="emergency")
    for number in range(2):
        yield made(ContactAnswered, f"lost{number}", number, queue="emergency")
    yield made(IncidentOpened, "job1", 0, grade="1", group="crime", area=AREA)
    yield made(IncidentClosed, "job1", 600, result="attended")
    yield made(IncidentOpened, "job2", 0, grade="1", group="crime", area="atlantis")
    yield made(UnitArrived, "job3", 0, unit="u")


@pytest.fixture(scope="module")
def view() -> View:
    known = [each for each in all_facts() if each[1].at < HOUR_AGO - timedelta(days=2)]
    lost: list[tuple[Topic, AnyFact]] = [
        ("contacts", replace(made(ContactAnswered, name, 0, queue="emergency"), at=DECEMBER))
        for name in ("lost8", "lost9")
    ]
    facts = [*known, *lost, *((topic_of(type(each)) or "contacts", each) for each in hour()), *beats(NOW)]
    reader = read_by(tuple(facts), NOW)
    return View(reader, FORCE.name, BackgroundReadings(reader, FORCE.name, time.monotonic), no_log_ends)


def test_a_tile_carries_the_bounds_of_its_share(view: View) -> None:
    tile = read_tile(find(SERVICE), "60m", view)
    assert (tile.text, tile.n, tile.doubt) == ("100.0%", "n 18", "between 90.0 and 100.0%, 2 unrecorded")
    assert read_tile(find("contact_999_answer_mean_seconds"), "60m", view).doubt == "2 unrecorded"
    assert read_tile(find("contact_999_offered_count"), "60m", view).doubt == ""
    assert read_tile(find("contact_101_answered_within_target_ratio"), "60m", view).doubt == ""


def test_the_drill_page_and_its_csv_file_have_the_bounds_of_each_row(view: View) -> None:
    found = json.loads(get(board(view.reader, FORCE.name), f"/api/measure/{SERVICE}", "window=60m&by=queue").text)
    assert found["columns"][1:] == ["Share", "Count", "n", "At least", "At most", "Unrecorded"]
    assert found["total"] == ["All", "100.0%", "18", "18", "90.0%", "100.0%", "2"]
    comments, (names, *rows) = comments_and_rows(
        get(board(view.reader, FORCE.name), f"/csv/{SERVICE}", "window=60m&by=queue").text
    )
    assert ["Total", "100.0%", "18", "18", "90.0%", "100.0%", "2"] in comments
    (row,) = (dict(zip(names, each, strict=True)) for each in rows if each[0] == "emergency")
    assert [row[each] for each in ("value", "n", "met", "low", "high", "unrecorded")] == [
        "1.0",
        "18",
        "18",
        "0.9",
        "1.0",
        "2",
    ]


def test_the_report_notes_bounds_that_differ_from_the_printed_figure(view: View) -> None:
    document = report(from_reader(view.reader, FORCE.name, NOW), FORCE, "2025-12", NOW)
    rows = list(csv.DictReader(line for line in table_file(document).splitlines() if not line.startswith("#")))
    assert {"low", "high", "unrecorded"} <= rows[0].keys()
    shares = [row for row in rows if row["unit"] == "ratio" and row["low"]]
    assert shares
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in shares)
    lost = [row for row in rows if row["unrecorded"] == "2" and row["measure"] == "contact_999_abandoned_ratio"]
    assert lost
    assert all("Outcomes not recorded: 2." in row["notes"] for row in lost)


def test_metrics_have_the_bounds(view: View) -> None:
    wanted = ReadingMetrics(view.reader, time.monotonic, lambda measure, window: (measure, window) == (SERVICE, "60m"))
    values = {each.name: each.value for family in wanted.families() for each in family.samples if SERVICE in each.name}
    name = f"bluelamp_{SERVICE}"
    assert (values[name], values[f"{name}_low"], values[f"{name}_high"], values[f"{name}_unrecorded"]) == (1, 0.9, 1, 2)


def test_the_page_ranks_feeds_areas_and_figures_by_what_is_missing(view: View) -> None:
    parts = TRUST.read(view)
    by_feed = {cells[0]: cells[1:] for cells in (row["cells"] for row in parts["feeds"])}
    emergency = by_feed["telephony_999"]
    assert emergency[0] == "18"
    assert emergency[3].startswith("2 (10.0%)")
    control = by_feed["command_and_control"]
    assert control[:4] == ["2", "1 (33.3%)", "none", "2 (66.7%)"]
    assert control[4] == "1 (50.0%)"
    first = parts["areas"][0]["cells"]
    assert first[2] == "1 (100.0%)"
    assert ["999 service level", "100.0%", "18", "between 90.0 and 100.0%, 2 unrecorded"] in [
        row["cells"] for row in parts["figures"]
    ]
    shares = {
        (each.labels["feed"], each.labels["what"]): each.value
        for family in trust_families(view.reader)
        for each in family.samples
    }
    assert shares["telephony_999", "unrecorded"] == pytest.approx(0.1)
    assert shares["command_and_control", "unlisted"] == pytest.approx(0.5)


def test_what_is_not_known_has_no_share_and_the_worst_comes_first() -> None:
    good = TrustRow("a", "", 10, (Missing("late", 0, 10),))
    unknown = TrustRow("b", "", None, (Missing("late", None, None),))
    bad = TrustRow("c", "", 10, (Missing("late", 1, 10), Missing("unlisted", 2, 10)))
    assert [each.name for each in ranked([good, unknown, bad])] == ["c", "a", "b"]


def test_a_mean_and_a_median_come_with_the_rest_of_their_distribution(view: View) -> None:
    """On the drill page, in its file, in the report, in the metrics and from `read`: from the one declaration."""
    name = "contact_999_answer_mean_seconds"
    (reading,) = view.reader.read(name, "60m", force=FORCE.name)
    assert find(name).spread() == ("median", "p90")
    assert find("contact_999_answer_median_seconds").spread() == ("mean", "p90")
    assert find(SERVICE).spread() == find("contact_999_offered_count").spread() == ()
    assert spread_words(reading, find(name)) == "median 5.0 s, 90th percentile 5.0 s"
    assert spread_words(reading, find("contact_999_offered_count")) == ""
    found = json.loads(get(board(view.reader, FORCE.name), f"/api/measure/{name}", "window=60m&by=queue").text)
    assert found["columns"][1:] == ["Time", "n", "Median", "90th percentile", "Unrecorded"]
    assert found["total"] == ["All", "5.0 s", "18", "5.0 s", "5.0 s", "2"]
    wanted = ReadingMetrics(view.reader, time.monotonic, lambda measure, window: (measure, window) == (name, "60m"))
    values = {each.name: each.value for family in wanted.families() for each in family.samples if name in each.name}
    assert (values[f"bluelamp_{name}_median"], values[f"bluelamp_{name}_p90"]) == (5, 5)
    document = report(from_reader(view.reader, FORCE.name, NOW), FORCE, "2025-12", NOW)
    rows = list(csv.DictReader(line for line in table_file(document).splitlines() if not line.startswith("#")))
    timed = [row for row in rows if row["measure"] == name and row["value"]]
    assert timed
    assert all(float(row["mean"]) == pytest.approx(float(row["value"])) and row["p90"] for row in timed if row["n"])
    assert all(row["p90"] == "" for row in rows if row["unit"] == "ratio")


def test_an_alert_carries_the_bounds_of_its_share(view: View) -> None:
    """The rules for 999 evaluate the worse bound, and the alert says what the share itself is."""
    metrics = ReadingMetrics(view.reader, time.monotonic)
    samples = by_series(each for family in metrics.families() for each in family.samples)
    named = {rule.name: figure(rule, {"force": FORCE.name}, samples) for rule in RULES}
    abandoned = named["contact_999_abandoned_high"]
    assert abandoned.words == "10.0%"
    assert abandoned.doubt_words == (
        "0.0% as recorded, between 0.0 and 10.0%, 2 unrecorded; the rule evaluates the worse bound"
    )
    assert named["grade_1_unresourced_several"].doubt_words == ""
