"""Made-up, seeded calls of a day, as two systems record them: Asterisk's queue_log, and the events of a platform."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

DAY = datetime(2024, 12, 1, 8, tzinfo=UTC)
QUEUES = {"emergency": "police-999", "triage": "police-101", "local": "police-local"}


class Call(NamedTuple):
    """One call in one queue: answered or abandoned.

    Attributes:
        number: distinguishes it from the others.
        queue: the queue that it joined.
        offered: when it was offered.
        answered: when it was answered; None if it was abandoned.
        ended: when it was abandoned, or concluded.
    """

    number: int
    queue: str
    offered: datetime
    answered: datetime | None
    ended: datetime


def calls(count: int, seed: int) -> list[Call]:
    """This many calls within four hours."""
    chance = random.Random(seed)
    return [_call(number, chance) for number in range(count)]


def _call(number: int, chance: random.Random) -> Call:
    offered = DAY + timedelta(seconds=chance.randrange(4 * 3600))
    waited = timedelta(seconds=chance.choice([0, 5, 9, 10, 11, 60, 119, 120, 121, chance.randrange(1200)]))
    answered = offered + waited if chance.random() < 0.8 else None
    ended = answered + timedelta(seconds=chance.randrange(30, 900)) if answered else offered + waited
    return Call(number, chance.choice(list(QUEUES)), offered, answered, ended)


def queue_log(calls: list[Call]) -> list[str]:
    """The lines of a queue_log, in order of time."""
    lines = [line for call in calls for line in _lines(call)]
    return [f"{line}\n" for line in sorted(lines, key=lambda line: int(line.partition("|")[0]))]


def _lines(call: Call) -> Iterator[str]:
    queue, offered, ended = QUEUES[call.queue], _seconds(call.offered), _seconds(call.ended)
    identity = f"{offered}.{call.number}"
    yield f"{offered}|{identity}|{queue}|NONE|ENTERQUEUE||07700900123|1"
    if call.answered:
        answered = _seconds(call.answered)
        yield f"{answered}|{identity}|{queue}|SIP/8001|CONNECT|{answered - offered}|{identity}1|2"
        yield f"{ended}|{identity}|{queue}|SIP/8001|COMPLETECALLER|1|{ended - answered}|1"
    else:
        yield f"{ended}|{identity}|{queue}|NONE|ABANDON|1|1|{ended - offered}"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def events(calls: list[Call]) -> list[dict[str, Any]]:
    """The events of a platform, in order of time."""
    return sorted((event for call in calls for event in _events(call)), key=lambda event: str(event["time"]))


def _events(call: Call) -> Iterator[dict[str, Any]]:
    queue = {"queueArn": f"arn:example:queue/{call.queue}", "enqueueTimestamp": call.offered.isoformat()}
    detail: dict[str, Any] = {"contactId": f"{call.number:04x}", "channel": "VOICE", "queueInfo": queue}
    yield {"time": call.offered.isoformat(), "detail": {**detail, "eventType": "QUEUED"}}
    if call.answered:
        detail["agentInfo"] = {"agentArn": "arn:jo", "connectedToAgentTimestamp": call.answered.isoformat()}
        yield {"time": call.answered.isoformat(), "detail": {**detail, "eventType": "CONNECTED_TO_AGENT"}}
    yield {"time": call.ended.isoformat(), "detail": {**detail, "eventType": "DISCONNECTED"}}
