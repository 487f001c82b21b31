"""Writes what the log holds beyond an archive's end into it, day by day; killed at any moment, it goes on without loss or double.

A part is drafted, forced to the disk and put under its name, and then the manifest that names it is replaced: what no manifest
names does not count, and is written again under the same name.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from msgspec import Struct

from bluelamp.archive.manifest import ArchivePart, Manifest, load, save
from bluelamp.archive.parquet import ParquetWriter, sha256
from bluelamp.embedded.broker.files import sync_directory
from facts.batch import Entry, SkippedOffsets
from facts.errors import IncompleteError, PartMissingError, SettingError
from streams.fetching import span_of
from streams.logreader import RecordSource
from streams.stall import Place
from streams.store import Identity

PART_BYTES = 256 * 1024 * 1024
"""A part ends after so many bytes of records: a kill costs no more than that."""
_LOCK = "lock"
_DRAFT = ".draft"


class ArchiveRun(Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes:
        parts: those it wrote.
        manifest: of the whole archive.
    """

    parts: list[ArchivePart]
    manifest: Manifest


def keep(
    directory: Path,
    source: RecordSource,
    identities: Mapping[str, Identity],
    reach: Mapping[Place, tuple[int, int]],
    say: Callable[[ArchivePart], None],
) -> ArchiveRun:
    """Write everything that a log holds beyond the end of its archive.

    Args:
        directory: of the archive; made if need be.
        source: the log.
        identities: of its topics.
        reach: the first offset still held, and the one after the last, of each of its partitions.
        say: is told of each part once it counts.

    Raises:
        IncompleteError: the log is another one, or no longer reaches back to the archive's end: names what is missing.
        SettingError: another run writes there.
        PartMissingError: the directory cannot be written, or the log stopped answering.
    """
    with _held(directory):
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
    """An archive and a log belong together only if the one was kept from the other.

    Raises:
        IncompleteError: they do not.
    """
    for topic, identity in identities.items():
        known = manifest.identities.get(topic, identity)
        if not known.is_same_log(identity) or known.partitions > identity.partitions:
            what = f"The archive is of another log: its topic {topic} is {known}, and the log's is {identity}."
            hint = "Point at the log it was kept from (BLUELAMP_KAFKA), or begin another archive (BLUELAMP_ARCHIVE)."
            raise IncompleteError(what, where=str(where), hint=hint)


def check_follows(manifest: Manifest, place: Place, first: int, last: int) -> int:
    """Where the log goes on from the archive of a partition.

    Args:
        manifest: of the archive.
        place: the partition.
        first: the first offset that the log still holds.
        last: the one after its last.

    Raises:
        IncompleteError: the log begins after the archive's end, or ends before it; names what is missing.
    """
    end = manifest.ends().get(place, manifest.begin(place))
    where = f"partition {place[0]}:{place[1]}"
    if first > end:
        what = (
            f"The archive ends at offset {end} and the log begins at {first}: offsets {end} to {first - 1} are missing."
        )
        hint = "Restore them in Kafka. If they are gone for good, begin another archive (BLUELAMP_ARCHIVE) and say so."
        raise IncompleteError(what, where=where, hint=hint)
    if last < end:
        what = f"The archive ends at offset {end} and the log at {last}: offsets {last} to {end - 1} are in the archive only."
        hint = "Is this the right Kafka? If its log was cut back, restore it from its copies."
        raise IncompleteError(what, where=where, hint=hint)
    return end


def _begin(directory: Path, manifest: Manifest, place: Place, first: int, last: int) -> int:
    """Where a partition goes on; a new archive begins where the log does, and remembers it."""
    name = f"{place[0]}:{place[1]}"
    if name not in manifest.begins:
        manifest.begins[name] = first
        save(directory, manifest)
    return check_follows(manifest, place, first, last)


def _parts(directory: Path, place: Place, begin: int, last: int, source: RecordSource) -> Iterator[ArchivePart]:
    """Write the records of a partition into one part for each day, or more for a large one."""
    entries = (entry for some in source.read(place, begin, last) for entry in some)
    # Where the log itself holds nothing there is nothing to keep: the offsets of the part cover it.
    records = (entry for entry in entries if not isinstance(entry, SkippedOffsets) or entry.why)
    head = next(records, None)
    while head is not None:
        day, first = _day(head), begin
        name = f"day={day}/{place[0]}-{place[1]}-{first:020d}.parquet"
        path = directory / name
        draft = _drafted(path)
        writer = ParquetWriter(draft, *place)
        # A clock that is put back does not begin an earlier day anew: the order of offsets is what counts.
        while head is not None and _day(head) <= day and writer.size_bytes < PART_BYTES:
            writer.add(head)
            head = next(records, None)
        writer.close()
        _put(draft, path)
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


def _drafted(path: Path) -> Path:
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700)
        sync_directory(path.parent.parent)
    return path.with_name(path.name + _DRAFT)


def _put(draft: Path, path: Path) -> None:
    """Put a drafted file under its name, so that it is there whole whenever the machine dies."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Keep a second run out; what cannot be written is told."""
    try:
        # What could not be read is kept too, and may hold what no fact may: nobody else reads it.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (directory / _LOCK).open("ab") as lock:
            _lock(lock.fileno(), directory)
            yield
    except OSError as error:
        hint = "See to its room and rights, and start again: what counts already is not written twice."
        what = f"The archive cannot be written: {error.strerror or error}."
        raise PartMissingError(what, where=str(directory), hint=hint) from error


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "Let it end first: this one would only do the same."
        raise SettingError("Another `bluelamp archive` writes there.", where=str(directory), hint=hint) from None
