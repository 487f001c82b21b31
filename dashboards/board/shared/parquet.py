"""Tables as Parquet: the rows of the CSV with types, and the head of the CSV in the schema's metadata."""

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dashboards.report.document import Table
from dashboards.report.file import COLUMNS, table_rows
from measures.measure import SPREAD

_TYPES: dict[str, tuple[Any, Callable[[str], Any]]] = {
    "value": (pa.float64(), float),
    "n": (pa.int64(), int),
    "low": (pa.float64(), float),
    "high": (pa.float64(), float),
    "unrecorded": (pa.int64(), int),
    **dict.fromkeys(SPREAD, (pa.float64(), float)),
    "published": (pa.bool_(), "yes".__eq__),
}
_TEXT = (pa.string(), str)


def in_parquet(head: Iterable[Sequence[str]], tables: Iterable[Table]) -> bytes:
    """A file with a row for each cell, with its unrounded value; null where there is none.

    Args:
        head: lines that each begin with a term; the lines of a repeated term are joined with line breaks.
        tables: in order.
    """
    metadata: dict[str, str] = {}
    for term, *words in head:
        line = "; ".join(each for each in words if each)
        metadata[term] = f"{metadata[term]}\n{line}" if term in metadata else line
    rows = [cells for table in tables for cells in table_rows(table)]
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    arrays = [_column(name, cells) for (name, _), cells in zip(COLUMNS, columns, strict=True)]
    fields = [pa.field(name, _TYPES.get(name, _TEXT)[0], metadata={"description": what}) for name, what in COLUMNS]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=metadata)), out, compression="zstd")
    return out.getvalue()


def _column(name: str, cells: Iterable[str]) -> Any:
    kind, read = _TYPES.get(name, _TEXT)
    return pa.array([read(cell) if cell or kind == pa.string() else None for cell in cells], kind)
