"""The gateway by itself: authentication, limits, and its answers to invalid requests."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from facts.errors import PartMissingError, SettingError
from facts.feed import FeedHeartbeat
from producers.gateway.app import gateway
from producers.gateway.delivery import DeliveryQueue
from producers.gateway.limits import Bucket, Limits
from producers.gateway.senders import parse_senders
from producers.http.attempts import WRONG_TOKENS
from producers.http.problem import MEDIA_TYPE
from tests.producers.extracts import NOW
from tests.support.forces import shipped
from tests.support.gateway import SENDERS, TOKEN, Answer, Caller, Tape, served
from tests.support.system import until

FORCES = {"staffordshire": shipped("staffordshire")}
LIMITS = Limits(body_bytes=20_000, body_seconds=0.5, batch_facts=50, facts_per_second=100.0, delivery_seconds=0.5)


class _Clock:
    """A clock that the test moves."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


Gateway = tuple[Caller, Tape, _Clock]


@pytest.fixture
def opened() -> Iterator[Gateway]:
    tape, clock = Tape(), _Clock()
    with running(lambda: tape, clock) as caller:
        yield caller, tape, clock


@contextmanager
def running(open_publisher: Callable[[], Tape], clock: _Clock) -> Iterator[Caller]:
    senders, deliveries = parse_senders(SENDERS, "here"), DeliveryQueue(open_publisher, LIMITS)
    application = gateway(FORCES, senders, deliveries, LIMITS, now=lambda: NOW, monotonic=clock.monotonic)
    with served(application) as address:
        yield Caller(address)


def offered(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A ContactOffered, as a sender writes it."""
    fact = {
        "fact": "ContactOffered",
        "fact_id": f"offered-{number}",
        "force": "staffordshire",
        "at": "2024-12-01T09:59:41.2Z",
        "subject_id": f"contact-{number}",
        "line": "101",
        "queue": "triage",
        **changed,
    }
    return {name: value for name, value in fact.items() if value is not None}


def assert_problem(answer: Answer, status: int, kind: str) -> Any:
    """Check an answer's problem document, and return it."""
    assert (answer.status, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    assert (answer.body["status"], answer.body["type"]) == (status, f"urn:bluelamp:problem:{kind}")
    assert answer.body["title"]
    assert answer.body["detail"]
    return answer.body


def test_a_fact_and_a_batch_are_accepted_and_published_on_their_topic(opened: Gateway) -> None:
    caller, tape, _ = opened
    assert caller.send("contacts", offered(1)).body == {"facts": 1}
    answer = caller.send("contacts", [offered(2), offered(3)])
    assert (answer.status, answer.body) == (202, {"facts": 2})
    assert [(topic, fact.fact_id) for topic, fact in tape.recorded] == [
        ("contacts", "offered-1"),
        ("contacts", "offered-2"),
        ("contacts", "offered-3"),
    ]


def test_202_is_sent_only_once_the_log_has_the_facts(opened: Gateway) -> None:
    caller, tape, _ = opened
    tape.may_acknowledge.clear()
    answers: list[Answer] = []
    request = threading.Thread(target=lambda: answers.append(caller.send("contacts", offered())))
    request.start()
    until(lambda: tape.flushes, 60, "a flush")
    assert answers == []
    tape.may_acknowledge.set()
    request.join()
    assert answers[0].status == 202


def test_an_unacknowledged_request_is_503_and_later_ones_succeed(opened: Gateway) -> None:
    caller, tape, _ = opened
    tape.may_acknowledge.clear()
    answer = caller.send("contacts", offered())
    assert_problem(answer, 503, "log_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    until(lambda: tape.closed == 1, 60, "the publisher with unsent facts to be closed")
    tape.may_acknowledge.set()
    assert caller.send("contacts", offered()).status == 202


def test_without_kafka_a_request_is_503() -> None:
    def missing() -> Tape:
        raise PartMissingError("Kafka does not answer.", where="there", hint="Start it.")

    with running(missing, _Clock()) as caller:
        assert_problem(caller.send("contacts", offered()), 503, "log_unavailable")


def test_each_fault_names_its_fact_its_field_and_what_to_do(opened: Gateway) -> None:
    caller, tape, _ = opened
    batch = [
        offered(0),
        offered(1, caller_name="somebody"),
        offered(2, at="2024-12-01T09:59:41"),
        offered(3, queue=None),
        offered(4, line="112"),
        offered(5, force="nowhere"),
        offered(6, at="2099-12-01T09:59:41Z"),
        offered(7, fact="IncidentClosed"),
        offered(8, subject_id="07700900123"),
    ]
    body = assert_problem(caller.send("contacts", batch), 422, "facts_refused")
    assert [(each["fact"], each["field"], each["reason"]) for each in body["errors"]] == [
        (1, "caller_name", "unknown_field"),
        (2, "at", "no_time_zone"),
        (3, "queue", "missing_field"),
        (4, "line", "bad_value"),
        (5, "force", "unlisted_force"),
        (6, "at", "implausible_time"),
        (7, "line", "unknown_field"),
        (8, "subject_id", "bad_value"),
    ]
    assert all(each["detail"] and each["hint"] for each in body["errors"])
    assert body["errors_count"] == 8
    assert "8 of 9" in body["title"]
    assert tape.recorded == [], "a batch is accepted whole or not at all"


def test_no_answer_or_log_line_repeats_personal_data(opened: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caller, _, _ = opened
    caplog.set_level(logging.DEBUG, "bluelamp")
    wrong = offered(1, subject_id="07700900123", queue="John Smith", **{"Mary Jones": "19 High Street"})
    output = json.dumps(caller.send("contacts", wrong).body) + caplog.text
    assert [each for each in ("07700900123", "Smith", "Mary", "High") if each in output] == []


def test_a_fact_of_another_topic_is_refused(opened: Gateway) -> None:
    caller, _, _ = opened
    (error,) = caller.send("incidents", offered()).body["errors"]
    assert (error["field"], error["reason"]) == ("fact", "wrong_topic")


def test_a_heartbeat_of_an_unlisted_feed_is_refused(opened: Gateway) -> None:
    caller, tape, _ = opened
    beat = {
        "fact": "FeedHeartbeat",
        "fact_id": "b-1",
        "force": "staffordshire",
        "at": "2024-12-01T09:59:41Z",
        "feed": "telephony_101",
        "seq": 1,
        "complete_to": "2024-12-01T09:59:41Z",
    }
    assert caller.send("contacts", beat).status == 202
    assert isinstance(tape.recorded[0][1], FeedHeartbeat)
    body = assert_problem(caller.send("contacts", [beat, {**beat, "feed": "records"}]), 422, "facts_refused")
    assert [(each["fact"], each["field"]) for each in body["errors"]] == [(1, "feed")]
    assert "telephony_101" in body["errors"][0]["hint"]


@pytest.mark.parametrize("body", [b"", b"{", b"not json", b"[", b"\xff\xfe", b"[]", b"{}]", b"[" * 10_000])
def test_a_body_that_is_not_json_is_400(opened: Gateway, body: bytes) -> None:
    assert_problem(opened[0].send("contacts", body), 400, "not_json")


@pytest.mark.parametrize("body", [b"1", b"null", b'"text"', b"{}", b"[1]", b'[{"fact": NaN}]', b'{"fact": 1e999}'])
def test_json_that_is_not_a_fact_is_422(opened: Gateway, body: bytes) -> None:
    assert_problem(opened[0].send("contacts", body), 422, "facts_refused")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe9"],
)
def test_without_a_valid_token_a_request_is_401(opened: Gateway, authorization: str | None) -> None:
    caller, tape, _ = opened
    stranger = Caller(caller.address, token=None)
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = stranger.send("contacts", offered(), **headers)
    assert_problem(answer, 401, "not_authorised")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert tape.recorded == []


def test_another_content_type_is_415(opened: Gateway) -> None:
    assert_problem(opened[0].send("contacts", offered(), **{"Content-Type": "text/plain"}), 415, "wrong_media_type")


def test_a_body_that_is_too_large_is_413(opened: Gateway) -> None:
    caller, tape, _ = opened
    assert_problem(caller.send("contacts", b" " * 1_000_000), 413, "too_large")
    assert tape.recorded == []


def test_a_batch_of_too_many_facts_is_422(opened: Gateway) -> None:
    caller, tape, _ = opened
    batch = [offered(each, subject_id="c") for each in range(51)]
    assert "51 facts" in assert_problem(caller.send("contacts", batch), 422, "facts_refused")["title"]
    assert tape.recorded == []


def test_a_body_that_does_not_arrive_in_time_is_408(opened: Gateway) -> None:
    caller, _, _ = opened
    head = f"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    with socket.create_connection((caller.host, caller.port), timeout=60) as slow:
        slow.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_a_sender_over_its_rate_gets_429_and_others_do_not(opened: Gateway) -> None:
    caller, _, clock = opened
    batch = [offered(each) for each in range(50)]
    assert [caller.send("contacts", batch).status for _ in range(3)] == [202, 202, 429]
    answer = caller.send("contacts", batch)
    assert_problem(answer, 429, "too_many_facts")
    other = Caller(caller.address, token=SENDERS.rpartition(":")[2])
    assert other.send("contacts", batch).status == 202
    clock.seconds += float(answer.headers["retry-after"])
    assert caller.send("contacts", batch).status == 202


def test_unknown_paths_and_methods_are_problems_too(opened: Gateway) -> None:
    caller, _, _ = opened
    assert_problem(caller.request("GET", "/v1/nothing"), 404, "no_such_place")
    answer = caller.request("DELETE", "/v1/contacts")
    assert_problem(answer, 405, "no_such_method")
    assert answer.headers["allow"] == "POST"


def test_the_documents_are_served_without_a_token(opened: Gateway) -> None:
    stranger = Caller(opened[0].address, token=None)
    assert stranger.request("GET", "/openapi.json").body["openapi"] == "3.1.0"
    assert stranger.request("GET", "/asyncapi.json").body["asyncapi"] == "3.0.0"
    assert stranger.request("GET", "/health").body == "bluelamp gateway ok\n"


@pytest.mark.parametrize(
    "text", ["", "  ", "name", "name:", f":{TOKEN}", "name:short", f"good:{TOKEN} bad", f"a b:{TOKEN}"]
)
def test_an_error_in_the_senders_setting_contains_no_token(text: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_senders(text, "BLUELAMP_GATEWAY_TOKENS")
    assert TOKEN not in str(caught.value)


def test_a_sender_may_have_two_tokens_while_one_replaces_the_other() -> None:
    senders = parse_senders(f"telephony:{TOKEN} telephony:{TOKEN[::-1]}", "here")
    assert senders.names == ("telephony",)
    assert senders.authenticate(f"bearer {TOKEN[::-1]}") == senders.authenticate(f"Bearer {TOKEN}") == "telephony"
    assert TOKEN not in repr(vars(senders))


def test_a_bucket_allows_one_burst_and_then_its_rate() -> None:
    clock = _Clock()
    bucket = Bucket(LIMITS, clock.monotonic)
    clock.seconds = 1000.0
    assert bucket.spend(100) == 0.0
    assert bucket.spend(50) == pytest.approx(0.5)
    clock.seconds += 0.5
    assert bucket.spend(50) == 0.0
    assert bucket.spend(1) > 0


def test_wrong_tokens_of_an_address_are_limited_and_senders_known_there_pass(
    opened: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caller, _, clock = opened
    assert caller.send("contacts", offered(1)).status == 202
    for number in range(WRONG_TOKENS):
        assert Caller(caller.address, token=f"guess-{number}").send("contacts", offered(2)).status == 401
    other = Caller(caller.address, token=SENDERS.rpartition(":")[2])
    assert_problem(other.send("contacts", offered(3)), 429, "too_many_attempts")  # it might be a guess that is right
    assert caller.send("contacts", offered(4)).status == 202
    assert Caller(caller.address, token=None).send("contacts", offered(5)).status == 401  # it asks how to sign in
    assert caplog.text.count("wrong token from 127.0.0.1") == WRONG_TOKENS
    assert "guess" not in caplog.text
    clock.seconds += 61
    assert other.send("contacts", offered(6)).status == 202
