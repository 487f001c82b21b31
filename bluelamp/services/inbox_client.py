"""Sends what the built-in alert engine has found to the inbox."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
import requests
from msgspec import Struct

from alerts.inbox.log.payload import Payload
from alerts.notifier import InboxAlerts, Post
from measures.outcome import microseconds
from producers import tracing

API_PATH = "/api/alerts"


class _ActiveAlert(Struct):
    """An active alert in the inbox's reply."""

    rule: str
    scope: dict[str, str]
    began: datetime


class _Reply(Struct):
    """The inbox's reply to a payload."""

    active: tuple[_ActiveAlert, ...]


def untraced(_: Payload) -> list[str]:
    """No headers, because no span led to the alerts."""
    return []


def inbox_client(
    addresses: Sequence[str],
    token: str,
    timeout_seconds: float = 3.0,
    before: Callable[[Payload], Iterable[str]] = untraced,
) -> Post:
    """Posts payloads to the first inbox that accepts them, and tries the inbox that accepted the last payload first.

    Args:
        addresses: the URLs of the inboxes; at least one.
        token: the engine's token.
        timeout_seconds: how long to wait for a reply.
        before: gives the headers of the spans that led to the alerts of a payload; called only if traces are on.
    """
    session = requests.Session()
    session.trust_env = False  # the inbox is local: a proxy from the environment must not be used
    session.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/json"})

    order = list(addresses)

    def post(payload: Payload) -> InboxAlerts:
        if not tracing.is_on():
            return post_to_first(payload, {})
        with tracing.span("alert", before(payload), {"alerts": len(payload.alerts)}):
            return post_to_first(payload, {tracing.HEADER: tracing.carried()})

    def post_to_first(payload: Payload, headers: Mapping[str, str]) -> InboxAlerts:
        errors: list[OSError] = []
        for address in tuple(order):
            try:
                active = post_to(address, payload, headers)
            except OSError as error:
                errors.append(error)
            else:
                order.remove(address)
                order.insert(0, address)
                return active
        raise errors[0]

    def post_to(address: str, payload: Payload, headers: Mapping[str, str]) -> InboxAlerts:
        response = session.post(
            f"{address}{API_PATH}/webhook", msgspec.json.encode(payload), headers=headers, timeout=timeout_seconds
        )
        if not response.ok:
            raise ConnectionError(f"{response.status_code} {response.text[:200]}")
        active = msgspec.json.decode(response.content, type=_Reply).active
        return tuple((each.rule, each.scope, microseconds(each.began)) for each in active)

    return post
