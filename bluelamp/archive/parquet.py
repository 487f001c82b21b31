"""Records in Parquet and back: the columns of a file, bit for bit what the log holds."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from facts.batch import BatchRecord, Entry, SkippedOffsets

SCHEMA = pa.schema(
    [
        pa.field("topic", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("received_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("timestamp_type", pa.int8(), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field(
            "headers",
            pa.list_(pa.struct([pa.field("name", pa.string(), nullable=False), pa.field("value", pa.binary())])),
            nullable=False,
        ),
    ]
)
"""`received_at` and `timestamp_type` are the record's time and whether the producer (0) or the log (1) set it.

Of a batch that cannot be read `timestamp_type` is 2, `offset` its first one, `value` its bytes, and `headers` its last offset and why.
"""
_UNREADABLE, _LAST, _WHY = 2, "last", "why"
_GROUP_ROWS, _GROUP_BYTES = 10_000, 16 * 1024 * 1024
_READ_ROWS = 2000


class ParquetWriter:
    """Writes one file; its rows reach it in groups, so that a day need not fit into memory.

    Args:
        path: of the file.
        topic: of its records.
        partition: likewise.

    Attributes:
        records: how many it was given.
        size_bytes: of their values.
    """

    def __init__(self, path: Path, topic: str, partition: int) -> None:
        self.records, self.size_bytes = 0, 0
        self._topic, self._partition = topic, partition
        self._waiting: list[BatchRecord] = []
        self._waiting_bytes = 0
        self._writer: Any = pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=["topic"])

    def add(self, entry: Entry) -> None:
        """Add a record, or a batch that cannot be read, in the order of their offsets."""
        record = _of_unreadable(entry) if isinstance(entry, SkippedOffsets) else entry
        size = len(record.value or b"")
        self.records += 1
        self.size_bytes += size
        self._waiting.append(record)
        self._waiting_bytes += size
        if len(self._waiting) >= _GROUP_ROWS or self._waiting_bytes >= _GROUP_BYTES:
            self._write()

    def close(self) -> None:
        """Write what waits, and what stands at the file's end; without that the file cannot be read."""
        if self._waiting:
            self._write()
        self._writer.close()

    def _write(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        columns = [
            [self._topic] * len(waiting),
            [self._partition] * len(waiting),
            [each.offset for each in waiting],
            [each.timestamp for each in waiting],
            [each.timestamp_type for each in waiting],
            [each.key for each in waiting],
            [each.value for each in waiting],
            [[{"name": name, "value": value} for name, value in each.headers] for each in waiting],
        ]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))


def _of_unreadable(skipped: SkippedOffsets) -> BatchRecord:
    headers = ((_LAST, b"%d" % skipped.last), (_WHY, skipped.why.encode()))
    return BatchRecord(skipped.first, skipped.timestamp, _UNREADABLE, None, skipped.batch, headers)


def _entry(row: BatchRecord) -> Entry:
    if row.timestamp_type != _UNREADABLE:
        return row
    told = {name: value or b"" for name, value in row.headers}
    return SkippedOffsets(row.offset, int(told[_LAST]), row.timestamp, told[_WHY].decode(), row.value or b"")


def rows(path: Path) -> Iterator[list[Entry]]:
    """The entries of a file, some at a time.

    Raises:
        OSError, ValueError: it is no file of an archive, a torn one, or cannot be read.
    """
    for batch in _batches(path, SCHEMA.names[2:]):
        times = batch.column("received_at").cast(pa.int64())
        columns = [times if name == "received_at" else batch.column(name) for name in SCHEMA.names[2:]]
        lists = [column.to_pylist() for column in columns]
        yield [
            _entry(
                BatchRecord(offset, time, kind, key, value, tuple((each["name"], each["value"]) for each in headers))
            )
            for offset, time, kind, key, value, headers in zip(*lists, strict=True)
        ]


def places(path: Path) -> Iterator[tuple[str, int, int]]:
    """The topic, partition and offset of each record of a file; raises as `rows` does."""
    for batch in _batches(path, SCHEMA.names[:3]):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _batches(path: Path, columns: list[str]) -> Iterator[Any]:
    with pq.ParquetFile(path) as file:
        if not file.schema_arrow.equals(SCHEMA):
            raise ValueError("its columns are not those of the archive")
        yield from file.iter_batches(_READ_ROWS, columns=columns)


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
