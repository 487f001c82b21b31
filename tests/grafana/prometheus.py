"""A real Prometheus on loopback that scrapes one address, and its query interface."""

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.system import until

_CONFIGURATION = """
global:
  scrape_interval: 12s
  scrape_timeout: 12s
  evaluation_interval: 1s
rule_files: [rules.yml, product.yml]
scrape_configs:
  - job_name: bluelamp
    static_configs:
      - targets: ["{target}"]
"""
# An alert of another force, which the annotations must not show, and one of none, which they must.
_RULES = """
groups:
  - name: test
    rules:
      - alert: Elsewhere
        expr: bluelamp_state_up == 1
        labels: {severity: info, force: elsewhere}
      - alert: OfNoForce
        expr: bluelamp_state_up == 1
        labels: {severity: info}
"""
PRODUCT = Path(__file__).parents[2] / "alerts" / "rules" / "bluelamp.yml"
Sample = tuple[dict[str, str], float]


class QueryError(AssertionError):
    """Prometheus refused a query."""


def free_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Prometheus:
    """Debian's Prometheus, on a free port.

    Args:
        directory: of its data.
        target: the address it scrapes; nothing need answer there yet.
    """

    def __init__(self, directory: Path, target: str) -> None:
        (directory / "prometheus.yml").write_text(_CONFIGURATION.format(target=target))
        (directory / "rules.yml").write_text(_RULES)
        (directory / "product.yml").write_text(PRODUCT.read_text())
        self.address = f"127.0.0.1:{free_port()}"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._directory / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._directory / 'data'}",
                    f"--web.listen-address={self.address}",
                ],
                stdout=log,
                stderr=log,
            )
        until(self._is_ready, 60, "a Prometheus that answers")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGTERM)
            self._process.wait(30)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=2) as answer:
                return int(answer.status) == 200
        except OSError:
            return False

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of a response.

        Raises:
            QueryError: Prometheus refused the query; says why.
        """
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise QueryError(f"{parameters}: {error.read().decode()}") from None

    def instant(self, expression: str, at: float) -> list[Sample]:
        """The samples of an expression at an instant in seconds since 1970."""
        found = self.ask("query", query=expression, time=str(at))["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def over_time(self, expression: str, at: float, seconds: int = 60) -> list[tuple[dict[str, str], list[float]]]:
        """The values of an expression over the time before an instant."""
        span = {"start": str(at - seconds), "end": str(at), "step": "1"}
        found = self.ask("query_range", query=expression, **span)["result"]
        return [(each["metric"], [float(value) for _, value in each["values"]]) for each in found]

    def values(self, label: str, match: str) -> list[str]:
        """The values of a label among matching series."""
        return [str(each) for each in self.ask(f"label/{label}/values", **{"match[]": match})]

    def await_series(self, expression: str) -> float:
        """The time of the last scrape once an expression gives something, in seconds since 1970."""
        found: list[float] = []

        def is_there() -> bool:
            found[:] = [self._scraped()] if self.ask("query", query=expression)["result"] else []
            return found > [0.0]

        until(is_there, 90, expression)
        return found[0]

    def _scraped(self) -> float:
        """When the last scrape was; 0 when it failed, as it may on a busy machine."""
        found = self.ask("query", query="timestamp(bluelamp_state_up)")["result"]
        return float(found[0]["value"][1]) if found else 0.0
