"""A month's extract, replayed to its end: the month has its report, and nothing goes stale when the replay is over."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from bluelamp.wiring.clock import wall
from streams.readings import Reader
from tests.integration.conftest import EMBEDDED
from tests.integration.test_week import run
from tests.producers.extracts import GOOD_ROW, HEADER, INCIDENTS
from tests.support.system import System

pytestmark = EMBEDDED

MAPPING = INCIDENTS.replace('feed = "dispatch"', 'feed = "command_and_control"')
MONTH = "2024-11-01/2024-12-01"


def states(system: System) -> dict[str, str]:
    """An hour after the last heartbeat: the state of the month's figure and of that of the last day."""
    later = Reader(system.redis, system.settings.state_name, system.rules, lambda: wall() + timedelta(hours=1))
    later.refresh()
    windows = {"month": MONTH, "day": "24h"}
    return {
        name: later.read("incident_count", window, force="staffordshire")[0].state for name, window in windows.items()
    }


def test_the_last_month_has_its_report_and_the_page_stays_as_of_its_end(system: System, tmp_path: Path) -> None:
    system.start_workers(1)
    mapping, extract = tmp_path / "small.toml", tmp_path / "month.csv"
    mapping.write_text(MAPPING)
    rows = (GOOD_ROW.replace("01/12", "29/11"), "i-2,E1,01/11/2024 00:00,,1,north,Y")
    extract.write_text("\n".join((HEADER, *rows)) + "\n")

    def replay(*arguments: str) -> Any:
        result = run(system, "replay", str(extract), "--mapping", str(mapping), *arguments)
        system.settle()
        return result

    assert (replay()["rows_lost"], states(system)["day"]) == (0, "stale")
    assert states(system)["month"] != "live", "the record ends two days before the month"
    ended = replay("--complete-to", "2024-12-01")
    assert (ended["complete_to"], states(system)) == ("2024-12-01T00:00:00Z", {"month": "live", "day": "live"})
