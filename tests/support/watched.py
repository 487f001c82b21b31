"""An engine and an inbox as processes that a test kills and restarts, with figures that the test sets.

`python -m tests.support.watched inbox` and `... engine` run the two processes with a small table of quick rules.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from alerts.engine import Sample
from alerts.evaluator import AlertEvaluator
from alerts.inbox.log.entry import AnyEntry
from alerts.notifier import Notifier
from alerts.rule import Rule, Series, Severity, Threshold
from bluelamp.local.alert_engine import AlertSetup
from bluelamp.services.alerts import inbox_log
from bluelamp.services.inbox import serve
from bluelamp.services.inbox_client import inbox_client
from bluelamp.wiring.clock import wall
from bluelamp.wiring.processes import end_with_parent
from bluelamp.wiring.settings import ENGINE_TOKEN, PEOPLE, Settings, load
from tests.support.inbox import TOKENS
from tests.support.system import until

FORCES = ("staffordshire", "san_francisco_fire")
_JOBS = "grade_1_unresourced_over_2_minutes_count"


def _rule(name: str, metric: str, severity: Severity, limit: float = 0, measure: str = "", **more: Any) -> Rule:
    condition = more.pop("condition", Threshold(side="above", limit=limit, clear=limit))
    series = Series(metric=metric, by=more.pop("by", ("force",)), combine=more.pop("combine", "max"))
    return Rule(
        name=name, title=f"Too many: {name}", series=series, condition=condition, severity=severity, who="duty inspector",
        what_to_do="Look at it.", measure=measure, **more,
    )  # fmt: skip


QUICK = (
    _rule("queue_long", "queue", "critical", keep_firing_for_seconds=1),
    _rule("jobs_some", "jobs", "warning", measure=_JOBS, keep_firing_for_seconds=1),
    _rule("jobs_many", "jobs", "critical", 2, _JOBS, for_seconds=1, keep_firing_for_seconds=1),
    _rule("figures_alive", "queue", "heartbeat", -1, combine="sum", keeps_last_state=False),
)


class Figures:
    """An exporter whose figures the test sets."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], float] = {}

    def set(self, metric: str, force: str, value: float | None) -> None:
        """Set a figure; None for no data."""
        values = {**self._values}
        values.pop((metric, force), None)
        self._values = values if value is None else {**values, (metric, force): value}

    def text(self) -> str:
        """The text of a scrape."""
        return "".join(f'{name}{{force="{force}"}} {value}\n' for (name, force), value in self._values.items())

    @contextmanager
    def served(self) -> Iterator[int]:
        """Serve the figures over HTTP; yields the port."""
        figures = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer a scrape."""
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(figures.text().encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()


class RestartedProcess:
    """A process that is restarted when it is killed.

    Args:
        arguments: its command line.
        environment: its environment variables.
        output: the file for its output.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str], output: Path) -> None:
        self.arguments, self.environment, self.output = arguments, environment, output
        self.kills = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self.arguments, env=dict(self.environment), stdin=subprocess.PIPE, stdout=output, stderr=output
            )

    def kill(self) -> None:
        """Kill it with kill -9, and restart it."""
        self.kills += 1
        self._end(signal.SIGKILL)
        self.start()

    def stop(self) -> None:
        """Stop it."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.wait(20)
            if self._process.stdin:
                self._process.stdin.close()
            self._process = None


class Watched:
    """Figures, an engine that evaluates rules on them, and an inbox.

    Args:
        directory: the data directory.
        redis_url: the address of the state server.
        is_prometheus: use Prometheus with Alertmanager instead of the built-in engine.
        every: how often Prometheus evaluates the rules.
    """

    def __init__(self, directory: Path, redis_url: str, *, is_prometheus: bool, every: str = "1s") -> None:
        environment = {PEOPLE: f"inspector:act:{TOKENS['act']}", ENGINE_TOKEN: TOKENS["engine"]}
        self.figures, self.directory, self.is_prometheus = Figures(), directory, is_prometheus
        self._alarm = AlertSetup(environment, is_prometheus=is_prometheus, rules=QUICK, every=every)
        base = Settings(redis=redis_url, state_name=f"watched-{directory.name}", data=str(directory))
        self.settings = self._alarm.settings(base)
        self.environment = {**os.environ, **environment}
        self.parts: dict[str, RestartedProcess] = {}

    @contextmanager
    def running(self) -> Iterator["Watched"]:
        """Run all parts."""
        with ExitStack() as stack:
            self.settings = _with(self.settings, exporter_port=stack.enter_context(self.figures.served()))
            environment = {**self.environment, **self.settings.environment()}
            ours = [sys.executable, "-m", "tests.support.watched"]
            programs = {each.name: each.arguments for each in self._alarm.programs(self.settings, self.directory)}
            commands = {"inbox": [*ours, "inbox"], **(programs or {"engine": [*ours, "engine"]})}
            for name, arguments in commands.items():
                self.parts[name] = RestartedProcess(arguments, environment, self.directory / f"{name}.log")
                self.parts[name].start()
                stack.callback(self.parts[name].stop)
            until(lambda: self.listing() is not None, 60, "the inbox")
            yield self

    def listing(self) -> list[dict[str, Any]] | None:
        """The active alerts from the API; None while it does not answer."""
        try:
            answer = requests.get(f"{self.settings.inbox}/api/alerts/", timeout=60)
        except requests.RequestException:
            return None
        alerts: list[dict[str, Any]] | None = answer.json()["alerts"] if answer.ok else None
        return alerts

    def acknowledge(self, alert: str) -> bool:
        """Acknowledge an alert as the inspector; whether that succeeded."""
        headers = {"Authorization": f"Bearer {TOKENS['act']}", "Idempotency-Key": "once"}
        address = f"{self.settings.inbox}/api/alerts/{alert}/acknowledge"
        try:
            return requests.post(address, json={}, headers=headers, timeout=60).ok
        except requests.RequestException:
            return False

    def log(self) -> list[AnyEntry]:
        """Every entry of the log."""
        return list(inbox_log(self.settings).entries())


def _with(settings: Settings, **changed: Any) -> Settings:
    return replace(settings, **changed)


def _engine(settings: Settings) -> None:
    """The built-in engine, as the exporter runs it, on the test's figures."""

    def samples() -> list[Sample]:
        text = requests.get(f"http://127.0.0.1:{settings.exporter_port}/metrics", timeout=2).text
        parsed = [each for family in text_string_to_metric_families(text) for each in family.samples]
        return [Sample(each.name, each.labels, each.value) for each in parsed]

    redis = Redis.from_url(settings.redis, decode_responses=True)
    notifier = Notifier(inbox_client([settings.inbox], os.environ[ENGINE_TOKEN]), time.monotonic)
    AlertEvaluator(QUICK, samples, redis, f"{settings.state_name}:alerts", wall, notifier).start()
    threading.Event().wait()


if __name__ == "__main__":
    end_with_parent()
    if sys.argv[1] == "inbox":
        serve(load(os.environ), os.environ, "127.0.0.1", lambda words: print(json.dumps(words)), QUICK)  # noqa: T201
    else:
        _engine(load(os.environ))
