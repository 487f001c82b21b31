"""The simulate command, as a script uses it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from bluelamp.cli.main import cli
from producers.simulate.playing import SimulationProgress

PLAYED = SimulationProgress(facts=3, heartbeats=1, published_until=datetime(2024, 1, 1, tzinfo=UTC), is_whole=True)


@pytest.mark.parametrize(("options", "where"), [(("--json",), "stderr"), ((), "stdout")])
def test_progress_is_not_part_of_the_json_output(
    options: tuple[str, ...], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: str, __: int, ___: object, ____: object, say: Callable[[str], None]) -> SimulationProgress:
        say("2 facts published")
        return PLAYED

    monkeypatch.setattr("bluelamp.local.simulation.run", run)
    result = CliRunner().invoke(cli, ["simulate", "--days", "1", *options], catch_exceptions=False)
    assert "2 facts published" in getattr(result, where)
    if options:
        assert json.loads(result.stdout)["facts"] == 3
