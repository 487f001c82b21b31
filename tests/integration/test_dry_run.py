"""`bluelamp replay --dry-run`: says what an extract would become without a log to send it to, and never shows a value."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MADE_UP = Path(__file__).parents[1] / "producers" / "made_up"
ENVIRONMENT = {**os.environ, "BLUELAMP_KAFKA": "127.0.0.1:1", "BLUELAMP_REDIS": "redis://127.0.0.1:1/0"}


def replay(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bluelamp", "replay", "--dry-run", *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_explains_columns_counts_and_refusals() -> None:
    told = replay(str(MADE_UP / "telephony.csv"), "--mapping", "telephony")
    assert told.returncode == 1, told.stderr
    for wanted in (
        "14 rows: 7 give facts, 1 excluded, 1 repeated, 5 malformed.",
        "ContactAnswered.at; whether ContactAnswered happened; refused: out_of_order 1",
        "not used",
        "ContactOffered: 7, 2024-10-26",
        "queue: triage 4, emergency 2, local 1",
        "refused: out_of_order 1, unknown_value 1, bad_time 1, missing_value 1, no_such_local_time 1",
    ):
        assert wanted in told.stdout
    assert "line 8: 'Answered' is more than 12 hours" in told.stderr
    assert "SALES" not in told.stdout + told.stderr, "a value that the mapping does not list may be anything"


def test_it_answers_scripts_in_json_and_with_its_exit_status() -> None:
    told = replay("sample", "--json")
    assert told.returncode == 0, told.stderr
    answer = json.loads(told.stdout)
    assert (answer["rows"], answer["rows_read"], answer["refused"]) == (7704, 7704, {})
    assert {each["fact"]: each["count"] for each in answer["facts"]}["IncidentOpened"] == 3560


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("there-is-no-such-file.csv", "--mapping", "telephony"), "cannot be read"),
        ((str(MADE_UP / "custody.csv"), "--mapping", "telephony"), "has no column"),
        ((str(MADE_UP / "custody.csv"),), "An extract needs a mapping"),
    ],
)
def test_what_does_not_fit_is_told_with_what_to_do(arguments: tuple[str, ...], what: str) -> None:
    told = replay(*arguments)
    assert told.returncode == 2
    assert what in told.stderr
    assert "try:" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_force_without_a_profile_is_told(tmp_path: Path) -> None:
    mapping = (Path(__file__).parents[2] / "producers" / "mappings" / "custody.toml").read_text()
    path = tmp_path / "custody.toml"
    path.write_text(mapping.replace('force = "staffordshire"', 'force = "nowhere"'))
    told = replay(str(MADE_UP / "custody.csv"), "--mapping", str(path))
    assert (told.returncode, "No profile is named 'nowhere'" in told.stderr) == (2, True)
