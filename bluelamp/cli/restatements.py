"""`bluelamp restatements`: published figures that later facts changed."""

import click

from bluelamp.cli.options import FORCE, say, settings_of
from bluelamp.wiring.arguments import split_names
from bluelamp.wiring.connections import reader
from measures.catalogue import CATALOGUE, find
from measures.window import parse_day


@click.command("restatements")
@click.option("--from", "start", required=True, help="The first local day, such as 2024-12-01.")
@click.option("--to", "end", required=True, help="The first day after the period, such as 2025-01-01.")
@click.option("--measure", "names", multiple=True, help="Only its figures.")
@click.option("--by", default="", help="Dimensions to break them down by, separated by commas.")
@click.option("--all", "is_all", is_flag=True, help="Also what only ended or fell due after the day, as it had to.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Subjects a day told with facts; 0 for all.",
)
@click.option("--format", "kind", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@FORCE
def restatements(
    start: str, end: str, names: tuple[str, ...], by: str, is_all: bool, limit: int, kind: str, force: str | None
) -> None:
    """Daily figures that have changed since they were first shown, by how much, and because of which facts.

    A day is first shown once all of its feeds have said that nothing older is to come. Exit status 0, whatever has changed.
    """
    from bluelamp.verify.restatement_report import lines, restatements, table

    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    period = parse_day(start, "--from"), parse_day(end, "--to")
    measures = [find(name) for name in names] or list(CATALOGUE.values())
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
