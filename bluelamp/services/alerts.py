"""Alerts put together: the log, the people and the figures behind the API that the board mounts and the inbox serves."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import get_args

import msgspec
import requests
from msgspec import Struct
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from alerts.inbox.api import Parts, api
from alerts.inbox.guard import Guard
from alerts.inbox.log import InboxLog
from alerts.inbox.payload import Payload
from alerts.inbox.people import Attempts, People, Proxy, Role, parse_tokens
from alerts.inbox.service import Service
from alerts.inbox.spool import Spool
from alerts.notifier import Post, Standing
from alerts.rule import Rule
from alerts.samples import CachedSamples, looked_at
from alerts.table import RULES
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader, state_client
from bluelamp.wiring.settings import ENGINE_TOKEN, PEOPLE, Settings
from facts.errors import SettingError
from measures.outcome import microseconds
from streams.exporter import ReadingsCollector
from streams.probe import Probe

PLACE = "/api/alerts"
ENGINE = "engine"


def inbox_log(settings: Settings, spool: Spool | None = None) -> InboxLog:
    """The inbox's log in the state server that the settings name."""
    return InboxLog(state_client(settings), f"{settings.state_name}:inbox", spool)


def people(settings: Settings, environment: Mapping[str, str]) -> People:
    """Those who may view, act and administer, and the engine that may tell.

    Raises:
        SettingError: a setting has a fault.
    """
    tokens = parse_tokens(environment.get(PEOPLE, ""), PEOPLE)
    engine = environment.get(ENGINE_TOKEN, "")
    if engine:
        tokens += parse_tokens(f"{ENGINE}:engine:{engine}", ENGINE_TOKEN)
    return People(tokens, wall, _proxy(settings))


def _proxy(settings: Settings) -> Proxy | None:
    if not settings.proxy_addresses:
        return None
    return Proxy(
        addresses=tuple(each.strip() for each in settings.proxy_addresses.split(",")),
        login_header=settings.proxy_login_header.lower(),
        groups_header=settings.proxy_groups_header.lower(),
        roles=dict(_role(each) for each in settings.proxy_roles.split(",") if each.strip()),
    )


def _role(told: str) -> tuple[str, Role]:
    group, _, word = told.strip().rpartition("=")
    for role in get_args(Role):
        if group and word == role != "engine":
            return group, role
    hint = "Give `group=role` with the role view, act or admin, separated by commas."
    raise SettingError(f"{told.strip()!r} gives no group its role.", where="BLUELAMP_PROXY_ROLES", hint=hint)


class _Stands(Struct):
    """What the inbox says stands there."""

    rule: str
    scope: dict[str, str]
    began: datetime


class _Answer(Struct):
    """The inbox's answer to a payload."""

    standing: tuple[_Stands, ...]


def posting(address: str, token: str, timeout_seconds: float = 3.0) -> Post:
    """Hands payloads to an inbox.

    Args:
        address: of the inbox.
        token: of the engine.
        timeout_seconds: how long it is waited for.
    """
    session = requests.Session()
    session.trust_env = False  # the inbox is at hand: no proxy stands between
    session.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/json"})

    def post(told: Payload) -> Standing:
        answer = session.post(f"{address}{PLACE}/webhook", msgspec.json.encode(told), timeout=timeout_seconds)
        if not answer.ok:
            raise ConnectionError(f"{answer.status_code} {answer.text[:200]}")
        standing = msgspec.json.decode(answer.content, type=_Answer).standing
        return tuple((each.rule, each.scope, microseconds(each.began)) for each in standing)

    return post


def parts(settings: Settings, environment: Mapping[str, str], rules: tuple[Rule, ...] = RULES) -> Parts:
    """What the API stands on; nothing is opened before it is asked for."""
    source = reader(settings)
    figures = ReadingsCollector(source, probe=Probe(source.redis, settings.state_name), is_wanted=looked_at(rules))
    return Parts(
        log=inbox_log(settings),
        rules=rules,
        samples=CachedSamples(
            lambda: (each for family in figures.collect() for each in family.samples), time.monotonic
        ),
        guard=Guard(people(settings, environment), is_open_to_view=not settings.sign_in_to_view),
        attempts=Attempts(time.monotonic),
        now=wall,
    )


def beside_the_board(settings: Settings, environment: Mapping[str, str]) -> dict[str, ASGIApp]:
    """What the board serves beside its pages: the API of the alerts."""
    return {PLACE: api(parts(settings, environment))}


def telling(
    settings: Settings, environment: Mapping[str, str], service: Service, rules: tuple[Rule, ...] = RULES
) -> Starlette:
    """The API by itself, with the webhook that engines tell."""
    told = replace(parts(settings, environment, rules), take=service.take, log=service.log)
    return Starlette(routes=[Mount(PLACE, api(told))])
