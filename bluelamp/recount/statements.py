"""Keeps SQL that the recount has parsed, because it runs the same texts again and parsing takes a third of the time of a small query."""

from functools import lru_cache

import duckdb


@lru_cache(maxsize=1024)
def parsed(text: str) -> tuple[duckdb.Statement, ...]:
    """The statements of a text, for any connection. The texts contain names of columns and tables, and no values."""
    return tuple(duckdb.extract_statements(text))
