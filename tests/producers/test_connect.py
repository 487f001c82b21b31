"""Situations in Amazon Connect's contact events, as a webhook receives them, and the outcomes that each must give."""

from typing import Any

import pytest

from tests.producers.platforms import iso, lines, pushed

Event = dict[str, Any]
_QUEUES = {name: f"arn:example:queue/{name}" for name in ("emergency", "triage", "local", "agent")}


def event(kind: str, second: float, contact: str, queue: str | None = "triage", **detail: Any) -> Event:
    """A contact event, with EventBridge's envelope, whose own time has whole seconds."""
    own = {
        "eventType": kind,
        "contactId": contact,
        "channel": "VOICE",
        "initiationMethod": "INBOUND",
        "queueInfo": queue and {"queueArn": _QUEUES[queue], "queueType": "STANDARD", "enqueueTimestamp": iso(0)},
        **detail,
    }
    return {
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "time": iso(int(second)),
        "detail": own,
    }


def queued(second: float, contact: str, queue: str = "triage", **detail: Any) -> Event:
    info = {"queueArn": _QUEUES[queue], "queueType": "STANDARD", "enqueueTimestamp": iso(second)}
    return event("QUEUED", second, contact, queue, **{"queueInfo": info, **detail})


def connected(second: float, contact: str, queue: str = "triage", **detail: Any) -> Event:
    agent = {"agentArn": "agent/1", "connectedToAgentTimestamp": iso(second)}
    return event("CONNECTED_TO_AGENT", second, contact, queue, agentInfo=agent, **detail)


def ended(second: float, contact: str, queue: str | None = "triage", reason: str | None = None, **detail: Any) -> Event:
    own = {"disconnectTimestamp": iso(second), "disconnectReason": reason, **detail}
    return event("DISCONNECTED", second, contact, queue, **own)


_SECOND: Event = {"initialContactId": "A", "previousContactId": "A"}
_ANSWERED: Event = {"agentInfo": {"agentArn": "agent/1", "connectedToAgentTimestamp": iso(9)}}
SITUATIONS: dict[str, tuple[list[Event], list[str]]] = {
    "a call that is answered": (
        [queued(0, "A"), connected(9, "A"), ended(60, "A", reason="AGENT_DISCONNECT", **_ANSWERED)],
        ["answered triage 9", "caller 101 triage"],
    ),
    "a caller who takes a callback did not abandon, and is one caller": (
        [
            event("INITIATED", 0, "A", None),
            queued(0, "A"),
            ended(120, "A", reason="CONTACT_FLOW_DISCONNECT"),
            queued(219, "B", initiationMethod="CALLBACK", **_SECOND),
            connected(325, "B", initiationMethod="CALLBACK", **_SECOND),
            ended(600, "B", reason="CUSTOMER_DISCONNECT", initiationMethod="CALLBACK", **_SECOND, **_ANSWERED),
        ],
        ["answered triage 106", "caller 101 triage", "left triage 120"],
    ),
    "a callback that is not made was not abandoned": (
        [
            queued(0, "A"),
            ended(120, "A", reason="CONTACT_FLOW_DISCONNECT"),
            queued(219, "B", initiationMethod="CALLBACK", **_SECOND),
            ended(300, "B", reason="CUSTOMER_DISCONNECT", initiationMethod="CALLBACK", **_SECOND),
        ],
        ["caller 101 triage", "left triage 120", "left triage 81"],
    ),
    "a transfer by quick connect is one caller with two legs": (
        [
            queued(0, "A"),
            connected(8, "A"),
            queued(100, "B", "local", initiationMethod="TRANSFER", **_SECOND),
            ended(101, "A", **_ANSWERED),
            connected(160, "B", "local", initiationMethod="TRANSFER", **_SECOND),
            ended(300, "B", "local", initiationMethod="TRANSFER", **_SECOND, **_ANSWERED),
        ],
        ["answered local 60", "answered triage 8", "caller 101 triage"],
    ),
    "a consultation that the agent calls off was not abandoned": (
        [
            queued(0, "A"),
            connected(8, "A"),
            queued(100, "B", "local", initiationMethod="TRANSFER", **_SECOND),
            ended(130, "B", "local", "AGENT_DISCONNECT", initiationMethod="TRANSFER", **_SECOND),
            ended(300, "A", **_ANSWERED),
        ],
        ["answered triage 8", "caller 101 triage", "left local 30"],
    ),
    "a caller who gives up after a quarter of a second": (
        [queued(5.7, "A"), ended(5.95, "A")],
        ["abandoned triage 0.3", "caller 101 triage"],
    ),
    "a caller who gives up at once, by events with whole seconds": (
        [
            queued(5.7, "A"),
            ended(5.95, "A", disconnectTimestamp=None, queueInfo=queued(5.7, "A")["detail"]["queueInfo"]),
        ],
        ["abandoned triage 0", "caller 101 triage"],
    ),
    "reasons of the caller, of the network and of nobody are abandonments": (
        [
            *[queued(0, each) for each in "ABCD"],
            ended(30, "A", reason="CUSTOMER_DISCONNECT"),
            ended(30, "B", reason="TELECOM_PROBLEM"),
            ended(30, "C", reason="SOMETHING_NEW"),
            ended(30, "D"),
        ],
        [*["abandoned triage 30"] * 4, *["caller 101 triage"] * 4],
    ),
    "reasons of the flow, an agent, a program and a time limit are not": (
        [
            *[queued(0, each) for each in "ABCD"],
            ended(30, "A", reason="CONTACT_FLOW_DISCONNECT"),
            ended(30, "B", reason="AGENT_DISCONNECT"),
            ended(30, "C", reason="API"),
            ended(30, "D", reason="EXPIRED"),
        ],
        [*["caller 101 triage"] * 4, *["left triage 30"] * 4],
    ),
    "a flow that moves the caller to another queue": (
        [
            queued(0, "A"),
            queued(60, "A", "local", initiationMethod="QUEUE_TRANSFER"),
            connected(90, "A", "local", initiationMethod="QUEUE_TRANSFER"),
        ],
        ["answered local 30", "caller 101 triage", "unrecorded 101 triage"],
    ),
    "events without the time of queueing": (
        [
            queued(0, "A", queueInfo={"queueArn": _QUEUES["triage"]}),
            connected(9.5, "A", queueInfo={"queueArn": _QUEUES["triage"]}),
        ],
        ["answered triage 9.5", "caller 101 triage"],
    ),
    "other channels, outbound calls, listeners and agents' own queues": (
        [
            *[queued(0, channel, channel=channel) for channel in ("CHAT", "TASK", "EMAIL")],
            *[queued(0, method, initiationMethod=method) for method in ("OUTBOUND", "API", "MONITOR")],
            *[ended(9, method, initiationMethod=method) for method in ("OUTBOUND", "EXTERNAL_OUTBOUND", "API")],
            queued(0, "A", "agent", queueInfo={"queueArn": _QUEUES["agent"], "queueType": "AGENT"}),
            ended(9, "B", None),
        ],
        [],
    ),
}


@pytest.mark.parametrize(("events", "expected"), SITUATIONS.values(), ids=SITUATIONS)
def test_each_situation_gives_what_happened(events: list[Event], expected: list[str]) -> None:
    assert lines(pushed("contact_centre_webhook", events)) == sorted(expected)
