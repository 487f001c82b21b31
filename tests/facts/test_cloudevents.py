"""CloudEvents 1.0 whose data are facts, as a record of the log: structured, batched, and what is refused."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from facts.wire import Decoded, decode

RECEIVED = datetime(2024, 12, 1, 10, tzinfo=UTC)


def fact(number: int = 1, **changed: Any) -> dict[str, Any]:
    own = {"fact": "ContactAnswered", "fact_id": f"f{number}", "force": "staffordshire", "queue": "triage"}
    return {**own, "at": "2024-12-01T09:59:59.25Z", "subject_id": f"c{number}", **changed}


def event(data: Any, **changed: Any) -> dict[str, Any]:
    """An event in the JSON format; None removes an attribute."""
    own = {"specversion": "1.0", "id": "e1", "source": "/switch", "type": "uk.police.contact", "data": data}
    return {name: value for name, value in {**own, **changed}.items() if value is not None}


def read(record: object) -> Decoded:
    return decode(json.dumps(record).encode(), "contacts", RECEIVED)


def ids(decoded: Decoded) -> list[tuple[int, str]]:
    return [(index, each.fact_id) for index, each in decoded.facts]


def test_an_event_a_batch_and_data_of_several_facts_are_read() -> None:
    plain = read([fact(1), fact(2), fact(3)])
    assert read([event(fact(1)), event([fact(2), fact(3)])]) == plain
    assert read(event([fact(1), fact(2), fact(3)])) == plain
    assert read([fact(1), event([fact(2)]), fact(3)]) == plain
    assert ids(plain) == [(0, "f1"), (1, "f2"), (2, "f3")]


def test_extensions_and_optional_attributes_do_not_matter() -> None:
    full = event(fact(), time="2024-12-01T09:59:59Z", subject="c1", dataschema="urn:x", partitionkey="c1")
    assert read({**full, "datacontenttype": "application/json; charset=utf-8"}) == read(fact())
    assert read({**full, "datacontenttype": "application/vnd.police+json"}) == read(fact())


def test_data_in_base64_is_read() -> None:
    encoded = base64.b64encode(json.dumps(fact()).encode()).decode()
    assert read(event(None, data_base64=encoded)) == read(fact())


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (event(fact(), specversion="0.3"), "`specversion` is not 1.0"),
        (event(fact(), id=None), "no `id`"),
        (event(fact(), source=""), "no `source`"),
        (event(fact(), type=7), "no `type`"),
        (event(None), "no `data`"),
        (event(fact(), datacontenttype="application/xml"), "not JSON"),
        (event(fact(), datacontenttype="text/plain; a=application/json"), "not JSON"),
        (event(None, data_base64="***"), "not JSON in base64"),
        (event(None, data_base64=base64.b64encode(b'{"queue": NaN}').decode()), "not JSON in base64"),
        (event(None, data_base64=7), "not JSON in base64"),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_and_the_others_are_kept(bad: dict[str, Any], what: str) -> None:
    decoded = read([event(fact(1)), bad, event(fact(2))])
    assert ids(decoded) == [(0, "f1"), (2, "f2")]
    (refusal,) = decoded.unreadable
    assert (refusal.reason, refusal.index) == ("bad_cloudevent", 1)
    assert what in refusal.what
    assert "CloudEvents 1.0" in refusal.hint


@pytest.mark.parametrize(
    ("data", "reason"),
    [(fact(caller="Jo"), "unknown_field"), ("text", "bad_value"), ([], "empty"), ([7], "bad_value")],
)
def test_what_an_event_carries_is_checked_like_any_fact(data: Any, reason: str) -> None:
    (refusal,) = read(event(data)).unreadable
    assert refusal.reason == reason


def test_no_refusal_repeats_a_value() -> None:
    record = [event(fact(), specversion="Jo Smith"), event(fact(), datacontenttype="Jo Smith")]
    assert "Smith" not in str(read(record))
