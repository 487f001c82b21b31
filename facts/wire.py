"""Decodes and encodes facts: the only module that handles their JSON."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, cast, get_args, get_type_hints

import msgspec
from msgspec import Struct

from facts.cloudevents import NotAnEventError, data_of, is_event
from facts.contact import ContactConcluded
from facts.custody import DetaineeArrived, ExtensionAuthorised, WarrantApplied
from facts.fact import Fact, SubjectFact
from facts.feed import FeedHeartbeat
from facts.union import FACT_TYPES, TOPICS, AnyFact, Topic, topic_of

RECORD_LIMIT_BYTES = 1_048_576
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_TOLERANCE = timedelta(hours=1)

Reason = Literal[
    "not_json",
    "not_a_number",
    "empty",
    "too_large",
    "bad_cloudevent",
    "unknown_fact",
    "unknown_field",
    "missing_field",
    "no_time_zone",
    "bad_value",
    "implausible_time",
    "wrong_topic",
    "unlisted_force",
    "too_late",
    "too_many_facts",
    "unreadable_batch",
]

_HINTS: dict[Reason, str] = {
    "not_json": "Send one fact as a JSON object, or several as a JSON array, in UTF-8.",
    "not_a_number": "JSON has no NaN or Infinity: leave the field out where the value is not known.",
    "empty": "Send at least one fact in a record.",
    "too_large": f"Send batches of at most {RECORD_LIMIT_BYTES:,} bytes; about a hundred facts is a good size.",
    "bad_cloudevent": "Send CloudEvents 1.0 with `specversion`, `id`, `source`, `type` and one fact, or several, as JSON in `data`.",
    "unknown_fact": "The field `fact` must be one of the facts in facts/schema; check its spelling.",
    "unknown_field": "Send only the fields of the schema: an unknown field could carry personal data.",
    "missing_field": "The schema of this fact in facts/schema lists its required fields.",
    "no_time_zone": "Send times with a time zone, as in 2024-12-01T09:59:59Z.",
    "bad_value": "The schema of this fact in facts/schema lists the allowed values of the field.",
    "implausible_time": "Check the clock, the year and the time zone of the system that sent it.",
    "wrong_topic": "Send each fact on the topic of its subject: contacts, incidents, custody, occurrences or call_takers.",
    "unlisted_force": "Add a profile for this force, or correct the name of the force in the feed.",
    "unreadable_batch": "Its facts are missing from the figures: find out which client wrote it, or what damaged Kafka's files, and "
    "send its facts again.",
    "too_late": "It is older than the limit for corrections: inform the analyst, who decides whether to rebuild the state.",
    "too_many_facts": "Its subject has as many facts as one may have: correct the sender, which gives many subjects one id or sends the same "
    "events again under new ids.",
}
_MESSAGES: tuple[tuple[str, Reason], ...] = (
    ("contains unknown field", "unknown_field"),
    ("missing required field", "missing_field"),
    ("with a timezone", "no_time_zone"),
    ("at `$.fact`", "unknown_fact"),
)

_QUOTED = r"'.*'|\".*\""

_TYPES_OF: dict[Topic, frozenset[type[AnyFact]]] = {
    topic: frozenset(kind for kind in FACT_TYPES if topic_of(kind) in (topic, None)) for topic in TOPICS
}
_OF_EVERY_TOPIC = frozenset(kind for kind in FACT_TYPES if topic_of(kind) is None)
_NO_MORE = timedelta(0)
_FURTHER_TIMES: dict[type[AnyFact], tuple[tuple[str, timedelta], ...]] = {
    FeedHeartbeat: (("complete_to", _NO_MORE), ("history_to", _NO_MORE), ("complete_from", _NO_MORE)),
    # By s.41(2), (5) it may be up to 24 hours after an arrest, or after leaving another force's station.
    DetaineeArrived: (("relevant_time", timedelta(days=1)),),
    ExtensionAuthorised: (("until", timedelta(days=4)),),
    WarrantApplied: (("sits_at", timedelta(days=4)),),
    ContactConcluded: (("promised_for", timedelta(days=28)),),
}
_TIMES: dict[type[AnyFact], tuple[tuple[str, timedelta], ...]] = {
    kind: ((("recorded_at", _NO_MORE),) if issubclass(kind, SubjectFact) else ()) + _FURTHER_TIMES.get(kind, ())
    for kind in FACT_TYPES
}
"""The times of each type of fact besides `at`, each with how long after the latest `at` it may be."""
_TIME_FIELDS: dict[type[Fact], tuple[str, ...]] = {
    kind: tuple(name for name, hint in get_type_hints(kind).items() if datetime in (hint, *get_args(hint)))
    for kind in FACT_TYPES
}
"""The fields of each type of fact that hold times."""

_ONE = msgspec.json.Decoder(AnyFact)
_MANY = msgspec.json.Decoder(list[AnyFact])
_ENCODER = msgspec.json.Encoder()


class Unreadable(Struct, frozen=True, kw_only=True):
    """A fact, or a whole record, that cannot be read or must not be counted.

    Attributes:
        reason: one word of a closed list, suitable as a metric's label.
        what: what is wrong, without the value, which may be personal data.
        where: the place in the batch, such as `fact 3, $.at`.
        hint: what to do about it.
        index: the position in the batch; None for the record as a whole.
    """

    reason: Reason
    what: str
    where: str
    hint: str
    index: int | None = None


class Decoded(Struct, frozen=True):
    """The contents of one record.

    Attributes:
        facts: the readable facts, each with its position in the batch.
        unreadable: the unreadable facts.
    """

    facts: list[tuple[int, AnyFact]]
    unreadable: list[Unreadable]


def decode(record: bytes | None, topic: Topic, received_at: datetime) -> Decoded:
    """Read one record of the log.

    Args:
        record: a fact as a JSON object, or several as a JSON array; or CloudEvents in the JSON format whose data they are.
        topic: the topic of the record.
        received_at: when the log received it; a fact cannot have happened much later.
    """
    if not record:
        return _refused("empty", "The record is empty.")
    if len(record) > RECORD_LIMIT_BYTES:
        return _refused(
            "too_large", f"The record has {len(record):,} bytes, more than the {RECORD_LIMIT_BYTES:,} allowed."
        )
    try:
        facts: Sequence[AnyFact] = _MANY.decode(record) if record[:1] == b"[" else [_ONE.decode(record)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_piecemeal(record, topic, received_at)
    return (
        _validated(enumerate(facts), [], topic, received_at)
        if facts
        else _refused("empty", "The record contains no facts.")
    )


def encode(facts: Sequence[Fact]) -> bytes:
    """One record of the log: a single fact, or an array of several."""
    return _ENCODER.encode(facts[0] if len(facts) == 1 else facts)


def canonical(fact: Fact) -> bytes:
    """The canonical JSON of a fact: equal facts give equal bytes, however their times and defaults were written."""
    for name in _TIME_FIELDS[type(fact)]:
        value = getattr(fact, name)
        if value is not None and value.tzinfo is not UTC:
            fact = msgspec.structs.replace(fact, **{name: value.astimezone(UTC)})
    return _ENCODER.encode(fact)


def refuse(reason: Reason, what: str, index: int | None = None, path: str = "$") -> Unreadable:
    """An unreadable fact, with the hint for its reason."""
    place = path if index is None else f"fact {index}, {path}"
    return Unreadable(reason=reason, what=what, where=place, hint=_HINTS[reason], index=index)


def _refused(reason: Reason, what: str) -> Decoded:
    return Decoded([], [refuse(reason, what)])


def _validated(
    facts: Iterable[tuple[int, AnyFact]], unreadable: list[Unreadable], topic: Topic, received_at: datetime
) -> Decoded:
    latest, expected = received_at + CLOCK_TOLERANCE, _TYPES_OF.get(topic, _OF_EVERY_TOPIC)
    kept: list[tuple[int, AnyFact]] = []
    for place in facts:
        index, fact = place
        refusal = None if type(fact) in expected else _misplaced(fact, topic, index)
        refusal = refusal or _implausible(fact, latest, index)
        if refusal:
            unreadable.append(refusal)
        else:
            kept.append(place)
    return Decoded(kept, unreadable)


def _misplaced(fact: AnyFact, topic: Topic, index: int) -> Unreadable:
    return refuse("wrong_topic", f"{type(fact).__name__} was sent on the topic {topic}.", index, "$.fact")


def _implausible(fact: AnyFact, latest: datetime, index: int) -> Unreadable | None:
    if not EARLIEST <= fact.at <= latest:
        return _out_of_time("at", index)
    for field, ahead in _TIMES[type(fact)]:
        time = getattr(fact, field)
        if time is not None and not EARLIEST <= time <= latest + ahead:
            return _out_of_time(field, index)
    return None


def _out_of_time(field: str, index: int) -> Unreadable:
    what = f"`{field}` is before 1990 or too long after the record was received."
    return refuse("implausible_time", what, index, f"$.{field}")


def _decode_piecemeal(record: bytes, topic: Topic, received_at: datetime) -> Decoded:
    """Read a partly unreadable record fact by fact, so that one bad fact does not lose the rest."""
    try:
        value = json.loads(record, parse_constant=_NotANumber, parse_float=_number)
    except (ValueError, RecursionError):
        return _refused("not_json", "The record is not JSON.")
    kept: list[tuple[int, AnyFact]] = []
    unreadable: list[Unreadable] = []
    for index, item in enumerate(_items(value)):
        outcome = _refusal(item, index) if isinstance(item, NotAnEventError) else _decode_item(item, index)
        if isinstance(outcome, Unreadable):
            unreadable.append(outcome)
        else:
            kept.append((index, outcome))
    if not kept and not unreadable:
        return _refused("empty", "The record contains no facts.")
    return _validated(kept, unreadable, topic, received_at)


def _items(value: object) -> Iterator[object]:
    """The items of a record; a CloudEvent is replaced by what it carries, or by the reason why it cannot be read."""
    for item in value if isinstance(value, list) else [value]:
        if not is_event(item):
            yield item
            continue
        try:
            data = data_of(cast(dict[str, object], item))
        except NotAnEventError as error:
            yield error
            continue
        yield from data if isinstance(data, list) else [data]


def _refusal(error: NotAnEventError, index: int) -> Unreadable:
    return refuse("bad_cloudevent", str(error), index)


class _NotANumber:
    """Replaces NaN or Infinity in JSON; it cannot be encoded."""

    def __init__(self, name: str) -> None:
        self.name = name


def _number(text: str) -> float | _NotANumber:
    """A number with a decimal point or exponent. As in JSON Schema, 1.0 and 1e0 are whole numbers."""
    value = float(text)
    if math.isinf(value):
        return _NotANumber(text)
    return int(value) if value.is_integer() else value


def _decode_item(item: object, index: int) -> AnyFact | Unreadable:
    try:
        return cast(AnyFact, _ONE.decode(_ENCODER.encode(item)))
    except msgspec.ValidationError as error:
        return _explain(str(error), index)
    except (TypeError, ValueError, RecursionError):
        return refuse("not_a_number", "A value is NaN, infinite, or too large for JSON.", index)


def _explain(message: str, index: int) -> Unreadable:
    reason: Reason = next((reason for words, reason in _MESSAGES if words in message), "bad_value")
    what, _, path = message.partition(" - at ")
    # A quoted value, or an unusual field name, may be personal data and is removed.
    hidden = _QUOTED if what.startswith("Expected ") else rf"{_QUOTED}|`(?![A-Za-z_][A-Za-z0-9_]{{0,39}}`).*`"
    what = re.sub(hidden, "(not shown)", what, flags=re.DOTALL)
    return refuse(
        reason,
        what.replace("matching regex (not shown)", "with the format in the schema"),
        index,
        path.strip("`") or "$",
    )
