"""The archive equals the log bit for bit, is complete after every kill, and its faults are named."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from bluelamp.archive import writing
from bluelamp.archive.manifest import NAME, Manifest, load, save
from bluelamp.archive.parquet import ParquetWriter
from bluelamp.archive.reading import Archive, ArchiveAndLog
from bluelamp.archive.verifying import verify
from bluelamp.archive.writing import ArchiveRun, write_new
from bluelamp.verify.checks.log import last_day
from facts.batch import BatchRecord, Entry
from facts.errors import IncompleteError, PartMissingError, SettingError
from facts.heartbeat_run import span_of
from streams.record import Place
from tests.archive.logs import IDENTITY, MemoryLog, at, days, record

A: Place = ("contacts", 0)
B: Place = ("incidents", 1)
IDENTITIES = {"contacts": IDENTITY, "incidents": IDENTITY}


class Killed(BaseException):
    """The process ends at this moment; nothing is tidied up."""


def kept(directory: Path, log: MemoryLog) -> ArchiveRun:
    return write_new(directory, log, IDENTITIES, log.reach(), lambda _: None)


def archived(directory: Path, place: Place) -> list[Entry]:
    archive = Archive(directory)
    return [each for some in archive.read(place, 0, archive.end(place)) for each in some]


def faults(directory: Path) -> list[str]:
    manifest = load(directory)
    assert manifest is not None
    return [f"{fault.what} {fault.where}" for fault in verify(directory, manifest)]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog({A: days("2024-12-01", 3, 4), B: days("2024-12-02", 1, 5)})


def test_every_record_comes_back_bit_for_bit(tmp_path: Path) -> None:
    odd = [
        BatchRecord(
            3, at("2024-12-01 00:00"), 1, b"\x00\xff", b"\xff\xfenot JSON", (("trace", b"\x01"), ("trace", None))
        ),
        BatchRecord(4, at("2024-12-01 23:59") + 59_999, 0, None, None, ()),
        BatchRecord(9, at("2024-12-02 00:00"), 1, b"", b"", ()),
    ]
    log = MemoryLog({A: odd})
    log.firsts[A] = 3
    kept(tmp_path, log)
    assert archived(tmp_path, A) == odd
    manifest = Archive(tmp_path).manifest
    assert [(part.day, part.first, part.after, part.records) for part in manifest.parts] == [
        (date(2024, 12, 1), 3, 9, 2),
        (date(2024, 12, 2), 9, 10, 1),
    ]
    table = pq.read_table(tmp_path / manifest.parts[0].file)
    assert table.column("topic").to_pylist() == ["contacts", "contacts"]
    assert table.column("received_at").to_pylist()[1].isoformat() == "2024-12-01T23:59:59.999000+00:00"


def test_the_next_run_continues_with_new_records(tmp_path: Path, log: MemoryLog) -> None:
    assert [part.words() for part in kept(tmp_path, log).parts] == [
        "contacts:0 offsets 0 to 3",
        "contacts:0 offsets 4 to 7",
        "contacts:0 offsets 8 to 11",
        "incidents:1 offsets 0 to 4",
    ]
    assert kept(tmp_path, log).parts == []
    log.add(A, days("2024-12-03", 1, 2, offset=12))
    log.forget(A, 10)
    (part,) = kept(tmp_path, log).parts
    assert (part.day, part.first, part.after) == (date(2024, 12, 3), 12, 14)
    assert [span_of(each)[0] for each in archived(tmp_path, A)] == list(range(14))
    assert faults(tmp_path) == []


def test_a_clock_that_is_set_back_begins_no_earlier_day_again(tmp_path: Path) -> None:
    records = [record(0, at("2024-12-02 00:01")), record(1, at("2024-12-01 23:59")), record(2, at("2024-12-03 00:00"))]
    assert [part.day.day for part in kept(tmp_path, MemoryLog({A: records})).parts] == [2, 3]
    assert archived(tmp_path, A) == records


def test_a_day_in_the_future_does_not_make_an_archive_look_recent(tmp_path: Path) -> None:
    """Otherwise a clock that was briefly a year ahead would hide for a year that nothing writes to the archive."""
    log = MemoryLog({A: [record(0, at("2024-12-01 12:00")), record(1, at("2025-12-01 12:00"))]})
    kept(tmp_path, log)
    manifest = Archive(tmp_path).manifest
    assert manifest.totals().last_day == date(2025, 12, 1)
    assert last_day(manifest, datetime(2024, 12, 9, tzinfo=UTC)) == date(2024, 12, 1)
    assert last_day(manifest, datetime(2024, 11, 30, tzinfo=UTC)) is None
    midnight = datetime(2024, 12, 1, tzinfo=UTC)
    assert last_day(manifest, midnight - timedelta(seconds=5)) == date(2024, 12, 1), "clocks may differ by seconds"


def test_a_large_day_is_written_in_several_parts(
    tmp_path: Path, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_BYTES", 12)
    assert [(part.first, part.after) for part in kept(tmp_path, log).parts if part.place() == B] == [
        (0, 2),
        (2, 4),
        (4, 5),
    ]
    assert archived(tmp_path, B) == log.records[B]


def dying(monkeypatch: pytest.MonkeyPatch, after: int) -> Callable[[], bool]:
    """Die at this change of the directory; returns whether it died."""
    left, died = after, False

    def step(really: Callable[..., Any]) -> Callable[..., Any]:
        def doing(*args: Any, **options: Any) -> Any:
            nonlocal left, died
            left -= 1
            if left < 0:
                died = True
                raise Killed
            return really(*args, **options)

        return doing

    for owner, name in ((ParquetWriter, "add"), (ParquetWriter, "close"), (Path, "replace"), (Path, "mkdir")):
        monkeypatch.setattr(owner, name, step(getattr(owner, name)))
    return lambda: died


def moments(tmp_path: Path, log: MemoryLog) -> Iterator[Path]:
    """An archive whose first run was killed at each moment in turn, until one run finishes."""
    for number in range(1000):
        directory = tmp_path / str(number)
        with pytest.MonkeyPatch.context() as patched:
            has_died = dying(patched, number)
            with contextlib.suppress(Killed):
                kept(directory, log)
        if not has_died():
            return
        yield directory


def test_a_run_killed_at_any_moment_loses_and_repeats_nothing(tmp_path: Path, log: MemoryLog) -> None:
    count = 0
    for directory in moments(tmp_path, log):
        count += 1
        kept(directory, log)
        assert {place: archived(directory, place) for place in (A, B)} == log.records
        assert faults(directory) == []
        assert not list(directory.rglob("*.draft"))
    assert count > 25


def test_a_second_run_is_refused(tmp_path: Path, log: MemoryLog) -> None:
    with writing._locked(tmp_path), pytest.raises(SettingError, match="Another `bluelamp archive`"):  # noqa: SLF001
        kept(tmp_path, log)


def test_a_directory_that_cannot_be_written_is_reported(tmp_path: Path, log: MemoryLog) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PartMissingError, match="cannot be written"):
        kept(tmp_path / "file" / "archive", log)


def test_a_log_that_no_longer_reaches_back_is_refused_and_the_range_is_named(tmp_path: Path, log: MemoryLog) -> None:
    kept(tmp_path, log)
    log.add(A, days("2024-12-04", 1, 8, offset=12))
    log.forget(A, 15)
    with pytest.raises(IncompleteError, match="offsets 12 to 14 are missing"):
        kept(tmp_path, log)
    with pytest.raises(IncompleteError, match="offsets 12 to 14 are missing"):
        ArchiveAndLog(Archive(tmp_path), log).reach(log.reach())


def test_a_truncated_log_is_refused(tmp_path: Path, log: MemoryLog) -> None:
    kept(tmp_path, log)
    with pytest.raises(IncompleteError, match="offsets 10 to 11 are only in the archive"):
        kept(tmp_path, MemoryLog({A: log.records[A][:10]}))


def test_another_log_is_refused(tmp_path: Path, log: MemoryLog) -> None:
    kept(tmp_path, log)
    other = {"contacts": replace(IDENTITY, topic_id="another id")}
    with pytest.raises(IncompleteError, match="to another log"):
        write_new(tmp_path, log, other, log.reach(), lambda _: None)
    with pytest.raises(IncompleteError, match="to another log"):
        Archive(tmp_path).check(other)


def test_archive_and_log_are_read_as_one(tmp_path: Path, log: MemoryLog) -> None:
    kept(tmp_path, log)
    log.add(A, days("2024-12-04", 1, 4, offset=12))
    everything = days("2024-12-01", 4, 4)
    log.forget(A, 9)
    whole = ArchiveAndLog(Archive(tmp_path), log)
    assert whole.reach(log.reach()) == {A: (0, 16), B: (0, 5)}
    for first, after in ((0, 16), (2, 5), (5, 14), (12, 16), (13, 15), (0, 0)):
        assert [each for some in whole.read(A, first, after) for each in some] == everything[first:after]


def part_of(directory: Path, place: Place, first: int) -> Path:
    parts = Archive(directory).manifest.parts
    return directory / next(each.file for each in parts if (each.place(), each.first) == (place, first))


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def without(directory: Path, *firsts: int) -> None:
    """Remove files from the manifest too."""
    manifest = load(directory)
    assert manifest is not None
    gone = [part for part in manifest.parts if part.place() == A and part.first in firsts]
    for part in gone:
        (directory / part.file).unlink()
    save(directory, Manifest(**{**_fields(manifest), "parts": [each for each in manifest.parts if each not in gone]}))


def _fields(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in manifest.__struct_fields__}


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (
            lambda place: shutil.rmtree(place / "day=2024-12-02"),
            "The day 2024-12-02 is missing: 2 files with 9 records. contacts:0 offsets 4 to 7; incidents:1 offsets 0 to 4",
        ),
        (lambda place: part_of(place, B, 0).unlink(), "A file of 2024-12-02 is missing: incidents:1 offsets 0 to 4."),
        (
            lambda place: spoil(part_of(place, A, 4)),
            "2024-12-02 was altered: contacts:0 offsets 4 to 7",
        ),
        (
            lambda place: without(place, 4),
            "missing: contacts:0 offsets 4 to 7, from 2024-12-01 to 2024-12-03, are missing. the manifest",
        ),
        (lambda place: without(place, 0), "contacts:0 offsets 0 to 3, received on 2024-12-02, are missing."),
        (
            lambda place: shutil.copy(part_of(place, A, 4), place / "day=2024-12-02" / "odd.parquet"),
            "The manifest does not list this file. day=2024-12-02/odd.parquet",
        ),
    ],
)
def test_every_fault_is_named(tmp_path: Path, log: MemoryLog, harm: Callable[[Path], object], words: str) -> None:
    kept(tmp_path, log)
    harm(tmp_path)
    (fault,) = faults(tmp_path)
    assert words in fault


def test_a_file_under_another_name_and_checksum_is_detected(tmp_path: Path, log: MemoryLog) -> None:
    kept(tmp_path, log)
    manifest = Archive(tmp_path).manifest
    one, two, *rest = manifest.parts
    other = replace(two, file=one.file, sha256=one.sha256, size_bytes=one.size_bytes)
    save(tmp_path, Manifest(**{**_fields(manifest), "parts": [one, other, *rest]}))
    found = faults(tmp_path)
    assert any("does not match the manifest: contacts:0 offsets 4 to 7" in each for each in found)


@pytest.mark.parametrize("harm", [spoil, Path.unlink])
def test_an_altered_file_is_not_read(tmp_path: Path, log: MemoryLog, harm: Callable[[Path], None]) -> None:
    kept(tmp_path, log)
    harm(part_of(tmp_path, A, 4))
    with pytest.raises(IncompleteError, match=r"2024-12-02.*contacts:0 offsets 4 to 7"):
        archived(tmp_path, A)


def test_a_gap_in_the_manifest_is_an_error(tmp_path: Path, log: MemoryLog) -> None:
    kept(tmp_path, log)
    without(tmp_path, 4)
    with pytest.raises(IncompleteError, match="contacts:0 offsets 4 to 7, from 2024-12-01 to 2024-12-03, are missing"):
        Archive(tmp_path)


def test_a_missing_or_incomplete_manifest_is_not_a_new_archive(tmp_path: Path, log: MemoryLog) -> None:
    kept(tmp_path, log)
    manifest = tmp_path / NAME
    manifest.write_bytes(manifest.read_bytes()[:-40])
    with pytest.raises(IncompleteError, match="cannot be read"):
        kept(tmp_path, log)
    manifest.unlink()
    with pytest.raises(IncompleteError, match="files but no manifest"):
        kept(tmp_path, log)


def test_nobody_else_can_read_it(tmp_path: Path, log: MemoryLog) -> None:
    """Unreadable records are archived too, and may contain personal data."""
    kept(tmp_path / "archive", log)
    assert {oct(each.stat().st_mode & 0o077) for each in (tmp_path / "archive").rglob("*") if each.is_dir()} == {"0o0"}
    assert (tmp_path / "archive").stat().st_mode & 0o077 == 0
