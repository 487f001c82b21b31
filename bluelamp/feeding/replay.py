"""The replay command: an extract read by its mapping, its malformed rows listed, the rest played into the log."""

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
from facts.errors import MappingError
from producers.declaration import Mapping
from producers.extract import Extract, Malformed, read_extract
from producers.mapping import load_mapping
from producers.packaged import mapping_names, packaged_mapping, packaged_sample
from producers.publish import BACKFILL, REPLAY, connect
from producers.replay import ReplayProgress, parse_speed, play
from streams.log import LogClient

SAMPLE = "sample"
_SAMPLE_NAME = "san_francisco_fire"
_MALFORMED_SHOWN = 20


class ReplayResult(Struct, frozen=True, kw_only=True):
    """What came of a replay.

    Attributes:
        rows: rows read.
        facts: facts played into the log.
        facts_by_type: the same by type.
        malformed: rows left out, each with its line and reason.
        complete_to: the event time reached, as the last heartbeat says.
        is_whole: the extract was played to its end.
    """

    rows: int
    facts: int
    facts_by_type: dict[str, int]
    malformed: list[Malformed]
    complete_to: Any
    is_whole: bool


def run(
    bootstrap: str,
    partitions: int,
    file: str,
    mapping: str | None,
    speed: str,
    fast_until: str | None,
    *,
    is_quiet: bool,
) -> ReplayResult:
    """Read an extract and play it; Ctrl-C and SIGTERM stop it with everything flushed.

    Args:
        bootstrap: addresses of Kafka.
        partitions: of a topic that must be created.
        file: the extract, or `sample`.
        mapping: its mapping's file, or the name of one that comes with Blue Lamp; None for the sample.
        speed: `max`, or times real time.
        fast_until: a local time of the extract; what happened before it is played as fast as it goes.
        is_quiet: say nothing but errors.

    Raises:
        MappingError: the mapping has a fault, or there is none.
        PartMissingError: Kafka does not answer.
    """
    pace = parse_speed(speed)
    extract = _read(file, mapping)
    if not is_quiet:
        print_malformed(extract.malformed)
    told_to_stop = stopping()
    with LogClient(bootstrap) as log:
        log.ensure_topics(partitions)
    settings = BACKFILL if pace == "max" else REPLAY
    with connect(bootstrap, settings, now=wall, monotonic=time.monotonic) as publisher, _bar(extract, is_quiet) as bar:
        played = play(
            extract,
            publisher,
            speed=pace,
            monotonic=time.monotonic,
            wait=told_to_stop.wait,
            progress=lambda done, _: bar.update(done - bar.pos) if bar else None,
            fast_until=_instant(fast_until, extract.mapping) if fast_until else None,
        )
    if not is_quiet:
        click.echo(f"{played.facts:,} of {len(extract.facts):,} facts played, complete to {played.complete_to}.")
    return _told(extract, played)


class PlannedReplay(Struct, frozen=True, kw_only=True):
    """A replay that is still to run.

    Attributes:
        arguments: of `bluelamp replay`.
        force: whose facts it plays.
        words: what a person is told of it.
    """

    arguments: tuple[str, ...]
    force: str
    words: str


def plan(file: str, mapping: str | None, speed: str, fast_until: str | None) -> PlannedReplay:
    """Check what a replay is asked for before anything is started for it; arguments as for `run`.

    Raises:
        BlueLampError: it could not run.
    """
    pace = parse_speed(speed)
    with file_errors():
        declared = mapping_of(file, mapping)
        if file != SAMPLE:
            Path(file).open("rb").close()
    if fast_until:
        _instant(fast_until, declared)
    options = {"--mapping": mapping, "--speed": speed, "--fast-until": fast_until}
    given = (part for name, value in options.items() if value for part in (name, value))
    told = "as fast as it goes" if pace == "max" else f"at {pace:g} times real time"
    told = f"what came before {fast_until} at once, the rest {told}" if fast_until else told
    return PlannedReplay(
        arguments=(file, *given), force=declared.force, words=f"It is a replay of recorded facts: {told}."
    )


def _read(file: str, mapping: str | None) -> Extract:
    with file_errors():
        declared = mapping_of(file, mapping)
        return read_extract(path_of(file), declared, now=wall())


def path_of(file: str) -> Path | Traversable:
    """Where an extract is, as a person names it: a file, or `sample`."""
    return packaged_sample(_SAMPLE_NAME) if file == SAMPLE else Path(file)


def mapping_of(file: str, mapping: str | None) -> Mapping:
    """The mapping of an extract, as a person names both.

    Raises:
        MappingError: there is none, or it has a fault.
    """
    if file == SAMPLE:
        return packaged_mapping(_SAMPLE_NAME)
    if mapping is None:
        hint = "Name the extract's mapping; docs/mappings.md says how to write one."
        raise MappingError("There is no mapping.", where="--mapping", hint=hint)
    return named_mapping(mapping)


def named_mapping(mapping: str) -> Mapping:
    """A mapping by its file, or by the name of one that comes with Blue Lamp.

    Raises:
        MappingError: it cannot be read, or has a fault.
    """
    if mapping in mapping_names():
        return packaged_mapping(mapping)
    with file_errors():
        return load_mapping(Path(mapping).read_text("utf-8"), mapping)


@contextmanager
def file_errors() -> Iterator[None]:
    """A file that cannot be read is told as such.

    Raises:
        MappingError: in place of the operating system's error.
    """
    try:
        yield
    except OSError as error:
        hint = "Name a file that can be read."
        raise MappingError(
            f"The file cannot be read: {error.strerror}.", where=str(error.filename), hint=hint
        ) from None


def _instant(text: str, mapping: Mapping) -> datetime:
    """A time of the extract's own clock, or one with its zone."""
    return parse_instant(text, ZoneInfo(mapping.source.time_zone), "--fast-until")


def print_malformed(malformed: Sequence[Malformed]) -> None:
    """What could not be read, for a person at a terminal; a long list is cut short."""
    for each in malformed[:_MALFORMED_SHOWN]:
        click.echo(str(each), err=True)
    left = len(malformed) - _MALFORMED_SHOWN
    if left > 0:
        click.echo(f"and {left:,} more malformed rows; --json lists them all.", err=True)


def _bar(extract: Extract, is_quiet: bool) -> AbstractContextManager[Any]:
    """A progress bar, which click draws on a terminal only."""
    return nullcontext() if is_quiet else click.progressbar(length=len(extract.facts), label="facts")


def _told(extract: Extract, played: ReplayProgress) -> ReplayResult:
    return ReplayResult(
        rows=extract.rows,
        facts=played.facts,
        facts_by_type=extract.counts(),
        malformed=list(extract.malformed),
        complete_to=played.complete_to,
        is_whole=played.is_whole,
    )
