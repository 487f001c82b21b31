"""`bluelamp read`: read a measure from the state."""

from typing import Any

import click

from bluelamp.cli.options import FORCE, JSON, WHERE, say, settings_of, shown_n
from bluelamp.wiring.arguments import parse_instant, parse_where, split_names
from bluelamp.wiring.connections import reader
from measures.catalogue import CATALOGUE
from measures.display import words
from measures.measure import Measure
from measures.reading import Reading


@click.command()
@click.argument("measure")
@click.option(
    "--window",
    default="60m",
    show_default=True,
    help="15m 60m 24h 7d today shift this_month last_month 12m previous_12m FROM/TO",
)
@click.option(
    "--by", default="", help="Dimensions to break it down by, separated by commas; day and month in report windows."
)
@WHERE
@click.option("--as-of", help="The instant to read it at, such as 2024-12-01T09:59:59Z or local time without a zone.")
@FORCE
@JSON
def read(
    measure: str, window: str, by: str, where: tuple[str, ...], as_of: str | None, force: str | None, as_json: bool
) -> None:
    """Read a measure from the state."""
    settings = settings_of(force=force)
    source = reader(settings)
    asked: dict[str, Any] = {
        "where": parse_where(where),
        "as_of": parse_instant(as_of, source.rules_of(settings.force).force.zone()) if as_of else None,
        "force": settings.force,
    }
    # A breakdown without a cell is answered by the whole: that says whether there is nothing, or nothing is known.
    readings = source.read(measure, window, by=split_names(by), **asked) or source.read(measure, window, **asked)
    if as_json:
        say(readings)
    else:
        for each in readings:
            click.echo(_line(each, CATALOGUE[measure]))


def _line(reading: Reading, measure: Measure) -> str:
    told = " ".join(f"{name}={word}" for name, word in reading.dimensions.items())
    start, end = (each.strftime("%Y-%m-%d %H:%M") for each in (reading.start, reading.end))
    value = words(reading.value, measure.unit)
    parts = [
        told,
        f"{value} (n {shown_n(reading.n)})",
        reading.state,
        f"{start} to {end}",
        reading.reason,
        reading.note,
    ]
    return "  ".join(part for part in parts if part)
