"""An inbox for tests: alerts told as an engine tells them, a clock that stands, and the API behind a real server."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from alerts.inbox.api import Parts, api
from alerts.inbox.guard import Guard
from alerts.inbox.intake import by_name, intake
from alerts.inbox.log import InboxLog
from alerts.inbox.payload import Payload, PayloadAlert, payload, told
from alerts.inbox.people import Attempts, People, Proxy, Role
from alerts.table import RULES
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


def firing(seconds: float = 0, rule: str = RULE.name, scope: Mapping[str, str] = SCOPE) -> PayloadAlert:
    """An alert that began so long after the start."""
    return told(by_name(RULES)[rule], scope, START + timedelta(seconds=seconds))


def resolved(seconds: float, began: float = 0, rule: str = RULE.name, scope: Mapping[str, str] = SCOPE) -> PayloadAlert:
    """The same alert, over so long after the start."""
    return told(by_name(RULES)[rule], scope, START + timedelta(seconds=began), START + timedelta(seconds=seconds))


class Clock:
    """The wall clock, set by the test."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """The time now."""
        return self.now

    def at(self, seconds: float) -> None:
        """So long after the start."""
        self.now = START + timedelta(seconds=seconds)


class Desk:
    """Asks the API as somebody.

    Args:
        address: of its root.
        role: in whose name; None for nobody.
    """

    def __init__(self, address: str, role: Role | None = None) -> None:
        self.address = address
        self.headers = {"Authorization": f"Bearer {TOKENS[role]}"} if role else {}

    def get(self, place: str, **headers: str) -> requests.Response:
        """Read a place."""
        return requests.get(self.address + place, headers={**self.headers, **headers}, timeout=10)

    def post(self, place: str, body: Any = None, **headers: str) -> requests.Response:
        """Ask for something to be done."""
        return requests.post(self.address + place, json=body or {}, headers={**self.headers, **headers}, timeout=10)

    def tell(self, *alerts: PayloadAlert) -> requests.Response:
        """Tell alerts, as an engine."""
        body = msgspec.json.encode(payload({"rule": "any"}, alerts))
        return requests.post(self.address + "/webhook", data=body, headers=self.headers, timeout=10)


@contextmanager
def served(application: Starlette) -> Iterator[str]:
    """An application on a free port of loopback; its address."""
    server = uvicorn.Server(
        uvicorn.Config(application, port=0, log_config=None, proxy_headers=False, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started, 10, "the server")
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
    """The API on a log, by a clock, where the board has it."""
    guard = Guard(people or People(PEOPLE, clock, proxy), is_open_to_view=is_open_to_view)
    return Starlette(routes=[Mount("/api/alerts", api(parts(log, clock, guard)))])


def parts(log: InboxLog, clock: Clock, guard: Guard) -> Parts:
    """What the API stands on; figures are none."""

    def take(told: Payload) -> None:
        for each in told.alerts:
            log.append(lambda book, one=each: intake([one], by_name(RULES), book, clock()))  # type: ignore[misc]

    return Parts(
        log=log,
        rules=RULES,
        samples=dict,
        guard=guard,
        attempts=Attempts(lambda: clock().timestamp()),
        now=clock,
        take=take,
    )
