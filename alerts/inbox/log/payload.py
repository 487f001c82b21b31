"""Alertmanager's webhook payload, version 4: both engines send it to the inbox."""

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from alerts.inbox.log.entry import Time
from alerts.rule import Rule

RECEIVER = "bluelamp"
_NOT_ENDED = datetime(1, 1, 1, tzinfo=UTC)
"""Alertmanager's value for an alert that has not ended."""


class PayloadAlert(Struct, frozen=True, kw_only=True, rename="camel"):
    """One alert of a payload."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: Time
    ends_at: Time = _NOT_ENDED
    generator_url: str = msgspec.field(name="generatorURL", default="")
    fingerprint: str = ""

    def number(self, name: str) -> float | None:
        """An annotation as a number; None if it is missing or no finite number."""
        with suppress(ValueError):
            value = float(self.annotations.get(name, ""))
            return value if math.isfinite(value) else None
        return None


class Payload(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of a request: the alerts of one group."""

    version: str
    group_key: str
    status: Literal["firing", "resolved"]
    receiver: str
    alerts: tuple[PayloadAlert, ...]
    truncated_alerts: int = 0
    group_labels: dict[str, str] = {}
    common_labels: dict[str, str] = {}
    common_annotations: dict[str, str] = {}
    external_url: str = msgspec.field(name="externalURL", default="")


_decoder = msgspec.json.Decoder(Payload)


def decode_payload(body: bytes) -> Payload:
    """A payload from its JSON.

    Raises:
        msgspec.DecodeError: it is not a payload.
    """
    return _decoder.decode(body)


FIGURE, HIGHEST = "figure", "highest"
"""The annotations with which the built-in engine sends the figure, and its highest value since the inbox last accepted one."""


def payload_alert(
    rule: Rule,
    scope: Mapping[str, str],
    began: datetime,
    ended: datetime | None = None,
    figure: float | None = None,
    highest: float | None = None,
) -> PayloadAlert:
    """One alert as Alertmanager would send it, with its figure if that is known."""
    figures = {FIGURE: figure, HIGHEST: highest}
    return PayloadAlert(
        status="resolved" if ended else "firing",
        labels={
            "alertname": rule.alert_name(),
            **rule.labels(),
            **{name: value for name, value in scope.items() if value},
        },
        annotations={
            **rule.annotations(),
            **{name: repr(value) for name, value in figures.items() if value is not None},
        },
        starts_at=began,
        ends_at=ended or _NOT_ENDED,
    )


def payload(group: Mapping[str, str], alerts: Iterable[PayloadAlert]) -> Payload:
    """A group of alerts as Alertmanager would send it."""
    members = tuple(alerts)
    key = ", ".join(f'{name}="{value}"' for name, value in sorted(group.items()))
    return Payload(
        version="4",
        group_key=f"{{}}:{{{key}}}",
        status="firing" if any(each.status == "firing" for each in members) else "resolved",
        receiver=RECEIVER,
        alerts=members,
        group_labels=dict(group),
        common_labels=_common([each.labels for each in members]),
        common_annotations=_common([each.annotations for each in members]),
    )


def _common(labels: list[dict[str, str]]) -> dict[str, str]:
    return dict(set.intersection(*(set(each.items()) for each in labels))) if labels else {}
