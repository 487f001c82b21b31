"""The dry run of a replay: what an extract would become, told without sending anything."""

from collections.abc import Iterator, Mapping

import click
from msgspec import Struct

from bluelamp.feeding.replay import file_errors, mapping_of, path_of, print_malformed
from bluelamp.wiring.clock import wall
from facts.errors import MappingError
from measures.rules import Rules
from producers.explain import ColumnSummary, FactSummary, explain
from producers.extract import Malformed
from producers.values import Fault

_WORDS_SHOWN = 12


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
    columns: tuple[ColumnSummary, ...]
    facts: tuple[FactSummary, ...]
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
    declared = mapping_of(file, mapping)
    if declared.force not in forces:
        hint = f"Name one that has a profile: {', '.join(forces)}; or give this one a profile."
        raise MappingError(f"No profile is named {declared.force!r}.", where=f"{declared.name}, force", hint=hint)
    with file_errors():
        explained = explain(path_of(file), declared, forces[declared.force].force, now=wall())
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


def print_dry_run(told: DryRun) -> None:
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
    print_malformed(told.malformed)


def _fact_lines(fact: FactSummary) -> Iterator[str]:
    for name, counted in fact.words.items():
        shown = [f"{word} {count:,}" for word, count in list(counted.items())[:_WORDS_SHOWN]]
        more = f" and {len(counted) - _WORDS_SHOWN:,} more" if len(counted) > _WORDS_SHOWN else ""
        yield f"{name}: {', '.join(shown)}{more}"
    for name, words in fact.unlisted.items():
        yield f"{name}: the profile does not list {', '.join(words[:_WORDS_SHOWN])}; it will be counted as unlisted"
    if fact.before:
        yield f"{fact.before:,} come before what they should come after; they will be counted as contradictions"
