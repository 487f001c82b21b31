"""An inbox for tests: alerts as an engine sends them, a clock set by the test, and the API on a real server."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import requests
import uvicorn
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from alerts.inbox.api.app import Parts, api
from alerts.inbox.api.guard import EVERYONE, Guard
from alerts.inbox.api.people import People, Proxy, Role
from alerts.inbox.log.intake import by_name, intake
from alerts.inbox.log.payload import Payload, PayloadAlert, payload, payload_alert
from alerts.inbox.log.stream import InboxLog
from alerts.table import RULES
from producers.http.attempts import Attempts
from tests.support.system import until

START = datetime(2024, 12, 3, 10, tzinfo=UTC)
RULE = by_name(RULES)["grade_1_unresourced_several"]
SCOPE = {"force": "north"}
TOKENS: dict[Role, str] = {role: f"a-token-for-tests-of-the-role-{role}" for role in ("view", "act", "admin", "engine")}
PEOPLE: list[tuple[str, Role, str]] = [
    ("wall", "view", TOKENS["view"]),
    ("inspector", "act", TOKENS["act"]),
    ("chief", "admin", TOKENS["admin"]),
    ("engine", "engine", TOKENS["engine"]),
]
LOGINS = {role: login for login, role, _ in PEOPLE}


def firing(seconds: float = 0, rule: str = RULE.name, scope: Mapping[str, str] = SCOPE) -> PayloadAlert:
    """A firing alert that began a number of seconds after the start."""
    return payload_alert(by_name(RULES)[rule], scope, START + timedelta(seconds=seconds))


def resolved(seconds: float, began: float = 0, rule: str = RULE.name, scope: Mapping[str, str] = SCOPE) -> PayloadAlert:
    """The same alert, resolved a number of seconds after the start."""
    return payload_alert(
        by_name(RULES)[rule], scope, START + timedelta(seconds=began), START + timedelta(seconds=seconds)
    )


class Clock:
    """The wall clock, set by the test."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """The time now."""
        return self.now

    def at(self, seconds: float) -> None:
        """Set the clock to a number of seconds after the start."""
        self.now = START + timedelta(seconds=seconds)


class Desk:
    """Uses the API with a role.

    Args:
        address: the API's root.
        role: the role; None for no token.
    """

    def __init__(self, address: str, role: Role | None = None) -> None:
        self.address = address
        self.headers = {"Authorization": f"Bearer {TOKENS[role]}"} if role else {}

    def get(self, path: str, **headers: str) -> requests.Response:
        """GET a path."""
        return requests.get(self.address + path, headers={**self.headers, **headers}, timeout=60)

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        """POST to a path."""
        return requests.post(self.address + path, json=body or {}, headers={**self.headers, **headers}, timeout=60)

    def send(self, *alerts: PayloadAlert) -> requests.Response:
        """Send alerts, as an engine."""
        body = msgspec.json.encode(payload({"rule": "any"}, alerts))
        return requests.post(self.address + "/webhook", data=body, headers=self.headers, timeout=60)


@contextmanager
def served(application: ASGIApp) -> Iterator[str]:
    """Run an application on a free port; yields its address."""
    server = uvicorn.Server(
        uvicorn.Config(application, port=0, log_config=None, proxy_headers=False, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started, 60, "the server to start")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def application(
    log: InboxLog,
    clock: Clock,
    *,
    is_open_to_view: bool = True,
    people: People | None = None,
    proxy: Proxy | None = None,
) -> Starlette:
    """The API on a log, at the path where the board mounts it."""
    viewers = EVERYONE if is_open_to_view else replace(EVERYONE, alerts="view", alert_log="view")
    guard = Guard(people or People(PEOPLE, clock, proxy), viewers, lambda: clock().timestamp())
    return Starlette(routes=[Mount("/api/alerts", api(parts(log, clock, guard)))])


def parts(log: InboxLog, clock: Clock, guard: Guard) -> Parts:
    """What the API uses, without figures."""

    def accept(payload: Payload) -> None:
        for each in payload.alerts:
            log.append(lambda state, one=each: intake([one], by_name(RULES), state, clock()))  # type: ignore[misc]

    return Parts(
        log=log,
        rules=RULES,
        samples=dict,
        posts=("duty inspector", "force incident manager"),
        guard=guard,
        attempts=Attempts(lambda: clock().timestamp()),
        now=clock,
        accept=accept,
    )
