"""The webhook payload of Alertmanager, version 4: what both engines hand to the inbox."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from alerts.inbox.entry import Instant
from alerts.rule import Rule

RECEIVER = "bluelamp"
_NOT_ENDED = datetime(1, 1, 1, tzinfo=UTC)
"""How Alertmanager says that an alert has no end yet."""


class PayloadAlert(Struct, frozen=True, kw_only=True, rename="camel"):
    """One alert of a payload."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: Instant
    ends_at: Instant = _NOT_ENDED
    generator_url: str = msgspec.field(name="generatorURL", default="")
    fingerprint: str = ""


class Payload(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is posted: the alerts of one group."""

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
    """A payload that was posted.

    Raises:
        msgspec.DecodeError: it is none; says where.
    """
    return _decoder.decode(body)


def told(rule: Rule, scope: Mapping[str, str], began: datetime, ended: datetime | None = None) -> PayloadAlert:
    """One alert as Alertmanager would tell it."""
    return PayloadAlert(
        status="resolved" if ended else "firing",
        labels={
            "alertname": rule.alert_name(),
            **rule.labels(),
            **{name: word for name, word in scope.items() if word},
        },
        annotations=rule.annotations(),
        starts_at=began,
        ends_at=ended or _NOT_ENDED,
    )


def payload(group: Mapping[str, str], alerts: Iterable[PayloadAlert]) -> Payload:
    """A group of alerts as Alertmanager would post it."""
    every = tuple(alerts)
    words = ", ".join(f'{name}="{word}"' for name, word in sorted(group.items()))
    return Payload(
        version="4",
        group_key=f"{{}}:{{{words}}}",
        status="firing" if any(each.status == "firing" for each in every) else "resolved",
        receiver=RECEIVER,
        alerts=every,
        group_labels=dict(group),
        common_labels=_common([each.labels for each in every]),
        common_annotations=_common([each.annotations for each in every]),
    )


def _common(every: list[dict[str, str]]) -> dict[str, str]:
    return dict(set.intersection(*(set(each.items()) for each in every))) if every else {}
