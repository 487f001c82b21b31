"""`bluelamp explain`: the subjects and facts behind a figure."""

import sys

import click

from bluelamp.cli.options import AS_OF, BY, FORCE, JSON, WHERE, WINDOW, say, settings_of
from bluelamp.wiring.arguments import parse_instant, parse_where, split_names
from bluelamp.wiring.connections import reader
from measures.catalogue import find
from measures.display import number


@click.command("explain")
@click.argument("measure")
@WINDOW
@BY
@WHERE
@AS_OF
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Number of outcomes to list for each figure; 0 lists all.",
)
@click.option("--facts", "has_facts", is_flag=True, help="List every fact of each subject. --json always does.")
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
    """List the subjects and facts behind a figure, and check the figure against the state.

    The outcomes come from a recount of the log and are added up one by one. Exit status 0: they add up to the figure, and the state
    has the same figure; 1: they do not, the state differs, or the state could not be read.
    """
    from bluelamp.archive.full_log import recount_of
    from bluelamp.recount.needed import needed
    from bluelamp.verify.compare import Query, StateReadings
    from bluelamp.verify.explain import explain, lines
    from bluelamp.verify.state_and_log import read_or_reason
    from bluelamp.verify.words import not_compared

    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    query = Query(measure=find(measure), window=window, by=split_names(by), where=parse_where(where))
    given = parse_instant(as_of, rules.force.zone(), "--as-of") if as_of else None
    moment, state = read_or_reason(settings, source, rules.force.name, query, given)
    until = state.applied_offsets if isinstance(state, StateReadings) else None
    forces, topics = [each.force for each in source.rules.values()], query.measure.topics()
    spans = needed(query.measure, window, rules.force, moment)
    with recount_of(settings, forces, until, keeps_facts=True, topics=topics, spans=spans) as recounted:
        figures = explain(recounted, rules.force.name, query, moment, state, limit or None)
    if as_json:
        say(figures)
    else:
        for figure in figures:
            for line in lines(figure, query.measure, has_facts=has_facts):
                click.echo(line)
        for line in not_compared(recounted.loaded.left_beyond, recounted.loaded.left_out):
            click.echo(line)
        if recounted.loaded.unchecked:
            click.echo(
                f"Not checked: {number(recounted.loaded.unchecked, 'fact')} of subjects that this window does not need."
            )
        if not figures:
            click.echo("Neither the log nor the state has this figure.")
    is_confirmed = isinstance(state, StateReadings) and all(figure.is_confirmed() for figure in figures)
    sys.exit(0 if is_confirmed else 1)
