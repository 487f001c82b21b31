"""Verifies an archive: every file must exist, be unaltered, and follow the one before."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from msgspec import Struct

from bluelamp.archive.manifest import ArchivePart, Manifest
from bluelamp.archive.parquet import places, sha256

_COPY = "Restore it from a backup of the archive."


class Fault(Struct, frozen=True, kw_only=True):
    """Something that is wrong with an archive.

    Attributes:
        what: what is wrong.
        where: the file or the offsets.
        hint: what to do.
        day: the day of the records; None if unknown.
    """

    what: str
    where: str
    hint: str
    day: date | None = None

    def words(self) -> str:
        """The fault as text for people."""
        return f"{self.what}\n  where: {self.where}\n  try:   {self.hint}"


def verify(directory: Path, manifest: Manifest) -> Iterator[Fault]:
    """Every fault of an archive, by day; every file is read.

    Args:
        directory: the directory of the archive.
        manifest: what the archive should hold.
    """
    for gap in manifest.gaps():
        hint = "The manifest lists no file for them: restore both from a backup of the archive."
        yield Fault(what=f"Records are missing: {gap.words()}.", where="the manifest", hint=hint, day=gap.until)
    days: dict[date, list[ArchivePart]] = {}
    for part in manifest.parts:
        days.setdefault(part.day, []).append(part)
    for day, parts in sorted(days.items()):
        yield from _day(directory, day, parts)
    listed = {part.file for part in manifest.parts}
    for path in sorted(directory.glob("day=*/*.parquet")):
        if (name := str(path.relative_to(directory))) not in listed:
            hint = (
                "If a run was killed, `bluelamp archive` writes it again. Otherwise restore the manifest from a backup."
            )
            yield Fault(what="The manifest does not list this file.", where=name, hint=hint)


def _day(directory: Path, day: date, parts: list[ArchivePart]) -> Iterator[Fault]:
    missing = [part for part in parts if not (directory / part.file).exists()]
    if len(missing) == len(parts):
        what = f"The day {day} is missing: {len(parts):,} files with {sum(part.records for part in parts):,} records."
        yield Fault(what=what, where="; ".join(part.words() for part in parts), hint=_COPY, day=day)
        return
    for part in parts:
        if part in missing:
            yield Fault(what=f"A file of {day} is missing: {part.words()}.", where=part.file, hint=_COPY, day=day)
        elif fault := fault_of(directory, part) or _content(directory, part):
            yield fault


def fault_of(directory: Path, part: ArchivePart) -> Fault | None:
    """The fault of one file, by its size and checksum; None if it is unaltered."""
    path = directory / part.file
    try:
        checksum, size = sha256(path), path.stat().st_size
    except OSError as error:
        what = f"A file of {part.day} cannot be read ({error.strerror}): {part.words()}."
        return Fault(what=what, where=part.file, hint=_COPY, day=part.day)
    if (checksum, size) == (part.sha256, part.size_bytes):
        return None
    what = f"A file of {part.day} was altered: {part.words()}."
    where = (
        f"{part.file}: {size:,} bytes, SHA-256 {checksum}; the manifest says {part.size_bytes:,} bytes, {part.sha256}"
    )
    return Fault(what=what, where=where, hint=_COPY, day=part.day)


def _content(directory: Path, part: ArchivePart) -> Fault | None:
    """The fault if the contents of a file differ from the manifest: an altered manifest, or a file under another's name."""
    try:
        contents = list(places(directory / part.file))
    except (OSError, ValueError) as error:
        what = f"A file of {part.day} cannot be read ({error}): {part.words()}."
        return Fault(what=what, where=part.file, hint=_COPY, day=part.day)
    offsets = [offset for _, _, offset in contents]
    is_whole = (
        {(topic, number) for topic, number, _ in contents} == {part.place()}
        and len(offsets) == part.records
        and offsets == sorted(set(offsets))
        and part.first <= offsets[0]
        and offsets[-1] < part.after
    )
    if is_whole:
        return None
    what = f"A file of {part.day} does not match the manifest: {part.words()}, {part.records:,} records."
    return Fault(what=what, where=f"{part.file}: {len(offsets):,} records", hint=_COPY, day=part.day)
