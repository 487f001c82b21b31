"""`bluelamp replay --dry-run`: explains how an extract would be read, without a log and without printing unlisted values."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bluelamp.feeding.replay import named_mapping
from facts.errors import MappingError
from tests.support.command_line import command

MADE_UP = Path(__file__).parents[1] / "producers" / "made_up"
ENVIRONMENT = {**os.environ, "BLUELAMP_KAFKA": "127.0.0.1:1", "BLUELAMP_REDIS": "redis://127.0.0.1:1/0"}


def replay(*arguments: str) -> subprocess.CompletedProcess[str]:
    return command(ENVIRONMENT, "replay", "--dry-run", *arguments)


def test_it_explains_columns_facts_and_malformed_rows() -> None:
    result = replay(str(MADE_UP / "telephony.csv"), "--mapping", "telephony")
    assert result.returncode == 1, result.stderr
    for expected in (
        "14 rows: 7 give facts, 1 excluded, 1 repeated, 0 replaced, 5 lost as malformed.",
        "6 subjects, one for each Call ID. Most rows of one subject: 2.",
        "ContactAnswered.at; whether ContactAnswered happened; refused: out_of_order 1",
        "not used",
        "ContactOffered: 7, 2024-10-26",
        "queue: triage 4, emergency 2, local 1",
        "refused: out_of_order 1, unknown_value 1, bad_time 1, missing_value 1, no_such_local_time 1",
    ):
        assert expected in result.stdout
    assert "line 8: 'Answered' is not within 12 hours" in result.stderr
    assert "'Offered': the hour occurred twice when the clock went back" in result.stderr.replace("Call Date, ", "")
    assert "SALES" not in result.stdout + result.stderr, "a value that the mapping does not list may be personal"


def test_scripts_get_json_and_an_exit_status() -> None:
    result = replay("sample", "--json")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert (answer["rows"], answer["rows_read"], answer["refused"]) == (7704, 7704, {})
    assert (answer["keys"]["subjects"], answer["keys"]["reused"], answer["strays"]) == (3560, 0, None)
    assert {each["fact"]: each["count"] for each in answer["facts"]}["IncidentOpened"] == 3560


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("there-is-no-such-file.csv", "--mapping", "telephony"), "cannot be read"),
        ((str(MADE_UP / "custody.csv"), "--mapping", "telephony"), "has no column"),
        ((str(MADE_UP / "custody.csv"),), "An extract needs a mapping"),
    ],
)
def test_an_error_says_what_to_do(arguments: tuple[str, ...], what: str) -> None:
    result = replay(*arguments)
    assert result.returncode == 2
    assert what in result.stderr
    assert "try:" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_mapping_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "queue.toml"
    path.write_bytes('name = "Contr\u00f4le"'.encode("latin-1"))
    with pytest.raises(MappingError, match=r"The file is not UTF-8 text\."):
        named_mapping(str(path))


def test_a_force_without_a_profile_is_an_error(tmp_path: Path) -> None:
    mapping = (Path(__file__).parents[2] / "producers" / "mappings" / "custody.toml").read_text()
    path = tmp_path / "custody.toml"
    path.write_text(mapping.replace('force = "staffordshire"', 'force = "nowhere"'))
    result = replay(str(MADE_UP / "custody.csv"), "--mapping", str(path))
    assert (result.returncode, "The force 'nowhere' has no profile" in result.stderr) == (2, True)
