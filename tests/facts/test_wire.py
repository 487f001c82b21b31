"""Tests that unreadable facts are refused with a reason, a place and a hint, and that other facts are kept."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.contact import ContactAnswered
from facts.wire import RECORD_LIMIT_BYTES, Reason, Unreadable, canonical, decode

RECEIVED = datetime(2025, 1, 1, tzinfo=UTC)
GOOD = {
    "fact": "ContactAnswered",
    "fact_id": "f1",
    "force": "staffordshire",
    "at": "2024-12-01T09:59:59+01:00",
    "subject_id": "c1",
    "queue": "triage",
}
ARRIVAL = {
    "fact": "DetaineeArrived",
    "fact_id": "f2",
    "force": "staffordshire",
    "at": "2024-12-01T09:59:59Z",
    "subject_id": "d1",
    "suite": "north",
    "child": False,
    "relevant_time": "2024-12-01T09:59:59Z",
}


def changed(**changes: Any) -> dict[str, Any]:
    """The good fact with fields changed; None removes a field."""
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not None}


def refusals(record: bytes, topic: Any = "contacts") -> list[Unreadable]:
    """The refusals of a record without any readable fact."""
    decoded = decode(record, topic, RECEIVED)
    assert decoded.facts == []
    return decoded.unreadable


@pytest.mark.parametrize(
    ("fact", "reason", "where"),
    [
        (changed(fact="CallAnswered"), "unknown_fact", "fact 1, $.fact"),
        (changed(fact=None), "missing_field", "fact 1, $"),
        (changed(caller="x"), "unknown_field", "fact 1, $"),
        (changed(queue=None), "missing_field", "fact 1, $"),
        (changed(at="2024-12-01T09:59:59"), "no_time_zone", "fact 1, $.at"),
        (changed(at="yesterday"), "bad_value", "fact 1, $.at"),
        (changed(at="2099-01-01T00:00:00Z"), "implausible_time", "fact 1, $.at"),
        (changed(at="1989-12-31T23:59:59Z"), "implausible_time", "fact 1, $.at"),
        (changed(recorded_at="2099-01-01T00:00:00Z"), "implausible_time", "fact 1, $.recorded_at"),
        (changed(recorded_at="2024-12-01T10:00:00"), "no_time_zone", "fact 1, $.recorded_at"),
        (changed(at=(RECEIVED + timedelta(minutes=61)).isoformat()), "implausible_time", "fact 1, $.at"),
        (changed(queue="two words"), "bad_value", "fact 1, $.queue"),
        (changed(subject_id="07700900123"), "bad_value", "fact 1, $.subject_id"),
        (changed(subject_id="447700900123"), "bad_value", "fact 1, $.subject_id"),
        (changed(subject_id="a@b.example"), "bad_value", "fact 1, $.subject_id"),
        (changed(fact_id="x" * 65), "bad_value", "fact 1, $.fact_id"),
        (changed(queue=float("nan")), "not_a_number", "fact 1, $"),
        (changed(corrects=float("inf")), "not_a_number", "fact 1, $"),
        (changed(fact="UnitArrived", queue=None, unit="u1"), "wrong_topic", "fact 1, $.fact"),
        (7, "bad_value", "fact 1, $"),
        ([], "bad_value", "fact 1, $"),
    ],
)
def test_one_bad_fact_is_refused_and_the_rest_of_the_batch_is_kept(fact: Any, reason: Reason, where: str) -> None:
    decoded = decode(json.dumps([GOOD, fact, changed(fact_id="f3")]).encode(), "contacts", RECEIVED)
    assert [index for index, _ in decoded.facts] == [0, 2]
    (refusal,) = decoded.unreadable
    assert (refusal.reason, refusal.where, refusal.index) == (reason, where, 1)
    assert refusal.what
    assert refusal.hint


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"", "empty"),
        (b"[]", "empty"),
        (b"{", "not_json"),
        (b"\xff\xfe\x00", "not_json"),
        (b'{"fact":', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'[{"a":' * 20_000, "not_json"),
        (b'"' + b"x" * (10 * 1024 * 1024) + b'"', "too_large"),
    ],
)
def test_a_record_that_is_not_a_batch_is_refused_as_a_whole(record: bytes, reason: Reason) -> None:
    (refusal,) = refusals(record)
    assert (refusal.reason, refusal.index) == (reason, None)


def test_a_record_without_a_value_is_refused() -> None:
    assert [each.reason for each in decode(None, "contacts", RECEIVED).unreadable] == ["empty"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"relevant_time": "2099-01-01T00:00:00Z"}, "relevant_time"),
        ({"relevant_time": "1066-10-14T09:00:00Z"}, "relevant_time"),
    ],
)
def test_every_time_of_a_fact_must_be_plausible(change: dict[str, str], field: str) -> None:
    (refusal,) = refusals(json.dumps({**ARRIVAL, **change}).encode(), "custody")
    assert (refusal.reason, refusal.where) == ("implausible_time", f"fact 0, $.{field}")


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("WarrantIssued", "hours", 61),
        ("WarrantIssued", "hours", -1),
        ("WarrantIssued", "minutes", 60),
        ("WarrantIssued", "hours", 1.5),
        ("ClockPaused", "reason", "x"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, field: str, value: object) -> None:
    fact = {"fact": name, "fact_id": "f", "force": "s", "at": "2024-12-01T09:59:59Z", "subject_id": "d", field: value}
    (refusal,) = refusals(json.dumps(fact).encode(), "custody")
    assert (refusal.reason, refusal.where) == ("bad_value", f"fact 0, $.{field}")


@pytest.mark.parametrize(("number", "reason"), [(b"1e999", "not_a_number"), (b"1e300", "bad_value")])
def test_a_number_too_large_for_json_is_refused_even_in_an_optional_field(number: bytes, reason: Reason) -> None:
    record = json.dumps(changed(corrects="NUMBER")).encode().replace(b'"NUMBER"', number)
    assert [each.reason for each in refusals(record)] == [reason]


def test_a_whole_number_may_be_written_with_a_decimal_point() -> None:
    warrant = {"fact": "WarrantIssued", "fact_id": "f", "force": "s", "at": "2024-12-01T09:59:59Z", "subject_id": "d"}
    (_, fact), *_ = decode(json.dumps({**warrant, "hours": 13.0}).encode(), "custody", RECEIVED).facts
    assert (getattr(fact, "hours", None), type(getattr(fact, "hours", None))) == (13, int)


def test_a_refusal_says_what_was_expected_and_what_was_received() -> None:
    (refusal,) = refusals(json.dumps(changed(queue=7)).encode())
    assert refusal.what == "Expected `str`, got `int`"


@pytest.mark.parametrize("field", ["queue", "fact", "subject_id"])
def test_a_refusal_never_contains_a_value(field: str) -> None:
    """A value may be a name, such as `Jo O'Brien, 'Moor View'`."""
    secret = "Jo O'Brien, 'Moor View'"
    (refusal,) = refusals(json.dumps(changed(**{field: secret})).encode())
    assert "Brien" not in str(refusal)
    assert "Moor" not in str(refusal)


def test_a_refusal_contains_a_field_name_only_if_it_looks_like_one() -> None:
    assert "`caller`" in refusals(json.dumps(changed(caller=1)).encode())[0].what
    assert "Brien" not in str(refusals(json.dumps(changed(**{"Jo O'Brien": 1})).encode())[0])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(record: bytes) -> None:
    decoded = decode(record, "contacts", RECEIVED)
    assert decoded.facts or decoded.unreadable


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    decoded = decode(json.dumps([GOOD, value]).encode(), "contacts", RECEIVED)
    assert len(decoded.facts) + len(decoded.unreadable) == 2


def test_a_record_at_the_size_limit_is_read_and_one_byte_more_is_not() -> None:
    good = json.dumps(GOOD).encode()
    assert decode(good.ljust(RECORD_LIMIT_BYTES), "contacts", RECEIVED).facts
    assert decode(good.ljust(RECORD_LIMIT_BYTES + 1), "contacts", RECEIVED).unreadable[0].reason == "too_large"


def test_equal_facts_have_the_same_canonical_form() -> None:
    one, other = (
        decode(json.dumps(changed(at=at)).encode(), "contacts", RECEIVED).facts[0][1]
        for at in ("2024-12-01T09:59:59+01:00", "2024-12-01T08:59:59.000Z")
    )
    assert isinstance(one, ContactAnswered)
    assert one == other
    assert canonical(one) == canonical(other)
