"""The gateway with platforms that push events: forms, CloudEvents, passwords and signatures."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from facts.contact import ContactOffered
from facts.errors import SettingError
from producers.adapters.webhook import Webhook
from producers.declaration import Signing
from producers.gateway.app import gateway
from producers.gateway.delivery import DeliveryQueue
from producers.gateway.limits import Limits
from producers.gateway.senders import parse_senders
from producers.gateway.sent import FORM, Sent
from producers.gateway.signatures import SigningKey, is_signed, signing_keys
from producers.mapping import load_mapping
from tests.producers.extracts import NOW
from tests.producers.test_gateway import assert_problem, offered
from tests.support.forces import shipped
from tests.support.gateway import SENDERS, TOKEN, Answer, Caller, Tape, served

SECRET = "a-secret-of-forty-characters-for-tests-0"
PUBLIC = "https://feeds.example.police.uk"
MAPPING = """
name = "NAME"
force = "staffordshire"
topic = "contacts"
feed = "telephony_101"

[source]
format = "json_lines"
times = ["iso"]
time_zone = "UTC"
json_in = ["Attributes"]
[source.first_of]
caller = ["Attributes.call_sid", "data.call", "call"]
start = ["Began", "data.began", "began"]

[subject]
key = ["caller"]

[rows]
key = ["start"]
exclude.caller = [""]

[[facts]]
fact = "ContactOffered"
per = "row"
at = "start"
[facts.fields]
line = { constant = "101" }
queue = { constant = "triage" }
"""
SIGNINGS = {
    "plain": "",
    "twilio": '[signing]\nscheme = "twilio"\n',
    "hashed": '[signing]\nscheme = "hmac"\nheader = "X-Hub-Signature-256"\nprefix = "sha256="\n',
}
HOOKS = {name: load_mapping(MAPPING.replace("NAME", name) + signing, name) for name, signing in SIGNINGS.items()}
FORMED = {
    "Began": "2024-12-01T09:59:41.200Z",
    "Attributes": '{"call_sid": "CA1", "from": "+447700900123"}',
    "Empty": "",
}
CALL = {"call": "CA1", "began": "2024-12-01T09:59:41.200Z"}
ATTRIBUTES = {"specversion": "1.0", "id": "e1", "source": "/switch/1", "type": "call.began"}


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[Caller, Tape]]:
    tape, limits = Tape(), Limits(facts_per_second=10_000)
    served_hooks = {name: mapping.signing for name, mapping in HOOKS.items()}
    keys = signing_keys(f"twilio:{SECRET} hashed:{SECRET}", "here", served_hooks, f"{PUBLIC}/", "there")
    application = gateway(
        {"staffordshire": shipped("staffordshire")},
        parse_senders(SENDERS, "here"),
        DeliveryQueue(lambda: tape, limits),
        limits,
        now=lambda: NOW,
        monotonic=lambda: 0.0,
        webhooks=[Webhook(mapping, lambda: NOW, 10) for mapping in HOOKS.values()],
        keys=keys,
    )
    with served(application) as address:
        yield Caller(address), tape


def post(opened: tuple[Caller, Tape], path: str, body: object, media_type: str, **headers: str) -> Answer:
    """Post to a path under /v1; a form if the body is for one."""
    written = urlencode(body).encode() if media_type == FORM and isinstance(body, dict) else body
    return opened[0].send(path, written, **{"Content-Type": media_type, **headers})


def event(data: Any = CALL, **changed: Any) -> dict[str, Any]:
    return {**ATTRIBUTES, "data": data, **changed}


CE_HEADERS = {f"ce-{name}": value for name, value in ATTRIBUTES.items()}
JSON, ONE, SEVERAL = "application/json", "application/cloudevents+json", "application/cloudevents-batch+json"


@pytest.mark.parametrize(
    ("body", "media_type", "headers"),
    [
        (FORMED, FORM, {}),
        (FORMED, f"{FORM}; charset=UTF-8", {}),
        (CALL, JSON, {}),
        (event(), ONE, {}),
        (event(), f"{ONE}; charset=utf-8", {}),
        (event(), JSON, {}),
        ([event()], SEVERAL, {}),
        ([event()], JSON, {}),
        (CALL, JSON, CE_HEADERS),
        (event(None, data_base64=base64.b64encode(json.dumps(CALL).encode()).decode()) | {}, ONE, {}),
    ],
)
def test_a_webhook_reads_forms_and_every_mode_of_cloudevents(
    opened: tuple[Caller, Tape], body: Any, media_type: str, headers: dict[str, str]
) -> None:
    if isinstance(body, dict) and "data_base64" in body:
        del body["data"]
    if FORM in media_type:
        body = urlencode(body).encode()
    _, tape = opened
    tape.recorded.clear()
    answer = post(opened, "webhooks/plain", body, media_type, **headers)
    assert (answer.status, answer.body) == (202, {"facts": 1})
    ((topic, fact),) = tape.recorded
    assert topic == "contacts"
    assert isinstance(fact, ContactOffered)
    assert (fact.subject_id, fact.at.isoformat()) == ("CA1", "2024-12-01T09:59:41.200000+00:00")


@pytest.mark.parametrize(
    ("body", "media_type", "headers"),
    [
        (offered(), ONE, {}),
        (event(offered()), ONE, {}),
        (event([offered()]), ONE, {}),
        ([event(offered())], SEVERAL, {}),
        (event(offered()), JSON, {}),
        (offered(), JSON, CE_HEADERS),
    ],
)
def test_a_topic_takes_cloudevents_whose_data_are_facts(
    opened: tuple[Caller, Tape], body: Any, media_type: str, headers: dict[str, str]
) -> None:
    answer = post(opened, "contacts", body, media_type, **headers)
    assert (answer.status, answer.body) == (202, {"facts": 1})


@pytest.mark.parametrize(
    ("path", "body", "media_type", "headers", "status", "kind"),
    [
        ("webhooks/plain", event(specversion="0.3"), ONE, {}, 422, "event_refused"),
        ("webhooks/plain", CALL, ONE, {}, 422, "event_refused"),
        ("webhooks/plain", event(id=""), JSON, {}, 422, "event_refused"),
        ("webhooks/plain", event(), SEVERAL, {}, 400, "not_json"),
        ("webhooks/plain", CALL, JSON, {**CE_HEADERS, "ce-specversion": "2.0"}, 422, "event_refused"),
        ("webhooks/plain", CALL, JSON, {"ce-specversion": "1.0", "ce-id": "1"}, 422, "event_refused"),
        ("webhooks/plain", b"no form", FORM, {}, 400, "not_understood"),
        ("webhooks/plain", b"a=%ff", FORM, {}, 400, "not_understood"),
        ("webhooks/plain", b"a=1&" * 1500 + b"a=1", FORM, {}, 400, "not_understood"),
        ("webhooks/plain", b"Began=1&Began=2&call=3", FORM, {}, 422, "event_refused"),
        ("webhooks/plain", {**FORMED, "Attributes": "{"}, FORM, {}, 422, "event_refused"),
        ("webhooks/plain", b"<a/>", "application/xml", {}, 415, "wrong_media_type"),
        ("contacts", FORMED, FORM, {}, 415, "wrong_media_type"),
        ("contacts", event(offered(), specversion="0.3"), ONE, {}, 422, "facts_refused"),
        ("contacts", offered(), JSON, {**CE_HEADERS, "ce-id": ""}, 422, "event_refused"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(
    opened: tuple[Caller, Tape], path: str, body: Any, media_type: str, headers: dict[str, str], status: int, kind: str
) -> None:
    opened[1].recorded.clear()
    assert_problem(post(opened, path, body, media_type, **headers), status, kind)
    assert opened[1].recorded == []


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (basic("telephony", TOKEN), 202),
        (f"Bearer {TOKEN}", 202),
        (basic("control", TOKEN), 401),
        (basic("telephony", TOKEN + "x"), 401),
        (basic("", TOKEN), 401),
        ("Basic ***", 401),
        ("Basic", 401),
        ("", 401),
    ],
)
def test_a_token_is_also_the_password_of_its_sender(
    opened: tuple[Caller, Tape], authorization: str, status: int
) -> None:
    stranger = Caller(opened[0].address, token=None)
    answer = stranger.send("webhooks/plain", CALL, Authorization=authorization)
    assert answer.status == status
    # Twilio sends a password only once it has been asked for one.
    assert answer.headers.get("www-authenticate", "").startswith("Basic") == (status == 401)


def twilio_signature(url: str, fields: dict[str, str]) -> str:
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def test_only_requests_that_twilio_signed_are_accepted(opened: tuple[Caller, Tape]) -> None:
    stranger = (Caller(opened[0].address, token=None), opened[1])
    good = twilio_signature(f"{PUBLIC}/v1/webhooks/twilio?site=1", FORMED)
    for path, fields, signature, status in (
        ("webhooks/twilio?site=1", FORMED, good, 202),
        ("webhooks/twilio?site=2", FORMED, good, 401),
        ("webhooks/twilio?site=1", {**FORMED, "Began": "2024-12-01T09:59:42Z"}, good, 401),
        ("webhooks/twilio?site=1", FORMED, good[:-4] + "AAA=", 401),
        ("webhooks/twilio?site=1", FORMED, "", 401),
        ("webhooks/twilio?site=1", FORMED, "\xe9", 401),
    ):
        answer = post(stranger, path, fields, FORM, **{"X-Twilio-Signature": signature})
        assert answer.status == status, (path, answer.body)
    assert SECRET not in json.dumps(answer.body)
    assert_problem(post(opened, "webhooks/twilio", FORMED, FORM), 401, "not_authorised")


def test_only_requests_with_the_hmac_of_their_body_are_accepted(opened: tuple[Caller, Tape]) -> None:
    body = json.dumps(CALL).encode()
    good = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    for sent, signature, status in ((body, good, 202), (body + b" ", good, 401), (body, good[7:] + "0", 401)):
        answer = post(opened, "webhooks/hashed", sent, JSON, **{"X-Hub-Signature-256": signature})
        assert answer.status == status


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        # Twilio's own examples, from the tests of its libraries.
        (
            Sent(
                body=urlencode(
                    {
                        "CallSid": "CA1234567890ABCDE",
                        "Digits": "1234",
                        "From": "+14158675309",
                        "To": "+18005551212",
                        "Caller": "+14158675309",
                    }
                ).encode(),
                media_type=FORM,
                headers={"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
                target="/myapp.php?foo=1&bar=2",
            ),
            SigningKey(Signing(scheme="twilio"), (b"12345",), "https://mycompany.com"),
        ),
        (
            Sent(
                body=b'{"property": "value", "boolean": true}',
                headers={"x-twilio-signature": "a9nBmqA0ju/hNViExpshrM61xv4="},
                target="/myapp.php?foo=1&bar=2&bodySHA256="
                "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
            ),
            SigningKey(Signing(scheme="twilio"), (b"another", b"12345"), "https://mycompany.com"),
        ),
        # The example in GitHub's documentation.
        (
            Sent(
                body=b"Hello, World!",
                headers={
                    "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
                },
            ),
            SigningKey(
                Signing(scheme="hmac", header="X-Hub-Signature-256", prefix="sha256="),
                (b"It's a Secret to Everybody",),
                "",
            ),
        ),
    ],
)
def test_signatures_of_published_examples_are_right_and_cover_the_body(sent: Sent, key: SigningKey) -> None:
    assert is_signed(sent, key)
    other = Sent(body=sent.body + b"1", media_type=sent.media_type, headers=sent.headers, target=sent.target)
    assert not is_signed(other, key)
    assert not is_signed(sent, key._replace(secrets=(b"54321",)))
    assert all(secret.decode() not in repr(key) for secret in key.secrets)


@pytest.mark.parametrize(
    ("text", "public_url", "hint"),
    [
        (f"nowhere:{SECRET}", PUBLIC, "twilio, hashed"),
        (f"plain:{SECRET}", PUBLIC, "twilio, hashed"),
        (f"twilio:{SECRET}", "", "https://"),
        ("twilio:short", PUBLIC, "at least 24"),
        (SECRET, PUBLIC, "name:token"),
    ],
)
def test_an_error_in_the_secrets_says_what_to_do_and_contains_none(text: str, public_url: str, hint: str) -> None:
    served_hooks = {name: mapping.signing for name, mapping in HOOKS.items()}
    with pytest.raises(SettingError) as caught:
        signing_keys(text, "BLUELAMP_WEBHOOK_SECRETS", served_hooks, public_url, "BLUELAMP_GATEWAY_PUBLIC_URL")
    assert hint in caught.value.hint
    assert SECRET not in str(caught.value) + caught.value.hint
