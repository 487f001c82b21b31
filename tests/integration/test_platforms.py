"""Every platform at once, to the board's figures: signed, with a password, with a token, and as CloudEvents in the log."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest
from kafka import KafkaProducer

from bluelamp.recount.log import from_log
from bluelamp.verify.compare import compare, every_query, read_state
from facts.partitioning import partition_of
from producers.gateway.sent import FORM
from tests.integration.conftest import EMBEDDED, Parts
from tests.producers.platforms import BEGAN, pushed
from tests.producers.test_platforms import Call, calls, connect, eight, events_of, genesys, twilio
from tests.support.facts import heartbeat
from tests.support.gateway import TOKEN, Caller, GatewayProcess
from tests.support.system import System

FORCE, PUBLIC, SECRET = "staffordshire", "https://feeds.example.police.uk", "a-secret-of-thirty-two-characters"
DAY = "2024-12-02/2024-12-03"
HOOKS = ("contact_centre_webhook", "genesys_cloud", "twilio_taskrouter")


@pytest.fixture
def system(parts: Parts, tmp_path: Path) -> Iterator[System]:
    """A system of the police force, on an empty log."""
    parts.forget_topics()
    made = System(parts.broker.bootstrap, parts.state.url, tmp_path, "platforms", FORCE)
    made.publisher().close()
    yield made
    made.stop()


def send_twilio(caller: Caller, made: list[Call]) -> None:
    """Post each event as a form, with Twilio's signature and no token."""
    for event in events_of(twilio, made):
        signed = f"{PUBLIC}/v1/webhooks/twilio_taskrouter" + "".join(name + event[name] for name in sorted(event))
        digest = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()
        headers = {"Content-Type": FORM, "X-Twilio-Signature": base64.b64encode(digest).decode(), "Authorization": ""}
        answer = caller.send("webhooks/twilio_taskrouter", urlencode(event).encode(), **headers)
        assert answer.status == 202, answer.body


def send_events(caller: Caller, made: dict[str, list[Call]]) -> None:
    """Post Connect's events in arrays with a password, and those of Genesys one by one with a token."""
    password = "Basic " + base64.b64encode(f"telephony:{TOKEN}".encode()).decode()
    events = events_of(connect, made["connect"])
    for batch in (events[first : first + 200] for first in range(0, len(events), 200)):
        assert caller.send("webhooks/contact_centre_webhook", batch, Authorization=password).status == 202
    for event in events_of(genesys, made["genesys"]):
        assert caller.send("webhooks/genesys_cloud", event).status == 202


def write_cloudevents(system: System, made: list[Call]) -> None:
    """Write facts to the log, in structured mode and in binary mode by turns."""
    producer = KafkaProducer(bootstrap_servers=system.settings.kafka, acks="all")
    envelope = {"specversion": "1.0", "id": "1", "source": "/switch", "type": "uk.police.fact"}
    for number, fact in enumerate(pushed("eight_by_eight", events_of(eight, made))):
        written = msgspec.json.encode(fact)
        headers = [(f"ce_{name}", value.encode()) for name, value in envelope.items()]
        if number % 2:
            written = json.dumps({**envelope, "data": json.loads(written)}).encode()
            headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        place = partition_of(fact.subject_id, system.settings.partitions)  # type: ignore[union-attr]
        producer.send("contacts", written, partition=place, headers=headers)
    producer.flush()
    producer.close()


@EMBEDDED
def test_figures_of_every_platform_are_those_of_the_callers(system: System, tmp_path: Path) -> None:
    made = {
        name: calls(seed, 1000, leaves_at_once=False)[:20]
        for seed, name in enumerate(("connect", "genesys", "twilio", "eight"), 11)
    }
    system.start_workers(1)
    secrets = {"BLUELAMP_WEBHOOK_SECRETS": f"twilio_taskrouter:{SECRET}", "BLUELAMP_GATEWAY_PUBLIC_URL": PUBLIC}
    environment = system.environment(BLUELAMP_GATEWAY_FACTS_PER_SECOND="1000000", **secrets)
    gateway = GatewayProcess(environment, tmp_path, *(part for name in HOOKS for part in ("--webhook", name)))
    try:
        caller = gateway.start()
        send_twilio(caller, made["twilio"])
        send_events(caller, made)
    finally:
        gateway.stop()
    write_cloudevents(system, made["eight"])
    assert SECRET not in gateway.logged()
    end = BEGAN + timedelta(hours=2)
    with system.publisher() as publisher:
        for feed in system.rules[FORCE].force.feeds:
            publisher.heartbeat(heartbeat(feed.name, end, force=FORCE, replay=True), feed.topic)
    system.settle()
    reader = system.reader()
    reader.refresh()
    state = read_state(reader, FORCE, list(every_query((DAY,), system.rules[FORCE].force)), end)
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        assert compare(state, recount).differences == []
    legs = [leg for each in made.values() for call in each for leg in call.legs]
    still = {"999": 3600, "101": 12 * 3600}  # seconds after which the end of a wait is unrecorded
    for line, queues in (("999", {"emergency"}), ("101", {"triage", "local"})):
        first = [call.legs[0].queue for each in made.values() for call in each]
        waits = [
            (end - BEGAN).total_seconds() - leg.offered / 1000
            for leg in legs
            if leg.how == "waiting" and leg.queue in queues
        ]
        waiting = sum(seconds < still[line] for seconds in waits)
        assert value(system, f"contact_{line}_offered_count", DAY) == sum(queue in queues for queue in first)
        assert value(system, f"contact_{line}_waiting_count") == waiting
    left = sum(leg.how == "left" and leg.queue != "emergency" for leg in legs)
    assert value(system, "contact_101_left_count", DAY) == left


def value(system: System, measure: str, window: str = "60m") -> float | None:
    """The value of a measure at the time to which the feeds are complete."""
    found = system.reader()
    found.refresh()
    (reading,) = found.read(measure, window, force=FORCE)
    return reading.value
