"""`bluelamp restatements`: published figures that later facts changed."""

import click

from bluelamp.cli.options import BY, FORCE, FROM, TO, say, settings_of
from bluelamp.wiring.arguments import split_names
from bluelamp.wiring.connections import reader
from measures.catalogue import CATALOGUE, find
from measures.window import parse_day


@click.command("restatements")
@FROM
@TO
@click.option("--measure", "names", multiple=True, help="List the figures of this measure only.")
@BY
@click.option(
    "--all",
    "is_all",
    is_flag=True,
    help="Include figures that changed only because open items ended or fell due after the day.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Number of subjects to list for each day, with their facts; 0 lists all.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@FORCE
def restatements(
    start: str, end: str, names: tuple[str, ...], by: str, is_all: bool, limit: int, kind: str, force: str | None
) -> None:
    """List daily figures that have changed since they were first published, by how much, and the facts that changed them.

    A day is first published when all of its feeds have reported that nothing older will follow. The exit status is 0 whether or
    not a figure changed.
    """
    from bluelamp.verify.restatement_report import lines, restatements, table

    period = parse_day(start, "--from"), parse_day(end, "--to")
    measures = [find(name) for name in names] or list(CATALOGUE.values())
    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    found = restatements(
        settings, rules, period, measures, split_names(by), source.present(rules.force.name), is_all=is_all
    )
    if kind == "json":
        say(found)
    elif kind == "csv":
        click.echo(table(found), nl=False)
    else:
        for line in lines(found, limit):
            click.echo(line)
