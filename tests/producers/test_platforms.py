"""Made-up callers, written as each platform reports them: every mapping must find exactly what happened to them."""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
from msgspec import Struct

from facts.contact import CallbackDeclined, ContactConcluded
from facts.union import AnyFact
from producers.adapters.webhook import Webhook
from producers.extract import read_extract
from producers.gateway.sent import FORM, Sent
from producers.packaged import packaged_mapping
from tests.producers.extracts import NOW
from tests.producers.platforms import BEGAN, followed, iso, lines, milliseconds, pushed

Event = dict[str, Any]
How = Literal["answered", "abandoned", "left", "waiting"]
_LINES = {"emergency": "999", "triage": "101", "local": "101"}


class Leg(Struct, frozen=True):
    """What happened to a caller in one queue. Times are in thousandths of a second after the beginning.

    Attributes:
        queue: the queue.
        offered: when the caller joined it.
        how: how the wait ended.
        ended: when the wait ended; when the call began to wait if it has not.
        over: when the call was over, or left this queue's agent.
    """

    queue: str
    offered: int
    how: How
    ended: int
    over: int

    @property
    def line(self) -> str:
        """The outcome that the leg must give."""
        tenths = (self.ended - self.offered + 50) // 100
        return f"waiting {self.queue}" if self.how == "waiting" else f"{self.how} {self.queue} {tenths / 10:g}"


class Call(Struct, frozen=True):
    """One caller, with one to three legs."""

    number: int
    legs: tuple[Leg, ...]


def calls(
    seed: int,
    unit: int,
    ends: tuple[How, ...] = ("answered", "abandoned", "left", "waiting"),
    *,
    leaves_at_once: bool = True,
) -> list[Call]:
    """Made-up callers.

    Args:
        seed: of the draws.
        unit: the platform's resolution, in thousandths of a second.
        ends: how the last leg may end.
        leaves_at_once: whether a caller may leave a queue at the very time of joining it. If the platform does not report the end of
            a call that is transferred back to its queue, such an end cannot be distinguished from that.
    """
    rng = random.Random(seed)
    return [Call(number, tuple(_legs(rng, unit, ends, leaves_at_once))) for number in range(60)]


def _legs(rng: random.Random, unit: int, ends: tuple[How, ...], leaves_at_once: bool) -> Iterator[Leg]:
    at = rng.randrange(3_600_000 // unit) * unit
    count = rng.choice((1, 1, 1, 2, 3))
    for index in range(count):
        how: How = rng.choice(ends) if index == count - 1 else rng.choice(("answered", "left"))
        # From no wait at all to one of ten minutes, at times that round to both sides.
        ended = at + rng.choice((0, 50, 250, 949, 950, 9_950, 61_000, 600_000)) // unit * unit
        if how == "left" and not leaves_at_once:
            ended = max(ended, at + unit)
        over = ended + (rng.randrange(1, 300_000 // unit) * unit if how == "answered" else 0)
        yield Leg(rng.choice(tuple(_LINES)), at, how, ended, over)
        at = over + unit


def expected(made: list[Call]) -> list[str]:
    """The outcomes that the callers must give, counted from the made-up calls and not from any fact."""
    callers = [f"caller {_LINES[call.legs[0].queue]} {call.legs[0].queue}" for call in made]
    return sorted([*callers, *(leg.line for call in made for leg in call.legs)])


def connect(call: Call) -> Iterator[Event]:
    """Amazon Connect's contact events: each leg is a contact of its own."""
    for index, leg in enumerate(call.legs):
        own: Event = {"contactId": f"{call.number}-{index}", "channel": "VOICE"}
        own |= {"initialContactId": f"{call.number}-0", "initiationMethod": "TRANSFER"} if index else {}
        own |= {"initiationMethod": "INBOUND"} if not index else {}
        queue = {"queueArn": f"arn:example:queue/{leg.queue}", "queueType": "STANDARD"}
        own["queueInfo"] = {**queue, "enqueueTimestamp": iso(leg.offered / 1000)}
        agent = {"connectedToAgentTimestamp": iso(leg.ended / 1000)}
        reason = {"left": "CONTACT_FLOW_DISCONNECT"}.get(leg.how, "CUSTOMER_DISCONNECT")

        def event(kind: str, at: int, own: Event = own, **more: Any) -> Event:
            return {"source": "aws.connect", "time": iso(at // 1000), "detail": {"eventType": kind, **own, **more}}

        yield event("INITIATED", leg.offered)
        yield event("QUEUED", leg.offered)
        if leg.how == "answered":
            yield event("CONNECTED_TO_AGENT", leg.ended, agentInfo=agent)
            yield event("DISCONNECTED", leg.over, agentInfo=agent, disconnectTimestamp=iso(leg.over / 1000))
        elif leg.how != "waiting":
            yield event("DISCONNECTED", leg.over, disconnectTimestamp=iso(leg.over / 1000), disconnectReason=reason)
    yield {"source": "aws.connect", "time": iso(0), "detail": {"eventType": "QUEUED", **own, "channel": "CHAT"}}


def record(call: Call) -> Iterator[Event]:
    """Amazon Connect's contact records: one for each contact that has ended."""
    for index, leg in enumerate(call.legs):
        agent = {"ConnectedToAgentTimestamp": iso(leg.ended / 1000)} if leg.how == "answered" else None
        yield {
            "ContactId": f"{call.number}-{index}",
            "InitialContactId": f"{call.number}-0" if index else None,
            "Channel": "VOICE",
            "InitiationMethod": "TRANSFER" if index else "INBOUND",
            "Queue": {"ARN": f"arn:example:queue/{leg.queue}", "EnqueueTimestamp": iso(leg.offered / 1000)},
            "Agent": agent,
            "DisconnectTimestamp": iso(leg.over / 1000),
            "DisconnectReason": "CONTACT_FLOW_DISCONNECT" if leg.how == "left" else "CUSTOMER_DISCONNECT",
            "TransferCompletedTimestamp": iso(leg.over / 1000) if agent and leg is not call.legs[-1] else None,
        }
    own = {"InitiationMethod": "OUTBOUND", "Channel": "VOICE", "Queue": {"ARN": "arn:example:queue/triage"}}
    yield {**own, "ContactId": f"{call.number}-out", "DisconnectTimestamp": iso(1)}


_GENESYS_QUEUES = {name: f"00000000-0000-0000-0000-000000000{code}" for name, code in
                   (("emergency", 999), ("triage", 101), ("local", 102))}  # fmt: skip
_GENESYS_OUTCOMES = {"answered": "ANSWERED", "abandoned": "ABANDON", "left": "FLOW_OUT"}


def genesys(call: Call) -> Iterator[Event]:
    """Genesys Cloud's detail events: one conversation."""

    def event(kind: str, at: int, leg: Leg, **more: Any) -> Event:
        body: Event = {"conversationId": f"c{call.number}", "mediaType": "VOICE", "direction": "INBOUND"}
        body |= {"queueId": _GENESYS_QUEUES[leg.queue], "eventTime": milliseconds(at / 1000), **more}
        return {"detail-type": f"v2.detail.events.conversation.{{id}}.{kind}", "detail": {"eventBody": body}}

    for leg in call.legs:
        yield event("acd.start", leg.offered, leg)
        if leg.how != "waiting":
            yield event("acd.end", leg.ended, leg, acdOutcome=_GENESYS_OUTCOMES[leg.how])
        if leg.how == "answered":
            yield event("user.end", leg.over, leg, disconnectType="TRANSFER" if leg is not call.legs[-1] else "PEER")
        yield event("acd.start", leg.offered, leg, mediaType="CHAT")
        yield event("acd.end", leg.offered, leg, mediaType="VOICE", direction="OUTBOUND", acdOutcome="ABANDON")


def twilio(call: Call) -> Iterator[Event]:
    """TaskRouter's events, with the names that a form has: one task."""

    def event(kind: str, at: int, leg: Leg, **more: str) -> Event:
        own = {"EventType": kind, "TaskSid": f"WT{call.number}", "TaskQueueName": leg.queue}
        own |= {"TaskAttributes": '{"call_sid": "CA1", "from": "+447700900123", "direction": "inbound"}'}
        return {
            **own,
            "Timestamp": str(int(BEGAN.timestamp()) + at // 1000),
            "TimestampMs": str(milliseconds(at / 1000)),
        } | more

    for leg in call.legs:
        yield event("task-queue.entered", leg.offered, leg)
        yield event("reservation.created", leg.offered, leg)
        yield event("reservation.timeout", leg.offered, leg)
        if leg.how == "answered":
            yield event("reservation.accepted", leg.ended, leg)
        if leg.how == "left" and leg is not call.legs[-1]:
            yield event("task-queue.timeout", leg.ended, leg)
        elif leg.how in ("left", "abandoned"):
            reason = {"left": "redirected", "abandoned": "hangup"}[leg.how]
            yield event("task.canceled", leg.ended, leg, TaskCanceledReason=reason)
        elif leg.how == "answered" and leg is call.legs[-1]:
            yield event("task.wrapup", leg.over, leg)
            yield event("task.completed", leg.over + 9_000, leg)
    yield event("task-queue.entered", 0, leg, TaskChannelUniqueName="sms", TaskSid="WTother")
    yield {"CallSid": "CA1", "CallStatus": "in-progress", "Timestamp": "Mon, 02 Dec 2024 09:00:00 +0000"}


_IN_STREAM = {
    "EventType": "eventtype",
    "TaskSid": "task_sid",
    "TaskQueueName": "task_queue_name",
    "TaskAttributes": "task_attributes",
    "TaskChannelUniqueName": "task_channel_unique_name",
    "TaskCanceledReason": "task_canceled_reason",
}


def streamed(event: Event) -> Event:
    """A TaskRouter event as Event Streams sends it."""
    payload = {_IN_STREAM[name]: value for name, value in event.items() if name in _IN_STREAM}
    if "TimestampMs" in event:
        payload["timestamp"] = iso(int(event["TimestampMs"]) / 1000 - BEGAN.timestamp())
    own = {"specversion": "1.0", "id": "NO1", "source": "AB1", "type": "com.twilio.taskrouter.event"}
    return {**own, "datacontenttype": "application/json", "data": {"payload": payload}}


_EIGHT_QUEUES = {"emergency": 999, "triage": 101, "local": 102}


def eight(call: Call) -> Iterator[Event]:
    """8x8's streamed events: one interaction."""

    def event(kind: str, at: int, leg: Leg, **more: Any) -> Event:
        own: Event = {"event": kind, "interactionGUID": f"int-{call.number}-ohWfVIbHJz2Hr2JFhAfdlb4Fa-phone-00-tenant"}
        own |= {"mediaType": "phone", "direction": "in", "queueId": _EIGHT_QUEUES[leg.queue]}
        return {"Interaction": {**own, "interactionEventTS": int(BEGAN.timestamp()) + at // 1000, **more}}

    for leg in call.legs:
        is_last = leg is call.legs[-1]
        queued = int(BEGAN.timestamp()) + leg.offered // 1000
        yield event("InteractionQueued", leg.offered, leg, queueTime=queued)
        yield event("InteractionAssigned", leg.offered, leg, agentId="ag1")
        yield event("InteractionRejected", leg.offered, leg, agentId="ag1")
        yield event("InteractionQueued", (leg.offered + leg.ended) // 2, leg, queueTime=queued)
        if leg.how == "answered":
            yield event("InteractionAccepted", leg.ended, leg, agentId="ag1")
        elif leg.how == "left":
            yield event("InteractionUnqueued", leg.ended, leg)
        elif leg.how == "abandoned":
            yield event("InteractionDeleted", leg.ended, leg, hangupInitiator="CUSTOMER", isQueued=True)
        if is_last and leg.how == "answered":
            yield event("InteractionDeleted", leg.over, leg, agentId="ag1", hangupInitiator="CUSTOMER", isQueued=True)
    yield event("InteractionDeleted", 9_000, leg, interactionGUID="int-ivr", isQueued=False)
    yield event("InteractionQueued", 0, leg, interactionGUID="int-chat", mediaType="chat")
    yield event("InteractionQueued", 0, leg, interactionGUID="int-out", direction="out")


_LOG_QUEUES = {"emergency": "police-999", "triage": "police-101", "local": "police-local"}


def queue_log(call: Call) -> Iterator[Event]:
    """The lines of Asterisk's queue_log: one call. The key is the time, so that the log can be put in order."""
    for leg in call.legs:
        queue, start, end, over = _LOG_QUEUES[leg.queue], *(each / 1000 for each in (leg.offered, leg.ended, leg.over))
        yield {"at": start, "text": f"{queue}|NONE|ENTERQUEUE||x|1"}
        yield {"at": start, "text": f"{queue}|PJSIP/1|RINGNOANSWER|1000"}
        if leg.how == "answered":
            yield {"at": end, "text": f"{queue}|PJSIP/2|CONNECT|1|agent-{call.number}|1"}
            kind = "COMPLETECALLER|1|2|1" if leg is call.legs[-1] else "BLINDTRANSFER|400|internal|1|2|1"
            yield {"at": over, "text": f"{queue}|PJSIP/2|{kind}"}
        elif leg.how != "waiting":
            yield {"at": end, "text": f"{queue}|NONE|{'ABANDON' if leg.how == 'abandoned' else 'WITHDRAW'}|1|1|1"}


def events_of(platform: Callable[[Call], Iterator[Event]], made: list[Call]) -> list[Event]:
    """Every event of the callers, shuffled: no network delivers them in a worse order."""
    events = [event for call in made for event in platform(call)]
    random.Random(3).shuffle(events)
    return events


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("mapping", "platform", "unit"),
    [
        ("contact_centre_webhook", connect, 1),
        ("genesys_cloud", genesys, 1),
        ("eight_by_eight", eight, 1000),
        ("twilio_taskrouter", twilio, 1),
    ],
)
def test_pushed_events_give_what_happened(
    mapping: str, platform: Callable[[Call], Iterator[Event]], unit: int, seed: int
) -> None:
    made = calls(seed, unit, leaves_at_once=platform in (connect, genesys))
    assert lines(pushed(mapping, events_of(platform, made))) == expected(made)


def test_forms_and_cloudevents_of_twilio_give_the_same_facts() -> None:
    made = calls(5, 1, leaves_at_once=False)
    webhook = Webhook(packaged_mapping("twilio_taskrouter"), lambda: NOW, events_max=1000)
    events = [event for event in events_of(twilio, made) if "EventType" in event]
    formed: list[AnyFact] = []
    for event in events:
        formed += webhook.read(Sent(body=urlencode(event).encode(), media_type=FORM))
    batches = [
        json.dumps([streamed(event) for event in events[first : first + 99]]) for first in range(0, len(events), 99)
    ]
    as_stream = [fact for batch in batches for fact in webhook.read(Sent(body=batch.encode()))]
    assert lines(formed) == lines(as_stream) == expected(made)
    assert "7700900123" not in str(formed)


@pytest.mark.parametrize("seed", [1, 2])
def test_contact_records_give_what_happened(tmp_path: Path, seed: int) -> None:
    made = calls(seed, 1, ("answered", "abandoned", "left"))
    events = events_of(record, made)
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in [*events, *events[:40]]))
    facts, malformed = followed("amazon_connect_records", file)
    extract = read_extract(file, packaged_mapping("amazon_connect_records"), now=NOW)
    assert (malformed, extract.malformed) == ([], ())
    assert lines(facts) == lines(extract.facts) == expected(made)


def _of_callbacks(facts: Iterable[AnyFact]) -> list[tuple[str, float, float | None]]:
    """Callbacks declined and accepted: when, and for when they were promised, in seconds after the beginning."""
    found: list[tuple[str, float, float | None]] = []
    for fact in facts:
        if isinstance(fact, CallbackDeclined):
            found.append(("declined", (fact.at - BEGAN).total_seconds(), None))
        elif isinstance(fact, ContactConcluded) and fact.result == "callback":
            promised = None if fact.promised_for is None else (fact.promised_for - BEGAN).total_seconds()
            found.append(("accepted", (fact.at - BEGAN).total_seconds(), promised))
    return sorted(found)


def test_callbacks_and_promises_come_from_the_attributes_that_a_flow_sets(tmp_path: Path) -> None:
    def leg(name: str, start: float, end: float, **more: Any) -> Event:
        queue = {"ARN": "arn:example:queue/triage", "EnqueueTimestamp": iso(start), "DequeueTimestamp": iso(end)}
        own = {"ContactId": name, "Channel": "VOICE", "InitiationMethod": "INBOUND", "Queue": queue}
        return {**own, "DisconnectTimestamp": iso(end + 90), "DisconnectReason": "CONTACT_FLOW_DISCONNECT", **more}

    chosen = {"callback_choice": "accepted", "callback_promised_for": iso(3700)}
    declined = {"Attributes": {"callback_choice": "declined"}, "Agent": {"ConnectedToAgentTimestamp": iso(300)}}
    records = [
        leg("A", 0, 10, Attributes=chosen),
        leg("B", 20, 300, InitialContactId="A", InitiationMethod="CALLBACK", Attributes=chosen),
        leg("C", 0, 300, **declined),
        leg("D", 0, 300, **declined | {"InitialContactId": "C", "InitiationMethod": "CALLBACK"}),
        leg("E", 0, 40),
    ]
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in records))
    facts, malformed = followed("amazon_connect_records", file)
    assert (malformed, _of_callbacks(facts)) == ([], [("accepted", 100, 3700), ("declined", 300, None)])

    def task(name: str, kind: str, second: float, **more: str) -> Event:
        own = {"TaskSid": name, "EventType": kind, "TaskQueueName": "triage", "TimestampMs": str(milliseconds(second))}
        return {**own, "TaskChannelUniqueName": "voice", **more}

    tasks = [
        task("A", "task.canceled", 70, TaskCanceledReason="callback", TaskAttributes=json.dumps(chosen)),
        task("B", "reservation.accepted", 90, TaskAttributes=json.dumps({"callback_choice": "declined"})),
        task("C", "reservation.accepted", 95),
    ]
    webhook = Webhook(packaged_mapping("twilio_taskrouter"), lambda: NOW, events_max=1000)
    sent = [fact for each in tasks for fact in webhook.read(Sent(body=urlencode(each).encode(), media_type=FORM))]
    assert _of_callbacks(sent) == [("accepted", 70, 3700), ("declined", 90, None)]


@pytest.mark.parametrize(("seed", "unit"), [(1, 1), (2, 1000)])
def test_a_queue_log_gives_what_happened(tmp_path: Path, seed: int, unit: int) -> None:
    made = calls(seed, unit)
    rows = [(row["at"], call.number, row["text"]) for call in made for row in queue_log(call)]
    file = tmp_path / "queue_log"
    timed = [
        f"{BEGAN.timestamp() + at:.6f}|{number}.1|{text}\n" for at, number, text in sorted(rows, key=lambda row: row[0])
    ]
    file.write_text("".join(timed))
    facts, malformed = followed("asterisk_queue_log", file)
    extract = read_extract(file, packaged_mapping("asterisk_queue_log"), now=NOW)
    assert (malformed, extract.malformed) == ([], ())
    assert lines(facts) == lines(extract.facts) == expected(made)
