"""The replay command: read an extract by its mapping, list its malformed rows, and publish the facts of the others."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import click
import msgspec
from msgspec import Struct

from bluelamp.feeding.published import ReplacedPeriod, check_keys, count_outdated, read_published
from bluelamp.feeding.replacement import LeftOut, Replacement, left_out, left_out_lines, replacement
from bluelamp.feeding.replacement import lines as replacement_lines
from bluelamp.wiring.arguments import parse_instant
from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings
from bluelamp.wiring.stopping import stopping
from facts.errors import MappingError, SettingError
from facts.fact import SubjectFact
from facts.times import is_future
from measures.display import number
from producers.declaration import Mapping
from producers.extract import Extract, Malformed, read_extracts
from producers.keys import KeyCounts
from producers.mapping import load_mapping
from producers.packaged import mapping_names, packaged_mapping, packaged_sample
from producers.publish import BACKFILL, REPLAY, connect
from producers.recorded import stamped
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
_WITHDRAWN_LISTED = 20
_OUTDATED = "The log has later records of {}, and these count. If this extract is the later one, give --extracted-at."


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
        recorded_at: when the extract was made; None if that is not known.
        outdated: number of facts that do not count, because the log has later records of them.
        left_out: number of facts in the log about the extract's subjects that the extract no longer reports.
        withdrawn: number of facts published to withdraw them; none unless the mapping says that later rows replace earlier ones.
        replaced: what was withdrawn, if the replay replaces a period.
    """

    rows: int
    rows_lost: int
    keys: KeyCounts
    facts: int
    facts_by_type: dict[str, int]
    malformed: list[Malformed]
    complete_to: Any
    is_whole: bool
    recorded_at: datetime | None = None
    outdated: int = 0
    left_out: int = 0
    withdrawn: int = 0
    replaced: Replacement | None = None


def run(
    settings: Settings,
    files: Sequence[str],
    mapping: str | None,
    speed: str,
    fast_until: str | None,
    complete_to: str | None,
    *,
    extracted_at: str | None = None,
    replaces: tuple[str, str] | None = None,
    are_malformed_accepted: bool = False,
    is_quiet: bool,
) -> ReplayResult:
    """Read an extract and publish its facts. Ctrl-C or SIGTERM stops the replay and flushes what was published.

    Args:
        settings: Kafka's addresses, the archive, and the number of partitions of a topic that must be created.
        files: the extract's files, or `sample`.
        mapping: the mapping's file, or the name of a supplied mapping; None for the sample.
        speed: `max`, or how many times faster than real time.
        fast_until: a time in the extract's time zone; everything before it is published at full speed.
        complete_to: a time in the extract's time zone: the end of the period that the extract covers.
        extracted_at: when the extract was made; None for the time at which the file was last changed.
        replaces: the first day or time of the period to replace, and the first after it.
        are_malformed_accepted: replace the period even if rows are malformed.
        is_quiet: print nothing but errors.

    Raises:
        MappingError: the mapping is missing or invalid.
        PartMissingError: Kafka does not answer.
        SettingError: the period cannot be replaced by this extract.
    """
    pace = parse_speed(speed)
    extract, recorded_at = read_stamped(files, mapping, extracted_at)
    ends = _end(extract, complete_to)
    if not is_quiet:
        print_malformed(extract)
        for line in doubts(extract):
            click.echo(line, err=True)
        click.echo(_recorded(recorded_at))
    stop = stopping()
    with LogClient(settings.log()) as log:
        log.ensure_topics(settings.partitions)
    replaced, compared = None, LogComparison()
    if replaces:
        replaced = replacing(settings, extract, recorded_at, replaces, accepts_malformed=are_malformed_accepted)
        if not is_quiet:
            print_replacement(replaced)
    else:
        compared = _compared(settings, extract, recorded_at)
        for line in () if is_quiet else _compared_lines(compared):
            click.echo(line)
    publishing = msgspec.structs.replace(BACKFILL if pace == "max" else REPLAY, mapping=extract.mapping.name)
    with (
        connect(settings.log(), publishing, now=wall, monotonic=time.monotonic) as publisher,
        _bar(extract, is_quiet) as bar,
    ):
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
        withdrawals = (replaced or compared.left_out).withdrawals
        for withdrawal in withdrawals if played.is_whole else ():
            publisher.publish(withdrawal, extract.mapping.topic)
    if not is_quiet:
        click.echo(
            f"{played.facts:,} of {len(extract.facts):,} facts published, subjects: {len(extract.subjects):,}, "
            f"complete to {played.complete_to}. Rows lost: {extract.rows_malformed:,} of {extract.rows:,}."
        )
        if withdrawals and not played.is_whole:
            click.echo("The replay was stopped before its end, so nothing was withdrawn.")
    return _result(extract, played, recorded_at, compared, replaced if played.is_whole else None)


class LogComparison(Struct, kw_only=True):
    """An extract compared with what the log has about its subjects.

    Attributes:
        outdated: number of its facts that do not count, because the log has later records of them.
        left_out: what it no longer gives of these subjects.
    """

    outdated: int = 0
    left_out: LeftOut = msgspec.field(default_factory=LeftOut)


def _compared_lines(compared: LogComparison) -> Iterator[str]:
    if compared.outdated:
        yield _OUTDATED.format(number(compared.outdated, "fact"))
    yield from left_out_lines(compared.left_out, _WITHDRAWN_LISTED)


def _compared(settings: Settings, extract: Extract, recorded_at: datetime | None) -> LogComparison:
    """Compare an extract with the log.

    Raises:
        SettingError: the log has other subjects under its keys, or other facts of the same extract.
    """
    mapping = extract.mapping
    log = read_published(settings, mapping, {cast(SubjectFact, fact).subject_id for fact in extract.facts})
    check_keys(extract.facts, mapping, log)
    outdated = count_outdated(extract.facts, mapping, log)
    return LogComparison(
        outdated=outdated, left_out=left_out(extract.facts, mapping, log, recorded_at) if recorded_at else LeftOut()
    )


def read_stamped(
    files: Sequence[str], mapping: str | None, extracted_at: str | None
) -> tuple[Extract, datetime | None]:
    """Read an extract whose facts say when they were recorded, and when that is for rows that do not say so themselves.

    Raises:
        MappingError: the mapping is missing or invalid.
        SettingError: the extract would be from the future.
    """
    extract = _read(files, mapping)
    recorded_at = _extract_time(files, extracted_at, extract.mapping)
    return stamped(extract, recorded_at), recorded_at


def _extract_time(files: Sequence[str], given: str | None, mapping: Mapping) -> datetime | None:
    if given:
        made = _local_time(given, mapping, "--extracted-at")
    elif SAMPLE in files:
        return None
    else:
        with file_errors():
            made = datetime.fromtimestamp(max(Path(file).stat().st_mtime for file in files), UTC)
    if made > wall():
        hint = "Give the time at which the extract was made with --extracted-at."
        raise SettingError(
            f"The extract cannot have been made at {made}: that is in the future.", where=", ".join(files), hint=hint
        )
    return made


def _end(extract: Extract, given: str | None) -> datetime | None:
    """The end of the period that an extract covers; None if it is not given.

    Raises:
        SettingError: it is in the future, or not after the extract's last fact.
    """
    if given is None:
        return None
    end = _local_time(given, extract.mapping, "--complete-to")
    if is_future(end, wall()):
        raise SettingError(f"{end} is in the future.", where="--complete-to", hint="Give the end of a past period.")
    check_complete_to(extract, end)
    return end


def _recorded(recorded_at: datetime | None) -> str:
    if recorded_at is None:
        return "It is not known when the extract was made: if two facts have the same id, the one with the later time counts."
    return f"Recorded at {recorded_at}: if two facts have the same id, the one recorded later counts."


def replacing(
    settings: Settings,
    extract: Extract,
    recorded_at: datetime | None,
    replaces: tuple[str, str],
    *,
    accepts_malformed: bool = False,
) -> Replacement:
    """What replacing a period by an extract withdraws.

    Raises:
        SettingError: the extract cannot replace it.
    """
    mapping = extract.mapping
    start, end = (_local_time(each, mapping, "--replace") for each in replaces)
    if start >= end:
        raise SettingError(f"{replaces[0]} is not before {replaces[1]}.", where="--replace", hint="Give FROM, then TO.")
    if recorded_at is None:
        hint = "Give the time at which the extract was made."
        raise SettingError("It is not known when this extract was made.", where="--extracted-at", hint=hint)
    if extract.malformed and not accepts_malformed:
        what = f"{number(extract.rows_malformed, 'row')} cannot be read, so facts published from them before would be withdrawn."
        hint = "Correct them, or add --accept-malformed to withdraw those facts."
        raise SettingError(what, where=extract.name, hint=hint)
    log, period = read_published(settings, mapping), ReplacedPeriod(start, end)
    check_keys(extract.facts, mapping, log, period)
    return replacement(extract.facts, mapping, log, period, recorded_at)


def print_replacement(found: Replacement) -> None:
    """Print what replacing a period does for a person at a terminal, up to a limit."""
    for line in replacement_lines(found, _WITHDRAWN_LISTED):
        click.echo(line)


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


def plan(
    file: str, mapping: str | None, speed: str, fast_until: str | None, complete_to: str | None = None
) -> PlannedReplay:
    """Check a replay's arguments before anything starts; the arguments are those of `run`.

    Raises:
        BlueLampError: the replay could not run.
    """
    pace = parse_speed(speed)
    with file_errors():
        declared = mapping_of([file], mapping)
        if file != SAMPLE:
            Path(file).open("rb").close()
    for option, time_given in (("--fast-until", fast_until), ("--complete-to", complete_to)):
        if time_given:
            _local_time(time_given, declared, option)
    options = {"--mapping": mapping, "--speed": speed, "--fast-until": fast_until, "--complete-to": complete_to}
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
        try:
            text = Path(mapping).read_text("utf-8")
        except UnicodeDecodeError:
            raise MappingError("The file is not UTF-8 text.", where=mapping, hint="Save it as UTF-8.") from None
    return load_mapping(text, mapping)


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
    if keys.from_one:
        yield (
            "The keys are the numbers from 1 upwards. If they begin again each day, a replay of the next day is refused: add the day to "
            "`subject.key` before you publish the first."
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


def _result(
    extract: Extract,
    played: ReplayProgress,
    recorded_at: datetime | None,
    compared: LogComparison,
    replaced: Replacement | None,
) -> ReplayResult:
    return ReplayResult(
        rows=extract.rows,
        rows_lost=extract.rows_malformed,
        keys=extract.keys(),
        facts=played.facts,
        facts_by_type=extract.counts(),
        malformed=list(extract.malformed),
        complete_to=played.complete_to,
        is_whole=played.is_whole,
        recorded_at=recorded_at,
        outdated=compared.outdated,
        left_out=len(compared.left_out.facts),
        withdrawn=len(compared.left_out.withdrawals),
        replaced=replaced,
    )
