"""`bluelamp read`: read a measure from the state."""

from typing import Any

import click

from bluelamp.cli.options import AS_OF, FORCE, JSON, WHERE, n_text, say, settings_of
from bluelamp.wiring.arguments import parse_instant, parse_where, split_names
from bluelamp.wiring.connections import reader
from measures.catalogue import find
from measures.display import doubt_words, words
from measures.measure import SPREAD, Measure
from measures.reading import Reading


@click.command()
@click.argument("measure")
@click.option(
    "--window",
    default="60m",
    show_default=True,
    help="15m, 60m, 24h, 7d, today, shift, yesterday, last_week, last_28_days, this_month, last_month, 12m, previous_12m, or "
    "FROM/TO as dates or local times, with TO excluded.",
)
@click.option(
    "--by",
    default="",
    help="Dimensions to break the figure down by, separated by commas. Report windows also have day and month.",
)
@WHERE
@AS_OF
@FORCE
@JSON
def read(
    measure: str, window: str, by: str, where: tuple[str, ...], as_of: str | None, force: str | None, as_json: bool
) -> None:
    """Read a measure: its value, n, state and window. `bluelamp measures` lists the measures."""
    declared = find(measure)
    settings = settings_of(force=force)
    source = reader(settings)
    query: dict[str, Any] = {
        "where": parse_where(where),
        "as_of": parse_instant(as_of, source.rules_of(settings.force).force.zone(), "--as-of") if as_of else None,
        "force": settings.force,
    }
    # An empty breakdown falls back to the whole figure, which says whether the count is zero or not known.
    readings = source.read(measure, window, by=split_names(by), **query) or source.read(measure, window, **query)
    if as_json:
        say(readings)
    else:
        for reading in readings:
            click.echo(_line(reading, declared))


def spread_words(reading: Reading, measure: Measure) -> str:
    """The rest of the distribution of the times behind a mean or a median, such as `mean 3 min 10 s, 90th percentile 8 min 00 s`."""
    if reading.spread is None or reading.value is None:
        return ""
    found = {name: getattr(reading.spread, name) for name in measure.spread()}
    return ", ".join(f"{SPREAD[name].lower()} {words(value, measure.unit)}" for name, value in found.items())


def _line(reading: Reading, measure: Measure) -> str:
    dimensions = " ".join(f"{name}={word}" for name, word in reading.dimensions.items())
    start, end = (each.strftime("%Y-%m-%d %H:%M") for each in (reading.start, reading.end))
    value = words(reading.value, measure.unit)
    parts = [
        dimensions,
        f"{value} (n {n_text(reading.n)})",
        doubt_words(reading.low, reading.high, reading.unrecorded, measure.unit),
        spread_words(reading, measure),
        reading.state,
        f"{start} to {end}",
        reading.reason,
        reading.note,
    ]
    return "  ".join(part for part in parts if part)
