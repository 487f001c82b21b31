"""`bluelamp explain`: the subjects and facts behind a figure."""

import sys

import click

from bluelamp.cli.options import FORCE, JSON, WHERE, say, settings_of
from bluelamp.wiring.arguments import parse_instant, parse_where, split_names
from bluelamp.wiring.connections import reader
from measures.catalogue import find


@click.command("explain")
@click.argument("measure")
@click.option("--window", default="60m", show_default=True, help="As for `bluelamp read`.")
@click.option("--by", default="", help="Dimensions to break it down by, separated by commas.")
@WHERE
@click.option("--as-of", help="The instant to count it at; the force's present unless given.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Outcomes told of each cell; 0 for all."
)
@click.option("--facts", "has_facts", is_flag=True, help="Tell every fact of each subject too; --json always does.")
@FORCE
@JSON
def explain(
    measure: str,
    window: str,
    by: str,
    where: tuple[str, ...],
    as_of: str | None,
    limit: int,
    has_facts: bool,
    force: str | None,
    as_json: bool,
) -> None:
    """The subjects and facts that make one figure, from the log by another path than the product's, and whether the state agrees.

    All outcomes are added up again, one by one, and the figure is compared with the state's at the same place of the log. Exit
    status 0: both come to the figure; 1: one does not, or the state could not be read.
    """
    from bluelamp.archive.full_log import recount_of
    from bluelamp.verify.compare import Query, StateReadings, not_compared
    from bluelamp.verify.explain import explain, lines
    from bluelamp.verify.state_and_log import answer

    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    query = Query(measure=find(measure), window=window, by=split_names(by), where=parse_where(where))
    asked = parse_instant(as_of, rules.force.zone()) if as_of else None
    moment, state = answer(settings, source, rules.force.name, query, asked)
    until = state.applied_offsets if isinstance(state, StateReadings) else None
    with recount_of(settings, [each.force for each in source.rules.values()], until, keeps_facts=True) as counted:
        told = explain(counted, rules.force.name, query, moment, state, limit or None)
    if as_json:
        say(told)
    else:
        for each in told:
            for line in lines(each, query.measure, has_facts=has_facts):
                click.echo(line)
        for line in not_compared(counted.loaded.left_beyond, counted.loaded.left_out):
            click.echo(line)
        if not told:
            click.echo("Neither the log nor the state has a figure for this question.")
    sys.exit(0 if isinstance(state, StateReadings) and all(each.is_confirmed() for each in told) else 1)
