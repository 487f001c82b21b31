"""`bluelamp recount`: count measures again from the whole log."""

import sys
from typing import Any

import click
import msgspec

from bluelamp.cli.options import FORCE, JSON, WHERE, say, settings_of, shown_n
from bluelamp.wiring.arguments import parse_instant, parse_where, split_names
from bluelamp.wiring.connections import reader
from measures.catalogue import find
from measures.display import words


@click.command()
@click.argument("measure", required=False)
@click.option("--window", default="60m", show_default=True, help="As for `bluelamp read`.")
@click.option("--by", default="", help="Dimensions to break it down by, separated by commas.")
@WHERE
@click.option("--as-of", help="The instant to count it at; the force's present unless given.")
@click.option(
    "--compare",
    "is_compared",
    is_flag=True,
    help="Compare it with the state: exit status 1 when a cell differs, or nothing could be compared.",
)
@FORCE
@JSON
def recount(
    measure: str | None,
    window: str,
    by: str,
    where: tuple[str, ...],
    as_of: str | None,
    is_compared: bool,
    force: str | None,
    as_json: bool,
) -> None:
    """Count a measure, or every one, again from the whole log, by another path than the product's."""
    from bluelamp.archive.full_log import recount_of
    from bluelamp.verify.compare import Query, compare, every_query, take
    from bluelamp.verify.state_and_log import check_same_log

    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    moment = parse_instant(as_of, rules.force.zone()) if as_of else source.present(settings.force)
    if measure:
        queries = [Query(measure=find(measure), window=window, by=split_names(by), where=parse_where(where))]
    else:
        queries = list(every_query([window], rules.force))
    if is_compared:
        check_same_log(settings, source)
    taken = take(source, settings.force, queries, moment) if is_compared else None
    until = taken.applied_offsets if taken else None
    with recount_of(settings, [each.force for each in source.rules.values()], until) as counted:
        if taken:
            _tell_comparison(compare(taken, counted), as_json)
            return
        for place, first in counted.loaded.missing_before.items():
            click.echo(f"The log of {place} begins at {first}: this recount is not of the whole.", err=True)
        answers = [
            (query, cell)
            for query in queries
            for cell in counted.known(query.measure, settings.force, query.window, moment, query.by, query.where)
        ]
    _tell_cells(answers, as_json)


def _tell_cells(answers: list[Any], as_json: bool) -> None:
    from bluelamp.recount.reported import IN_WORDS

    if as_json:
        told = ((query, msgspec.to_builtins(cell, str_keys=True)) for query, cell in answers)
        say([{"measure": query.measure.name, "window": query.window, **cell} for query, cell in told])
        return
    for query, cell in answers:
        limits = " ".join(f"{name}={word}" for name, word in cell.dimensions.items())
        value = words(cell.value, query.measure.unit)
        click.echo(f"{query.measure.name}  {limits}  {value} (n {shown_n(cell.n)})  {IN_WORDS[cell.coverage]}".rstrip())


def _tell_comparison(found: Any, as_json: bool) -> None:
    from bluelamp.verify.compare import lines

    if as_json:
        say(found)
    else:
        for line in lines(found):
            click.echo(line)
    sys.exit(0 if found.is_clean() else 1)
