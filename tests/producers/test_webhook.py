"""Events that a platform pushes: the facts they give, and which are left out or refused."""

import json
from typing import Any

import pytest

from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.errors import MappingError
from facts.union import AnyFact
from producers.adapters.webhook import Webhook
from producers.gateway.problem import FactsProblem
from producers.gateway.sent import Sent
from producers.http.problem import ProblemError
from producers.packaged import packaged_mapping
from tests.producers.extracts import NOW, at

WEBHOOK = Webhook(packaged_mapping("contact_centre_webhook"), lambda: NOW, events_max=10)


def event(kind: str, time: str = "2024-12-01T10:05:00Z", *, answered: bool = True, **changed: Any) -> dict[str, Any]:
    """An event as the platform sends it, with data that must not be published."""
    detail = {
        "contactId": "7f3a",
        "eventType": kind,
        "channel": "VOICE",
        "customerEndpoint": {"address": "+447700900123", "type": "TELEPHONE_NUMBER"},
        "queueInfo": {"queueArn": "arn:example:queue/triage", "enqueueTimestamp": "2024-12-01T09:59:41.200Z"},
        "agentInfo": {"agentArn": "agent/jo", "connectedToAgentTimestamp": "2024-12-01T10:00:05Z"}
        if answered
        else None,
        **changed,
    }
    return {"version": "0", "time": time, "source": "aws.connect", "detail": detail}


def facts_of(*events: dict[str, Any]) -> list[AnyFact]:
    return WEBHOOK.read(Sent(body=json.dumps(list(events)).encode()))


def test_the_events_of_a_contact_become_its_facts() -> None:
    facts = facts_of(event("QUEUED"), event("CONNECTED_TO_AGENT"), event("DISCONNECTED"))
    assert [type(fact) for fact in facts] == [ContactOffered, ContactAnswered, ContactConcluded]
    assert [fact.at for fact in facts] == [
        at("2024-12-01 09:59:41.200"),
        at("2024-12-01 10:00:05"),
        at("2024-12-01 10:05:00"),
    ]
    assert {getattr(fact, "queue", "") for fact in facts} == {"triage"}
    assert "7700900123" not in str(facts)


def test_a_contact_that_ends_unanswered_is_abandoned() -> None:
    assert [type(fact) for fact in facts_of(event("DISCONNECTED", answered=False))] == [ContactAbandoned]


def test_the_same_event_always_gives_the_same_id() -> None:
    other = Webhook(packaged_mapping("contact_centre_webhook"), lambda: NOW, events_max=10)
    (one,) = other.read(Sent(body=json.dumps(event("QUEUED")).encode()))
    assert [one, one] == facts_of(event("QUEUED"), event("QUEUED"))


@pytest.mark.parametrize("queue_info", [None, {}, {"queueArn": None}])
def test_contacts_that_never_queued_and_other_events_give_no_facts(queue_info: Any) -> None:
    assert facts_of(event("DISCONNECTED", queueInfo=queue_info), event("INITIATED"), event("COMPLETED"), {}) == []


def test_an_unreadable_event_fails_the_whole_request_and_is_named() -> None:
    wrong = event("QUEUED", queueInfo={"queueArn": "arn:Jo Smith", "enqueueTimestamp": "2024-12-01T09:59:41Z"})
    with pytest.raises(ProblemError) as caught:
        facts_of(event("QUEUED"), wrong, event("DISCONNECTED", time="yesterday"))
    problem = caught.value.problem
    assert isinstance(problem, FactsProblem)
    assert problem.status == 422
    assert [(each.fact, each.field, each.reason) for each in problem.errors] == [
        (1, "detail.queueInfo.queueArn", "unknown_value"),
        (2, "ended", "bad_time"),
    ]
    assert "Smith" not in str(problem)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"1", b"[1]", b"[[]]", b"\xff", b"[" * 9_000, b'{"a":' * 9_000, b'{"a":' * 900 + b"1" + b"}" * 900],
)
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        assert WEBHOOK.read(Sent(body=body)) == []
    except ProblemError as error:
        assert error.problem.status in (400, 422)  # noqa: PT017 - either is right


def test_too_many_events_are_refused() -> None:
    with pytest.raises(ProblemError):
        facts_of(*[event("QUEUED")] * 11)


@pytest.mark.parametrize("name", ["telephony", "custody", "san_francisco_fire"])
def test_a_mapping_that_needs_several_rows_cannot_be_used_for_a_webhook(name: str) -> None:
    with pytest.raises(MappingError):
        Webhook(packaged_mapping(name), lambda: NOW, events_max=10)
