"""The dry run of a replay: what an extract would become, without publishing anything."""

from collections.abc import Iterator, Mapping, Sequence

import click
from msgspec import Struct

from bluelamp.feeding.replacement import Replacement
from bluelamp.feeding.replay import doubts, file_errors, mapping_of, paths_of, print_malformed, print_replacement
from bluelamp.wiring.clock import wall
from facts.errors import MappingError
from measures.display import number
from measures.rules import Rules
from producers.explain import ColumnSummary, FactSummary, explain
from producers.extract import Extract, Malformed, Strays
from producers.keys import KeyCounts
from producers.times import Note
from producers.values import Fault

_VALUES_LISTED = 12


class DryRun(Struct, kw_only=True):
    """What a replay would publish, and what it would refuse.

    Attributes:
        mapping: name of the mapping that read the extract.
        force: the force the facts would belong to.
        topic: the topic they would be published to.
        feeds: the feeds they would come from.
        rows: number of rows in the files; each is counted in one of the next five.
        rows_read: rows that give facts.
        rows_excluded: rows that the mapping leaves out.
        rows_repeated: rows that repeat an earlier row.
        rows_replaced: rows that a later row of their subject replaces.
        rows_malformed: rows lost: they, or their subject, cannot be read.
        keys: how many subjects the rows are about, and what is doubtful about their keys.
        notes: by note and columns, the number of rows with a time whose meaning depends on more than the cell.
        strays: facts so far from all others that their year may be mistyped.
        columns: what becomes of each column.
        facts: the facts of each type.
        refused: number of rows lost to each fault.
        malformed: each row or fact that was refused, with its line and reason.
        replaced: what would be withdrawn, if the replay would replace a period.
    """

    mapping: str
    force: str
    topic: str
    feeds: tuple[str, ...]
    rows: int
    rows_read: int
    rows_excluded: int
    rows_repeated: int
    rows_replaced: int
    rows_malformed: int
    keys: KeyCounts
    notes: dict[Note, dict[str, int]]
    strays: Strays | None
    columns: tuple[ColumnSummary, ...]
    facts: tuple[FactSummary, ...]
    refused: dict[Fault, int]
    malformed: list[Malformed]
    replaced: Replacement | None = None


def dry_run(forces: Mapping[str, Rules], files: Sequence[str], mapping: str | None) -> tuple[DryRun, Extract]:
    """Work out what a replay would publish, without connecting to anything; returns that and the extract.

    Args:
        forces: the rules of every force that has a profile.
        files: the extract's files, or `sample`.
        mapping: the mapping's file, or the name of a supplied mapping; None for the sample.

    Raises:
        MappingError: the mapping is missing or invalid, or its force has no profile.
    """
    declared = mapping_of(files, mapping)
    if declared.force not in forces:
        hint = f"Set `force` to one that has a profile ({', '.join(forces)}), or write a profile for this force."
        raise MappingError(f"The force {declared.force!r} has no profile.", where=f"{declared.name}, force", hint=hint)
    with file_errors():
        explained = explain(paths_of(files), declared, forces[declared.force].force, now=wall())
    extract = explained.extract
    result = DryRun(
        mapping=declared.name,
        force=declared.force,
        topic=declared.topic,
        feeds=declared.feeds,
        rows=extract.rows,
        rows_read=extract.rows_read,
        rows_excluded=extract.rows_excluded,
        rows_repeated=extract.rows_repeated,
        rows_replaced=extract.rows_replaced,
        rows_malformed=extract.rows_malformed,
        keys=extract.keys(),
        notes=extract.notes,
        strays=extract.strays(),
        columns=explained.columns,
        facts=explained.facts,
        refused=extract.faults(),
        malformed=list(extract.malformed),
    )
    return result, extract


def print_dry_run(result: DryRun, extract: Extract) -> None:
    """Print a dry run for a person at a terminal."""
    click.echo(f"Mapping {result.mapping}, force {result.force}, topic {result.topic}, feed {', '.join(result.feeds)}.")
    click.echo(
        f"{result.rows:,} rows: {result.rows_read:,} give facts, {result.rows_excluded:,} excluded, "
        f"{result.rows_repeated:,} repeated, {result.rows_replaced:,} replaced, {result.rows_malformed:,} lost as malformed."
    )
    keys = result.keys
    click.echo(
        f"{number(keys.subjects, 'subject')}, one for each {keys.one_for_each}. Most rows of one subject: {keys.largest:,}.\n"
    )
    width = max(len(each.column) for each in result.columns)
    click.echo(f"{'column':{width}}  {'rows':>7}  becomes")
    for column in result.columns:
        became = "; ".join(column.became) or "not used"
        refused = "".join(f"; refused: {fault} {count:,}" for fault, count in column.refused.items())
        click.echo(f"{column.column:{width}}  {column.rows:7,}  {became}{refused}")
    for fact in result.facts:
        click.echo(f"\n{fact.fact}: {fact.count:,}" + (f", {fact.first} to {fact.last}" if fact.count else ""))
        for line in _fact_lines(fact):
            click.echo(f"  {line}")
    if result.refused:
        click.echo("\nrefused: " + ", ".join(f"{fault} {count:,}" for fault, count in result.refused.items()))
    print_malformed(extract)
    for line in doubts(extract):
        click.echo(line, err=True)
    if result.replaced:
        print_replacement(result.replaced)


def _fact_lines(fact: FactSummary) -> Iterator[str]:
    for name, counted in fact.words.items():
        listed = [f"{word} {count:,}" for word, count in list(counted.items())[:_VALUES_LISTED]]
        more = f" and {len(counted) - _VALUES_LISTED:,} more" if len(counted) > _VALUES_LISTED else ""
        yield f"{name}: {', '.join(listed)}{more}"
    for name, words in fact.unlisted.items():
        yield f"{name}: the profile does not list {', '.join(words[:_VALUES_LISTED])}; these will count as unlisted"
    if fact.before:
        yield f"{fact.before:,} happened before the event they should follow; these will count as contradictions"
