"""What holds of every dashboard without any server: everything described, nothing older than now shown as now."""

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
def test_every_panel_says_what_it_shows_and_in_which_unit(name: str) -> None:
    for panel in panels(FILES[name]):
        assert panel["title"]
        assert len(panel["description"]) > 20, panel["title"]
        if panel["type"] != "text":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["fieldConfig"]["defaults"]["noValue"] == "no data" or panel["title"] == "State server"
            assert panel["targets"], panel["title"]


@pytest.mark.parametrize("name", FILES)
def test_a_single_value_is_asked_of_this_moment(name: str) -> None:
    """The last value of a range could be hours old and would look live."""
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
def test_every_figure_comes_with_its_state_and_with_n(name: str) -> None:
    known = {identity(each.name, kind): each for each in CATALOGUE.values() for kind in ("figure", "periods")}
    shown = [(known[each["id"]], each) for each in panels(FILES[name]) if each["id"] in known]
    assert shown
    for measure, panel in shown:
        asked = " ".join(each["expr"] for each in panel["targets"])
        assert "bluelamp_reading_state" in asked
        assert ("_n{" in asked) == (measure.unit != "count"), panel["title"]


def test_a_state_that_stands_alone_in_a_table_is_no_value() -> None:
    """With a single query that gives something, Grafana calls its column Value; when all is stale that is the state."""
    tables = [each for each in panels(FILES["analyst"]) if each["title"].endswith("by period")]
    assert tables
    for panel in tables:
        (renamed,) = (each["options"]["renameByName"] for each in panel["transformations"] if each["id"] == "organize")
        assert renamed["Value"] == renamed["Value #D"] == "state"
        assert "reading_state" in next(each["expr"] for each in panel["targets"] if each["refId"] == "D")


def test_the_numbers_of_states_are_read_as_their_words() -> None:
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
    """Whether two places share any of the grid."""
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in (("x", "w"), ("y", "h"))
    )


@pytest.mark.parametrize("name", FILES)
def test_only_choices_that_exist_are_asked_for(name: str) -> None:
    text = json.dumps(FILES[name])
    assert set(re.findall(r"\$(\w+|\{)", text)) == {each["name"] for each in FILES[name]["templating"]["list"]}


def titles(measure: Measure, dashboard: dict[str, Any]) -> list[str]:
    """The kinds of panels that a dashboard has of a measure."""
    ids = {each["id"] for each in panels(dashboard)}
    return [kind for kind in KINDS if identity(measure.name, kind) in ids]


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_every_measure_is_where_its_user_looks(user: Any) -> None:
    for measure in CATALOGUE.values():
        wanted = is_exported(measure) and bool(measure.topics() & set(user.topics))
        has_periods = user.by_period and not measure.is_open() and not isinstance(measure.statistic, Bands)
        kinds = ["history", "periods"] if has_periods else ["figure", "history"]
        assert titles(measure, FILES[user.name]) == (kinds if wanted else []), measure.name


def test_bands_are_named_by_their_minutes() -> None:
    wanted = identity("post_triage_answer_bands", "figure")
    (panel,) = (each for each in panels(FILES["analyst"]) if each["id"] == wanted)
    named = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
    assert named["00300-00600"] == [{"id": "displayName", "value": "5 to 10 min"}]
    assert named["07200-"] == [{"id": "displayName", "value": "120 min and more"}]


def test_what_has_no_panel_is_named_with_its_reason() -> None:
    (told,) = (each for each in panels(FILES["analyst"]) if each["type"] == "text")
    for measure in CATALOGUE.values():
        assert (measure.question in told["options"]["content"]) == (not is_exported(measure)), measure.name
        if isinstance(measure.statistic, External):
            assert measure.statistic.why in told["options"]["content"]


def more(name: str, like: str, **changes: Any) -> dict[str, Measure]:
    """The catalogue with one more measure."""
    return {**CATALOGUE, name: replace(CATALOGUE[like], name=name, **changes)}


def test_one_declaration_more_is_on_the_dashboards_and_moves_no_link() -> None:
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


def test_one_declaration_more_makes_the_committed_files_out_of_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, *next(reversed(more("recorded_count", "occurrence_count").items())))
    stale = {path for path, text in derived() if (ROOT / path).read_text() != text}
    assert stale == {"dashboards/grafana/json/analyst.json", "docs/measures.md"}


def test_a_measure_stands_in_the_row_of_what_it_is_of() -> None:
    rows = {name: row_of(CATALOGUE[name]) for name in ("contact_999_waiting_count", "triage_abandoned_ratio")}
    assert rows == {"contact_999_waiting_count": "Now", "triage_abandoned_ratio": "101 calls"}
    for dashboard in FILES.values():
        for row, own in ((row, row["panels"]) for row in dashboard["panels"] if row["type"] == "row"):
            known = {identity(each.name, kind): each for each in CATALOGUE.values() for kind in KINDS}
            assert {row_of(known[each["id"]]) for each in own if each["id"] in known} <= {row["title"]}


def test_another_data_source_is_asked_everywhere() -> None:
    text = json.dumps(dashboards(CATALOGUE, "elsewhere"))
    assert '"uid": "elsewhere"' in text
    assert f'"uid": "{PROMETHEUS}"' not in text


def test_the_provisioning_finds_the_dashboards_and_their_source() -> None:
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
def test_a_file_holds_the_whole_dashboard_a_panel_a_line(user: Any) -> None:
    """Python's own reader of JSON gives back what was generated."""
    made = dashboards(CATALOGUE)[user.name]
    text = written(made)
    assert json.loads(text) == made
    named = [line for line in text.splitlines() if '"gridPos"' in line]
    assert len(named) == len(list(everything(made)))
