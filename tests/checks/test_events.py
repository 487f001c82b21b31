"""The results of checks of planned events: not set up, missing, wrong, nothing to come, and good."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bluelamp.verify.checks.events import event_results
from bluelamp.verify.checks.result import CheckResult
from bluelamp.wiring.plans import events_of, usable_events
from bluelamp.wiring.settings import Settings
from facts.errors import SettingError
from measures.rules import Rules
from tests.support.forces import shipped

FORCE = shipped("staffordshire")
NOW = datetime(2026, 12, 5, 15, tzinfo=UTC)
HEADER = "start,end,line,percent,name\n"
GOOD = f"{HEADER}2026-12-01 14:00,2026-12-01 18:00,999,125,Match\n2026-12-05 14:00,2026-12-06 01:00,999,125,Carnival\n"


def checked(directory: str, now: datetime = NOW) -> CheckResult:
    """The only result of a force."""
    known = {FORCE.name: Rules(FORCE)}
    (result,) = event_results(Settings(events=directory), known, [FORCE.name, "unknown"], lambda _: now)
    return result


def test_without_the_setting_there_is_nothing_to_check() -> None:
    assert checked("") == CheckResult("events", "not set up", "BLUELAMP_EVENTS is not set.")


@pytest.mark.parametrize(
    ("content", "state", "what"),
    [
        (
            None,
            "bad",
            "The file of events staffordshire.csv in BLUELAMP_EVENTS cannot be read: No such file or directory.",
        ),
        (
            f"{HEADER}x".encode(),
            "bad",
            "The file of events is not valid: staffordshire.csv, line 2: The row has 1 cells, not 5.",
        ),
        (HEADER.encode(), "good", "It lists no event that is still to come."),
        (
            GOOD.encode(),
            "good",
            "1 to come. The first: Carnival, Sat 5 Dec 14:00 to Sun 6 Dec 01:00, 125% of the usual number expected.",
        ),
    ],
)
def test_each_fault_of_a_file_has_its_words(tmp_path: Path, content: bytes | None, state: str, what: str) -> None:
    if content is not None:
        (tmp_path / "staffordshire.csv").write_bytes(content)
    result = checked(str(tmp_path))
    assert (result.check, result.state, result.what) == ("events staffordshire", state, what)
    assert bool(result.hint) == bool(result.where) == (state == "bad")


def test_a_changed_file_is_read_again_and_a_wrong_one_is_not_used(tmp_path: Path) -> None:
    settings, file = Settings(events=str(tmp_path)), tmp_path / "staffordshire.csv"
    read = events_of(settings, FORCE)
    file.write_text(GOOD)
    assert [each.name for each in read().listed] == ["Match", "Carnival"]
    file.write_text(f"{GOOD}x")
    assert (read().listed, read().error[:33]) == ((), "The file of events is not valid: ")
    with pytest.raises(SettingError, match="line 4"):
        usable_events(settings, FORCE)
