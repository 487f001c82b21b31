"""The committed dashboards, and helpers to list their panels."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[2] / "dashboards" / "grafana" / "json"
FILES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(DIRECTORY.glob("*.json"))
}


def everything(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows and panels, including those in collapsed rows."""
    for each in dashboard["panels"]:
        yield each
        yield from each.get("panels", ())


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Panels, without rows."""
    return (each for each in everything(dashboard) if each["type"] != "row")
