"""`bluelamp chart`: draw the control chart of a measure."""

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
@click.option(
    "--by",
    "grain",
    type=click.Choice(["month", "week"]),
    default="month",
    show_default=True,
    help="Draw one point for each month or week.",
)
@click.option(
    "--last",
    "count",
    type=click.IntRange(2, 112),
    default=24,
    show_default=True,
    help="Number of whole months or weeks to chart.",
)
@click.option(
    "--recalculate", "dates", multiple=True, help="Recalculate the limits from this day on, such as 2024-07-01."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["text", "json", "svg"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@WHERE
@FORCE
def chart(
    measure: str, grain: Grain, count: int, dates: tuple[str, ...], kind: str, where: tuple[str, ...], force: str | None
) -> None:
    """Draw a measure's control chart (XmR): its limits, and the points that chance does not explain."""
    from dashboards.report.figures import from_reader
    from dashboards.report.series import SeriesQuery, series
    from dashboards.report.text import lines, plain

    settings = settings_of(force=force)
    source = reader(settings)
    profile = source.rules_of(settings.force).force
    query = SeriesQuery(
        find(measure), parse_where(where), grain, count, tuple(parse_day(each, "--recalculate") for each in dates)
    )

    def charted() -> tuple[datetime, "Drawn"]:
        as_of = source.present(profile.name)
        return as_of, series(from_reader(source, profile.name, as_of), profile, query, as_of)

    as_of, chart = source.at_one_moment(charted)
    if kind == "svg":
        click.echo(chart.svg)
    elif kind == "json":
        say({"measure": measure, "force": profile.name, "as_of": as_of, "summary": chart.summary, **plain(chart.table)})
    else:
        for line in (*lines(chart.table), *chart.summary):
            click.echo(line)
