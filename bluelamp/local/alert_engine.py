"""What `bluelamp up` does for alerts: tokens for the run, the inbox, and Prometheus with Alertmanager where asked for."""

import getpass
import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from alerts.prometheus import EVALUATED_EVERY, Places, alertmanager, prometheus, rule_file
from alerts.rule import Rule
from alerts.table import RULES
from bluelamp.services.alerts import PLACE
from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.settings import ENGINE_TOKEN, PEOPLE, Settings
from facts.errors import PartMissingError

FOLDER = "prometheus"
_PROGRAMS = {"prometheus": ("prometheus",), "alertmanager": ("prometheus-alertmanager", "alertmanager")}


class Program(Struct, frozen=True):
    """One of the two parts of others: its name, and how it is started."""

    name: str
    arguments: list[str]


class Alarm:
    """The alerts' part of one run.

    Args:
        environment: of whoever starts it; holds the people's tokens, if they have any.
        is_prometheus: the rules are evaluated by Prometheus, and not by the exporter.
        rules: the table.
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
        self._token = "" if environment.get(PEOPLE) else secrets.token_urlsafe(32)
        self._people = environment.get(PEOPLE) or f"{_login()}:admin:{self._token}"
        self._engine_token = environment.get(ENGINE_TOKEN) or secrets.token_urlsafe(32)
        self._ports = free_ports(3)

    def settings(self, settings: Settings) -> Settings:
        """The settings of a run, with where its inbox is and what evaluates its rules."""
        inbox, prometheus_port, _ = self._ports
        address = f"http://127.0.0.1:{prometheus_port}" if self.is_prometheus else settings.prometheus
        return replace(settings, inbox_port=inbox, inbox=f"http://127.0.0.1:{inbox}", prometheus=address)

    def people(self) -> dict[str, str]:
        """The variables of what people use."""
        return {PEOPLE: self._people}

    def engine(self) -> dict[str, str]:
        """The variables of what tells the inbox."""
        return {ENGINE_TOKEN: self._engine_token}

    def words(self, settings: Settings) -> list[str]:
        """What is told at the terminal; the one place where the token of the run is shown."""
        place = f"http://127.0.0.1:{settings.board_port}{PLACE}/sign-in?next=/alerts"
        if not self._token:
            return [f"Alerts, to sign in:     {place}"]
        return [
            f"To act on alerts, sign in here (the link holds for this run; keep it to yourself):\n  {place}#{self._token}"
        ]

    def programs(self, settings: Settings, directory: Path) -> list[Program]:
        """Prometheus and Alertmanager with their configuration written; none unless they were asked for.

        Args:
            settings: of the run.
            directory: of everything that is kept.

        Raises:
            PartMissingError: one of them is not installed.
        """
        if not self.is_prometheus:
            return []
        found = {name: find(name) for name in _PROGRAMS}
        folder = directory / FOLDER
        inbox, prometheus_port, alertmanager_port = (f"127.0.0.1:{port}" for port in self._ports)
        places = Places(
            exporter=f"127.0.0.1:{settings.exporter_port}", inbox=inbox, alertmanager=alertmanager_port,
            rules="rules.yml", token_file=str(folder / "engine_token"),
        )  # fmt: skip
        self._write(folder, places)
        guest = [sys.executable, "-m", "bluelamp.embedded.runner"]
        alertmanager_options = [
            f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={alertmanager_port}", "--cluster.listen-address=",
        ]  # fmt: skip
        prometheus_options = [
            f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'series'}",
            f"--web.listen-address={prometheus_port}", "--storage.tsdb.retention.time=35d",
        ]  # fmt: skip
        return [
            Program("alertmanager", [*guest, found["alertmanager"], *alertmanager_options]),
            Program("prometheus", [*guest, found["prometheus"], *prometheus_options]),
        ]

    def _write(self, folder: Path, places: Places) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        token = folder / "engine_token"
        token.touch(mode=0o600)
        token.write_text(self._engine_token)
        _write_yaml(folder / "rules.yml", rule_file(self._rules, self._every))
        _write_yaml(folder / "prometheus.yml", prometheus(places, self._every))
        _write_yaml(folder / "alertmanager.yml", alertmanager(places))


def _write_yaml(path: Path, value: Mapping[str, Any]) -> None:
    # JSON is YAML, and needs no library to be written.
    path.write_text(json.dumps(value, indent=2))


def find(name: str) -> str:
    """Where a program is installed.

    Raises:
        PartMissingError: nowhere on the PATH.
    """
    for each in _PROGRAMS[name]:
        found = shutil.which(each)
        if found:
            return found
    hint = f"Install it (Debian: apt-get install {_PROGRAMS[name][0]}), or leave out --prometheus: the rules are evaluated all the same."
    raise PartMissingError(f"There is no {name}.", where=f"PATH={os.environ.get('PATH', '')}", hint=hint)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "trial"
