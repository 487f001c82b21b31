"""Builds the alerts API from the settings: the board mounts it, and the inbox serves it."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Literal, get_args

from msgspec.structs import replace
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from alerts.inbox.api.app import EndRequest, Parts, api
from alerts.inbox.api.failure_page import failure_response
from alerts.inbox.api.guard import Guard, Viewers
from alerts.inbox.api.oidc import Provider, Registration, is_safe_address
from alerts.inbox.api.people import ANYBODY, ForceLimits, Forces, People, Proxy, Role, parse_tokens
from alerts.inbox.api.sessions import SharedEndedSessions
from alerts.inbox.log.data_status import DataStatus
from alerts.inbox.log.spool import Spool
from alerts.inbox.log.state import InboxState
from alerts.inbox.log.stream import InboxLog
from alerts.inbox.service import Service
from alerts.rule import Rule
from alerts.samples import CachedSamples, used_by_rules
from alerts.table import RULES
from bluelamp.feeding.ending import end_by_hand
from bluelamp.services.inbox_client import API_PATH
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader, state_client
from bluelamp.wiring.hosts import is_private
from bluelamp.wiring.settings import ENGINE_TOKEN, PEOPLE, Settings, load_forces, secret_in, variable
from dashboards.board.shared.page import AlertCounts
from facts.errors import SettingError
from facts.fact import EndedByHand
from facts.force import Force
from producers.http.attempts import Attempts
from producers.http.headers import page_headers
from producers.http.problem import problem
from producers.publish import LIVE, connect
from streams.exporter import ReadingsCollector
from streams.probe import Probe

_SESSIONS_SECONDS = 2.0
ENGINE = "engine"


def inbox_log(settings: Settings, spool: Spool | None = None) -> InboxLog:
    """The inbox's log in the configured state server."""
    return InboxLog(state_client(settings), f"{settings.state_name}:inbox", spool)


def viewers(settings: Settings, host: str) -> Viewers:
    """Who may view what.

    Args:
        settings: what is set; what is not has a safe default.
        host: the address that the service listens on.
    """
    is_open = is_private(settings, host) and not settings.people_forces
    board = settings.view_board or ("everyone" if is_open else "view")
    alerts = settings.view_alerts or board
    return Viewers(
        board=_least(board),
        custody=_least(settings.view_custody or board),
        alerts=_least(alerts),
        alert_log=_least(settings.view_alert_log or alerts),
    )


def _least(viewer: Literal["everyone", "view", "act", "admin"]) -> Role | None:
    return None if viewer == "everyone" else viewer


def people(settings: Settings, environment: Mapping[str, str]) -> People:
    """Everybody with a token or a role from the proxy, and the engine; the sessions that have ended load in a thread.

    Raises:
        SettingError: a setting is wrong.
    """
    tokens = parse_tokens(secret_in(environment, PEOPLE), PEOPLE)
    engine = secret_in(environment, ENGINE_TOKEN)
    if engine:
        tokens += parse_tokens(f"{ENGINE}:engine:{engine}", ENGINE_TOKEN)
    key = f"{settings.state_name}:inbox:ended"
    ended = SharedEndedSessions(state_client(settings, _SESSIONS_SECONDS), key, wall)
    ended.start()
    secret = settings.oidc_secret.reveal() if settings.oidc_issuer else ""
    return People(tokens, wall, _proxy(settings), ended, secret, force_limits(settings))


def force_limits(settings: Settings) -> ForceLimits | None:
    """Who may see which forces; None if nobody is limited.

    Raises:
        SettingError: an entry is wrong or names an unknown force, or another setting lets everyone in.
    """
    if not settings.people_forces:
        return None
    known, found = set(load_forces(settings)), dict[str, Forces]()
    for entry in settings.people_forces.split(","):
        who, _, names = (each.strip() for each in entry.rpartition("="))
        forces = [each.strip() for each in names.split("+")]
        if not who or not {*forces} <= {*known, ANYBODY}:
            what = f"{entry.strip()!r} does not have the form login=force+force, or names a force without a profile."
            hint = f"The forces are {', '.join(sorted(known))}, or `*` for all of them."
            raise SettingError(what, where=variable("people_forces"), hint=hint)
        before = found.get(who, frozenset())
        found[who] = None if ANYBODY in forces or before is None else before | {*forces}
    for name in ("view_board", "view_custody", "view_alerts", "view_alert_log"):
        if getattr(settings, name) == "everyone":
            what = (
                "BLUELAMP_PEOPLE_FORCES limits people to forces, but this setting lets everyone in without a sign-in."
            )
            raise SettingError(what, where=variable(name), hint="Set it to a role, or unset BLUELAMP_PEOPLE_FORCES.")
    return ForceLimits(found)


def provider_of(settings: Settings) -> Provider | None:
    """The OpenID Connect provider at which people sign in; None without one.

    Raises:
        SettingError: its settings are not complete, or an address is not encrypted.
    """
    if not settings.oidc_issuer:
        return None
    for name in ("oidc_client", "oidc_secret", "oidc_address", "oidc_roles"):
        if not getattr(settings, name):
            raise SettingError("It is empty.", where=variable(name), hint="Set it, or unset BLUELAMP_OIDC_ISSUER.")
    for name in ("oidc_issuer", "oidc_address"):
        if not is_safe_address(getattr(settings, name)):
            hint = "Write an https address. Only an address of this machine may be http."
            raise SettingError("This address is not encrypted.", where=variable(name), hint=hint)
    client = Registration(
        issuer=settings.oidc_issuer,
        client=settings.oidc_client,
        secret=settings.oidc_secret,
        address=settings.oidc_address.rstrip("/"),
        login_claim=settings.oidc_login_claim,
        groups_claim=settings.oidc_groups_claim,
        roles=_roles(settings.oidc_roles, variable("oidc_roles")),
    )
    return Provider(client, API_PATH, wall)


def _proxy(settings: Settings) -> Proxy | None:
    if not settings.proxy_addresses:
        return None
    return Proxy(
        addresses=tuple(each.strip() for each in settings.proxy_addresses.split(",")),
        login_header=settings.proxy_login_header.lower(),
        groups_header=settings.proxy_groups_header.lower(),
        roles=_roles(settings.proxy_roles, variable("proxy_roles")),
    )


def _roles(text: str, where: str) -> dict[str, Role]:
    return dict(_role(each, where) for each in text.split(",") if each.strip())


def _role(text: str, where: str) -> tuple[str, Role]:
    group, _, name = text.strip().rpartition("=")
    for role in get_args(Role):
        if group and name == role != "engine":
            return group, role
    hint = "Set it to `group=role` for each group, separated by commas. The roles are view, act and admin."
    raise SettingError(f"{text.strip()!r} does not have the form group=role.", where=where, hint=hint)


def parts(settings: Settings, guard: Guard, rules: tuple[Rule, ...] = RULES) -> Parts:
    """What the API uses; nothing is connected until it is needed."""
    return Parts(
        log=inbox_log(settings),
        rules=rules,
        samples=rule_samples(settings, rules),
        posts=posts_of(rules, (each.force for each in load_forces(settings).values())),
        guard=guard,
        attempts=Attempts(time.monotonic),
        now=wall,
        end=partial(_end, settings),
        provider=provider_of(settings),
    )


def rule_samples(settings: Settings, rules: tuple[Rule, ...]) -> CachedSamples:
    """The figures that rules evaluate; nothing is connected until they are needed."""
    source = reader(settings)
    figures = ReadingsCollector(source, probe=Probe(source.redis, settings.state_name), is_wanted=used_by_rules(rules))
    return CachedSamples(lambda: (each for family in figures.collect() for each in family.samples), time.monotonic)


def posts_of(rules: Iterable[Rule], forces: Iterable[Force]) -> tuple[str, ...]:
    """The posts that rules and the forces' ladders name."""
    named = {rule.who for rule in rules if rule.severity != "heartbeat"}
    return tuple(sorted(named | {step.notify for force in forces for step in force.ladder}))


def _end(settings: Settings, request: EndRequest) -> EndedByHand:
    """End a subject by hand, with connections of its own."""
    publisher = partial(connect, settings.log(), LIVE, now=wall, monotonic=time.monotonic)
    return end_by_hand(
        reader(settings),
        publisher,
        request.force,
        request.subject,
        request.subject_id,
        request.reason,
        request.role,
    )


def guard_of(settings: Settings, environment: Mapping[str, str], host: str) -> Guard:
    """Decides who may do what at a service that listens on a host.

    Raises:
        SettingError: a setting is wrong.
    """
    return Guard(people(settings, environment), viewers(settings, host))


def board_mounts(inbox: Parts, force: str) -> dict[str, ASGIApp]:
    """What the board of a force mounts: the alerts API with the alerts of this force and those of Blue Lamp itself."""
    return {API_PATH: api(replace(inbox, forces=frozenset({force})))}


def board_alerts(inbox: Parts, force: str) -> Callable[[], AlertCounts | None]:
    """Reads the alerts that the strip counts: those of a force, and those of the monitor itself."""

    def read() -> AlertCounts | None:
        try:
            inbox.log.refresh()
            status = inbox.log.data_status().get(force)
        except (RedisError, OSError):
            return None
        now = inbox.now()
        return inbox.log.read_state(lambda state: counted(state, force, now, status))

    return read


def counted(state: InboxState, force: str, now: datetime, status: DataStatus | None) -> AlertCounts:
    """The counts of a force's alerts at a time."""
    active = [each for each in state.active_alerts() if each.raised.scope.get("force", force) == force]
    states = [(each.raised.severity == "critical", state.state_of(each, now)) for each in active]
    oldest = min((each.raised.began for each in active), default=now)
    return AlertCounts(
        active=len(active),
        unacknowledged=sum(word == "raised" for _, word in states),
        critical=sum(is_critical and word != "suppressed" for is_critical, word in states),
        critical_unacknowledged=sum(is_critical and word == "raised" for is_critical, word in states),
        oldest_seconds=max(0.0, (now - oldest).total_seconds()),
        is_monitored=status is not None and status.is_monitored(now),
    )


def inbox_app(settings: Settings, guard: Guard, service: Service, rules: tuple[Rule, ...] = RULES) -> Starlette:
    """The API by itself, with the webhook for engines."""
    own_parts = replace(parts(settings, guard, rules), accept=service.accept, log=service.log)
    return Starlette(routes=[Mount(API_PATH, api(own_parts))], exception_handlers={HTTPException: _elsewhere})


async def _elsewhere(request: Request, error: Exception) -> Response:
    """Any other address of the inbox's own server."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = f"The inbox is at {API_PATH}; docs/run/inbox.md lists every address."
    found = problem("no_such_place", status, f"There is nothing at {request.url.path}.", detail)
    response = failure_response(request, found, API_PATH)
    response.headers.update(page_headers("style-src"))
    return response
