"""The committed dashboards match Grafana's own TypeScript types, checked by the TypeScript compiler."""

import copy
import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.files import FILES, everything, panels
from tests.real.parts import GRAFANA_TYPES, missing

TYPES = {
    "stat": "StatPanel",
    "timeseries": "TimeSeriesPanel",
    "table": "TablePanel",
    "state-timeline": "StateTimelinePanel",
    "text": "TextPanel",
    "row": "Row",
}
pytestmark = pytest.mark.real


@pytest.fixture(scope="module", autouse=True)
def _is_there() -> None:
    reason = missing("grafana_types")
    if reason:
        pytest.skip(reason)


def constants(dashboard: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The parts of a dashboard, each with the type it must be of."""
    for each in everything(dashboard):
        yield TYPES[each["type"]], {**each, "panels": []} if each["type"] == "row" else each
    for each in dashboard["templating"]["list"]:
        yield "Variable", each
    for each in dashboard["annotations"]["list"]:
        yield "Annotation", each
    yield "Around", {**dashboard, "panels": [], "templating": {"list": []}, "annotations": {"list": []}}


def faults(dashboards: Iterable[dict[str, Any]], directory: Path) -> list[str]:
    """The compiler's errors for the dashboards."""
    (directory / "schema.ts").write_text(Path(__file__).with_name("schema.ts").read_text())
    names = sorted({*TYPES.values(), "Variable", "Annotation", "Around"})
    parts = (part for dashboard in dashboards for part in constants(dashboard))
    lines = [f'import type {{ {", ".join(names)} }} from "./schema";']
    lines += [f"export const c{i}: {kind} = {json.dumps(each)};" for i, (kind, each) in enumerate(parts)]
    (directory / "dashboards.ts").write_text("\n".join(lines))
    (directory / "node_modules").symlink_to(GRAFANA_TYPES)
    options = {"strict": True, "noEmit": True, "target": "es2022", "module": "esnext", "moduleResolution": "bundler"}
    config = {"compilerOptions": {**options, "types": [], "skipLibCheck": True}, "files": ["dashboards.ts"]}
    (directory / "tsconfig.json").write_text(json.dumps(config))
    compiler = GRAFANA_TYPES / "typescript" / "bin" / "tsc"
    ran = subprocess.run(["node", compiler, "-p", "."], cwd=directory, capture_output=True, text=True, check=False)
    found = [each for each in re.split(r"\n(?! )", ran.stdout) if each]
    assert (ran.returncode == 0) == (not found), ran.stderr
    return found


def test_the_dashboards_match_grafanas_types(tmp_path: Path) -> None:
    assert faults(FILES.values(), tmp_path) == []


def first(dashboard: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first panel of a kind."""
    return next(each for each in panels(dashboard) if each["type"] == kind)


def test_the_compiler_sees_every_fault(tmp_path: Path) -> None:
    """A misspelt key, an invalid option, a wrong type, a missing key and an unknown number are reported, and nothing else."""
    spoilt = copy.deepcopy(FILES["supervisor"])
    first(spoilt, "stat")["options"]["grafMode"] = "none"
    first(spoilt, "timeseries")["fieldConfig"]["defaults"]["custom"]["drawStyle"] = "lines"
    first(spoilt, "table")["gridPos"]["w"] = "12"
    del spoilt["schemaVersion"]
    spoilt["templating"]["list"][0]["refresh"] = 7
    found = faults([spoilt], tmp_path)
    for words in ('"grafMode"', "Type '\"lines\"'", "Type 'string'", "'schemaVersion' is missing", "Type '7'"):
        assert sum(words in each for each in found) == 1, (words, found)
    assert len(found) == 5
