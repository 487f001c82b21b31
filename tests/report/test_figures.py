"""The reason why a figure cannot be relied on is a numbered note below its table."""

from datetime import UTC, datetime
from typing import Any, cast

from dashboards.report.compare import compare
from dashboards.report.figures import from_reader
from dashboards.report.text import lines
from measures.catalogue import CATALOGUE
from measures.reading import SIMULATION, Reading
from streams.readings import Reader
from tests.support import december

MOMENT = datetime(2025, 1, 3, 12, tzinfo=UTC)
BEGINS = "The record begins at 2024-11-30 00:00:00, inside this window."


class _Reader:
    """Reads 7 everywhere: live for last month, with a note for the last year, stale for today."""

    def read(self, measure: Any, window: str, **_: Any) -> list[Reading]:
        reason = "Not live since noon." if window == "today" else ""
        note = f"{SIMULATION} {BEGINS}" if window == "12m" else SIMULATION
        fields: dict[str, Any] = {
            "measure": measure.name, "force": "staffordshire", "dimensions": {}, "window": window, "start": MOMENT, "end": MOMENT,
            "as_of": MOMENT, "value": 7, "unit": "count", "n": 7, "met": None, "state": "live", "reason": reason, "note": note,
            "stale_since": None, "is_simulated": True, "is_loading": False, "begins": None, "spread": None,
        }  # fmt: skip
        return [Reading(**fields)]


def test_reasons_are_numbered_notes_and_a_simulation_is_not() -> None:
    ask = from_reader(cast(Reader, _Reader()), "staffordshire", MOMENT)
    table = compare(ask, december.force(), CATALOGUE["arrest_count"], MOMENT)
    today, month, last, year, *_ = table.rows[0].cells
    assert [cell.notes for cell in (today, month, last, year)] == [(1,), (), (), (2,)]
    assert table.notes[:2] == ("Not live since noon.", BEGINS)
    assert not any(SIMULATION in note for note in table.notes)
    assert "7 (1)" in "\n".join(lines(table))
