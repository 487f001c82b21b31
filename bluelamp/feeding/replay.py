"""The replay command: read an extract by its mapping, list its malformed rows, and publish the facts of the others."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from bluelamp.wiring.arguments import parse_instant
from bluelamp.wiring.clock import wall
from bluelamp.wiring.stopping import stopping
from facts.errors import MappingError, SettingError
from facts.times import is_future
from producers.declaration import Mapping
from producers.extract import Extract, Malformed, read_extracts
from producers.keys import KeyCounts
from producers.mapping import load_mapping
from producers.packaged import mapping_names, packaged_mapping, packaged_sample
from producers.publish import BACKFILL, REPLAY, connect
from producers.replay import ReplayProgress, check_complete_to, parse_speed, play
from producers.times import Note
from streams.log import LogClient

SAMPLE = "sample"
_SAMPLE_NAME = "san_francisco_fire"
_MALFORMED_LISTED = 20
_NOTES: dict[Note, str] = {
    "repeated_hour": "the hour occurred twice when the clock went back, and nothing in the row decides which is meant",
    "moved": "a little before the time it follows, within the tolerance, so read as that time",
}


class ReplayResult(Struct, frozen=True, kw_only=True):
    """The result of a replay.

    Attributes:
        rows: number of rows in the extract.
        rows_lost: rows that gave no facts because they, or their subject, could not be read.
        keys: how many subjects the rows are about, and what is doubtful about their keys.
        facts: number of facts published.
        facts_by_type: number of facts in the extract, by type.
        malformed: the rows left out, each with its line and reason.
        complete_to: the event time in the last heartbeat.
        is_whole: whether the replay reached the end of the extract.
    """

    rows: int
    rows_lost: int
    keys: KeyCounts
    facts: int
    facts_by_type: dict[str, int]
    malformed: list[Malformed]
    complete_to: Any
    is_whole: bool


def run(
    bootstrap: str,
    partitions: int,
    files: Sequence[str],
    mapping: str | None,
    speed: str,
    fast_until: str | None,
    complete_to: str | None,
    *,
    is_quiet: bool,
) -> ReplayResult:
    """Read an extract and publish its facts. Ctrl-C or SIGTERM stops the replay and flushes what was published.

    Args:
        bootstrap: Kafka's addresses.
        partitions: number of partitions of a topic that must be created.
        files: the extract's files, or `sample`.
        mapping: the mapping's file, or the name of a supplied mapping; None for the sample.
        speed: `max`, or how many times faster than real time.
        fast_until: a time in the extract's time zone; everything before it is published at full speed.
        complete_to: a time in the extract's time zone: the end of the period that the extract covers.
        is_quiet: print nothing but errors.

    Raises:
        MappingError: the mapping is missing or invalid.
        PartMissingError: Kafka does not answer.
    """
    pace = parse_speed(speed)
    extract = _read(files, mapping)
    ends = _local_time(complete_to, extract.mapping, "--complete-to") if complete_to else None
    check_complete_to(extract, ends)
    if ends and is_future(ends, wall()):
        raise SettingError(f"{ends} is in the future.", where="--complete-to", hint="Give the end of a past period.")
    if not is_quiet:
        print_malformed(extract)
        for line in doubts(extract):
            click.echo(line, err=True)
    stop = stopping()
    with LogClient(bootstrap) as log:
        log.ensure_topics(partitions)
    settings = BACKFILL if pace == "max" else REPLAY
    with connect(bootstrap, settings, now=wall, monotonic=time.monotonic) as publisher, _bar(extract, is_quiet) as bar:
        played = play(
            extract,
            publisher,
            speed=pace,
            monotonic=time.monotonic,
            wait=stop.wait,
            progress=lambda done, _: bar.update(done - bar.pos) if bar else None,
            fast_until=_local_time(fast_until, extract.mapping, "--fast-until") if fast_until else None,
            complete_to=ends,
        )
    if not is_quiet:
        click.echo(
            f"{played.facts:,} of {len(extract.facts):,} facts published, subjects: {len(extract.subjects):,}, "
            f"complete to {played.complete_to}. Rows lost: {extract.rows_malformed:,} of {extract.rows:,}."
        )
    return _result(extract, played)


class PlannedReplay(Struct, frozen=True, kw_only=True):
    """A replay that has been checked and not yet run.

    Attributes:
        arguments: arguments for `bluelamp replay`.
        force: the force whose facts it publishes.
        words: a sentence that describes it to the person who starts it.
    """

    arguments: tuple[str, ...]
    force: str
    words: str


def plan(file: str, mapping: str | None, speed: str, fast_until: str | None) -> PlannedReplay:
    """Check a replay's arguments before anything starts; the arguments are those of `run`.

    Raises:
        BlueLampError: the replay could not run.
    """
    pace = parse_speed(speed)
    with file_errors():
        declared = mapping_of([file], mapping)
        if file != SAMPLE:
            Path(file).open("rb").close()
    if fast_until:
        _local_time(fast_until, declared, "--fast-until")
    options = {"--mapping": mapping, "--speed": speed, "--fast-until": fast_until}
    given = (part for name, value in options.items() if value for part in (name, value))
    words = "at full speed" if pace == "max" else f"at {pace:g} times real time"
    if fast_until:
        words = f"everything before {fast_until} at full speed, the rest {words}"
    return PlannedReplay(
        arguments=(file, *given), force=declared.force, words=f"This is a replay of recorded facts: {words}."
    )


def _read(files: Sequence[str], mapping: str | None) -> Extract:
    with file_errors():
        declared = mapping_of(files, mapping)
        return read_extracts(paths_of(files), declared, now=wall())


def paths_of(files: Sequence[str]) -> list[Path | Traversable]:
    """The paths of an extract, given as file names or as `sample`."""
    return [packaged_sample(_SAMPLE_NAME) if file == SAMPLE else Path(file) for file in files]


def mapping_of(files: Sequence[str], mapping: str | None) -> Mapping:
    """The mapping of an extract, both given as on the command line.

    Raises:
        MappingError: the mapping is missing or invalid.
    """
    if list(files) == [SAMPLE]:
        return packaged_mapping(_SAMPLE_NAME)
    if mapping is None:
        hint = "Give the extract's mapping; docs/feed/mappings.md explains how to write one."
        raise MappingError("An extract needs a mapping.", where="--mapping", hint=hint)
    return named_mapping(mapping)


def named_mapping(mapping: str) -> Mapping:
    """Load a mapping by its file name, or by the name of a supplied mapping.

    Raises:
        MappingError: the mapping cannot be read or is invalid.
    """
    if mapping in mapping_names():
        return packaged_mapping(mapping)
    with file_errors():
        return load_mapping(Path(mapping).read_text("utf-8"), mapping)


@contextmanager
def file_errors() -> Iterator[None]:
    """Report a file that cannot be read.

    Raises:
        MappingError: instead of the operating system's error.
    """
    try:
        yield
    except OSError as error:
        hint = "Choose a file that can be read."
        raise MappingError(
            f"The file cannot be read: {error.strerror}.", where=str(error.filename), hint=hint
        ) from None


def _local_time(text: str, mapping: Mapping, option: str) -> datetime:
    """A time in the extract's time zone, unless it names another."""
    return parse_instant(text, ZoneInfo(mapping.source.time_zone), option)


def print_malformed(extract: Extract) -> None:
    """Print the malformed rows for a person at a terminal, up to a limit."""
    for each in extract.malformed[:_MALFORMED_LISTED]:
        click.echo(str(each), err=True)
    left = sum(each.rows for each in extract.malformed[_MALFORMED_LISTED:])
    if left:
        click.echo(f"More rows lost: {left:,}; use --json to list them all.", err=True)


def doubts(extract: Extract) -> Iterator[str]:
    """What can be read, but may not mean what it seems to: each in a sentence for a person."""
    keys = extract.keys()
    if keys.second_openings:
        yield (
            "Rows of one subject open it at different times: check that the key identifies one subject "
            f"(subjects: {keys.second_openings:,})."
        )
    for note, columns in extract.notes.items():
        for column, count in columns.items():
            yield f"{column!r}: {_NOTES[note]} (rows: {count:,})."
    if strays := extract.strays():
        yield (
            f"Between {strays.first} and {strays.last}, {strays.days:,} days from all other facts: check the year "
            f"(facts: {strays.count:,})."
        )


def _bar(extract: Extract, is_quiet: bool) -> AbstractContextManager[Any]:
    """A progress bar; click draws it only on a terminal."""
    return nullcontext() if is_quiet else click.progressbar(length=len(extract.facts), label="facts")


def _result(extract: Extract, played: ReplayProgress) -> ReplayResult:
    return ReplayResult(
        rows=extract.rows,
        rows_lost=extract.rows_malformed,
        keys=extract.keys(),
        facts=played.facts,
        facts_by_type=extract.counts(),
        malformed=list(extract.malformed),
        complete_to=played.complete_to,
        is_whole=played.is_whole,
    )
