"""Looks an archive through: whether every file is there, is the one that was written, and follows the one before."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from msgspec import Struct

from bluelamp.archive.manifest import ArchivePart, Manifest
from bluelamp.archive.parquet import places, sha256

_COPY = "Put it back from a copy of the archive."


class Fault(Struct, frozen=True, kw_only=True):
    """Something that is wrong with an archive.

    Attributes:
        what: it is.
        where: the file or the offsets.
        hint: what to do.
        day: of which records; None where that is not known.
    """

    what: str
    where: str
    hint: str
    day: date | None = None

    def words(self) -> str:
        """As people read it."""
        return f"{self.what}\n  where: {self.where}\n  try:   {self.hint}"


def verify(directory: Path, manifest: Manifest) -> Iterator[Fault]:
    """Everything that is wrong with an archive, by day; every file is read.

    Args:
        directory: of the archive.
        manifest: of what it should hold.
    """
    for gap in manifest.gaps():
        hint = "No file of them is named in the manifest: put both back from a copy of the archive."
        yield Fault(what=f"Records are missing: {gap.words()}.", where="the manifest", hint=hint, day=gap.until)
    days: dict[date, list[ArchivePart]] = {}
    for part in manifest.parts:
        days.setdefault(part.day, []).append(part)
    for day, parts in sorted(days.items()):
        yield from _day(directory, day, parts)
    named = {part.file for part in manifest.parts}
    for path in sorted(directory.glob("day=*/*.parquet")):
        if (name := str(path.relative_to(directory))) not in named:
            hint = "`bluelamp archive` writes it again if it is of a run that was killed; else put the manifest back."
            yield Fault(what="A file lies there that the manifest does not name.", where=name, hint=hint)


def _day(directory: Path, day: date, parts: list[ArchivePart]) -> Iterator[Fault]:
    gone = [part for part in parts if not (directory / part.file).exists()]
    if len(gone) == len(parts):
        what = f"The day {day} is missing: {len(parts):,} files of {sum(part.records for part in parts):,} records."
        yield Fault(what=what, where="; ".join(part.words() for part in parts), hint=_COPY, day=day)
        return
    for part in parts:
        if part in gone:
            yield Fault(what=f"A file of {day} is missing: {part.words()}.", where=part.file, hint=_COPY, day=day)
        elif fault := fault_of(directory, part) or _content(directory, part):
            yield fault


def fault_of(directory: Path, part: ArchivePart) -> Fault | None:
    """What is wrong with one file, by its size and checksum; None when it is the one that was written."""
    path = directory / part.file
    try:
        found, size = sha256(path), path.stat().st_size
    except OSError as error:
        what = f"A file of {part.day} cannot be read ({error.strerror}): {part.words()}."
        return Fault(what=what, where=part.file, hint=_COPY, day=part.day)
    if (found, size) == (part.sha256, part.size_bytes):
        return None
    what = f"A file of {part.day} is not the one that was written: {part.words()}."
    where = f"{part.file}: {size:,} bytes, SHA-256 {found}; written were {part.size_bytes:,} bytes, {part.sha256}"
    return Fault(what=what, where=where, hint=_COPY, day=part.day)


def _content(directory: Path, part: ArchivePart) -> Fault | None:
    """A manifest that was altered, or a file put under another's name with its checksum."""
    try:
        held = list(places(directory / part.file))
    except (OSError, ValueError) as error:
        what = f"A file of {part.day} cannot be read ({error}): {part.words()}."
        return Fault(what=what, where=part.file, hint=_COPY, day=part.day)
    offsets = [offset for _, _, offset in held]
    is_whole = (
        {(topic, number) for topic, number, _ in held} == {part.place()}
        and len(offsets) == part.records
        and offsets == sorted(set(offsets))
        and part.first <= offsets[0]
        and offsets[-1] < part.after
    )
    if is_whole:
        return None
    what = f"A file of {part.day} does not hold what the manifest says: {part.words()}, {part.records:,} records."
    return Fault(what=what, where=f"{part.file}: {len(offsets):,} records", hint=_COPY, day=part.day)
