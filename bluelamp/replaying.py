"""The replay command: an extract read by its mapping, its malformed rows listed, the rest played into the log."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from bluelamp.clock import wall
from bluelamp.questions import parse_instant
from facts.errors import MappingError
from measures.rules import Rules
from producers.declaration import Mapping as Declared
from producers.explain import ColumnTold, FactTold, explain
from producers.extract import Extract, Malformed, read_extract
from producers.mapping import load_mapping
from producers.packaged import mapping_names, packaged_mapping, packaged_sample
from producers.publish import BACKFILL, REPLAY, connect
from producers.replay import Played, parse_speed, play
from producers.values import Fault
from streams.log import Log

Read = TypeVar("Read")

SAMPLE = "sample"
_SAMPLE_NAME = "san_francisco_fire"
_MALFORMED_SHOWN = 20
_WORDS_SHOWN = 12


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


class DryRun(Struct, frozen=True, kw_only=True):
    """What a replay would send, and what it would refuse.

    Attributes:
        mapping: by which the extract was read.
        force: whose facts they would be.
        topic: where they would travel.
        feeds: in whose names.
        rows: in the file; each is one of the following.
        rows_read: that tell facts.
        rows_excluded: that the mapping leaves out.
        rows_repeated: that tell an earlier row again.
        rows_malformed: that tell nothing because they cannot be read.
        columns: what becomes of each.
        facts: what there is of each.
        refused: how often each fault was met.
        malformed: each refusal, with its line and reason.
    """

    mapping: str
    force: str
    topic: str
    feeds: tuple[str, ...]
    rows: int
    rows_read: int
    rows_excluded: int
    rows_repeated: int
    rows_malformed: int
    columns: tuple[ColumnTold, ...]
    facts: tuple[FactTold, ...]
    refused: dict[Fault, int]
    malformed: list[Malformed]


def dry_run(forces: Mapping[str, Rules], file: str, mapping: str | None) -> DryRun:
    """What a replay would send, without sending it; nothing is connected to.

    Args:
        forces: the rules of every force that has a profile.
        file: the extract, or `sample`.
        mapping: its mapping's file, or the name of one that comes with Blue Lamp; None for the sample.

    Raises:
        MappingError: the mapping has a fault, or there is none, or no profile lists its force.
    """
    path, declared = _named(file, mapping)
    if declared.force not in forces:
        hint = f"Name one that has a profile: {', '.join(forces)}; or give this one a profile."
        raise MappingError(f"No profile is named {declared.force!r}.", where=f"{declared.name}, force", hint=hint)
    explained = _opened(lambda: explain(path, declared, forces[declared.force].force, now=wall()))
    extract = explained.extract
    return DryRun(
        mapping=declared.name,
        force=declared.force,
        topic=declared.topic,
        feeds=declared.feeds,
        rows=extract.rows,
        rows_read=extract.rows_read,
        rows_excluded=extract.rows_excluded,
        rows_repeated=extract.rows_repeated,
        rows_malformed=extract.rows_malformed,
        columns=explained.columns,
        facts=explained.facts,
        refused=extract.faults(),
        malformed=list(extract.malformed),
    )


def tell_explanation(told: DryRun) -> None:
    """A dry run for a person at a terminal."""
    click.echo(
        f"By {told.mapping}, for {told.force}, on the topic {told.topic}, in the name of {', '.join(told.feeds)}."
    )
    click.echo(
        f"{told.rows:,} rows: {told.rows_read:,} tell facts, {told.rows_excluded:,} are left out, "
        f"{told.rows_repeated:,} tell an earlier one again, {told.rows_malformed:,} are refused.\n"
    )
    width = max(len(each.column) for each in told.columns)
    click.echo(f"{'column':{width}}  {'rows':>7}  became")
    for column in told.columns:
        became = "; ".join(column.became) or "nothing: it stays in the file"
        refused = "".join(f"; refused: {fault} {count:,}" for fault, count in column.refused.items())
        click.echo(f"{column.column:{width}}  {column.rows:7,}  {became}{refused}")
    for fact in told.facts:
        click.echo(f"\n{fact.fact}: {fact.count:,}" + (f", {fact.first} to {fact.last}" if fact.count else ""))
        for line in _fact_lines(fact):
            click.echo(f"  {line}")
    if told.refused:
        click.echo("\nrefused: " + ", ".join(f"{fault} {count:,}" for fault, count in told.refused.items()))
    _tell_malformed(told.malformed)


def _fact_lines(fact: FactTold) -> Iterator[str]:
    for name, counted in fact.words.items():
        shown = [f"{word} {count:,}" for word, count in list(counted.items())[:_WORDS_SHOWN]]
        more = f" and {len(counted) - _WORDS_SHOWN:,} more" if len(counted) > _WORDS_SHOWN else ""
        yield f"{name}: {', '.join(shown)}{more}"
    for name, words in fact.unlisted.items():
        yield f"{name}: the profile does not list {', '.join(words[:_WORDS_SHOWN])}; it will be counted as unlisted"
    if fact.before:
        yield f"{fact.before:,} come before what they should come after; they will be counted as contradictions"


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
        _tell_malformed(extract.malformed)
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
            fast_until=_instant(fast_until, extract) if fast_until else None,
        )
    if not is_quiet:
        click.echo(f"{played.facts:,} of {len(extract.facts):,} facts played, complete to {played.complete_to}.")
    return _told(extract, played)


def _read(file: str, mapping: str | None) -> Extract:
    path, declared = _named(file, mapping)
    return _opened(lambda: read_extract(path, declared, now=wall()))


def _named(file: str, mapping: str | None) -> tuple[Path | Traversable, Declared]:
    """The extract's file and its mapping, as a person names them."""
    if file == SAMPLE:
        return packaged_sample(_SAMPLE_NAME), packaged_mapping(_SAMPLE_NAME)
    if mapping is None:
        hint = "Name the extract's mapping; docs/mappings.md says how to write one."
        raise MappingError("There is no mapping.", where="--mapping", hint=hint)
    return Path(file), named_mapping(mapping)


def named_mapping(mapping: str) -> Declared:
    """A mapping by its file, or by the name of one that comes with Blue Lamp.

    Raises:
        MappingError: it has a fault, or cannot be read.
    """
    if mapping in mapping_names():
        return packaged_mapping(mapping)
    return _opened(lambda: load_mapping(Path(mapping).read_text("utf-8"), mapping))


def _opened(read: Callable[[], Read]) -> Read:
    """What reading a file gives; a file that cannot be read is told."""
    try:
        return read()
    except OSError as error:
        hint = "Name a file that can be read."
        raise MappingError(
            f"The file cannot be read: {error.strerror}.", where=str(error.filename), hint=hint
        ) from None


def _instant(text: str, extract: Extract) -> datetime:
    """A time of the extract's own clock, or one with its zone."""
    return parse_instant(text, ZoneInfo(extract.mapping.source.time_zone), "--fast-until")


def _tell_malformed(malformed: Sequence[Malformed]) -> None:
    for each in malformed[:_MALFORMED_SHOWN]:
        click.echo(str(each), err=True)
    left = len(malformed) - _MALFORMED_SHOWN
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
