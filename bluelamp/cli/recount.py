"""`bluelamp recount`: count measures again from the whole log."""

from typing import Any

import click
import msgspec

from bluelamp.cli.options import AS_OF, BY, FORCE, JSON, WHERE, WINDOW, n_text, say, settings_of
from bluelamp.wiring.arguments import parse_instant, parse_where, split_names
from bluelamp.wiring.connections import reader
from facts.errors import QuestionError
from measures.catalogue import find
from measures.display import words


@click.command()
@click.argument("measure", required=False)
@WINDOW
@BY
@WHERE
@AS_OF
@FORCE
@JSON
def recount(
    measure: str | None,
    window: str,
    by: str,
    where: tuple[str, ...],
    as_of: str | None,
    force: str | None,
    as_json: bool,
) -> None:
    """Count a measure again from the whole log, or every measure when MEASURE is left out.

    The recount is separate code: it shares nothing with the workers except the measures' declarations. `bluelamp audit`
    compares it with the state.
    """
    from bluelamp.archive.full_log import recount_of
    from bluelamp.verify.compare import Query, every_query

    declared = find(measure) if measure else None
    if declared and declared.is_open() and as_of:
        raise QuestionError(
            f"{declared.name} counts open items, and those are only known now.",
            where="--as-of",
            hint="Leave out --as-of. `bluelamp occupancy --at TIME --recount` gives the number in custody at a past time.",
        )
    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    moment = parse_instant(as_of, rules.force.zone(), "--as-of") if as_of else source.present(settings.force)
    if declared:
        queries = [Query(measure=declared, window=window, by=split_names(by), where=parse_where(where))]
    else:
        queries = [each for each in every_query([window], rules.force) if not (as_of and each.measure.is_open())]
    with recount_of(settings, [each.force for each in source.rules.values()], None) as recounted:
        for place, first in recounted.loaded.missing_before.items():
            click.echo(f"Incomplete recount: the log of {place} begins at offset {first:,}.", err=True)
        cells = [
            (query, cell)
            for query in queries
            for cell in recounted.known(query.measure, settings.force, query.window, moment, query.by, query.where)
        ]
    _print_cells(cells, as_json)


def _print_cells(cells: list[Any], as_json: bool) -> None:
    from bluelamp.recount.coverage import IN_WORDS

    if as_json:
        plain = ((query, msgspec.to_builtins(cell, str_keys=True)) for query, cell in cells)
        say([{"measure": query.measure.name, "window": query.window, **cell} for query, cell in plain])
        return
    for query, cell in cells:
        dimensions = " ".join(f"{name}={word}" for name, word in cell.dimensions.items())
        value = words(cell.value, query.measure.unit)
        click.echo(
            f"{query.measure.name}  {dimensions}  {value} (n {n_text(cell.n)})  {IN_WORDS[cell.coverage]}".rstrip()
        )
