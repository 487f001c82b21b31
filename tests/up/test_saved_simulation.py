"""The simulation saved in a data directory: what an earlier version saved is refused with its remedy, and never started again."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bluelamp.local.saved_simulation import SavedSimulation, load_simulation, save_simulation
from bluelamp.local.simulation import history_days, plan
from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings
from facts.errors import SettingError

SAVED = SavedSimulation(
    force="north",
    seed=7,
    scenario="normal",
    start=date(2024, 12, 1),
    published_until=datetime(2024, 12, 2, tzinfo=UTC),
)


@pytest.mark.parametrize("text", ["0x1d", "9y", "781d", "9" * 5000 + "d"])
def test_a_wrong_length_of_history_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="is not a valid length of history"):
        history_days(text)


def test_a_saved_simulation_is_loaded_as_it_was(tmp_path: Path) -> None:
    save_simulation(tmp_path / "simulation.json", SAVED)
    assert load_simulation(tmp_path / "simulation.json") == SAVED
    assert load_simulation(tmp_path / "other.json") is None


@pytest.mark.parametrize(
    ("history", "recent_days", "older"), [("1d", 1, None), ("35d", 35, None), ("36d", 35, 36), ("24mo", 35, 731)]
)
def test_five_weeks_come_first_and_the_rest_is_filled_in_behind(
    tmp_path: Path, history: str, recent_days: int, older: int | None
) -> None:
    settings = Settings(data=str(tmp_path), force="staffordshire")
    made = plan(settings, seed=None, history=history, scenario=None, speed="60", fast_until=None, is_fresh=False)
    today = wall().astimezone(ZoneInfo("Europe/London")).date()
    assert (today - made.saved.start).days - recent_days in (0, 1), "midnight may pass meanwhile"
    first = made.saved.history_from
    assert (first is None) is (older is None)
    assert first is None or (today - first).days - (older or 0) in (0, 1)
    assert ("--older-history" in made.older_arguments) is (older is not None)


def test_a_simulation_saved_by_an_earlier_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "simulation.json"
    save_simulation(path, SAVED)
    path.write_text(path.read_text("utf-8").replace("published_until", "told_to"), "utf-8")
    with pytest.raises(SettingError) as refused:
        load_simulation(path)
    assert "unknown field `told_to`" in str(refused.value)
    assert "rename `told_to` in it to `published_until`" in str(refused.value)
