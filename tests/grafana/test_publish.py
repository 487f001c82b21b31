"""Publishing through Grafana's API: what is sent, what is left alone, and the errors when Grafana refuses."""

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bluelamp.services.grafana import TOKEN as TOKEN_VARIABLE
from bluelamp.services.grafana import find_token, publish, read_alerts
from dashboards.grafana.dashboard import FOLDER, USERS
from dashboards.grafana.publish import GrafanaError, GrafanaPublisher, PublishResult
from facts.errors import BlueLampError, SettingError
from tests.grafana.files import FILES
from tests.grafana.server import TOKEN, Answer, Grafana, Request, serving
from tests.support.command_line import command as run_command

UIDS = [user.uid for user in USERS]
ALERT = {
    "alert_id": "a1",
    "force": "staffordshire",
    "severity": "critical",
    "text": "Grade 1 with no unit for 2 min",
    "began_at": "2026-06-17T12:00:00Z",
}


@pytest.fixture
def grafana() -> Grafana:
    """An empty Grafana with a Prometheus data source."""
    return Grafana()


@pytest.fixture
def url(grafana: Grafana) -> Iterator[str]:
    """The address of Grafana."""
    with serving(grafana) as address:
        yield address


def outcomes(results: list[PublishResult]) -> list[str]:
    """The results as short texts."""
    return [f"{each.outcome} {each.kind} {each.name}" for each in results]


def run(url: str, alerts: str | None = None, source: str = "prometheus") -> list[PublishResult]:
    """Publish everything."""
    return list(publish(url, TOKEN, source, alerts))


def test_the_folder_and_dashboards_are_created_and_then_left_alone(grafana: Grafana, url: str) -> None:
    results = run(url)
    assert outcomes(results) == [f"created folder {FOLDER[0]}", *(f"created dashboard {uid}" for uid in UIDS)]
    assert [each.url for each in results[1:]] == [f"{url}/d/{uid}/a-title" for uid in UIDS]
    assert grafana.folders == dict([FOLDER])
    for user in USERS:
        saved = grafana.dashboards[user.uid]
        assert saved["meta"]["folderUid"] == FOLDER[0]
        assert FILES[user.name].items() <= saved["dashboard"].items(), "as the committed file has it"
    assert outcomes(run(url)) == [f"unchanged folder {FOLDER[0]}", *(f"unchanged dashboard {uid}" for uid in UIDS)]
    assert {each["dashboard"]["version"] for each in grafana.dashboards.values()} == {1}


def test_a_changed_or_moved_dashboard_gets_a_new_version(grafana: Grafana, url: str) -> None:
    run(url)
    grafana.dashboards[UIDS[0]]["dashboard"]["title"] = "Mine"
    grafana.dashboards[UIDS[1]]["meta"]["folderUid"] = "elsewhere"
    assert [each.outcome for each in run(url)] == ["unchanged", "updated", "updated", "unchanged"]
    assert grafana.dashboards[UIDS[0]]["dashboard"]["title"] == FILES["supervisor"]["title"]
    assert [grafana.dashboards[uid]["dashboard"]["version"] for uid in UIDS] == [2, 2, 1]
    assert grafana.dashboards[UIDS[0]]["dashboard"]["id"] == 1


def test_a_change_made_in_between_is_not_overwritten(grafana: Grafana, url: str) -> None:
    run(url)
    changed = grafana.dashboards[UIDS[0]]["dashboard"]
    changed["title"] = "Mine"

    def change(request: Request) -> None:
        if request.method == "POST":
            changed["version"] = 7

    grafana.instead = change
    with pytest.raises(GrafanaError, match="changed by someone else") as caught:
        run(url)
    assert caught.value.where == f"{url}/api/dashboards/db"
    assert changed["title"] == "Mine"


def test_a_title_that_is_already_used_is_an_error(grafana: Grafana, url: str) -> None:
    taken = {"title": FILES["supervisor"]["title"], "version": 1, "id": 9}
    grafana.dashboards["theirs"] = {"dashboard": taken, "meta": {"provisioned": False}}
    with pytest.raises(GrafanaError, match="same name"):
        run(url)


def test_a_provisioned_dashboard_is_left_to_its_file(grafana: Grafana, url: str) -> None:
    run(url)
    grafana.dashboards[UIDS[0]]["meta"]["provisioned"] = True
    with pytest.raises(GrafanaError, match="is provisioned from a file"):
        run(url)


def test_another_data_source_must_exist_and_is_used(grafana: Grafana, url: str) -> None:
    with pytest.raises(GrafanaError, match="No data source has the UID 'mimir'") as caught:
        run(url, source="mimir")
    assert "--datasource" in caught.value.hint
    grafana.sources["mimir"] = "loki"
    with pytest.raises(GrafanaError, match="is not a Prometheus"):
        run(url, source="mimir")
    assert grafana.folders == {}, "nothing is published before the data source exists"
    grafana.sources["mimir"] = "prometheus"
    run(url, source="mimir")
    assert '"uid": "prometheus"' not in json.dumps(grafana.dashboards)


# Refusals: each error says what happened, where, and what to do.

ENDPOINTS = [
    (404, "GET", "/api/health"),
    (404, "POST", "/api/folders"),
    (404, "POST", "/api/dashboards/db"),
    (405, "POST", "/api/dashboards/db"),
    (410, "GET", "/api/annotations"),
    (404, "POST", "/api/annotations"),
]


@pytest.mark.parametrize(("status", "method", "path"), ENDPOINTS)
def test_a_missing_endpoint_is_named(
    grafana: Grafana, url: str, tmp_path: Path, status: int, method: str, path: str
) -> None:
    def gone(request: Request) -> Answer | None:
        return (status, {"message": "Not found"}) if (request.method, request.path) == (method, path) else None

    grafana.instead = gone
    with pytest.raises(GrafanaError) as caught:
        run(url, alerts(tmp_path, ALERT))
    assert caught.value.what == f"This Grafana does not have {path} ({status}: Not found.)"
    assert caught.value.where == f"{url}{path}"
    assert "docs/use/grafana.md" in caught.value.hint


REFUSALS: list[tuple[Answer, str, str]] = [
    ((401, {"message": "Invalid API key"}), "does not accept the token", "BLUELAMP_GRAFANA_TOKEN"),
    ((403, {"message": "Permissions needed: folders:read"}), "does not allow this: Permissions needed", "role Editor"),
    ((400, {"message": "bad"}), "refused the request with status 400: bad", "log"),
    ((500, {"message": "Internal Server Error"}), "refused the request with status 500: Internal", "log"),
    ((502, "<html>a gateway</html>"), "refused the request with status 502: <html>", "log"),
    ((200, "<html>sign in</html>"), "not in the expected way", "this address"),
    ((302, "https://elsewhere.example/login"), "redirects to another one", "browser"),
]


@pytest.mark.parametrize(("answer", "what", "hint"), REFUSALS, ids=lambda each: str(each)[:20])
def test_a_refusal_has_a_plain_error(grafana: Grafana, url: str, answer: Answer, what: str, hint: str) -> None:
    grafana.instead = lambda _: answer
    with pytest.raises(GrafanaError) as caught:
        run(url)
    assert what in caught.value.what
    assert hint in caught.value.hint
    assert len(grafana.requests) == 1, "no further request is made, and no redirect is followed"


def test_a_grafana_that_is_down_is_an_error() -> None:
    with serving(Grafana()) as address:
        pass
    with pytest.raises(GrafanaError, match="does not answer"):
        run(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:3000", "ftp://grafana", "http://", "http://g/?orgId=1", "http://me:secret@g"]
)
def test_an_invalid_address_is_refused(address: str) -> None:
    with pytest.raises(GrafanaError) as caught:
        GrafanaPublisher(address, TOKEN)
    assert "secret" not in str(caught.value)


def test_a_grafana_below_a_path_is_found() -> None:
    with serving(Grafana("/a/path")) as address:
        assert len(run(f"{address}/a/path/")) == 1 + len(USERS)
        with pytest.raises(GrafanaError, match="does not have /api/health"):
            run(address)


def test_a_token_that_may_not_read_data_sources_still_publishes(grafana: Grafana, url: str) -> None:
    """The token of an editor may do everything else."""
    denied = {
        "message": "You'll need additional permissions to perform this action. Permissions needed: datasources:read"
    }
    grafana.instead = lambda request: (403, denied) if "datasources" in request.path else None
    assert len(run(url)) == 1 + len(USERS)


# The token.


def test_the_token_is_in_a_header_and_nowhere_else(
    grafana: Grafana, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    results = run(url, alerts(tmp_path, ALERT))
    assert {each.headers["Authorization"] for each in grafana.requests} == {f"Bearer {TOKEN}"}
    assert TOKEN not in "".join(f"{each.path}{each.query}{each.body}" for each in grafana.requests)
    assert caplog.text, "the requests themselves are logged at this level"
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(results)


def test_a_token_in_a_response_is_not_printed(grafana: Grafana, url: str) -> None:
    grafana.instead = lambda request: (403, {"message": f"no: {request.headers['Authorization']}"})
    with pytest.raises(GrafanaError) as caught:
        run(url)
    assert TOKEN not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_token_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert find_token({"BLUELAMP_GRAFANA_TOKEN": TOKEN}) == TOKEN
    assert find_token({"BLUELAMP_GRAFANA_TOKEN_FILE": str(tmp_path / "token")}) == TOKEN
    for environment in (
        {},
        {"BLUELAMP_GRAFANA_TOKEN": " "},
        {"BLUELAMP_GRAFANA_TOKEN": "two words"},
        {"BLUELAMP_GRAFANA_TOKEN": "tok\u00e9n"},
        {"BLUELAMP_GRAFANA_TOKEN_FILE": str(tmp_path / "none")},
    ):
        with pytest.raises(SettingError) as caught:
            find_token(environment)
        assert "two words" not in str(caught.value)


# Annotations for alerts.


def alerts(directory: Path, *every: dict[str, Any]) -> str:
    """A file of alerts."""
    path = directory / "alerts.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in every))
    return str(path)


def test_an_alert_is_one_annotation_that_gets_its_end(grafana: Grafana, url: str, tmp_path: Path) -> None:
    other = {**ALERT, "alert_id": "a2", "ended_at": "2026-06-17T12:30:00Z"}
    assert outcomes(run(url, alerts(tmp_path, ALERT, other)))[-2:] == ["created alert a1", "created alert a2"]
    assert outcomes(run(url, alerts(tmp_path, ALERT, other)))[-2:] == ["unchanged alert a1", "unchanged alert a2"]
    ended = {**ALERT, "ended_at": "2026-06-17T12:10:00Z"}
    assert outcomes(run(url, alerts(tmp_path, ended)))[-1:] == ["updated alert a1"]
    assert outcomes(run(url, alerts(tmp_path, ended)))[-1:] == ["unchanged alert a1"]
    first, second = grafana.annotations
    assert first["timeEnd"] - first["time"] == 600_000
    assert second["timeEnd"] - second["time"] == 1_800_000
    assert first["text"] == ALERT["text"]
    marks = FILES["supervisor"]["annotations"]["list"][1]["target"]
    assert set(marks["tags"]) <= set(first["tags"]), "the dashboards query the published annotations"


@pytest.mark.parametrize(
    "line",
    ["{", '{"alert_id": "a"}', json.dumps({**ALERT, "name": "x"}), json.dumps({**ALERT, "began_at": "2026-06-17"})],
)
def test_a_line_that_is_not_an_alert_is_named_before_anything_is_published(
    grafana: Grafana, url: str, tmp_path: Path, line: str
) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text(f"{json.dumps(ALERT)}\n\n{line}\n")
    with pytest.raises(GrafanaError) as caught:
        run(url, str(path))
    assert caught.value.where == f"{path}, line 3"
    assert grafana.requests == []


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BlueLampError, match="No such file"):
        read_alerts(tmp_path / "none")


# The command.


def command(url: str, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `bluelamp grafana publish`."""
    clean = {name: each for name, each in os.environ.items() if not name.startswith("BLUELAMP_")}
    return run_command({**clean, **variables}, "grafana", "publish", "--url", url, *options)


def test_the_command_prints_each_result(url: str) -> None:
    ran = command(url, "--json", BLUELAMP_GRAFANA_TOKEN=TOKEN)
    assert ran.returncode == 0, ran.stderr
    assert [each["outcome"] for each in json.loads(ran.stdout)] == ["created"] * (1 + len(USERS))
    ran = command(url, BLUELAMP_GRAFANA_TOKEN=TOKEN)
    assert f"unchanged dashboard {UIDS[0]} {url}/d/{UIDS[0]}/a-title" in ran.stdout
    assert TOKEN not in ran.stdout + ran.stderr


def test_the_command_fails_with_plain_errors(url: str) -> None:
    ran = command(url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "The token for Grafana is not set" in ran.stderr
    ran = command(url, **{TOKEN_VARIABLE: "another"})
    assert (ran.returncode, "does not accept the token" in ran.stderr) == (2, True)
    assert "Traceback" not in ran.stderr
    assert "another" not in ran.stderr
