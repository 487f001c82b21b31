"""A downloaded CSV file: its comments, and its table."""

import csv
import io


def comments_and_rows(text: str) -> tuple[list[list[str]], list[list[str]]]:
    """The comments without their mark, and the rows; the first has the column names. Every comment must be before the table."""
    lines = text.splitlines(keepends=True)
    count = next(place for place, line in enumerate(lines) if not line.startswith("#"))
    rows = list(csv.reader(io.StringIO("".join(lines[count:]))))
    assert rows, "a file has at least its column names"
    assert all(row and not row[0].startswith("# ") for row in rows)
    return [[first.removeprefix("# "), *rest] for first, *rest in csv.reader(lines[:count])], rows
