"""Reads an archive and the log as one: the archive up to its end, then the log. Offsets missing between them are an error."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from bluelamp.archive.manifest import ArchivePart, load
from bluelamp.archive.parquet import rows
from bluelamp.archive.verifying import fault_of
from bluelamp.archive.writing import check_follows, check_identity
from bluelamp.recount.load import LogRecord
from bluelamp.recount.log import records_of
from facts.batch import Entry
from facts.errors import IncompleteError, SettingError
from facts.heartbeat_run import HeartbeatRun, in_runs, span_of
from facts.union import Topic
from streams.logreader import RunSource
from streams.record import Place
from streams.store import Identity


class Archive:
    """An archive, as its manifest was when it was opened.

    Args:
        directory: the directory of the archive.

    Raises:
        SettingError: there is none.
        IncompleteError: its manifest cannot be read, or has a gap.
    """

    def __init__(self, directory: Path) -> None:
        manifest = load(directory)
        if manifest is None:
            hint = "Start one with `bluelamp archive`, or unset BLUELAMP_ARCHIVE to read only the log."
            raise SettingError("There is no archive yet.", where=str(directory), hint=hint)
        self.directory, self.manifest = directory, manifest
        self._parts = manifest.places()
        for gap in manifest.gaps():
            hint = "`bluelamp archive --verify` lists everything that is wrong with it."
            raise IncompleteError(f"The archive has a gap: {gap.words()}.", where=str(directory), hint=hint)

    def check(self, identities: Mapping[str, Identity]) -> None:
        """Refuse an archive of another log.

        Raises:
            IncompleteError: it was.
        """
        check_identity(self.directory, self.manifest, identities)

    def begins(self, reach: Mapping[Place, tuple[int, int]]) -> dict[Place, int]:
        """The first offset of each partition in the archive or the log; `reach` as for `follow`."""
        return {
            place: self.manifest.begin(place) if place in self._parts else first for place, (first, _) in reach.items()
        }

    def follow(self, reach: Mapping[Place, tuple[int, int]]) -> dict[Place, int]:
        """The offset of each partition at which the log continues the archive.

        Args:
            reach: the first offset that the log still holds, and the one after its last, of each of its partitions.

        Raises:
            IncompleteError: offsets are missing between the two; names them.
        """
        for place in self._parts:
            if place not in reach:
                what = f"The archive holds partition {place[0]}:{place[1]}, which the log does not have."
                hint = "Check that BLUELAMP_KAFKA and BLUELAMP_ARCHIVE belong together."
                raise IncompleteError(what, where=str(self.directory), hint=hint)
        return {
            place: check_follows(self.manifest, place, first, last) if place in self._parts else first
            for place, (first, last) in reach.items()
        }

    def records(self, until: Mapping[Place, int] | None = None) -> Iterator[LogRecord]:
        """Every record, each partition in the order of its offsets.

        Args:
            until: the offset to stop before, by partition; partitions not named are left out. None reads everything.

        Raises:
            IncompleteError: a file is missing or was altered.
        """
        for place, parts in self._parts.items():
            after = parts[-1].after if until is None else until.get(place, 0)
            for batch in self.read(place, self.manifest.begin(place), after):
                for each in in_runs(batch):
                    yield from records_of(cast(Topic, place[0]), place[1], each)

    def read(self, place: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """The records of a partition from one offset up to but excluding another, as far as the archive has them."""
        for part in self._parts.get(place, []):
            if part.after > first and part.first < after:
                for batch in self._rows(part):
                    yield [each for each in batch if first <= span_of(each)[0] < after]

    def end(self, place: Place) -> int:
        """The offset after the last archived one of a partition."""
        parts = self._parts.get(place)
        return parts[-1].after if parts else self.manifest.begin(place)

    def _rows(self, part: ArchivePart) -> Iterator[list[Entry]]:
        fault = fault_of(self.directory, part)
        if fault:
            raise IncompleteError(fault.what, where=fault.where, hint=fault.hint)
        return rows(self.directory / part.file)


class ArchiveAndLog:
    """An archive and its log, read as one.

    Args:
        archive: the archive; None if there is none.
        log: the log.
    """

    def __init__(self, archive: Archive | None, log: RunSource) -> None:
        self._archive, self._log = archive, log

    def reach(self, reach: Mapping[Place, tuple[int, int]]) -> dict[Place, tuple[int, int]]:
        """The first offset of each partition in archive or log, and the one after the last.

        Raises:
            IncompleteError: offsets are missing between archive and log.
        """
        if self._archive is None:
            return dict(reach)
        self._archive.follow(reach)
        return {place: (first, reach[place][1]) for place, first in self._archive.begins(reach).items()}

    def read(self, place: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """The entries of a partition from offset `first` up to but excluding `after`, in batches."""
        end = first
        if self._archive is not None:
            end = max(first, min(after, self._archive.end(place)))
            yield from self._archive.read(place, first, end)
        if end < after:
            yield from self._log.read(place, end, after)

    def read_in_runs(self, place: Place, first: int, after: int) -> Iterator[list[Entry | HeartbeatRun]]:
        """As `read`, with runs of heartbeats as one entry each."""
        end = first
        if self._archive is not None:
            end = max(first, min(after, self._archive.end(place)))
            yield from (list(in_runs(entries)) for entries in self._archive.read(place, first, end))
        if end < after:
            yield from self._log.read_in_runs(place, end, after)


def open_archive(setting: str) -> Archive | None:
    """The archive that the setting BLUELAMP_ARCHIVE names; None if it is empty."""
    return Archive(Path(setting)) if setting else None
