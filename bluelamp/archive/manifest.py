"""The manifest of an archive: the list of its files, with gaps and totals computed from it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct, field

from facts.errors import IncompleteError
from producers.files import replace_file
from streams.record import Place
from streams.store import Identity

FORMAT = 1
"""The version of the manifest and of the columns of its files."""
NAME = "manifest.json"
_RESTORE = "Restore it from a backup of the archive; the name and columns of each file show what the file holds."


class ArchivePart(Struct, frozen=True, kw_only=True):
    """One file: consecutive records of one partition.

    Attributes:
        file: its path within the archive.
        day: the day on which the log received its first record, in UTC.
        topic: the topic of the partition.
        partition: its number.
        first: its first offset.
        after: the offset after its last one, with which the next part begins.
        records: the number of records; offsets without one had none in the log.
        size_bytes: the size of the file.
        sha256: the SHA-256 digest of the file, in hexadecimal.
    """

    file: str
    day: date
    topic: str
    partition: int
    first: int
    after: int
    records: int
    size_bytes: int
    sha256: str

    def place(self) -> Place:
        """Its partition."""
        return self.topic, self.partition

    def words(self) -> str:
        """The offsets it holds, for people."""
        return f"{self.topic}:{self.partition} offsets {self.first} to {self.after - 1}"

    def line(self) -> str:
        """The whole entry on one line, for people."""
        return f"{self.day}  {self.words()}  {self.records:,} records, {self.size_bytes:,} bytes"


class Totals(Struct, frozen=True, kw_only=True):
    """The totals of an archive.

    Attributes:
        days: the number of days.
        first_day: the first day, in UTC; None if the archive is empty.
        last_day: the last day.
        files: the number of files.
        records: the number of records.
        size_bytes: the size of all files.
    """

    days: int
    first_day: date | None
    last_day: date | None
    files: int
    records: int
    size_bytes: int

    def words(self) -> str:
        """The totals as text for people."""
        if not self.files:
            return "no records yet"
        days = f"{self.days:,} days from {self.first_day} to {self.last_day}" if self.days > 1 else f"{self.first_day}"
        return f"{days}: {self.records:,} records in {self.files:,} files, {self.size_bytes:,} bytes"


class Gap(Struct, frozen=True, kw_only=True):
    """Offsets of a partition that are missing between two parts; or that both hold, if `first` is after `after`.

    Attributes:
        place: the partition.
        first: the first missing offset.
        after: the offset after the last missing one.
        since: the day of the part before; None if there is none.
        until: the day of the part after.
    """

    place: Place
    first: int
    after: int
    since: date | None
    until: date

    def words(self) -> str:
        """The gap as text for people."""
        if self.first > self.after:
            where = f"{self.place[0]}:{self.place[1]} offsets {self.after} to {self.first - 1}"
            return f"{where}, received on {self.until}, are archived twice"
        days = f"received on {self.until}" if self.since in (None, self.until) else f"from {self.since} to {self.until}"
        return f"{self.place[0]}:{self.place[1]} offsets {self.first} to {self.after - 1}, {days}, are missing"


class Manifest(Struct, kw_only=True):
    """The contents of an archive.

    Attributes:
        format: the format of the manifest.
        identities: the log that each topic was copied from.
        begins: the first offset of each partition, by `topic:number`; 0 unless the log had already deleted earlier records.
        parts: in the order in which they were written; the parts of a partition follow one another without a gap.
    """

    format: int = FORMAT
    identities: dict[str, Identity] = field(default_factory=dict)
    begins: dict[str, int] = field(default_factory=dict)
    parts: list[ArchivePart] = field(default_factory=list)

    def places(self) -> dict[Place, list[ArchivePart]]:
        """The parts of each partition, in the order of their offsets."""
        parts: dict[Place, list[ArchivePart]] = {}
        for part in sorted(self.parts, key=lambda each: each.first):
            parts.setdefault(part.place(), []).append(part)
        return dict(sorted(parts.items()))

    def begin(self, place: Place) -> int:
        """The offset at which the archive of a partition begins."""
        return self.begins.get(f"{place[0]}:{place[1]}", 0)

    def ends(self) -> dict[Place, int]:
        """The offset after the last archived one, by partition."""
        return {place: parts[-1].after for place, parts in self.places().items()}

    def totals(self) -> Totals:
        """The archive's totals."""
        days = {part.day for part in self.parts}
        return Totals(
            days=len(days),
            first_day=min(days, default=None),
            last_day=max(days, default=None),
            files=len(self.parts),
            records=sum(part.records for part in self.parts),
            size_bytes=sum(part.size_bytes for part in self.parts),
        )

    def gaps(self) -> Iterator[Gap]:
        """The gaps between parts of a partition."""
        for place, parts in self.places().items():
            after, day = self.begin(place), None
            for part in parts:
                if part.first != after:
                    yield Gap(place=place, first=after, after=part.first, since=day, until=part.day)
                after, day = part.after, part.day


def load(directory: Path) -> Manifest | None:
    """The manifest of an archive; None if there is no archive yet.

    Raises:
        IncompleteError: it cannot be read, or there are files but no manifest.
    """
    path = directory / NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        if next(directory.glob("day=*/*.parquet"), None) is None:
            return None
        what = "The archive has files but no manifest."
        raise IncompleteError(what, where=str(path), hint=_RESTORE) from None
    except (OSError, msgspec.MsgspecError) as error:
        what = f"The manifest of the archive cannot be read: {error}."
        raise IncompleteError(what, where=str(path), hint=_RESTORE) from None
    if manifest.format != FORMAT:
        what = f"The archive has format {manifest.format}; this version of Blue Lamp reads format {FORMAT}."
        raise IncompleteError(what, where=str(path), hint="Use the version of Blue Lamp that wrote it.")
    return manifest


def save(directory: Path, manifest: Manifest) -> None:
    """Replace the manifest in one step."""
    replace_file(directory / NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
