"""Faults planted in the state and removed afterwards, which a check must find."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple, cast

from redis import Redis

from measures.outcome import OpenItem
from measures.pane import field_of, name_of
from streams.codec import decode_open, encode_open
from streams.version import pattern_of


class Count(NamedTuple):
    """One count of a day pane, and where the state stores it."""

    key: str
    field: str
    day: date
    words: tuple[str, ...]
    value: int
    number: int


class Item(NamedTuple):
    """One open item, and where the state stores it."""

    key: str
    field: str
    subject_id: str
    item: OpenItem


@contextmanager
def replaced(redis: Redis, key: str, field: str, text: str | None) -> Iterator[None]:
    """Replace the text of a field of a hash, or delete the field; restore it afterwards."""
    before = cast("str | None", redis.hget(key, field))
    _set(redis, key, field, text)
    try:
        yield
    finally:
        _set(redis, key, field, before)


def _set(redis: Redis, key: str, field: str, text: str | None) -> None:
    if text is None:
        redis.hdel(key, field)
    else:
        redis.hset(key, field, text)


def counts(redis: Redis, state_name: str, force: str) -> dict[str, list[Count]]:
    """The counts of every day pane of a force, by kind."""
    found: dict[str, list[Count]] = {}
    for key in sorted(redis.scan_iter(f"{pattern_of(state_name, 1)}:pane:{force}:day:*", 1000)):
        slot, kind = key.split(":")[-2:]
        day = date.fromordinal(int(slot))
        for field, text in cast(dict[str, str], redis.hgetall(key)).items():
            words, value = field_of(field)
            found.setdefault(kind, []).append(Count(key, field, day, words, value, int(text)))
    return found


def items(redis: Redis, state_name: str, force: str) -> dict[str, list[Item]]:
    """The open items of a force, by kind."""
    found: dict[str, list[Item]] = {}
    for key in sorted(redis.scan_iter(f"{pattern_of(state_name, 1)}:open", 1000)):
        for field, text in sorted(cast(dict[str, str], redis.hgetall(key)).items()):
            owner, _, subject_id = field.partition("|")
            for item in decode_open(text) if owner == force else ():
                found.setdefault(item.kind, []).append(Item(key, field, subject_id, item))
    return found


def invented(count: Count) -> str:
    """The field of another count of the same kind, which no fact produces."""
    words, _ = field_of(count.field)
    return name_of(("invented",) * len(words), 77)


def with_items(
    redis: Redis, place: Item, *, without: OpenItem | None = None, plus: OpenItem | None = None
) -> str | None:
    """The text of a subject's field with one item removed or added; None if nothing is left."""
    open_items = decode_open(cast(str, redis.hget(place.key, place.field)))
    if without is not None:
        open_items.remove(without)
    return encode_open([*open_items, *([plus] if plus else [])]) if open_items or plus else None
