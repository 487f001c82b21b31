"""The replay command: an extract read by its mapping, its malformed rows listed, the rest played into the log."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from bluelamp.clock import wall
from bluelamp.questions import parse_instant
from facts.errors import MappingError
from producers.declaration import Mapping
from producers.extract import Extract, Malformed, read_extract
from producers.mapping import load_mapping
from producers.packaged import packaged_mapping, packaged_sample
from producers.publish import BACKFILL, REPLAY, connect
from producers.replay import Played, parse_speed, play
from streams.log import Log

SAMPLE = "sample"
_SAMPLE_NAME = "san_francisco_fire"
_MALFORMED_SHOWN = 20


class Told(Struct, frozen=True, kw_only=True):
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
) -> Told:
    """Read an extract and play it; Ctrl-C and SIGTERM stop it with everything flushed.

    Args:
        bootstrap: addresses of Kafka.
        partitions: of a topic that must be created.
        file: the extract, or `sample`.
        mapping: its mapping's file; None for the sample.
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
        _tell_malformed(extract)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with Log(bootstrap) as log:
        log.ensure_topics(partitions)
    settings = BACKFILL if pace == "max" else REPLAY
    with connect(bootstrap, settings, now=wall, monotonic=time.monotonic) as publisher, _bar(extract, is_quiet) as bar:
        played = play(
            extract,
            publisher,
            speed=pace,
            monotonic=time.monotonic,
            wait=stopping.wait,
            progress=lambda done, _: bar.update(done - bar.pos) if bar else None,
            fast_until=_instant(fast_until, extract.mapping) if fast_until else None,
        )
    if not is_quiet:
        click.echo(f"{played.facts:,} of {len(extract.facts):,} facts played, complete to {played.complete_to}.")
    return _told(extract, played)


class Planned(Struct, frozen=True, kw_only=True):
    """A replay that is still to run.

    Attributes:
        arguments: of `bluelamp replay`.
        force: whose facts it plays.
        words: what a person is told of it.
    """

    arguments: tuple[str, ...]
    force: str
    words: str


def plan(file: str, mapping: str | None, speed: str, fast_until: str | None) -> Planned:
    """Check what a replay is asked for before anything is started for it; arguments as for `run`.

    Raises:
        BlueLampError: it could not run.
    """
    pace = parse_speed(speed)
    with _readable():
        declared = _mapping(file, mapping)
        if file != SAMPLE:
            Path(file).open("rb").close()
    if fast_until:
        _instant(fast_until, declared)
    options = {"--mapping": mapping, "--speed": speed, "--fast-until": fast_until}
    given = (part for name, value in options.items() if value for part in (name, value))
    told = "as fast as it goes" if pace == "max" else f"at {pace:g} times real time"
    told = f"what came before {fast_until} at once, the rest {told}" if fast_until else told
    return Planned(arguments=(file, *given), force=declared.force, words=f"It is a replay of recorded facts: {told}.")


def _read(file: str, mapping: str | None) -> Extract:
    with _readable():
        declared = _mapping(file, mapping)
        return read_extract(packaged_sample(_SAMPLE_NAME) if file == SAMPLE else Path(file), declared, now=wall())


def _mapping(file: str, mapping: str | None) -> Mapping:
    if file == SAMPLE:
        return packaged_mapping(_SAMPLE_NAME)
    if mapping is None:
        hint = "Name the extract's mapping; docs/mappings.md says how to write one."
        raise MappingError("There is no mapping.", where="--mapping", hint=hint)
    return load_mapping(Path(mapping).read_text("utf-8"), mapping)


@contextmanager
def _readable() -> Iterator[None]:
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


def _tell_malformed(extract: Extract) -> None:
    for each in extract.malformed[:_MALFORMED_SHOWN]:
        click.echo(str(each), err=True)
    left = len(extract.malformed) - _MALFORMED_SHOWN
    if left > 0:
        click.echo(f"and {left:,} more malformed rows; --json lists them all.", err=True)


def _bar(extract: Extract, is_quiet: bool) -> AbstractContextManager[Any]:
    """A progress bar, which click draws on a terminal only."""
    return nullcontext() if is_quiet else click.progressbar(length=len(extract.facts), label="facts")


def _told(extract: Extract, played: Played) -> Told:
    return Told(
        rows=extract.rows,
        facts=played.facts,
        facts_by_type=extract.counts(),
        malformed=list(extract.malformed),
        complete_to=played.complete_to,
        is_whole=played.is_whole,
    )
