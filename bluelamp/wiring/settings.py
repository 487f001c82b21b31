"""Every setting: its environment variable, type, default and description."""

import json
import os
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from bluelamp.wiring.logs import LogFormat, LogLevel
from facts.errors import ProfileError, SettingError
from facts.force import Force, parse
from measures.attention import check_limits
from measures.rules import Rules
from producers.kafka import Kafka, Mechanism, checked, parse_addresses
from producers.secret import Secret
from streams.settings import CACHED_FACTS, PARTITIONS, WorkerSettings
from streams.state_address import StateServerAddress

RUNNING_FILE = "running.json"
_PORT_MAX = 65_535
NO_PART = "none"
"""The address of a service that is not part of this system."""
FILE = "_FILE"
"""What is added to the variable of a secret to name a file that holds it."""
GATEWAY_TOKENS = "BLUELAMP_GATEWAY_TOKENS"
WEBHOOK_SECRETS = "BLUELAMP_WEBHOOK_SECRETS"
PEOPLE = "BLUELAMP_PEOPLE"
TOKEN = "BLUELAMP_TOKEN"  # noqa: S105 - the name of a variable
ENGINE_TOKEN = "BLUELAMP_ENGINE_TOKEN"  # noqa: S105 - the name of a variable
METRICS_TOKEN = "BLUELAMP_METRICS_TOKEN"  # noqa: S105 - the name of a variable
FORCE_METRICS_TOKENS = "BLUELAMP_FORCE_METRICS_TOKENS"
SECRETS = {
    GATEWAY_TOKENS: "The gateway's senders and their tokens, as `name:token` separated by spaces.",
    WEBHOOK_SECRETS: "The secrets with which platforms sign their requests, as `mapping:secret` separated by spaces.",
    PEOPLE: "People who may view alerts, act on them or administer the inbox, as `login:role:token` separated by spaces.",
    TOKEN: "Token of the person who acknowledges alerts at the command line.",
    ENGINE_TOKEN: "Token with which the exporter or Alertmanager sends alerts to the inbox.",
    METRICS_TOKEN: "Token with which Prometheus reads /metrics. Without one, a service shows its metrics only if no other machine can reach it.",
    FORCE_METRICS_TOKENS: "Tokens for the Prometheus of single forces, as `force:token` separated by spaces. Each reads only its force's metrics from the exporter.",
}
"""Secret variables: kept out of `Settings`, because settings are printed and passed to child processes."""

ViewerSetting = Literal["everyone", "view", "act", "admin", ""]
"""Who may view something: everyone, or people with at least this role; empty for the default."""
_CA = "File of the certificates (PEM) that sign {} certificate. Empty: those that this machine trusts."
_CERTIFICATE = "File of this program's own certificate (PEM), for mutual TLS to {}. Empty: none."
_KEY = "File of the private key of BLUELAMP_{}_CERTIFICATE, without a passphrase. Empty: the certificate's file has it."


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting; the environment variable of each is BLUELAMP_<FIELD>. `Meta` holds its description."""

    kafka: Annotated[
        str,
        Meta(
            description="Addresses of Kafka, as `host:port` separated by commas. Write `SSL://` or `SASL_SSL://` in front of each "
            "one to encrypt the connection."
        ),
    ] = "127.0.0.1:9092"
    kafka_user: Annotated[str, Meta(description="Kafka's SASL user. Needed with `SASL_SSL://`.")] = ""
    kafka_password: Annotated[Secret, Meta(description="Password of Kafka's SASL user.")] = Secret("")
    kafka_mechanism: Annotated[
        Mechanism,
        Meta(description="SASL mechanism: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`."),
    ] = "SCRAM-SHA-512"
    kafka_ca: Annotated[str, Meta(description=_CA.format("Kafka's"))] = ""
    kafka_certificate: Annotated[str, Meta(description=_CERTIFICATE.format("Kafka"))] = ""
    kafka_key: Annotated[str, Meta(description=_KEY.format("KAFKA"))] = ""
    redis: Annotated[
        str,
        Meta(
            description="URL of the state server; `rediss://` encrypts the connection. Behind Sentinel: `redis+sentinel://HOST:26379,HOST:26379/NAME/0`, or `rediss+sentinel://`. A cluster: `redis+cluster://HOST:6379,HOST:6379`, or `rediss+cluster://`."
        ),
    ] = "redis://127.0.0.1:6379/0"
    redis_user: Annotated[
        str, Meta(description="User (ACL) of the state server. Empty: the user in the URL, if any.")
    ] = ""
    redis_password: Annotated[
        Secret, Meta(description="Password for the state server. Empty: the password in the URL, if any.")
    ] = Secret("")
    redis_sentinel_user: Annotated[
        str, Meta(description="User (ACL) at the sentinels of the state server. Empty: their default user.")
    ] = ""
    redis_sentinel_password: Annotated[
        Secret, Meta(description="Password at the sentinels of the state server. Empty: none.")
    ] = Secret("")
    redis_ca: Annotated[str, Meta(description=_CA.format("the state server's"))] = ""
    redis_certificate: Annotated[str, Meta(description=_CERTIFICATE.format("the state server"))] = ""
    redis_key: Annotated[str, Meta(description=_KEY.format("REDIS"))] = ""
    state_name: Annotated[
        str,
        Meta(
            description="Prefix of the state's keys and name of the consumer group. Another name means a separate state."
        ),
    ] = "bluelamp"
    data: Annotated[str, Meta(description="Directory where `bluelamp up` keeps its data.")] = ".bluelamp"
    archive: Annotated[
        str,
        Meta(
            description="Directory of the log's archive. Commands that read the whole log read the archive first. "
            "Empty: no archive."
        ),
    ] = ""
    forces: Annotated[
        str, Meta(description="Directory of force profiles (TOML), added to those that come with Blue Lamp.")
    ] = ""
    force: Annotated[str, Meta(description="Force to use when a command or page names none.")] = "staffordshire"
    rosters: Annotated[
        str,
        Meta(
            description="Directory of rosters, one file `FORCE.csv` for each force, which say how many call takers are planned. The board "
            "reads a file again when it changes. Empty: no rosters."
        ),
    ] = ""
    events: Annotated[
        str,
        Meta(
            description="Directory of planned events, one file `FORCE.csv` for each force, which say when more or fewer contacts than usual are "
            "expected. Forecasts use them; a file is read again when it changes. Empty: no planned events."
        ),
    ] = ""
    board_forces: Annotated[
        str,
        Meta(
            description="Forces that the board shows, separated by commas. The first one is at the board's plain address, the others "
            "are at `/forces/NAME/`, and all of them together at `/region`. Empty: only BLUELAMP_FORCE."
        ),
    ] = ""
    people_forces: Annotated[
        str,
        Meta(
            description="Who may see which forces, as `login=force+force` or `group:NAME=force`, separated by commas. The login `*` means "
            "everybody who has signed in; the force `*` means every force. People without an entry see no force. Empty: nobody is limited."
        ),
    ] = ""
    partitions: Annotated[int, Meta(description="Number of partitions of each topic that Blue Lamp creates.")] = (
        PARTITIONS
    )
    first_start: Annotated[
        bool,
        Meta(description="`yes` allows a new state to start from a log that no longer begins at offset 0."),
    ] = False
    worker_name: Annotated[
        str,
        Meta(
            description="Fixed name of this worker, which no other worker may have. A worker that restarts with the same name gets its partitions back at once."
        ),
    ] = ""
    session_timeout_seconds: Annotated[
        float, Meta(description="Heartbeat timeout before a worker's partitions are reassigned.")
    ] = 10.0
    stall_seconds: Annotated[
        float,
        Meta(
            description="How long a worker may apply nothing while records wait in the log. After that time it exits."
        ),
    ] = 60.0
    cached_facts: Annotated[
        int,
        Meta(
            ge=1_000,
            description="The most facts that a worker keeps in memory, about 1 kB each. A subject that it does not keep is read from the state when its next fact arrives.",
        ),
    ] = CACHED_FACTS
    board_port: Annotated[int, Meta(ge=0, le=_PORT_MAX, description="Port of the web board.")] = 8018
    worker_port: Annotated[
        int, Meta(ge=0, le=_PORT_MAX, description="Port of a worker's `/health`, `/ready` and `/metrics`. 0: none.")
    ] = 0
    exporter_port: Annotated[int, Meta(ge=0, le=_PORT_MAX, description="Port of the Prometheus exporter.")] = 9118
    gateway_port: Annotated[int, Meta(ge=0, le=_PORT_MAX, description="Port of the gateway.")] = 8028
    gateway_body_bytes: Annotated[int, Meta(description="Largest request body that the gateway accepts, in bytes.")] = (
        1_048_576
    )
    gateway_facts_per_second: Annotated[
        float, Meta(description="Sustained number of facts a second that the gateway accepts from one sender.")
    ] = 500.0
    gateway_delivery_seconds: Annotated[
        float, Meta(description="How long the gateway waits for the log before it responds with 503.")
    ] = 5.0
    gateway_public_url: Annotated[
        str,
        Meta(
            description="Address that platforms call to reach the gateway, without the path, as in "
            "`https://feeds.example.police.uk`. Twilio's signature covers it. Empty: not known."
        ),
    ] = ""
    inbox_port: Annotated[int, Meta(ge=0, le=_PORT_MAX, description="Port of the alert inbox.")] = 8038
    inbox: Annotated[
        str,
        Meta(
            description="Address of the alert inbox, to which the exporter sends alerts. If several inboxes run: all addresses, separated by commas. "
            "Empty: the inbox port on this machine. "
            "`none`: there is no inbox."
        ),
    ] = ""
    board: Annotated[
        str,
        Meta(
            description="Address at which `bluelamp check` looks for the board. Empty: the board port on this machine. "
            "`none`: there is no board."
        ),
    ] = ""
    exporter: Annotated[
        str,
        Meta(
            description="Address at which `bluelamp check` looks for the exporter. Empty: the exporter port on this machine. "
            "`none`: there is no exporter."
        ),
    ] = ""
    gateway: Annotated[
        str,
        Meta(
            description="Address at which `bluelamp check` looks for the gateway. Empty: the gateway port on this machine if "
            "BLUELAMP_GATEWAY_TOKENS is set, otherwise there is no gateway. `none`: there is no gateway."
        ),
    ] = ""
    prometheus: Annotated[
        str,
        Meta(
            description="Address of the Prometheus that evaluates the alert rules. Empty: the exporter evaluates them itself."
        ),
    ] = ""
    receivers: Annotated[
        str,
        Meta(
            description="File that lists who is notified of alerts, and the external watcher that receives the heartbeat. "
            "docs/run/inbox.md has an example."
        ),
    ] = ""
    view_board: Annotated[
        ViewerSetting,
        Meta(
            description="Who may view the board: `everyone`, or the lowest role that may, `view`, `act` or `admin`. Empty: everyone if only "
            "this machine reaches the board, otherwise `view`: docs/run/security.md says when that is so."
        ),
    ] = ""
    view_custody: Annotated[
        ViewerSetting,
        Meta(
            description="Who may view detainees, custody measures and the handover sheet, with the same values. Empty: the value of BLUELAMP_VIEW_BOARD."
        ),
    ] = ""
    view_alerts: Annotated[
        ViewerSetting,
        Meta(description="Who may view alerts, with the same values. Empty: the value of BLUELAMP_VIEW_BOARD."),
    ] = ""
    view_alert_log: Annotated[
        ViewerSetting,
        Meta(
            description="Who may export the alert log, with the same values. Empty: the value of BLUELAMP_VIEW_ALERTS."
        ),
    ] = ""
    access_log: Annotated[
        str,
        Meta(
            description="File to which board and inbox write who viewed or exported what, as JSON lines. Empty: their output."
        ),
    ] = ""
    hosts: Annotated[
        str,
        Meta(
            description="Host names under which people and programs reach the services, separated by commas. Names of this "
            "machine, names in the addresses of the services, and IP addresses are allowed anyway."
        ),
    ] = ""
    build: Annotated[
        str, Meta(description="Build of this program, such as its commit; the image sets it. Empty: not known.")
    ] = ""
    traces: Annotated[
        str,
        Meta(
            description="Address of an OpenTelemetry collector (OTLP over HTTP), such as `http://127.0.0.1:4318`, to which services send "
            "traces. Needs `pip install 'bluelamp[traces]'`. Empty: no traces."
        ),
    ] = ""
    log_format: Annotated[
        LogFormat,
        Meta(
            description="How services write their log to standard error: `text`, or `json` for one JSON object a line."
        ),
    ] = "text"
    log_level: Annotated[
        LogLevel,
        Meta(description="The lowest level that is logged: `debug`, `info`, `warning` or `error`."),
    ] = "info"
    proxy_addresses: Annotated[
        str,
        Meta(description="Addresses of a reverse proxy that authenticates people, separated by commas."),
    ] = ""
    proxy_login_header: Annotated[str, Meta(description="Header in which the proxy sends the login.")] = (
        "x-forwarded-preferred-username"
    )
    proxy_groups_header: Annotated[
        str, Meta(description="Header in which the proxy sends the person's groups, separated by commas.")
    ] = "x-forwarded-groups"
    proxy_roles: Annotated[str, Meta(description="Role of each group, as `group=role` separated by commas.")] = ""
    oidc_issuer: Annotated[
        str,
        Meta(
            description="Address (https) of the OpenID Connect provider at which people sign in, as its tokens name it. Empty: none."
        ),
    ] = ""
    oidc_client: Annotated[str, Meta(description="Client id of Blue Lamp at the provider.")] = ""
    oidc_secret: Annotated[Secret, Meta(description="Client secret of Blue Lamp at the provider.")] = Secret("")
    oidc_address: Annotated[
        str,
        Meta(
            description="Address at which people reach the board, such as `https://bluelamp.example.police.uk`. Register it at the "
            "provider with `/api/alerts/oidc/callback` added."
        ),
    ] = ""
    oidc_login_claim: Annotated[str, Meta(description="Claim of the ID token with a person's login.")] = (
        "preferred_username"
    )
    oidc_groups_claim: Annotated[str, Meta(description="Claim of the ID token with a person's groups.")] = "groups"
    oidc_roles: Annotated[str, Meta(description="Role of each group, as `group=role` separated by commas.")] = ""

    def worker(self) -> WorkerSettings:
        """The settings that a worker uses."""
        return WorkerSettings(
            kafka=self.log(),
            redis=self.state_server(),
            state_name=self.state_name,
            worker_name=self.worker_name or None,
            data_directory=self.data,
            partitions=self.partitions,
            is_first_start=self.first_start,
            session_timeout_seconds=self.session_timeout_seconds,
            stall_seconds=self.stall_seconds,
            cached_facts=self.cached_facts,
        )

    def shown_forces(self) -> list[str]:
        """The forces that the board shows, the first one at its plain address."""
        return [each.strip() for each in self.board_forces.split(",") if each.strip()] or [self.force]

    def log(self) -> Kafka:
        """Kafka, and how to connect to it.

        Raises:
            SettingError: the settings of the connection do not agree with each other.
        """
        protocol, addresses = parse_addresses(self.kafka)
        return checked(
            Kafka(
                addresses=addresses,
                protocol=protocol,
                mechanism=self.kafka_mechanism,
                user=self.kafka_user,
                password=self.kafka_password,
                ca=self.kafka_ca,
                certificate=self.kafka_certificate,
                key=self.kafka_key,
            )
        )

    def state_server(self) -> StateServerAddress:
        """The state server, and how to connect to it."""
        return StateServerAddress(
            url=self.redis,
            user=self.redis_user,
            password=self.redis_password,
            sentinel_user=self.redis_sentinel_user,
            sentinel_password=self.redis_sentinel_password,
            ca=self.redis_ca,
            certificate=self.redis_certificate,
            key=self.redis_key,
        )

    def address(self, part: str, *, has_senders: bool = False) -> str:
        """The address of a service; empty when this system does not have it.

        Args:
            part: `board`, `exporter`, `gateway` or `inbox`.
            has_senders: whether the gateway has senders. Without any there is no gateway, unless its address is set.
        """
        given: str = getattr(self, part)
        if given == NO_PART or (part == "gateway" and not given and not has_senders):
            return ""
        return given or f"http://127.0.0.1:{getattr(self, f'{part}_port')}"

    def addresses(self, part: str) -> list[str]:
        """The addresses of a service that may run several times; empty if this system does not have the service."""
        return [each.strip().rstrip("/") for each in self.address(part).split(",") if each.strip()]

    def environment(self) -> dict[str, str]:
        """The environment variables that pass these settings to a child process."""
        variables: dict[str, str] = {}
        for name, value in msgspec.structs.asdict(self).items():
            if isinstance(value, Secret):
                variables |= secret_variables(variable(name), value.reveal())
            else:
                variables[variable(name)] = _text(value)
        return variables


def secret_in(environment: Mapping[str, str], name: str) -> str:
    """A secret, from its variable or from the file that the same variable with `_FILE` names; empty if neither is set.

    Raises:
        SettingError: both are set, or the file cannot be read or is empty; the error never contains the secret.
    """
    path = environment.get(f"{name}{FILE}", "")
    if not path:
        return environment.get(name, "")
    where = f"{name}{FILE}={path}"
    if environment.get(name):
        hint = f"Unset {name} or {name}{FILE}."
        raise SettingError(f"{name} is set too.", where=where, hint=hint)
    try:
        text = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", "") or "it is not text"
        hint = "Set it to a file that this program may read."
        raise SettingError(f"The file cannot be read: {what}.", where=where, hint=hint) from None
    if not text:
        raise SettingError("The file is empty.", where=where, hint=f"Write the value of {name} into it.")
    return text


def secret_variables(name: str, value: str) -> dict[str, str]:
    """The environment variables that pass a secret to a child process, which does not read its file again."""
    return {name: value, f"{name}{FILE}": ""}


def _secret(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"BLUELAMP_{name.upper()}"


def descriptions() -> dict[str, str]:
    """The description of each setting, by field."""
    return {name: _meta(name).description or "" for name in Settings.__struct_fields__}


def load(environment: Mapping[str, str], **given: Any) -> Settings:
    """Load the settings. Options come first, then the environment, then a running `bluelamp up`, then the defaults.

    Args:
        environment: the environment variables.
        given: the options of the command, by field; None where an option was left out.

    Raises:
        SettingError: a value has the wrong type, or a variable is no longer used; names the variable.
    """
    for retired in _RETIRED.keys() & environment.keys():
        what = "This setting is no longer used. If it were ignored, people might see what it hid from them."
        raise SettingError(what, where=retired, hint=f"Unset it. {_RETIRED[retired]}")
    values: dict[str, Any] = {
        name: secret_in(environment, variable(name)) if name in _SECRET_FIELDS else environment[variable(name)]
        for name in Settings.__struct_fields__
        if variable(name) in environment or (name in _SECRET_FIELDS and f"{variable(name)}{FILE}" in environment)
    }
    values |= {name: value for name, value in given.items() if value is not None}
    data = Path(str(values.get("data", Settings().data)))
    try:
        # Not strict: environment variables are text, and the type of the setting converts it.
        plain = {name: _WORDS.get(each, each) for name, each in values.items()}
        values = {**_running(data), **plain}
        return msgspec.convert(values, Settings, strict=False, dec_hook=_secret)
    except msgspec.ValidationError as error:
        _, _, path = str(error).partition(" - at `$.")
        name = path.strip("`")
        what = f"{values[name]!r} is not {_valid_values(name)}."
        raise SettingError(what, where=variable(name), hint=_HINT) from None


_RETIRED = {
    "BLUELAMP_SIGN_IN_TO_VIEW": "Set BLUELAMP_VIEW_BOARD to `view` where it was `yes`, and to `everyone` where it was `no`."
}
_HINT = "`bluelamp settings` lists every setting with its current value."
_KINDS: Mapping[Any, str] = {
    str: "text",
    Secret: "text",
    ViewerSetting: "`everyone`, `view`, `act`, `admin` or empty",
    LogFormat: "`text` or `json`",
    LogLevel: f"one of {', '.join(get_args(LogLevel))}",
    Mechanism: f"one of {', '.join(get_args(Mechanism))}",
    int: "a whole number",
    float: "a number",
    bool: "`yes` or `no`",
}


def _valid_values(name: str) -> str:
    """The valid values of a setting, in words."""
    kind, meta = get_type_hints(Settings)[name], _meta(name)
    return _KINDS[kind] if meta.le is None else f"a whole number from {meta.ge} to {meta.le:,}"


def _meta(name: str) -> Meta:
    meta: Meta = get_type_hints(Settings, include_extras=True)[name].__metadata__[0]
    return meta


_SECRET_FIELDS = tuple(name for name, kind in get_type_hints(Settings).items() if kind is Secret)
_WORDS = {"yes": True, "no": False}


def _text(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)


def _running(data: Path) -> dict[str, Any]:
    """The settings of a `bluelamp up` that runs on this directory or on one directly inside it."""
    return next((settings for _, settings in _all_running(data)), {})


def running_directory(settings: Settings) -> Path | None:
    """The directory of the running `bluelamp up` whose log these settings name; None when they name another log."""
    running = _all_running(Path(settings.data))
    return next((directory for directory, its in running if its.get("kafka") == settings.kafka), None)


def _all_running(data: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in (data / RUNNING_FILE, *sorted(data.glob(f"*/{RUNNING_FILE}"))):
        try:
            settings: dict[str, Any] = json.loads(path.read_text())
            os.kill(settings.pop("pid"), 0)
        except (OSError, ValueError, KeyError):
            continue
        yield path.parent, settings


def load_forces(settings: Settings) -> dict[str, Rules]:
    """The rules of every force: the profiles that come with Blue Lamp, and those in BLUELAMP_FORCES.

    A profile in BLUELAMP_FORCES replaces the one of the same force that comes with Blue Lamp.

    Raises:
        ProfileError: a profile is invalid, BLUELAMP_FORCES contains none, or has two profiles for one force.
    """
    profiles = _profiles(files("facts").joinpath("forces"))
    if settings.forces:
        directory = Path(settings.forces)
        if not directory.is_dir():
            hint = "Set it to a directory of force profiles, or unset it."
            raise ProfileError("This directory does not exist.", where=f"BLUELAMP_FORCES={settings.forces}", hint=hint)
        own = _profiles(directory)
        if not own:
            hint = "Add a force profile (TOML), or unset BLUELAMP_FORCES."
            raise ProfileError("This directory contains no force profile.", where=str(directory), hint=hint)
        profiles |= own
    for profile in profiles.values():
        check_limits(profile)
    return {name: Rules(profiles[name]) for name in sorted(profiles)}


def _profiles(directory: Traversable) -> dict[str, Force]:
    """The profiles in a directory, by the name of their force."""
    found: dict[str, Force] = {}
    for file in sorted(directory.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            force = _profile(file)
            if force.name in found:
                what = f"The force {force.name!r} has two profiles."
                raise ProfileError(what, where=str(directory), hint="Keep one of them.")
            found[force.name] = force
    return found


def _profile(file: Traversable) -> Force:
    try:
        return parse(file.read_text("utf-8"), file.name)
    except OSError as error:
        hint = "Give this program permission to read it."
        raise ProfileError(f"The profile cannot be read: {error.strerror}.", where=file.name, hint=hint) from None
    except UnicodeDecodeError:
        raise ProfileError("The profile is not UTF-8 text.", where=file.name, hint="Save it as UTF-8.") from None
