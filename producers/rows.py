"""Reads an extract's bytes as rows of CSV or JSON lines, and reports the line of each unreadable row."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec
from msgspec import Struct, structs

from facts.errors import MappingError
from producers.declaration import ExtractSource
from producers.time_formats import is_absent_by_time_of_day
from producers.values import Cells, MalformedError

_HINT = "Compare the first line of the extract with the columns that the mapping names, letter by letter."


class Row(Struct, frozen=True):
    """One row of an extract.

    Attributes:
        line: line of the file on which it begins, counted from 1.
        cells: text of each column that has a value, trimmed.
        fault: why it cannot be read, if it counts at all; None if it can.
    """

    line: int
    cells: Cells
    fault: MalformedError | None = None


class UnreadableRow(Struct, frozen=True):
    """A row that cannot be read at all.

    Attributes:
        line: line of the file on which it begins, counted from 1.
        error: why it cannot be read.
    """

    line: int
    error: MalformedError


def read_rows(
    stream: IO[bytes], source: ExtractSource, columns: frozenset[str], name: str
) -> Iterator[Row | UnreadableRow]:
    """Read an extract row by row.

    Args:
        stream: the extract's bytes; closed at the end.
        source: the extract's format.
        columns: the columns that the mapping uses.
        name: name of the file, for errors.

    Raises:
        MappingError: the file as a whole does not fit the mapping.
    """
    # Bytes invalid in the encoding become surrogates, so that only their own row is malformed.
    encoding = "utf-8-sig" if source.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else source.encoding
    read = _csv_rows if source.format == "csv" else _json_rows
    try:
        with io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="") as text:
            yield from read(text, source, columns, name)
    except UnicodeError:
        what = f"The file is not in {source.encoding}."
        raise MappingError(what, where=name, hint="Set `source.encoding` to the extract's encoding.") from None


def _csv_rows(
    text: Iterable[str], source: ExtractSource, columns: frozenset[str], name: str
) -> Iterator[Row | UnreadableRow]:
    reader = csv.reader(
        text,
        delimiter=source.delimiter,
        quotechar=source.quote or None,
        quoting=csv.QUOTE_MINIMAL if source.quote else csv.QUOTE_NONE,
        strict=True,
    )
    header = list(source.columns) or _header(reader, columns, name)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield UnreadableRow(line, _not_csv(line, reader.line_num, source))
            continue
        if cells:
            yield _csv_row(line, header, cells, source, columns)


def _header(reader: Iterator[list[str]], columns: frozenset[str], name: str) -> list[str]:
    try:
        header = [cell.strip() for cell in next(reader)]
    except StopIteration:
        raise MappingError("The extract is empty.", where=name, hint="Export it again, with its header line.") from None
    except csv.Error as error:
        what = f"The header cannot be read: {error}."
        raise MappingError(what, where=f"{name}, line 1", hint="Check `source.quote`.") from None
    # The first line is not quoted in errors: if the header is missing, it is a row that may be personal.
    counts = Counter(header)
    missing = sorted(columns - set(header))
    if missing:
        what = f"The extract has no column {', '.join(map(repr, missing))}."
        raise MappingError(what, where=f"{name}, line 1", hint=_HINT)
    repeated = sorted(column for column in columns if counts[column] > 1)
    if repeated:
        what = f"The extract has the column {', '.join(map(repr, repeated))} more than once."
        raise MappingError(what, where=f"{name}, line 1", hint="Export it with a different name for each column.")
    return header


def _not_csv(first: int, last: int, source: ExtractSource) -> MalformedError:
    if last > first:
        what = f"has a {source.quote} that is not closed; lines {first} to {last} cannot be read"
    else:
        what = f"has a {source.quote} in the wrong place"
    return MalformedError("not_readable", "", what)


def _csv_row(
    line: int, header: list[str], cells: list[str], source: ExtractSource, columns: frozenset[str]
) -> Row | UnreadableRow:
    if source.short_rows == "fill":
        cells += [""] * (len(header) - len(cells))
    further = cells[len(header) :]
    if source.long_rows == "select" and not any(cell.strip() for cell in further):
        cells, further = cells[: len(header)], []
    if len(cells) == len(header):
        return _row(line, zip(header, cells, strict=True), source, columns)
    fault = MalformedError("ragged_row", "", f"has {len(cells)} cells where the header has {len(header)}")
    if source.long_rows == "select" and further:
        row = _row(line, zip(header, cells, strict=False), source, columns)
        return structs.replace(row, fault=fault) if isinstance(row, Row) else row
    return UnreadableRow(line, fault)


def _row(
    line: int, pairs: Iterable[tuple[str, str]], source: ExtractSource, columns: frozenset[str]
) -> Row | UnreadableRow:
    cells = {column: text for column, cell in pairs if (text := cell.strip()) and not _is_absent(text, column, source)}
    for name, columns_in_turn in source.first_of.items():
        first = next((cells[column] for column in columns_in_turn if column in cells), None)
        if first is not None:
            cells[name] = first
    broken = next((column for column in sorted(columns & cells.keys()) if _is_broken(cells[column])), None)
    if broken:
        fault = MalformedError("bad_encoding", broken, f"has bytes that are not {source.encoding}")
        return Row(line, cells, fault)
    return Row(line, cells)


def _is_absent(text: str, column: str, source: ExtractSource) -> bool:
    return (
        text in source.absent
        or text in source.absent_in.get(column, ())
        or (column in source.absent_times_of_day and is_absent_by_time_of_day(text, column, source))
    )


def _is_broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


def _json_rows(
    text: Iterable[str], source: ExtractSource, columns: frozenset[str], name: str
) -> Iterator[Row | UnreadableRow]:
    line = 0
    for line, written in enumerate(text, 1):
        if written.strip():
            yield _json_row(line, written, source, columns)
    if not line:
        raise MappingError("The extract is empty.", where=name, hint="Export it again.")


def _json_row(line: int, written: str, source: ExtractSource, columns: frozenset[str]) -> Row | UnreadableRow:
    if _is_broken(written):
        return UnreadableRow(line, MalformedError("bad_encoding", "", f"has bytes that are not {source.encoding}"))
    try:
        members = msgspec.json.decode(written, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return UnreadableRow(line, MalformedError("not_readable", "", "is not a JSON object"))
    return row_of(line, members, source, columns)


def row_of(
    line: int, members: dict[str, object], source: ExtractSource, columns: frozenset[str]
) -> Row | UnreadableRow:
    """Turn a JSON object into a row.

    Args:
        line: line number to give the row.
        members: the object's members; members of inner objects are named with dots.
        source: the extract's format.
        columns: the columns that the mapping uses.
    """
    try:
        return _row(line, _flatten(members, "", source, columns), source, columns)
    except MalformedError as error:
        return UnreadableRow(line, error)
    except (RecursionError, ValueError):
        return UnreadableRow(
            line, MalformedError("not_readable", "", "is nested too deeply or has a number that is too long")
        )


def _flatten(
    members: dict[str, object], prefix: str, source: ExtractSource, columns: frozenset[str]
) -> Iterator[tuple[str, str]]:
    for key, written in members.items():
        column = prefix + key
        value = _object_in(written, column) if column in source.json_in else written
        if isinstance(value, dict):
            yield from _flatten(value, f"{column}.", source, columns)
        elif isinstance(value, list):
            if column in columns:
                raise MalformedError("bad_value", column, "is a list, not a single value")
        elif value is not None:
            yield column, str(value).lower() if isinstance(value, bool) else str(value)


def _object_in(written: object, column: str) -> object:
    """The object that a column holds as text; an empty text is an absent object."""
    if not isinstance(written, str):
        return written
    try:
        return msgspec.json.decode(written, type=dict[str, object]) if written.strip() else None
    except (msgspec.DecodeError, RecursionError):
        raise MalformedError("bad_value", column, "is not a JSON object as text") from None
