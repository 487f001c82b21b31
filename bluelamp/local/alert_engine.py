"""What `bluelamp up` sets up for alerts: tokens, the inbox's address, and optionally Prometheus with Alertmanager."""

import getpass
import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from alerts.prometheus import EVALUATED_EVERY, Addresses, alertmanager, prometheus, rule_file
from alerts.rule import Rule
from alerts.table import RULES
from bluelamp.services.inbox_client import API_PATH
from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.settings import ENGINE_TOKEN, PEOPLE, Settings, secret_in, secret_variables
from facts.errors import PartMissingError

FOLDER = "prometheus"
_PROGRAMS = {"prometheus": ("prometheus",), "alertmanager": ("prometheus-alertmanager", "alertmanager")}


class Program(Struct, frozen=True):
    """Prometheus or Alertmanager: its name and command line."""

    name: str
    arguments: list[str]


class AlertSetup:
    """The alerting set-up of one run.

    Args:
        environment: the environment variables; people's tokens are read from them, if set.
        is_prometheus: Prometheus evaluates the rules instead of the built-in engine.
        rules: the rule table.
        every: how often Prometheus evaluates it.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        is_prometheus: bool,
        rules: Sequence[Rule] = RULES,
        every: str = EVALUATED_EVERY,
    ) -> None:
        self.is_prometheus, self._rules, self._every = is_prometheus, rules, every
        self._token = "" if secret_in(environment, PEOPLE) else secrets.token_urlsafe(32)
        self._people = secret_in(environment, PEOPLE) or f"{_login()}:admin:{self._token}"
        self._engine_token = secret_in(environment, ENGINE_TOKEN) or secrets.token_urlsafe(32)
        self._ports = free_ports(3)

    def settings(self, settings: Settings) -> Settings:
        """The run's settings, with the addresses of its inbox and its Prometheus."""
        inbox, prometheus_port, _ = self._ports
        address = f"http://127.0.0.1:{prometheus_port}" if self.is_prometheus else settings.prometheus
        return replace(settings, inbox_port=inbox, inbox=f"http://127.0.0.1:{inbox}", prometheus=address)

    def people(self) -> dict[str, str]:
        """The environment variables with people's tokens."""
        return secret_variables(PEOPLE, self._people)

    def engine(self) -> dict[str, str]:
        """The environment variables with the engine's token."""
        return secret_variables(ENGINE_TOKEN, self._engine_token)

    def sign_in_lines(self, settings: Settings) -> list[str]:
        """What is printed about signing in; nothing else displays the run's token."""
        page = f"http://127.0.0.1:{settings.board_port}{API_PATH}/sign-in?next=/alerts"
        if not self._token:
            return [f"Alerts, to sign in:     {page}"]
        return [
            f"To act on alerts, sign in here (this link is valid for this run only; do not share it):\n  {page}#{quote(_login())}:{self._token}"
        ]

    def programs(self, settings: Settings, directory: Path) -> list[Program]:
        """Writes the configuration of Prometheus and Alertmanager, and returns how to start them; none without --prometheus.

        Args:
            settings: the run's settings.
            directory: the data directory.

        Raises:
            PartMissingError: one of them is not installed.
        """
        if not self.is_prometheus:
            return []
        paths = {name: find(name) for name in _PROGRAMS}
        folder = directory / FOLDER
        inbox, prometheus_port, alertmanager_port = (f"127.0.0.1:{port}" for port in self._ports)
        addresses = Addresses(
            exporter=f"127.0.0.1:{settings.exporter_port}", inbox=inbox, alertmanager=alertmanager_port,
            rules="rules.yml", token_file=str(folder / "engine_token"), metrics_token_file="",
            board=f"127.0.0.1:{settings.board_port}", gateway="",
        )  # fmt: skip
        self._write(folder, addresses)
        runner = [sys.executable, "-m", "bluelamp.embedded.runner"]
        alertmanager_options = [
            f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={alertmanager_port}", "--cluster.listen-address=",
        ]  # fmt: skip
        prometheus_options = [
            f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'series'}",
            f"--web.listen-address={prometheus_port}", "--storage.tsdb.retention.time=35d",
        ]  # fmt: skip
        return [
            Program("alertmanager", [*runner, paths["alertmanager"], *alertmanager_options]),
            Program("prometheus", [*runner, paths["prometheus"], *prometheus_options]),
        ]

    def _write(self, folder: Path, addresses: Addresses) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        token = folder / "engine_token"
        token.touch(mode=0o600)
        token.write_text(self._engine_token)
        _write_yaml(folder / "rules.yml", rule_file(self._rules, self._every))
        _write_yaml(folder / "prometheus.yml", prometheus(addresses, self._every))
        _write_yaml(folder / "alertmanager.yml", alertmanager(addresses))


def _write_yaml(path: Path, value: Mapping[str, Any]) -> None:
    # JSON is valid YAML, and the standard library writes it.
    path.write_text(json.dumps(value, indent=2))


def find(name: str) -> str:
    """The path of an installed program.

    Raises:
        PartMissingError: it is not on the PATH.
    """
    for each in _PROGRAMS[name]:
        path = shutil.which(each)
        if path:
            return path
    hint = (
        f"Install it (Debian: apt-get install {_PROGRAMS[name][0]}), or omit --prometheus to use the built-in engine."
    )
    raise PartMissingError(
        f"{name.capitalize()} is not installed.", where=f"PATH={os.environ.get('PATH', '')}", hint=hint
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "trial"
