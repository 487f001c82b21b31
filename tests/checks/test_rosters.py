"""The results of checks of rosters: not set up, missing, wrong, without the present half-hour, and good."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bluelamp.verify.checks.result import CheckResult
from bluelamp.verify.checks.rosters import roster_results
from bluelamp.wiring.settings import Settings
from measures.rules import Rules
from tests.support.forces import shipped

FORCE = shipped("staffordshire")
NOW = datetime(2024, 7, 1, 6, 59, tzinfo=UTC)
HEADER = "day,start,skill,rostered\n"
GOOD = f"{HEADER}2024-07-01,07:30,local_calls,9\n2024-07-01,07:30,triage,0\n2024-07-02,08:00,triage,2\n"


def checked(directory: str, now: datetime = NOW) -> CheckResult:
    """The only result of a force."""
    known = {FORCE.name: Rules(FORCE)}
    (result,) = roster_results(Settings(rosters=directory), known, [FORCE.name, "unknown"], lambda _: now)
    return result


def test_without_the_setting_there_is_nothing_to_check() -> None:
    assert checked("") == CheckResult("rosters", "not set up", "BLUELAMP_ROSTERS is not set.")


@pytest.mark.parametrize(
    ("content", "state", "what"),
    [
        (None, "bad", "The roster staffordshire.csv in BLUELAMP_ROSTERS cannot be read: No such file or directory."),
        (b"\xff", "bad", "The roster staffordshire.csv is not UTF-8 text."),
        (
            f"{HEADER}2024-07-01,07:30,night,9".encode(),
            "bad",
            "The roster is not valid: staffordshire.csv, line 2: There is no skill 'night'.",
        ),
        (HEADER.encode(), "not set up", "The roster lists no half-hour."),
        (
            GOOD.encode(),
            "good",
            "It has a number for every skill now. Its first half-hour begins at 2024-07-01 07:30, its last at 2024-07-02 08:00.",
        ),
        (
            f"{HEADER}2024-07-01,07:30,triage,9\n".encode(),
            "warning",
            "It has no number for local_calls in the present half-hour. Its first half-hour begins at 2024-07-01 07:30, its last at 2024-07-01 07:30.",
        ),
    ],
)
def test_each_fault_of_a_roster_has_its_words(tmp_path: Path, content: bytes | None, state: str, what: str) -> None:
    if content is not None:
        (tmp_path / "staffordshire.csv").write_bytes(content)
    result = checked(str(tmp_path))
    assert (result.check, result.state, result.what) == ("roster staffordshire", state, what)
    assert result.force == "staffordshire"
    assert bool(result.hint) == bool(result.where) == (state in ("bad", "warning"))


def test_a_roster_that_has_ended_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "staffordshire.csv").write_text(GOOD)
    assert checked(str(tmp_path), datetime(2024, 7, 3, tzinfo=UTC)).state == "warning"
