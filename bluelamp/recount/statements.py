"""SQL that the recount has parsed: DuckDB takes a third of a small query's time to parse it, and the texts repeat."""

from functools import lru_cache

import duckdb


@lru_cache(maxsize=1024)
def parsed(text: str) -> tuple[duckdb.Statement, ...]:
    """The statements of a text, for any connection; the texts hold no values, only the names of columns and tables."""
    return tuple(duckdb.extract_statements(text))
