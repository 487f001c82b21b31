"""`bluelamp compare`: compare a measure across periods."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from bluelamp.cli.options import FORCE, JSON, WHERE, say, settings_of
from bluelamp.wiring.arguments import parse_where, split_names
from bluelamp.wiring.connections import reader
from measures.catalogue import find
from measures.reading import SIMULATION

if TYPE_CHECKING:
    from dashboards.report.document import Table


@click.command("compare")
@click.argument("measure")
@click.option(
    "--by",
    default="",
    help="Dimensions to break the figure down by, separated by commas. With one dimension, rows are ranked.",
)
@WHERE
@FORCE
@JSON
def compare(measure: str, by: str, where: tuple[str, ...], force: str | None, as_json: bool) -> None:
    """Compare a measure across periods: today, this month, last month, 12 months, the 12 months before, and the published figure."""
    from dashboards.report.compare import compare
    from dashboards.report.figures import from_reader
    from dashboards.report.text import lines, plain

    declared, limits = find(measure), parse_where(where)
    settings = settings_of(force=force)
    source = reader(settings)
    profile = source.rules_of(settings.force).force

    def compared() -> tuple[datetime, "Table", bool]:
        as_of = source.present(profile.name)
        ask = from_reader(source, profile.name, as_of)
        table = compare(ask, profile, declared, as_of, split_names(by), limits)
        return as_of, table, source.is_simulated(profile.name)

    as_of, table, is_simulated = source.at_one_moment(compared)
    if as_json:
        say({"measure": measure, "force": profile.name, "as_of": as_of, "simulated": is_simulated, **plain(table)})
        return
    click.echo(
        f"{profile.title}, {as_of.astimezone(profile.zone()):%Y-%m-%d %H:%M}"
        + (f"  {SIMULATION}" if is_simulated else "")
    )
    for line in lines(table):
        click.echo(line)
