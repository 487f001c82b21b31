"""The commands that scripts use: their output in JSON and in words, and how they fail."""

import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast
from zipfile import is_zipfile

import pytest
from kafka import KafkaProducer

from streams.keys import Names
from tests.integration.conftest import EMBEDDED, FORCE
from tests.integration.test_kills import beat
from tests.integration.test_week import WEEK, first_days, publish, run
from tests.support.command_line import command as run_command
from tests.support.facts import heartbeat
from tests.support.system import System, until

pytestmark = EMBEDDED
SPAN = "opened_to_arrived_median_seconds"


def command(system: System, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, whatever its exit status."""
    return run_command(system.environment(**variables), *arguments)


NO_PARTS = {f"BLUELAMP_{part}": "none" for part in ("EXPORTER", "BOARD", "INBOX", "GATEWAY")}


def found(system: System) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit status and results of `bluelamp check` with only workers running; test_check.py covers the parts that answer over HTTP."""
    answer = command(system, "check", "--json", **NO_PARTS)
    return answer.returncode, {each["check"]: each for each in json.loads(answer.stdout)}


def test_check_reports_what_is_missing_until_all_is_good(system: System) -> None:
    status, results = found(system)
    assert (status, results["log"]["state"], results["workers"]["state"]) == (2, "warning", "bad")
    assert "incidents" in results["log"]["what"]
    assert results[f"force {FORCE}"]["state"] == "unknown"

    run(system, "replay", "sample", "--speed", "max")
    status, results = found(system)
    assert (status, results["state"]["state"]) == (2, "bad")
    waiting = sum(system.ends().values())
    assert results["state"]["what"].startswith(f"{waiting:,} log records not applied yet, and no worker is running.")

    system.start_workers(1)
    system.settle()
    moment = datetime(2017, 1, 9, 8, tzinfo=UTC)
    with system.publisher() as publisher:  # on a busy machine the replay's last heartbeat may be too old by now
        publisher.heartbeat(beat(moment), "incidents")
    system.settle()
    status, results = found(system)
    assert {name for name, each in results.items() if each["state"] not in ("good", "not set up")} == {
        f"feed {FORCE} dispatch"
    }
    assert (status, results[f"feed {FORCE} dispatch"]["state"]) == (1, "warning")
    assert "a replay of recorded facts, complete to 2017-01-09 08:00:00Z" in results[f"feed {FORCE} dispatch"]["what"]

    with KafkaProducer(bootstrap_servers=system.settings.kafka) as producer:
        producer.send("incidents", b"{", partition=0).get(30)
    system.settle()
    status, results = found(system)
    assert (status, results["quarantine"]["what"]) == (1, "1 record in the last 24 hours; 1 in total.")

    assert f"force {FORCE}" not in results
    simulated = heartbeat("dispatch", moment, force=FORCE, simulated=True, replay=True)
    with system.publisher() as publisher:
        publisher.heartbeat(simulated, "incidents")
    system.settle()
    status, results = found(system)
    assert (status, results[f"force {FORCE}"]["state"]) == (1, "warning")
    assert results[f"force {FORCE}"]["what"] == "SIMULATION - no figure is real."
    assert results[f"force {FORCE}"]["where"] == "feeds: dispatch"
    assert "SIMULATION - no figure is real." in command(system, "read", "incident_count", "--window", "24h").stdout


def test_readings_in_words_and_in_json_say_the_same(system: System, tmp_path: Path) -> None:
    system.start_workers(1)
    publish(system, first_days(3, one_in=6))
    system.settle()
    (reading,) = run(system, "read", SPAN, "--window", WEEK)
    no_data = run(system, "audit", "--window", "24h", "--force", "staffordshire")
    assert no_data["cells"] > 90
    assert no_data["differences"] == []
    counted = run(system, "recount", SPAN, "--window", WEEK)
    assert [each["value"] for each in counted] == [reading["value"]]
    words = command(system, "read", SPAN, "--window", WEEK).stdout
    assert f"(n {reading['n']:,})" in words
    assert reading["state"] in words
    limited = run(system, "read", SPAN, "--window", WEEK, "--where", "grade=E", "--by", "area")
    assert len({each["dimensions"]["area"] for each in limited}) == len(limited) > 1
    compared = run(system, "compare", "incident_count", "--by", "area")
    (whole,) = run(system, "recount", "incident_count", "--window", "this_month")
    assert compared["rows"][-1]["cells"][1]["value"] == whole["value"]
    _reports_of_one_reading(system, tmp_path)
    earlier = run(system, "read", "incident_count", "--window", "24h", "--as-of", "2017-01-03T00:00")
    assert earlier[0]["end"].startswith("2017-01-03T00:00:00-08:00")
    (explained,) = run(system, "explain", SPAN, "--window", WEEK, "--limit", "1")
    assert (explained["value"], explained["listed"]) == (reading["value"], reading["n"])
    assert explained["compared"]["verdict"] == "same"
    _figures_before_the_record_are_not_known(system)
    _audit_before_and_after_a_field_is_altered(system)
    _explain_what_was_altered(system)


def _explain_what_was_altered(system: System) -> None:
    """The state has one more than the log; and where the state cannot be read, nothing is reported as the same."""
    query = ("explain", "incident_count", "--window", "2017-01-02/2017-01-03", "--limit", "1")
    altered = command(system, *query)
    assert altered.returncode == 1
    (verdict,) = re.findall(r"DIFFERENT: the state has (\d+) \(n \1\), the log has (\d+) \(n \2\)", altered.stdout)
    assert int(verdict[0]) == int(verdict[1]) + 1
    unread = command(system, *query, BLUELAMP_REDIS="redis://127.0.0.1:1/0")
    assert (unread.returncode, f"{verdict[1]} (n {verdict[1]})" in unread.stdout) == (1, True)
    assert "NOT COMPARED with the state: The state server does not answer" in unread.stdout
    for place in system.ends():
        system.redis.hset(Names(system.settings.state_name, *place).control, "format", "1")
    older = command(system, *query)
    assert older.returncode == 1
    assert "NOT COMPARED with the state: The state is in format 1" in older.stdout
    refused = command(system, "audit", "--window", "24h")
    assert (refused.returncode, "differ" in refused.stdout) == (2, False)


def _figures_before_the_record_are_not_known(system: System) -> None:
    query = ("incident_count", "--window", "previous_12m")
    for by in ((), ("--by", "grade")):
        (reading,) = run(system, "read", *query, *by)
        assert (reading["dimensions"], reading["value"], reading["n"], reading["state"]) == ({}, None, None, "no_data")
        assert reading["reason"] == "The record begins on 31 December 2016: there is no data before then."
    assert "- (n not known)  no_data" in command(system, "read", *query).stdout
    (counted,) = run(system, "recount", *query)
    assert (counted["value"], counted["n"], counted["coverage"]) == (None, None, "none")
    assert "not known" in command(system, "recount", *query).stdout
    explained = command(system, "explain", *query)
    assert (explained.returncode, "the figure is not known" in explained.stdout) == (0, True)
    report = command(system, "report", "--month", "2016-12", "--format", "csv").stdout
    before = [line for line in report.splitlines() if ",Incidents,Previous 12 months," in line and ",no," in line]
    assert before
    assert all(",no record,,,," in line for line in before)


def _reports_of_one_reading(system: System, folder: Path) -> None:
    report = ("report", "--month", "2016-12")
    page, workbook = folder / "december.html", folder / "december.xlsx"
    command(system, *report, "--output", str(page), "--output", str(workbook))
    assert page.read_text() == command(system, *report).stdout
    assert "OFFICIAL" in page.read_text()
    assert is_zipfile(workbook)
    misnamed = command(system, *report, "--output", str(folder / "december.doc"))
    assert misnamed.returncode == 2
    assert "The file's extension is not a report format." in misnamed.stderr
    assert "--output report.pdf" in command(system, *report, "--format", "pdf").stderr


def _audit_before_and_after_a_field_is_altered(system: System) -> None:
    audit = ("audit", "--from", "2017-01-02", "--to", "2017-01-03", "--measure", "incident_count")
    clean = command(system, *audit)
    assert (clean.returncode, " 0 differ." in clean.stdout) == (0, True), clean.stdout
    name = Names(system.settings.state_name, "incidents", 0).panes_of(
        system.settings.force, "day", date(2017, 1, 2).toordinal(), "incident_opened"
    )
    field = next(iter(cast(dict[str, str], system.redis.hgetall(name))))
    system.redis.hincrby(name, field, 1)
    altered = command(system, *audit)
    assert altered.returncode == 1
    grade = field.split("|")[0]
    assert f"count  incident_opened  2017-01-02  grade={grade} " in altered.stdout
    assert f"figure  incident_count  2017-01-02/2017-01-03  grade={grade}  state " in altered.stdout
    assert '"fact":"IncidentOpened"' in altered.stdout


@pytest.mark.faults
def test_a_comparison_is_exact_while_facts_keep_arriving(system: System) -> None:
    """The state is read at its applied offsets, and the log is recounted up to exactly those offsets."""
    system.start_workers(1)
    system.supervise()
    replay = ["replay", "sample", "--speed", "4000", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "bluelamp", *replay], env=system.environment(), stdout=subprocess.DEVNULL
    ) as playing:
        try:
            until(lambda: system.count("facts") > 100, 60, "facts of every kind")
            before = system.count("facts")
            compared = [run(system, "audit", "--window", "24h") for _ in range(2)]
            is_playing = playing.poll() is None
        finally:
            playing.kill()
    assert is_playing
    assert system.count("facts") > before
    assert [each["differences"] for each in compared] == [[], []]
    assert all(each["cells"] > 300 for each in compared), compared


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("read", "no_such_measure"), "no_such_measure"),
        (("read", SPAN, "--window", "soon"), "soon"),
        (("read", SPAN, "--by", "colour"), "colour"),
        (("read", SPAN, "--where", "grade"), "grade"),
        (("read", SPAN, "--as-of", "yesterday"), "yesterday"),
        (("read", SPAN, "--force", "atlantis"), "atlantis"),
        (("replay", "no_such_file.csv", "--mapping", "none.toml"), "none.toml"),
        (("recount", SPAN, "--window", "2017-02-30/2017-03-01"), "2017-02-30"),
    ],
)
def test_an_invalid_query_is_refused_with_a_hint(system: System, arguments: tuple[str, ...], words: str) -> None:
    result = command(system, *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert "try:" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["BLUELAMP_REDIS", "BLUELAMP_KAFKA"])
def test_a_part_that_does_not_answer_is_named(system: System, name: str) -> None:
    gone = {"BLUELAMP_REDIS": "redis://127.0.0.1:1/0", "BLUELAMP_KAFKA": "127.0.0.1:1"}[name]
    result = command(system, "check", **{name: gone})
    assert result.returncode == 2
    assert "does not answer" in result.stdout
    assert "unknown    state: Not checked: the log or the state server is not available." in result.stdout
    reading = command(system, "read", SPAN, **{name: gone})
    assert (reading.returncode == 2) == (name == "BLUELAMP_REDIS")


def test_every_measure_and_every_setting_is_listed(system: System) -> None:
    measures = run(system, "measures")
    assert len(measures) > 90
    assert all(each["question"].endswith("?") for each in measures)
    settings = {each["variable"]: each for each in run(system, "settings")}
    assert settings["BLUELAMP_KAFKA"]["value"] == system.settings.kafka
    assert all(each["help"] for each in settings.values())
