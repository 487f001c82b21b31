"""Loads the facts of a log into tables, and derives the outcomes from them."""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import duckdb
import msgspec

from bluelamp.recount import custody
from bluelamp.recount.admission import Admission
from bluelamp.recount.coverage import FeedCoverage
from bluelamp.recount.first_look import ChosenSubjects, Looked, subject_name
from bluelamp.recount.heartbeats import unusual
from bluelamp.recount.needed import NeededTime
from bluelamp.recount.profile import fill, fill_days
from bluelamp.recount.recount import Loaded, Recount
from bluelamp.recount.statements import parsed
from bluelamp.recount.times import microseconds, moment_of
from bluelamp.recount.withdrawal import not_counted
from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.heartbeat_run import HeartbeatRun, Layout
from facts.union import Topic
from facts.wire import canonical, decode


class LogRecord(NamedTuple):
    """A record of a log.

    Attributes:
        topic: its topic.
        partition: the number of its partition.
        offset: its offset.
        received_at: when the log received it, in UTC.
        value: its bytes.
        is_moved: whether its facts were first received on another partition, where it was decided whether they were too late.
        is_readable: False for a whole batch that cannot be read.
        run: the heartbeats that it represents; None for one record. `offset` and `received_at` are those of the first.
    """

    topic: Topic
    partition: int
    offset: int
    received_at: datetime
    value: bytes | None
    is_moved: bool = False
    is_readable: bool = True
    run: HeartbeatRun | None = None


_ToCheck = tuple[LogRecord, Collection[str] | None]
"""A record to decode, and the subjects whose facts are then checked further; None for all of its facts."""
_Look = Looked | list[Layout] | None
"""What a first look says of a record: of a run of heartbeats, where the parts of each are; None if it must be checked."""
_SQL = Path(__file__).with_name("sql")
_SECTIONS: dict[Topic, tuple[str, ...]] = {
    "contacts": ("contacts",),
    "incidents": ("incidents",),
    "custody": ("custody",),
    "occurrences": ("working_days", "occurrences"),
    "call_takers": ("call_takers",),
}
"""The sections that derive the outcomes of each topic; no section reads another topic's facts."""
MOST_FACTS = 5_000
"""A subject has at most this many facts; the others are left out."""
_PACKED = msgspec.msgpack.Encoder()
_UNPACKED = msgspec.msgpack.Decoder(LogRecord)
_SIZE_BYTES, _BUFFER_BYTES = 4, 1_000_000
_SMALL_BYTES, _TINY_BYTES = 8_000_000, 50_000
_CONFIG: dict[str, Any] = {"memory_limit": "2GB", "preserve_insertion_order": "false"}
_numbers = count()


def from_records(
    records: Iterable[LogRecord],
    forces: Sequence[Force],
    partitions: Mapping[str, int] | None = None,
    *,
    keeps_facts: bool = False,
    spans: Sequence[NeededTime] | None = None,
) -> Recount:
    """Recount the records of a log.

    Args:
        records: the records, in order of offset within each partition.
        forces: the profiles; facts of other forces are left out.
        partitions: the number of partitions of each topic; one for a topic that is missing.
        keeps_facts: whether to keep the facts on disk, so that they can be listed with the figures.
        spans: only subjects with a fact in one of these times are recounted, with all of their facts; None recounts every subject.

    Returns:
        the recount; close it, or use it as a context manager.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="recount-")))
        facts_file, coverage, loaded, subjects = directory / "facts.tsv", FeedCoverage(), Loaded(), None
        with (directory / "records").open("w+b", _BUFFER_BYTES) as file, facts_file.open("wb") as lines:
            if spans is not None:
                subjects, looked = _chosen(records, spans, file)
                to_check = _to_check(_kept(file, looked), looked, subjects, coverage, loaded)
            else:
                to_check = ((record, None) for record in records)
            _write(to_check, Admission(forces, partitions or {}), lines, coverage, loaded, subjects)
        connection = stack.enter_context(_connected(directory, facts_file.stat().st_size))
        with _transaction(connection):
            _derive(connection, forces, facts_file, loaded, is_every_subject=subjects is None)
        if not keeps_facts:
            facts_file.unlink()
        return Recount(connection, forces, loaded, stack.pop_all(), facts_file if keeps_facts else None, coverage)


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """One transaction. It always ends, because a database with an open transaction cannot be removed."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextmanager
def _connected(directory: Path, size_bytes: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database for facts of this size: a file, several threads and better plans cost more than a few facts do."""
    if size_bytes >= _SMALL_BYTES:
        with duckdb.connect(directory / "recount.duckdb", config=_CONFIG) as connection:
            # In a process that another one has started, DuckDB takes standard output for a terminal.
            connection.execute("SET enable_progress_bar = false")
            yield connection
        return
    name = f"recount_{next(_numbers)}"
    with _in_memory().cursor() as connection:
        connection.execute(f"ATTACH ':memory:' AS {name}; USE {name}")
        if size_bytes < _TINY_BYTES:
            connection.execute("PRAGMA disable_optimizer")
        try:
            yield connection
        finally:
            connection.execute(f"USE memory; DETACH {name}")


@cache
def _in_memory() -> duckdb.DuckDBPyConnection:
    """The DuckDB that all small recounts share, each with its own database. Starting DuckDB takes longer than counting a few facts."""
    return duckdb.connect(":memory:", config={**_CONFIG, "threads": 1})


def _chosen(
    records: Iterable[LogRecord], spans: Sequence[NeededTime], file: BinaryIO
) -> tuple[set[str] | None, list[_Look]]:
    """The subjects with a fact in one of these times, or None for all; and what a first look says of each record. Keeps the records in the file."""
    chosen = ChosenSubjects(spans, MOST_FACTS)
    looked: list[_Look] = []
    for record in records:
        packed = _PACKED.encode(record._replace(run=record.run._replace(layouts=[])) if record.run else record)
        file.write(len(packed).to_bytes(_SIZE_BYTES) + packed)
        if record.run is not None:
            looked.append(record.run.layouts)
        else:
            is_readable, place = record.is_readable, (record.topic, record.received_at)
            looked.append(chosen.look(record.value, *place) if is_readable else None)
    return chosen.subjects(), looked


def _kept(file: BinaryIO, looked: Iterable[_Look]) -> Iterator[LogRecord]:
    """The records kept in a file, in the same order."""
    file.seek(0)
    for look in looked:
        record = _UNPACKED.decode(file.read(int.from_bytes(file.read(_SIZE_BYTES))))
        yield record._replace(run=record.run._replace(layouts=cast(list[Layout], look))) if record.run else record


def _to_check(
    records: Iterable[LogRecord],
    looked: Iterable[_Look],
    subjects: set[str] | None,
    coverage: FeedCoverage,
    loaded: Loaded,
) -> Iterator[_ToCheck]:
    """The records that must be checked. Each is chosen only after the one before it has been counted in the coverage."""
    for record, look in zip(records, looked, strict=True):
        place = record.topic, record.partition, record.received_at
        if subjects is None or not isinstance(look, Looked) or look.may_change(coverage, *place):
            yield record, None
        elif subjects.isdisjoint(look.subjects):
            loaded.records += 1
            loaded.unchecked += len(look.subjects)
        else:
            yield record, subjects


def _write(
    records: Iterable[_ToCheck],
    admission: Admission,
    lines: BinaryIO,
    coverage: FeedCoverage,
    loaded: Loaded,
    subjects: Collection[str] | None,
) -> None:
    """Write each counted fact, of these subjects or of all, as a line: topic, time, subject, canonical JSON and number, separated by tabs."""
    for record, only in _without_runs(records, admission, coverage, loaded):
        if not record.is_readable:
            loaded.leave_out("unreadable_batch")
            continue
        batch = decode(record.value, record.topic, record.received_at)
        loaded.records += 1
        for unreadable in batch.unreadable:
            loaded.leave_out(unreadable.reason)
        # This loop is half of the work of a recount, so for each fact it looks up as little as possible.
        topic, partition, received_at = record.topic, record.partition, record.received_at
        prefix = topic.encode()
        for _, fact in batch.facts:
            about = "" if isinstance(fact, FeedHeartbeat) else subject_name(fact.force, fact.subject_id)
            if only is not None and about not in only:
                loaded.unchecked += 1
                continue
            refusal = admission.refusal(fact, topic, partition, received_at, is_moved=record.is_moved)
            if refusal:
                loaded.leave_out(refusal)
                continue
            coverage.add(fact, topic, partition, received_at)
            if isinstance(fact, FeedHeartbeat):
                loaded.heartbeats += 1
                continue
            loaded.facts += 1
            if subjects is None or about in subjects:
                # Lines need no quoting: ids and labels contain no tab, and JSON escapes it.
                line = prefix, microseconds(fact.at), about.encode(), canonical(fact), loaded.facts
                lines.write(b"%b\t%d\t%b\t%b\t%d\n" % line)


def _without_runs(
    records: Iterable[_ToCheck], admission: Admission, coverage: FeedCoverage, loaded: Loaded
) -> Iterator[_ToCheck]:
    """The records, without the heartbeats of runs that can be counted together."""
    for record, only in records:
        if record.run is None:
            yield record, only
            continue
        for place in unusual(record.run, record.topic, record.partition, admission, coverage, loaded):
            each = record.run.record(place)
            received_at = moment_of(each.timestamp * 1000)
            yield LogRecord(record.topic, record.partition, each.offset, received_at, each.value), None


def _derive(
    connection: duckdb.DuckDBPyConnection,
    forces: Sequence[Force],
    facts_file: Path,
    loaded: Loaded,
    *,
    is_every_subject: bool,
) -> None:
    """Derive the tables of outcomes from the file of facts, section by section."""
    _run(connection, "profile")
    fill(connection, forces)
    connection.execute("SET VARIABLE facts_file = ?", [str(facts_file)])
    _run(connection, "lines")
    _run(connection, "reported")
    if loaded.facts > MOST_FACTS and is_every_subject:
        _leave_out_beyond(connection, loaded)
    _run(connection, "facts")
    earliest, latest = connection.execute("SELECT min(happened), max(happened) FROM latest").fetchone()
    if earliest is not None:
        fill_days(connection, (force.time_zone for force in forces), earliest, latest)
    excluded = not_counted(connection.execute("SELECT remover, removed FROM removal").fetchall())
    connection.execute("INSERT INTO not_counted SELECT unnest(?::BIGINT[])", [sorted(excluded)])
    _run(connection, "effective")
    _run(connection, "outcomes")
    # DuckDB plans a statement as long for no facts as for some, so a topic without facts is left out.
    reported = {topic for (topic,) in connection.execute("SELECT DISTINCT topic FROM subject").fetchall()}
    for topic in sorted(reported):
        for section in _SECTIONS[topic]:
            _run(connection, section)
    if "custody" in reported:
        custody.derive(connection, forces)
    _run(connection, "listed")


def _leave_out_beyond(connection: duckdb.DuckDBPyConnection, loaded: Loaded) -> None:
    """Leave out the facts of subjects that have more than the most."""
    connection.execute("SET VARIABLE most_facts = ?", [MOST_FACTS])
    _run(connection, "full")
    (kept,) = connection.execute("SELECT count(*) FROM reported").fetchone() or (0,)
    loaded.leave_out("too_many_facts", loaded.facts - kept)
    loaded.facts = kept


def _run(connection: duckdb.DuckDBPyConnection, section: str) -> None:
    for statement in parsed(_text(section)):
        connection.execute(statement)


@cache
def _text(section: str) -> str:
    return (_SQL / f"{section}.sql").read_text()
