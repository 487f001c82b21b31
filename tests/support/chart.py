"""The Helm chart: its sources, its rendering, and `python -m tests.support.chart`, which writes the rendering that is committed."""

import hashlib
import subprocess
from pathlib import Path

from tests.real.parts import HELM

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "bluelamp"
RENDERED = CHART.with_name("rendered.yaml")
_NOTE = "# Rendered by `make chart`: change the chart, not this file. SHA-256 of the chart: {}\n"


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """Run Helm on the chart.

    Args:
        words: the command, followed by its options.
    """
    command, *options = words
    release = ["bluelamp"] if command == "template" else []
    return subprocess.run(
        [HELM, command, *release, CHART, "--namespace", "bluelamp", *options],
        capture_output=True,
        text=True,
        check=False,
    )


def rendered() -> str:
    """What is committed: every object of the chart, with the gateway, below the checksum of the chart's sources."""
    ran = helm("template", "--set", "gateway.enabled=true")
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return note() + ran.stdout


def note() -> str:
    """The first line of the committed rendering if the chart has not changed since."""
    checksum = hashlib.sha256()
    for path in sorted(path for path in CHART.rglob("*") if path.is_file()):
        checksum.update(f"{path.relative_to(CHART)}\0".encode() + path.read_bytes() + b"\0")
    return _NOTE.format(checksum.hexdigest())


if __name__ == "__main__":
    RENDERED.write_text(rendered())
