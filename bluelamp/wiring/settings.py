"""Every setting once: its environment variable, its default, its unit and what it is for."""

import json
import os
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from facts.errors import ProfileError, SettingError
from facts.force import Force, parse
from measures.rules import Rules
from streams.settings import PARTITIONS, WorkerSettings

RUNNING_FILE = "running.json"
NO_PART = "none"
"""The address of a part that this system does not have."""
GATEWAY_TOKENS = "BLUELAMP_GATEWAY_TOKENS"
PEOPLE = "BLUELAMP_PEOPLE"
TOKEN = "BLUELAMP_TOKEN"  # noqa: S105 - the name of a variable
ENGINE_TOKEN = "BLUELAMP_ENGINE_TOKEN"  # noqa: S105 - the name of a variable
SECRETS = {
    GATEWAY_TOKENS: "The gateway's senders and their tokens, `name:token` separated by spaces.",
    PEOPLE: "Who may view, act on alerts or administer: `login:role:token` separated by spaces.",
    TOKEN: "The token of the person who acknowledges at the command line.",
    ENGINE_TOKEN: "The token with which an engine tells the inbox of alerts.",
}
"""Variables that are read where they are needed and nowhere shown: no part of `Settings`, which is printed and handed on."""


class Settings(Struct, frozen=True, kw_only=True):
    """What Blue Lamp is told from outside; each field is the variable BLUELAMP_<FIELD>.

    Attributes:
        kafka: Addresses of Kafka, `host:port` separated by commas.
        redis: URL of the state server.
        state_name: Prefix of the state's keys and name of the consumer group; another name is another state.
        data: Directory of everything that `bluelamp up` keeps.
        archive: Directory of the archive of the log, which is read before the log by all that read the whole of it; empty for none.
        forces: Directory of profiles (TOML) to use instead of those that come with Blue Lamp.
        force: The force that is meant when none is named.
        partitions: Partitions a topic gets when it is created.
        first_start: `yes` to begin at the start of a log that no longer begins at offset 0.
        worker_name: A lasting name for this worker, unlike any other's: restarted under it, it goes on at once.
        session_timeout_seconds: After so long without a sign of life a worker's partitions go to others.
        stall_seconds: With the log ahead of the state, how long nothing may move before a worker ends itself.
        board_port: Port of the web board, on loopback.
        exporter_port: Port of the Prometheus exporter, on loopback.
        gateway_port: Port of the gateway that systems push facts to, on loopback.
        gateway_body_bytes: The most bytes the gateway takes in one request.
        gateway_facts_per_second: What one sender may tell the gateway for any length of time.
        gateway_delivery_seconds: How long the gateway waits for the log before it answers 503.
        inbox_port: Port of the alert inbox, on loopback.
        inbox: Address of the inbox, which the engine in process sends alerts to; that port of this machine unless given, `none` where there is none.
        board: Address at which `bluelamp check` looks for the board; that port of this machine unless given, `none` where there is none.
        exporter: Likewise of the exporter.
        gateway: Likewise of the gateway; unless given, there is one where BLUELAMP_GATEWAY_TOKENS is set.
        prometheus: Address of the Prometheus that evaluates the rules; empty: the exporter evaluates them itself.
        receivers: File of those who are told of alerts, and of a watcher that is told that data come; docs/inbox.md shows one.
        sign_in_to_view: `yes` to show alerts only to those who have signed in; the figures of the board stay open.
        proxy_addresses: Addresses of a proxy that asks an identity provider who somebody is, separated by commas.
        proxy_login_header: The proxy's header that holds the login.
        proxy_groups_header: The proxy's header that holds the groups, separated by commas.
        proxy_roles: The role of each group, `group=role` separated by commas.
    """

    kafka: str = "127.0.0.1:9092"
    redis: str = "redis://127.0.0.1:6379/0"
    state_name: str = "bluelamp"
    data: str = ".bluelamp"
    archive: str = ""
    forces: str = ""
    force: str = "staffordshire"
    partitions: int = PARTITIONS
    first_start: bool = False
    worker_name: str = ""
    session_timeout_seconds: float = 10.0
    stall_seconds: float = 60.0
    board_port: int = 8018
    exporter_port: int = 9118
    gateway_port: int = 8028
    gateway_body_bytes: int = 1_048_576
    gateway_facts_per_second: float = 500.0
    gateway_delivery_seconds: float = 5.0
    inbox_port: int = 8038
    inbox: str = ""
    board: str = ""
    exporter: str = ""
    gateway: str = ""
    prometheus: str = ""
    receivers: str = ""
    sign_in_to_view: bool = False
    proxy_addresses: str = ""
    proxy_login_header: str = "x-forwarded-preferred-username"
    proxy_groups_header: str = "x-forwarded-groups"
    proxy_roles: str = ""

    def worker(self) -> WorkerSettings:
        """What of it a worker needs."""
        return WorkerSettings(
            kafka=self.kafka,
            redis=self.redis,
            state_name=self.state_name,
            worker_name=self.worker_name or None,
            data_directory=self.data,
            partitions=self.partitions,
            is_first_start=self.first_start,
            session_timeout_seconds=self.session_timeout_seconds,
            stall_seconds=self.stall_seconds,
        )

    def address(self, part: str, *, has_senders: bool = False) -> str:
        """Where a part that serves HTTP answers; empty where there is none.

        Args:
            part: `board`, `exporter`, `gateway` or `inbox`.
            has_senders: somebody may send to a gateway: else there is none unless its address is set.
        """
        given: str = getattr(self, part)
        if given == NO_PART or (part == "gateway" and not given and not has_senders):
            return ""
        return given or f"http://127.0.0.1:{getattr(self, f'{part}_port')}"

    def environment(self) -> dict[str, str]:
        """The variables that give these settings to a child process."""
        return {variable(name): _text(value) for name, value in msgspec.structs.asdict(self).items()}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"BLUELAMP_{name.upper()}"


def load(environment: Mapping[str, str], **given: Any) -> Settings:
    """Settings from, in this order: what is given, the environment, a running `bluelamp up`, the defaults.

    Raises:
        SettingError: a value that is not of its kind; names the variable.
    """
    told = {name: environment[variable(name)] for name in Settings.__struct_fields__ if variable(name) in environment}
    told |= {name: value for name, value in given.items() if value is not None}
    data = Path(str(told.get("data", Settings().data)))
    try:
        # Not strict: variables are text, and their settings' types say what they become.
        plain = {name: _WORDS.get(each, each) for name, each in told.items()}
        return msgspec.convert({**_running(data), **plain}, Settings, strict=False)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise SettingError(f"{what}.", where=variable(path.strip("`")), hint=_HINT) from None


_HINT = "`bluelamp settings` lists every setting with its default."
_WORDS = {"yes": True, "no": False}


def _text(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)


def _running(data: Path) -> dict[str, Any]:
    """What a `bluelamp up` that runs on this directory, or on one within it, says of itself."""
    return next((told for _, told in _all_running(data)), {})


def running_directory(settings: Settings) -> Path | None:
    """The directory of the `bluelamp up` whose log is meant; None when that is another log."""
    found = _all_running(Path(settings.data))
    return next((directory for directory, told in found if told.get("kafka") == settings.kafka), None)


def _all_running(data: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in (data / RUNNING_FILE, *sorted(data.glob(f"*/{RUNNING_FILE}"))):
        try:
            told: dict[str, Any] = json.loads(path.read_text())
            os.kill(told.pop("pid"), 0)
        except (OSError, ValueError, KeyError):
            continue
        yield path.parent, told


def load_forces(settings: Settings) -> dict[str, Rules]:
    """The rules of every force, from the directory that is set or from those that come with Blue Lamp.

    Raises:
        ProfileError: a profile has a fault, or there is none.
    """
    directory = Path(settings.forces) if settings.forces else files("facts").joinpath("forces")
    if not directory.is_dir():
        hint = "Point it at a directory of profiles, or unset it."
        raise ProfileError("There is no such directory.", where=f"BLUELAMP_FORCES={settings.forces}", hint=hint)
    profiles = [parse(each.read_text(), each.name) for each in directory.iterdir() if each.name.endswith(".toml")]
    if not profiles:
        raise ProfileError("It holds no profile.", where=str(directory), hint="Put a TOML profile there.")
    return {force.name: Rules(force) for force in sorted(profiles, key=_by_name)}


def _by_name(force: Force) -> str:
    return force.name
