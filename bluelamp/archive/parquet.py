"""Writes records to Parquet files and reads them back, bit for bit."""

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
"""`received_at` is the record's timestamp, and `timestamp_type` says whether the producer (0) or the log (1) set it.

For an unreadable batch, `timestamp_type` is 2, `offset` its first offset, `value` its bytes, and `headers` its last offset and why
it cannot be read.
"""
_UNREADABLE, _LAST, _WHY = 2, "last", "why"
_GROUP_ROWS, _GROUP_BYTES = 10_000, 16 * 1024 * 1024
_READ_ROWS = 2000


class ParquetWriter:
    """Writes one file in groups of rows, so that a day need not fit into memory.

    Args:
        path: the path of the file.
        topic: the topic of its records.
        partition: the partition of its records.

    Attributes:
        records: the number of records added.
        size_bytes: the size of their values.
    """

    def __init__(self, path: Path, topic: str, partition: int) -> None:
        self.records, self.size_bytes = 0, 0
        self._topic, self._partition = topic, partition
        self._waiting: list[BatchRecord] = []
        self._waiting_bytes = 0
        self._writer: Any = pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=["topic"])

    def add(self, entry: Entry) -> None:
        """Add a record or an unreadable batch, in the order of offsets."""
        record = _row_of(entry) if isinstance(entry, SkippedOffsets) else entry
        size = len(record.value or b"")
        self.records += 1
        self.size_bytes += size
        self._waiting.append(record)
        self._waiting_bytes += size
        if len(self._waiting) >= _GROUP_ROWS or self._waiting_bytes >= _GROUP_BYTES:
            self._write()

    def close(self) -> None:
        """Write the remaining rows and the footer; without the footer the file cannot be read."""
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


def _row_of(batch: SkippedOffsets) -> BatchRecord:
    headers = ((_LAST, b"%d" % batch.last), (_WHY, batch.why.encode()))
    return BatchRecord(batch.first, batch.timestamp, _UNREADABLE, None, batch.batch, headers)


def _entry(row: BatchRecord) -> Entry:
    if row.timestamp_type != _UNREADABLE:
        return row
    headers = {name: value or b"" for name, value in row.headers}
    return SkippedOffsets(row.offset, int(headers[_LAST]), row.timestamp, headers[_WHY].decode(), row.value or b"")


def rows(path: Path) -> Iterator[list[Entry]]:
    """The entries of a file, in batches.

    Raises:
        OSError, ValueError: the file cannot be read, is incomplete, or is not part of an archive.
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
