"""The facts of a log into tables, and from the tables the outcomes: a recount of the whole log at once."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import duckdb

from bluelamp.recount.admission import Admission
from bluelamp.recount.coverage import FeedCoverage
from bluelamp.recount.profile import fill, fill_days
from bluelamp.recount.recount import Loaded, Recount
from bluelamp.recount.times import microseconds
from bluelamp.recount.withdrawal import not_counted
from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.union import Topic
from facts.wire import canonical, decode


class LogRecord(NamedTuple):
    """One record of a log.

    Attributes:
        topic: it came by.
        partition: the number of the partition it lies on.
        offset: its place there.
        received_at: when the log received it, in UTC.
        value: its bytes.
        is_moved: its facts were first received on another partition, and judged there for being too late.
        is_readable: False where a whole batch lies there that cannot be read.
    """

    topic: Topic
    partition: int
    offset: int
    received_at: datetime
    value: bytes | None
    is_moved: bool = False
    is_readable: bool = True


_SQL = Path(__file__).with_name("sql")
_SECTIONS = ("effective", "contacts", "incidents", "custody", "custody_clocks", "working_days", "occurrences", "listed")
_MEMORY_LIMIT = "2GB"


def from_records(
    records: Iterable[LogRecord],
    forces: Sequence[Force],
    partitions: Mapping[str, int] | None = None,
    *,
    keeps_facts: bool = False,
) -> Recount:
    """Recount the records of a log.

    Args:
        records: each partition in the order of its offsets.
        forces: the profiles; facts of other forces are left out.
        partitions: topic to how many partitions it has; one for a topic that is not named.
        keeps_facts: the facts can be asked for, not only what they come to; that takes their room on disk.

    Returns:
        the recount; close it, or use it as a context manager.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recount-")))
        told = directory / "facts.tsv"
        with told.open("wb") as lines:
            reports = FeedCoverage()
            loaded = _write(records, Admission(forces, partitions or {}), lines, reports)
        connection = duckdb.connect(
            directory / "recount.duckdb",
            config={"memory_limit": _MEMORY_LIMIT, "preserve_insertion_order": "false"},
        )
        stack.callback(connection.close)
        connection.begin()
        _derive(connection, forces, told)
        connection.commit()
        if not keeps_facts:
            told.unlink()
        return Recount(connection, forces, loaded, stack.pop_all(), told if keeps_facts else None, reports)


def _write(records: Iterable[LogRecord], screen: Admission, lines: BinaryIO, reports: FeedCoverage) -> Loaded:
    """Write each fact that is counted as a line: topic, instant, canonical JSON, with tabs between."""
    loaded = Loaded()
    for record in records:
        if not record.is_readable:
            loaded.leave_out("unreadable_batch")
            continue
        parcel = decode(record.value, record.topic, record.received_at)
        loaded.records += 1
        for unreadable in parcel.unreadable:
            loaded.leave_out(unreadable.reason)
        for _, fact in parcel.facts:
            refusal = screen.refusal(fact, record.topic, record.partition, record.received_at, is_moved=record.is_moved)
            if refusal:
                loaded.leave_out(refusal)
                continue
            reports.take(fact, record.topic, record.partition, record.received_at)
            if isinstance(fact, FeedHeartbeat):
                loaded.heartbeats += 1
            else:
                loaded.facts += 1
                # Identifiers and labels hold no tab, and JSON writes none: a line needs no quoting.
                lines.write(b"%b\t%d\t%b\n" % (record.topic.encode(), microseconds(fact.at), canonical(fact)))
    return loaded


def _derive(connection: duckdb.DuckDBPyConnection, forces: Sequence[Force], told: Path) -> None:
    """From the written facts to the tables of outcomes, section by section."""
    _run(connection, "profile")
    fill(connection, forces)
    connection.execute("SET VARIABLE facts_file = ?", [str(told)])
    _run(connection, "facts")
    earliest, latest = connection.execute("SELECT min(happened), max(happened) FROM standing").fetchone()
    if earliest is not None:
        fill_days(connection, (force.time_zone for force in forces), earliest, latest)
    fallen = not_counted(connection.execute("SELECT striker, struck FROM strike").fetchall())
    connection.execute("INSERT INTO gone SELECT unnest(?::BIGINT[])", [sorted(fallen)])
    for section in _SECTIONS:
        _run(connection, section)


def _run(connection: duckdb.DuckDBPyConnection, section: str) -> None:
    connection.execute((_SQL / f"{section}.sql").read_text())
