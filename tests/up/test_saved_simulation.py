"""The simulation saved in a data directory: what an earlier version saved is refused with its remedy, and never started again."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bluelamp.local.saved_simulation import SavedSimulation, load_simulation, save_simulation
from facts.errors import SettingError

SAVED = SavedSimulation(
    force="north",
    seed=7,
    scenario="normal",
    start=date(2024, 12, 1),
    published_until=datetime(2024, 12, 2, tzinfo=UTC),
)


def test_a_saved_simulation_is_loaded_as_it_was(tmp_path: Path) -> None:
    save_simulation(tmp_path / "simulation.json", SAVED)
    assert load_simulation(tmp_path / "simulation.json") == SAVED
    assert load_simulation(tmp_path / "other.json") is None


def test_a_simulation_saved_by_an_earlier_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "simulation.json"
    save_simulation(path, SAVED)
    path.write_text(path.read_text("utf-8").replace("published_until", "told_to"), "utf-8")
    with pytest.raises(SettingError) as refused:
        load_simulation(path)
    assert "unknown field `told_to`" in str(refused.value)
    assert "rename `told_to` in it to `published_until`" in str(refused.value)
