"""What an archive holds, part by part: the manifest, which is the truth about it, and what follows from it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct, field

from bluelamp.embedded.broker.files import replace_file
from facts.errors import IncompleteError
from streams.stall import Place
from streams.store import Identity

FORMAT = 1
"""The version of the manifest and of the columns of its files."""
NAME = "manifest.json"
_RESTORE = "Restore it from a copy of the archive; every file beside it says in its own name and columns what it holds."


class ArchivePart(Struct, frozen=True, kw_only=True):
    """One file: a run of one partition's records.

    Attributes:
        file: its path within the archive.
        day: on which the log received its first record, in UTC.
        topic: of the partition.
        partition: its number.
        first: the offset it begins at.
        after: the offset that follows it; the next part begins there.
        records: how many it holds; offsets between that hold none held none in the log.
        size_bytes: of the file.
        sha256: of the file, in hexadecimal.
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
        """Which records it holds, for people."""
        return f"{self.topic}:{self.partition} offsets {self.first} to {self.after - 1}"

    def line(self) -> str:
        """All of it on one line, for people."""
        return f"{self.day}  {self.words()}  {self.records:,} records, {self.size_bytes:,} bytes"


class Sums(Struct, frozen=True, kw_only=True):
    """What an archive comes to.

    Attributes:
        days: how many there are.
        first_day: the first of them, in UTC; None while there is none.
        last_day: the last.
        files: how many there are.
        records: in them.
        size_bytes: of them.
    """

    days: int
    first_day: date | None
    last_day: date | None
    files: int
    records: int
    size_bytes: int

    def words(self) -> str:
        """As people read it."""
        if not self.files:
            return "nothing yet"
        days = f"{self.days:,} days from {self.first_day} to {self.last_day}" if self.days > 1 else f"{self.first_day}"
        return f"{days}: {self.records:,} records in {self.files:,} files, {self.size_bytes:,} bytes"


class Gap(Struct, frozen=True, kw_only=True):
    """Offsets of a partition that no part holds, although parts before and after do; or two, where `first` is after `after`.

    Attributes:
        place: the partition.
        first: the first of them.
        after: the offset that follows them.
        since: the day of the part before; None where they are the first.
        until: the day of the part after.
    """

    place: Place
    first: int
    after: int
    since: date | None
    until: date

    def words(self) -> str:
        """Which they are, for people."""
        if self.first > self.after:
            where = f"{self.place[0]}:{self.place[1]} offsets {self.after} to {self.first - 1}"
            return f"{where}, received on {self.until}, are held twice"
        days = f"received on {self.until}" if self.since in (None, self.until) else f"from {self.since} to {self.until}"
        return f"{self.place[0]}:{self.place[1]} offsets {self.first} to {self.after - 1}, {days}, are missing"


class Manifest(Struct, kw_only=True):
    """Everything an archive holds.

    Attributes:
        format: of itself.
        identities: which log each topic was kept from.
        begins: the offset at which the archive of each partition begins, as `topic:number`; 0 unless the log had let go
            of what was before.
        parts: in the order in which they were written; those of one partition follow each other without a gap.
    """

    format: int = FORMAT
    identities: dict[str, Identity] = field(default_factory=dict)
    begins: dict[str, int] = field(default_factory=dict)
    parts: list[ArchivePart] = field(default_factory=list)

    def places(self) -> dict[Place, list[ArchivePart]]:
        """The parts of each partition, in the order of their offsets."""
        found: dict[Place, list[ArchivePart]] = {}
        for part in sorted(self.parts, key=lambda each: each.first):
            found.setdefault(part.place(), []).append(part)
        return dict(sorted(found.items()))

    def begin(self, place: Place) -> int:
        """The offset at which the archive of a partition begins."""
        return self.begins.get(f"{place[0]}:{place[1]}", 0)

    def ends(self) -> dict[Place, int]:
        """The offset after the last of each partition that it holds."""
        return {place: parts[-1].after for place, parts in self.places().items()}

    def sums(self) -> Sums:
        """What it comes to."""
        days = {part.day for part in self.parts}
        return Sums(
            days=len(days),
            first_day=min(days, default=None),
            last_day=max(days, default=None),
            files=len(self.parts),
            records=sum(part.records for part in self.parts),
            size_bytes=sum(part.size_bytes for part in self.parts),
        )

    def gaps(self) -> Iterator[Gap]:
        """Where parts of a partition do not follow each other."""
        for place, parts in self.places().items():
            after, day = self.begin(place), None
            for part in parts:
                if part.first != after:
                    yield Gap(place=place, first=after, after=part.first, since=day, until=part.day)
                after, day = part.after, part.day


def load(directory: Path) -> Manifest | None:
    """The manifest of an archive; None where there is no archive yet.

    Raises:
        IncompleteError: it cannot be read, or there are files and no manifest.
    """
    path = directory / NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        if next(directory.glob("day=*/*.parquet"), None) is None:
            return None
        what = "The archive has files and no manifest."
        raise IncompleteError(what, where=str(path), hint=_RESTORE) from None
    except (OSError, msgspec.MsgspecError) as error:
        what = f"The manifest of the archive cannot be read: {error}."
        raise IncompleteError(what, where=str(path), hint=_RESTORE) from None
    if manifest.format != FORMAT:
        what = f"The archive is of format {manifest.format}, and this version reads {FORMAT}."
        raise IncompleteError(what, where=str(path), hint="Use the version of Blue Lamp that has written it.")
    return manifest


def save(directory: Path, manifest: Manifest) -> None:
    """Replace the manifest in one step."""
    replace_file(directory / NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
