"""Writes the log's records after the archive's end to the archive, by day; a killed run loses and repeats nothing.

A part is written as a draft, forced to disk and renamed, and then the manifest that lists it is replaced. A file that the
manifest does not list does not count, and is written again under the same name.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from msgspec import Struct

from bluelamp.archive.manifest import ArchivePart, Manifest, load, save
from bluelamp.archive.parquet import ParquetWriter, sha256
from facts.batch import Entry, SkippedOffsets
from facts.errors import IncompleteError, PartMissingError, SettingError
from facts.heartbeat_run import span_of
from producers.files import publish_draft, sync_directory
from streams.logreader import RecordSource
from streams.record import Place
from streams.store import Identity

PART_BYTES = 256 * 1024 * 1024
"""The size of records at which a part ends: a killed run loses no more work than this."""
_LOCK = "lock"
_DRAFT = ".draft"


class ArchiveRun(Struct, frozen=True, kw_only=True):
    """The result of a run.

    Attributes:
        parts: the parts it wrote.
        manifest: the manifest of the whole archive.
    """

    parts: list[ArchivePart]
    manifest: Manifest


def write_new(
    directory: Path,
    source: RecordSource,
    identities: Mapping[str, Identity],
    reach: Mapping[Place, tuple[int, int]],
    say: Callable[[ArchivePart], None],
) -> ArchiveRun:
    """Write all records of a log after the end of its archive.

    Args:
        directory: the directory of the archive; created if necessary.
        source: the log.
        identities: the identities of its topics.
        reach: the first offset that the log still holds, and the one after its last, of each of its partitions.
        say: called with each part once the manifest lists it.

    Raises:
        IncompleteError: it is another log, or it no longer holds the offsets after the archive's end; names them.
        SettingError: another run is writing to the directory.
        PartMissingError: the directory cannot be written, or Kafka stopped answering.
    """
    with _locked(directory):
        manifest = load(directory) or Manifest()
        check_identity(directory, manifest, identities)
        manifest.identities |= identities
        for draft in directory.glob(f"day=*/*{_DRAFT}"):
            draft.unlink()
        written: list[ArchivePart] = []
        for place, (first, last) in sorted(reach.items()):
            begin = _begin(directory, manifest, place, first, last)
            for part in _parts(directory, place, begin, last, source):
                manifest.parts.append(part)
                save(directory, manifest)
                written.append(part)
                say(part)
        save(directory, manifest)
    return ArchiveRun(parts=written, manifest=manifest)


def check_identity(where: Path, manifest: Manifest, identities: Mapping[str, Identity]) -> None:
    """Check that an archive was copied from a log.

    Raises:
        IncompleteError: it was not.
    """
    for topic, identity in identities.items():
        known = manifest.identities.get(topic, identity)
        if not known.is_same_log(identity) or known.partitions > identity.partitions:
            what = f"The archive belongs to another log: its topic {topic} is {known}, but the log's is {identity}."
            hint = "Set BLUELAMP_KAFKA to the archive's log, or start another archive (BLUELAMP_ARCHIVE)."
            raise IncompleteError(what, where=str(where), hint=hint)


def check_follows(manifest: Manifest, place: Place, first: int, last: int) -> int:
    """The offset at which the log continues the archive of a partition.

    Args:
        manifest: the manifest of the archive.
        place: the partition.
        first: the first offset that the log still holds.
        last: the one after its last.

    Raises:
        IncompleteError: the log begins after the archive's end, or ends before it; names the missing offsets.
    """
    end = manifest.ends().get(place, manifest.begin(place))
    where = f"partition {place[0]}:{place[1]}"
    if first > end:
        what = (
            f"The archive ends at offset {end} but the log begins at {first}: offsets {end} to {first - 1} are missing."
        )
        hint = "Restore them in Kafka. If they are lost, start another archive (BLUELAMP_ARCHIVE) and inform its users."
        raise IncompleteError(what, where=where, hint=hint)
    if last < end:
        what = f"The archive ends at offset {end} but the log at {last}: offsets {last} to {end - 1} are only in the archive."
        hint = "Check that this is the right Kafka. If its log was truncated, restore it from a backup."
        raise IncompleteError(what, where=where, hint=hint)
    return end


def _begin(directory: Path, manifest: Manifest, place: Place, first: int, last: int) -> int:
    """The offset at which a partition continues; a new archive records the log's first offset as its own."""
    name = f"{place[0]}:{place[1]}"
    if name not in manifest.begins:
        manifest.begins[name] = first
        save(directory, manifest)
    return check_follows(manifest, place, first, last)


def _parts(directory: Path, place: Place, begin: int, last: int, source: RecordSource) -> Iterator[ArchivePart]:
    """Write the records of a partition into one part for each day, or more for a large one."""
    entries = (entry for batch in source.read(place, begin, last) for entry in batch)
    # Offsets without a record are not stored: the offsets of the part cover them.
    records = (entry for entry in entries if not isinstance(entry, SkippedOffsets) or entry.why)
    head = next(records, None)
    while head is not None:
        day, first = _day(head), begin
        name = f"day={day}/{place[0]}-{place[1]}-{first:020d}.parquet"
        path = directory / name
        draft = _draft_of(path)
        writer = ParquetWriter(draft, *place)
        # If the clock was set back, the earlier day is not begun again: parts follow the order of offsets.
        while head is not None and _day(head) <= day and writer.size_bytes < PART_BYTES:
            writer.add(head)
            head = next(records, None)
        writer.close()
        publish_draft(draft, path)
        begin = last if head is None else span_of(head)[0]
        yield ArchivePart(
            file=name,
            day=day,
            topic=place[0],
            partition=place[1],
            first=first,
            after=begin,
            records=writer.records,
            size_bytes=path.stat().st_size,
            sha256=sha256(path),
        )


def _day(entry: Entry) -> date:
    """The day on which the log received an entry, in UTC."""
    return datetime.fromtimestamp(entry.timestamp / 1000, UTC).date()


def _draft_of(path: Path) -> Path:
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700)
        sync_directory(path.parent.parent)
    return path.with_name(path.name + _DRAFT)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Lock the archive against a second run, and explain errors in writing."""
    try:
        # Unreadable records may contain personal data, so nobody else may read the directory.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (directory / _LOCK).open("ab") as lock:
            _lock(lock.fileno(), directory)
            yield
    except OSError as error:
        hint = "Check its free space and permissions, and run it again: it continues where it stopped."
        what = f"The archive cannot be written: {error.strerror or error}."
        raise PartMissingError(what, where=str(directory), hint=hint) from error


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "Wait until it has finished."
        raise SettingError("Another `bluelamp archive` is running.", where=str(directory), hint=hint) from None
