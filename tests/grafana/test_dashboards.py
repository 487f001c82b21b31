"""The rules for every dashboard: every panel is described, and an old value never appears as the current one."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from bluelamp.derive import derived
from dashboards.grafana.dashboard import FOLDER, USERS, dashboards, row_of, written
from dashboards.grafana.panel import PROMETHEUS, identity
from dashboards.grafana.query import STATES
from measures.catalogue import CATALOGUE
from measures.measure import Bands, External, Measure, OpenCount, Selection
from streams.names import is_exported
from tests.grafana.files import FILES, everything, panels

ROOT = Path(__file__).parents[2]
KINDS = ("figure", "history", "periods")


@pytest.mark.parametrize("name", FILES)
def test_every_panel_has_a_title_a_description_and_a_unit(name: str) -> None:
    for panel in panels(FILES[name]):
        assert panel["title"]
        assert len(panel["description"]) > 20, panel["title"]
        if panel["type"] != "text":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["fieldConfig"]["defaults"]["noValue"] == "no data" or panel["title"] == "State server"
            assert panel["targets"], panel["title"]


@pytest.mark.parametrize("name", FILES)
def test_a_single_value_is_an_instant_query(name: str) -> None:
    """The last value of a range could be hours old and still look live."""
    for panel in panels(FILES[name]):
        is_of_now = panel["type"] in ("stat", "table")
        for each in panel.get("targets", ()):
            assert (each["instant"], each["range"]) == (is_of_now, not is_of_now), panel["title"]


@pytest.mark.parametrize("name", FILES)
def test_no_line_is_drawn_over_a_gap(name: str) -> None:
    graphs = [each for each in panels(FILES[name]) if each["type"] == "timeseries"]
    assert graphs
    for panel in graphs:
        assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False


@pytest.mark.parametrize("name", FILES)
def test_every_figure_has_its_state_and_n(name: str) -> None:
    by_id = {identity(each.name, kind): each for each in CATALOGUE.values() for kind in ("figure", "periods")}
    shown = [(by_id[each["id"]], each) for each in panels(FILES[name]) if each["id"] in by_id]
    assert shown
    for measure, panel in shown:
        queries = " ".join(each["expr"] for each in panel["targets"])
        assert "bluelamp_reading_state" in queries
        assert ("_n{" in queries) == (measure.unit != "count"), panel["title"]


def test_a_state_alone_in_a_table_is_not_named_value() -> None:
    """If only one query has samples, Grafana names its column Value. When everything is stale, that query is the state."""
    tables = [each for each in panels(FILES["analyst"]) if each["title"].endswith("by period")]
    assert tables
    for panel in tables:
        (renamed,) = (each["options"]["renameByName"] for each in panel["transformations"] if each["id"] == "organize")
        assert renamed["Value"] == renamed["Value #D"] == "state"
        assert "reading_state" in next(each["expr"] for each in panel["targets"] if each["refId"] == "D")


def test_the_numbers_of_states_are_shown_as_words() -> None:
    found = [
        {number: each["text"] for number, each in mapping["options"].items()}
        for panel in (each for name in FILES for each in panels(FILES[name]))
        for mapping in mappings(panel)
        if "3" in mapping["options"]
    ]
    assert len(found) > len(FILES)
    for words in found:
        assert words == {"1": "live", "2": "too few", "3": "stale", "4": "no data", "5": "in part"}
    assert STATES == {"live": 1, "too_few": 2, "stale": 3, "no_data": 4, "in_part": 5}


def mappings(panel: dict[str, Any]) -> list[dict[str, Any]]:
    """Every mapping of numbers to words in a panel."""
    config = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
    own = [each["value"] for part in config["overrides"] for each in part["properties"] if each["id"] == "mappings"]
    return [each for group in (config["defaults"].get("mappings", []), *own) for each in group]


@pytest.mark.parametrize("name", FILES)
def test_ids_are_unique_and_no_panel_covers_another(name: str) -> None:
    ids = [each["id"] for each in everything(FILES[name])]
    assert len(ids) == len(set(ids))
    closed = [row["panels"] for row in FILES[name]["panels"] if row.get("panels")]
    for group in (FILES[name]["panels"], *closed):
        places = [each["gridPos"] for each in group]
        assert all(each["x"] + each["w"] <= 24 for each in places)
        assert [pair for pair in combinations(places, 2) if covers(*pair)] == []


def covers(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether two panels overlap."""
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in (("x", "w"), ("y", "h"))
    )


@pytest.mark.parametrize("name", FILES)
def test_queries_use_only_variables_that_exist(name: str) -> None:
    text = json.dumps(FILES[name])
    assert set(re.findall(r"\$(\w+|\{)", text)) == {each["name"] for each in FILES[name]["templating"]["list"]}


def titles(measure: Measure, dashboard: dict[str, Any]) -> list[str]:
    """The kinds of panels that a dashboard has for a measure."""
    ids = {each["id"] for each in panels(dashboard)}
    return [kind for kind in KINDS if identity(measure.name, kind) in ids]


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_every_measure_is_on_its_users_dashboard(user: Any) -> None:
    for measure in CATALOGUE.values():
        wanted = is_exported(measure) and bool(measure.topics() & set(user.topics))
        has_periods = user.by_period and not measure.is_open() and not isinstance(measure.statistic, Bands)
        kinds = ["history", "periods"] if has_periods else ["figure", "history"]
        assert titles(measure, FILES[user.name]) == (kinds if wanted else []), measure.name


def test_bands_are_named_in_minutes() -> None:
    wanted = identity("post_triage_answer_bands", "figure")
    (panel,) = (each for each in panels(FILES["analyst"]) if each["id"] == wanted)
    named = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
    assert named["00300-00600"] == [{"id": "displayName", "value": "5 to 10 min"}]
    assert named["07200-"] == [{"id": "displayName", "value": "120 min and more"}]


def test_measures_without_a_panel_are_listed_with_the_reason() -> None:
    (panel,) = (each for each in panels(FILES["analyst"]) if each["type"] == "text")
    for measure in CATALOGUE.values():
        assert (measure.question in panel["options"]["content"]) == (not is_exported(measure)), measure.name
        if isinstance(measure.statistic, External):
            assert measure.statistic.why in panel["options"]["content"]


def more(name: str, like: str, **changes: Any) -> dict[str, Measure]:
    """The catalogue with another measure."""
    return {**CATALOGUE, name: replace(CATALOGUE[like], name=name, **changes)}


def test_a_new_measure_appears_on_the_dashboards_and_breaks_no_link() -> None:
    name = "suite_north_in_custody_count"
    catalogue = more(
        name, "in_custody_count", where={"suite": ("north",)}, statistic=OpenCount(Selection("in_custody"))
    )
    shown = dashboards(catalogue)
    assert [titles(catalogue[name], shown[user.name]) for user in USERS] == [
        [],
        ["figure", "history"],
        ["figure", "history"],
    ]
    for user in USERS:
        before = {each["id"]: each["title"] for each in panels(FILES[user.name]) if each["type"] != "state-timeline"}
        assert before.items() <= {each["id"]: each["title"] for each in panels(shown[user.name])}.items()


def test_a_new_measure_makes_the_committed_files_out_of_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, *next(reversed(more("recorded_count", "occurrence_count").items())))
    stale = {path for path, text in derived() if (ROOT / path).read_text() != text}
    assert stale == {"dashboards/grafana/json/analyst.json", "docs/understand/measures.md"}


def test_every_measure_is_in_the_row_of_its_subject() -> None:
    rows = {name: row_of(CATALOGUE[name]) for name in ("contact_999_waiting_count", "triage_abandoned_ratio")}
    assert rows == {"contact_999_waiting_count": "Now", "triage_abandoned_ratio": "101 calls"}
    for dashboard in FILES.values():
        for row, own in ((row, row["panels"]) for row in dashboard["panels"] if row["type"] == "row"):
            known = {identity(each.name, kind): each for each in CATALOGUE.values() for kind in KINDS}
            assert {row_of(known[each["id"]]) for each in own if each["id"] in known} <= {row["title"]}


def test_another_data_source_is_used_everywhere() -> None:
    text = json.dumps(dashboards(CATALOGUE, "elsewhere"))
    assert '"uid": "elsewhere"' in text
    assert f'"uid": "{PROMETHEUS}"' not in text


def test_the_provisioning_finds_the_dashboards_and_the_data_source() -> None:
    provisioning = ROOT / "dashboards" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "bluelamp.yml").read_text())["providers"]
    assert (provider["folderUid"], provider["folder"]) == FOLDER
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    mounts = dict(each.split(":")[:2] for each in service["volumes"])
    at = {inside: ROOT / outside for outside, inside in mounts.items()}
    assert {each.stem for each in at[provider["options"]["path"]].glob("*.json")} == {user.name for user in USERS}
    assert at["/etc/grafana/provisioning"] == provisioning
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["uid"] == PROMETHEUS


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_a_file_has_the_whole_dashboard_with_a_line_for_each_panel(user: Any) -> None:
    """Reading the file with Python's JSON parser gives the generated dashboard."""
    dashboard = dashboards(CATALOGUE)[user.name]
    text = written(dashboard)
    assert json.loads(text) == dashboard
    named = [line for line in text.splitlines() if '"gridPos"' in line]
    assert len(named) == len(list(everything(dashboard)))
