"""How the state stores facts, open items and counts: compact text made of whole numbers and words only."""

from datetime import datetime
from importlib.resources import files
from typing import Any

import msgspec

from facts.fact import SubjectFact
from facts.union import FACT_TYPES
from measures.outcome import OpenItem, instant, microseconds
from measures.timeline import Timeline
from streams.deflate import deflated, inflated

FORMAT = 13
"""The version of this encoding and of what outcomes mean; a state in another version must be rebuilt."""

_ENVELOPE = ("fact_id", "force", "at", "subject_id", "corrects", "recorded_at")
_TYPES: dict[str, type[SubjectFact]] = {kind.__name__: kind for kind in FACT_TYPES if issubclass(kind, SubjectFact)}
_OWN_FIELDS = {
    name: tuple(field for field in kind.__struct_fields__ if field not in _ENVELOPE) for name, kind in _TYPES.items()
}
_TIMES = {"promised_for", "relevant_time", "sits_at", "until"}

_COMPRESSED = "z"
"""Begins a compressed timeline; an uncompressed one begins with a bracket."""
_OWN_ID = b"\x01"
"""Replaces the subject's id in a compressed timeline: ids of facts often contain it."""
_DICTIONARY = b"1704".join(
    part.encode() for part in msgspec.json.decode(files("streams").joinpath("timeline_dictionary.json").read_bytes())
)
"""What timelines have in common, from those of a simulated force. A change to it is a change of the format."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def subject_key(force: str, subject_id: str) -> str:
    """The name of a subject within its partition."""
    return f"{force}|{subject_id}"


def encode_timeline(timeline: Timeline, key: str, *, is_closed: bool = False) -> str:
    """A timeline as text; its key already holds the force and the subject.

    Args:
        timeline: the timeline.
        key: the subject's key.
        is_closed: nothing about the subject is open, so it will hardly change again, and is compressed.
    """
    text = _encode([_fact_row(fact) for fact in timeline.values()])
    return _compressed(text, key.partition("|")[2].encode()) if is_closed else text.decode()


def decode_timeline(text: str, key: str) -> Timeline:
    """The timeline stored under a subject's key.

    Raises:
        ValueError: the text is damaged.
    """
    force, subject_id = key.split("|")
    rows = _decode(_decompressed(text, subject_id.encode()) if text[:1] == _COMPRESSED else text)
    facts = (_fact(row, force, subject_id) for row in rows)
    return {fact.fact_id: fact for fact in facts}


def _compressed(text: bytes, subject_id: bytes) -> str:
    """A timeline, compressed; as it is if that is no longer."""
    # JSON never contains this character itself, so replacing it again restores the text exactly.
    encoded = _COMPRESSED + deflated(text.replace(subject_id, _OWN_ID), _DICTIONARY)
    return encoded if len(encoded) < len(text) else text.decode()


def _decompressed(text: str, subject_id: bytes) -> bytes:
    return inflated(text[1:], _DICTIONARY).replace(_OWN_ID, subject_id)


def _fact_row(fact: SubjectFact) -> tuple[Any, ...]:
    recorded_at = microseconds(fact.recorded_at) if fact.recorded_at else None
    kind = _ROWS[type(fact)]
    return (kind.name, fact.fact_id, microseconds(fact.at), fact.corrects, recorded_at, *kind.own_values(fact))


class _Row:
    """How facts of one type are stored.

    Args:
        kind: the type.
    """

    def __init__(self, kind: type[SubjectFact]) -> None:
        self.name = kind.__name__
        self._own = _OWN_FIELDS[self.name]
        self._has_times = bool(_TIMES & {*self._own})

    def own_values(self, fact: SubjectFact) -> list[Any]:
        """The values of the fields that only this type has, with times in microseconds."""
        values = [getattr(fact, field) for field in self._own]
        if self._has_times:
            return [microseconds(value) if isinstance(value, datetime) else value for value in values]
        return values


_ROWS = {kind: _Row(kind) for kind in _TYPES.values()}


def _fact(row: list[Any], force: str, subject_id: str) -> SubjectFact:
    name, fact_id, at, corrects, recorded_at, *values = row
    own = {
        field: instant(value) if field in _TIMES and value is not None else value
        for field, value in zip(_OWN_FIELDS[name], values, strict=False)
    }
    return _TYPES[name](
        fact_id=fact_id,
        force=force,
        at=instant(at),
        subject_id=subject_id,
        corrects=corrects,
        recorded_at=None if recorded_at is None else instant(recorded_at),
        **own,
    )


def encode_open(open_items: list[OpenItem]) -> str:
    """The open items of one subject as text."""
    rows = [
        [each.kind, each.since, each.began, each.due, each.unrecorded_from, *each.dimensions] for each in open_items
    ]
    return _encode(rows).decode()


def decode_open(text: str | bytes) -> list[OpenItem]:
    """The open items of one subject."""
    return [
        OpenItem(kind, since, began, due, tuple(words), unrecorded_from)
        for kind, since, began, due, unrecorded_from, *words in _decode(text)
    ]
