"""`bluelamp measures`: list every measure."""

from typing import Any

import click
import msgspec

from bluelamp.cli.options import JSON, say
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.published import PUBLISHED


@click.command()
@JSON
def measures(as_json: bool) -> None:
    """List every measure with the question it answers."""
    if as_json:
        say([_declared(measure) for measure in CATALOGUE.values()])
    else:
        for measure in CATALOGUE.values():
            click.echo(f"{measure.name}\n    {measure.question}")


def _declared(measure: Measure) -> dict[str, Any]:
    declared: dict[str, Any] = msgspec.to_builtins(measure)
    kind = type(measure.statistic).__name__
    return {
        **declared,
        "statistic": {"kind": kind, **declared["statistic"]},
        "dimensions": measure.dimensions(),
        "published": PUBLISHED.get(measure.name, ()),
    }
