"""`bluelamp chart`: the control chart of a measure."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from bluelamp.cli.options import FORCE, WHERE, say, settings_of
from bluelamp.wiring.arguments import parse_where
from bluelamp.wiring.connections import reader
from measures.catalogue import find
from measures.chart import Grain
from measures.window import parse_day

if TYPE_CHECKING:
    from dashboards.report.document import Drawn


@click.command("chart")
@click.argument("measure")
@click.option("--by", "grain", type=click.Choice(["month", "week"]), default="month", show_default=True)
@click.option(
    "--last", "count", type=click.IntRange(2, 112), default=24, show_default=True, help="How many whole ones."
)
@click.option(
    "--recalculate", "dates", multiple=True, help="First day of the period to take new limits from, as 2024-07-01."
)
@click.option("--format", "kind", type=click.Choice(["text", "json", "svg"]), default="text", show_default=True)
@WHERE
@FORCE
def chart(
    measure: str, grain: Grain, count: int, dates: tuple[str, ...], kind: str, where: tuple[str, ...], force: str | None
) -> None:
    """The control chart of a measure (XmR): its limits, and the points that chance does not explain."""
    from dashboards.report.figures import from_reader
    from dashboards.report.series import SeriesQuery, series
    from dashboards.report.text import lines, plain

    settings = settings_of(force=force)
    source = reader(settings)
    profile = source.rules_of(settings.force).force
    asked = SeriesQuery(
        find(measure), parse_where(where), grain, count, tuple(parse_day(each, "--recalculate") for each in dates)
    )

    def charted() -> tuple[datetime, "Drawn"]:
        as_of = source.present(profile.name)
        return as_of, series(from_reader(source, profile.name, as_of), profile, asked, as_of)

    as_of, found = source.at_one_moment(charted)
    if kind == "svg":
        click.echo(found.svg)
    elif kind == "json":
        say({"measure": measure, "force": profile.name, "as_of": as_of, "summary": found.summary, **plain(found.table)})
    else:
        for line in (*lines(found.table), *found.summary):
            click.echo(line)
