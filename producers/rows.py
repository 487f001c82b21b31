"""Reads an extract's bytes as rows of CSV or JSON lines, and reports the line of each unreadable row."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from msgspec import Struct, structs

from facts.errors import MappingError
from producers.declaration import ExtractSource
from producers.lines import CountedLines
from producers.time_formats import is_absent_by_time_of_day
from producers.values import Cells, MalformedError, is_broken

_HINT = "Compare the first line of the extract with the columns that the mapping names, letter by letter. If lines come before the header, remove them."

_TOML = {"\t": '"\\t"', ";": '";"', ",": '","', "|": '"|"', "^": '"^"', "~": '"~"'}
_NOT_JSON_LINES = "[{"
_CLEAR_WIDTH = 5
"""Text hardly ever contains a row with this many columns by chance."""


class Row(Struct, frozen=True):
    """One row of an extract.

    Attributes:
        line: line of the file on which it begins, counted from 1.
        cells: text of each column that has a value, trimmed.
        fault: why it cannot be read, if it counts at all; None if it can.
        missing: columns that the row is too short to have.
    """

    line: int
    cells: Cells
    fault: MalformedError | None = None
    missing: frozenset[str] = frozenset()


class UnreadableRow(Struct, frozen=True):
    """A row that cannot be read at all.

    Attributes:
        line: line of the file on which it begins, counted from 1.
        error: why it cannot be read.
    """

    line: int
    error: MalformedError


def read_rows(
    chunks: Iterable[bytes], source: ExtractSource, columns: frozenset[str], name: str
) -> Iterator[Row | UnreadableRow]:
    """Read an extract row by row.

    Args:
        chunks: the extract's bytes in parts of any size, such as an open file. An empty part says that a growing file has not
            grown for a while.
        source: the extract's format.
        columns: the columns that the mapping uses.
        name: name of the file, for errors.

    Raises:
        MappingError: the file as a whole does not fit the mapping.
    """
    if source.format == "xlsx":
        yield from _sheet_rows(b"".join(chunks), source, columns, name)
        return
    lines = CountedLines(chunks, source.encoding, name)
    read = _csv_rows if source.format == "csv" else _json_rows
    yield from read(lines, source, columns, name)


def _csv_rows(
    lines: CountedLines, source: ExtractSource, columns: frozenset[str], name: str
) -> Iterator[Row | UnreadableRow]:
    header = list(source.columns) or _header(lines, source, columns, name)
    while (first := lines.first()) is not None:
        line = lines.lines_read
        cells = _record(first, lines, source, len(header))
        if isinstance(cells, MalformedError):
            yield UnreadableRow(line, cells)
        elif cells:
            yield _csv_row(line, header, cells, source, columns)


def _sheet_rows(
    content: bytes, source: ExtractSource, columns: frozenset[str], name: str
) -> Iterator[Row | UnreadableRow]:
    from producers.workbook import sheet_rows  # noqa: PLC0415 - only who reads workbooks needs their reader

    rows = sheet_rows(content, source.sheet, name)
    header = list(source.columns)
    if not header:
        line, cells = next(rows, (0, []))
        if not cells:
            raise MappingError("The sheet is empty.", where=name, hint="Set `source.sheet`, or export it again.")
        header = _checked([cell.strip() for cell in cells], columns, f"{name}, row {line}")
    for line, cells in rows:
        yield _csv_row(line, header, cells, source, columns)


def _record(first: str, lines: CountedLines, source: ExtractSource, width: int) -> list[str] | MalformedError:
    """The cells of the record that begins with a line.

    A quoted cell may contain line ends. If a quote is not closed soon, only this line is lost and reading continues after it:
    a quote that was never meant to open a cell would otherwise take the following rows with it.
    """
    more: list[str] = []
    try:
        cells = next(_reader(_spanned(first, lines, more, source), source))
    except csv.Error:
        cells = None
    if cells is not None and not _has_whole_rows(more, source, width):
        return cells
    lines.put_back(more)
    what = f"has a {source.quote} in the wrong place, or one that is not closed"
    if len(more) >= source.record_lines - 1 > 0:
        what += f" within {source.record_lines:,} lines"
    return MalformedError("not_readable", "", f"{what}; reading continues at the next line")


def _spanned(first: str, lines: CountedLines, more: list[str], source: ExtractSource) -> Iterator[str]:
    """The lines that a record may span; those after the first are also added to `more`."""
    yield first
    while len(more) < source.record_lines - 1 and (line := lines.following()) is not None:
        more.append(line)
        yield line


def _has_whole_rows(more: list[str], source: ExtractSource, width: int) -> bool:
    """Whether lines within a quoted cell are rows by themselves, so that the quote was not meant to open the cell.

    One line of many cells is enough. Text may have a comma or two by chance, but not in every line: with few columns, all lines
    between the first and the last must be rows, and there must be several.
    """
    if width >= _CLEAR_WIDTH:
        return any(_is_whole(line, source, width) for line in more)
    between = more[:-1]
    return len(between) > _CLEAR_WIDTH - 1 - width >= 0 and all(_is_whole(line, source, width) for line in between)


def _is_whole(line: str, source: ExtractSource, width: int) -> bool:
    """Whether a line is a row by itself."""
    try:
        return len(next(_reader([line], source))) == width
    except csv.Error:
        return False


def _reader(lines: Iterable[str], source: ExtractSource) -> Iterator[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if source.quote else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=source.delimiter, quotechar=source.quote or None, quoting=quoting, strict=True)


def _header(lines: CountedLines, source: ExtractSource, columns: frozenset[str], name: str) -> list[str]:
    first = lines.first()
    # Excel begins some files with the delimiter, as in `sep=;`; others begin with empty lines.
    while first is not None and (not first.strip() or first.strip().lower()[:-1] == "sep="):
        first = lines.first()
    if first is None:
        raise MappingError("The extract is empty.", where=name, hint="Export it again, with its header line.")
    cells = _record(first, lines, source, width=0)
    if isinstance(cells, MalformedError):
        raise MappingError(f"The header {cells.what}.", where=f"{name}, line 1", hint="Check `source.quote`.")
    header = [cell.strip() for cell in cells]
    if other := _other_delimiter(header, first, source, columns):
        what = f"The cells of the extract are separated by {other!r}, not by {source.delimiter!r}."
        hint = f"Set `delimiter = {_TOML[other]}` under [source]."
        raise MappingError(what, where=f"{name}, line 1", hint=hint)
    return _checked(header, columns, f"{name}, line 1")


def _checked(header: list[str], columns: frozenset[str], where: str) -> list[str]:
    # The first line is not quoted in errors: if the header is missing, it is a row that may be personal.
    counts = Counter(header)
    missing = sorted(columns - set(header))
    if missing:
        what = f"The extract has no column {', '.join(map(repr, missing))}."
        raise MappingError(what, where=where, hint=_HINT)
    repeated = sorted(column for column in columns if counts[column] > 1)
    if repeated:
        what = f"The extract has the column {', '.join(map(repr, repeated))} more than once."
        raise MappingError(what, where=where, hint="Export it with a different name for each column.")
    return header


def _other_delimiter(header: list[str], first: str, source: ExtractSource, columns: frozenset[str]) -> str | None:
    """The delimiter of an extract whose columns cannot be found with the one that the mapping gives."""
    found = len(columns.intersection(header))
    for delimiter in _TOML:
        other = structs.replace(source, delimiter=delimiter)
        try:
            cells = {cell.strip() for cell in next(_reader([first], other))}
        except csv.Error:
            continue
        if len(columns & cells) > found:
            return delimiter
    return None


def _csv_row(
    line: int, header: list[str], cells: list[str], source: ExtractSource, columns: frozenset[str]
) -> Row | UnreadableRow:
    if source.short_rows == "fill":
        cells += [""] * (len(header) - len(cells))
    row = _row(line, zip(header, cells, strict=False), source, columns)
    # Empty cells beyond the header come from a delimiter at the end of the line.
    if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
        fault = MalformedError("ragged_row", "", f"has {len(cells)} cells where the header has {len(header)}")
        return Row(line, row.cells, fault, frozenset(header[len(cells) :]))
    return row


def _row(line: int, pairs: Iterable[tuple[str, str]], source: ExtractSource, columns: frozenset[str]) -> Row:
    cells = {column: text for column, cell in pairs if (text := cell.strip()) and not _is_absent(text, column, source)}
    for name, columns_in_turn in source.first_of.items():
        first = next((cells[column] for column in columns_in_turn if column in cells), None)
        if first is not None:
            cells[name] = first
    broken = next((column for column in sorted(columns & cells.keys()) if is_broken(cells[column])), None)
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


def _json_rows(
    lines: CountedLines, source: ExtractSource, columns: frozenset[str], name: str
) -> Iterator[Row | UnreadableRow]:
    is_begun = False
    while (written := lines.first()) is not None:
        if bare := written.strip():
            if not is_begun and bare[0] in _NOT_JSON_LINES and not bare.endswith("}"):
                raise _not_json_lines(bare, f"{name}, line {lines.lines_read}")
            is_begun = True
            yield _json_row(lines.lines_read, written, source, columns)
    if not lines.lines_read:
        raise MappingError("The extract is empty.", where=name, hint="Export it again.")


def _not_json_lines(first: str, where: str) -> MappingError:
    what = "a JSON array" if first[0] == "[" else "a JSON object of several lines"
    command = "jq -c '.[]'" if first[0] == "[" else "jq -c ."
    hint = f"Write each object on a line of its own: `{command} FILE > FILE.jsonl`."
    return MappingError(f"The file has {what}, not one object a line.", where=where, hint=hint)


def _json_row(line: int, written: str, source: ExtractSource, columns: frozenset[str]) -> Row | UnreadableRow:
    if is_broken(written):
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
        yield from _found_in(value, column, source)
        if isinstance(value, dict):
            yield from _flatten(value, f"{column}.", source, columns)
        elif isinstance(value, list):
            if column in columns:
                raise MalformedError("bad_value", column, "is a list, not a single value")
            if any(each.startswith(f"{column}.") for each in columns):
                numbered: dict[str, object] = {str(number): each for number, each in enumerate(value)}
                yield from _flatten(numbered, f"{column}.", source, columns)
        elif value is not None:
            yield column, str(value).lower() if isinstance(value, bool) else str(value)


def _found_in(value: object, column: str, source: ExtractSource) -> Iterator[tuple[str, str]]:
    """For each name of `first_in`, the first of its values that the list has; nothing if the list is absent."""
    for name, choice in source.first_in.items():
        if choice.list != column or value is None:
            continue
        if not isinstance(value, list):
            raise MalformedError("bad_value", column, "is not a list")
        yield name, next((each for each in choice.values if each in value), choice.otherwise)


def _object_in(written: object, column: str) -> object:
    """The object that a column holds as text; an empty text is an absent object."""
    if not isinstance(written, str):
        return written
    try:
        return msgspec.json.decode(written, type=dict[str, object]) if written.strip() else None
    except (msgspec.DecodeError, RecursionError):
        raise MalformedError("bad_value", column, "is not a JSON object as text") from None
