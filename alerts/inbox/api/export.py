"""The whole log as a file, in JSON lines or CSV."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from alerts.inbox.log.entry import AnyEntry, encode
from measures.spreadsheet import SafeRows

_COLUMNS = ("at", "by", "entry", "alert", "id")


def as_json_lines(entries: Iterable[AnyEntry]) -> str:
    """The log as JSON lines."""
    return "".join(f"{encode(each)}\n" for each in entries)


def as_csv(entries: Iterable[AnyEntry]) -> str:
    """The log as CSV: the columns that every entry has, then the other fields by name."""
    rows: list[Mapping[str, Any]] = [msgspec.to_builtins(each) for each in entries]
    other_columns = sorted({name for row in rows for name in row} - set(_COLUMNS))
    text = io.StringIO()
    columns = [*_COLUMNS, *other_columns]
    writer = SafeRows(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name, "")) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    """The text of a value."""
    return " ".join(f"{name}={word}" for name, word in value.items()) if isinstance(value, dict) else str(value)


EXPORTS: dict[str, tuple[str, Callable[[Iterable[AnyEntry]], str]]] = {
    "jsonl": ("application/jsonl", as_json_lines),
    "csv": ("text/csv", as_csv),
}
"""By format: its media type, and what writes it."""
