"""Keeps SQL that the recount has parsed, because it runs the same texts again and parsing takes a third of the time of a small query."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import duckdb


@lru_cache(maxsize=1024)
def parsed(text: str) -> tuple[duckdb.Statement, ...]:
    """The statements of a text, for any connection. Values are parameters, so there are few different texts."""
    return tuple(duckdb.extract_statements(text))


def rows_of(connection: duckdb.DuckDBPyConnection, text: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """The rows of a query with these parameters, in order."""
    (statement,) = parsed(text)
    rows: list[tuple[Any, ...]] = connection.execute(statement, values).fetchall()
    return rows
