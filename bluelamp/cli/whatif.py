"""`bluelamp whatif`: what the next two hours of 999 and 101 may bring, and what more or fewer call takers would change."""

import click

from bluelamp.cli.options import FORCE, JSON, say, settings_of
from bluelamp.wiring.connections import reader
from bluelamp.wiring.plans import usable_events


@click.command("whatif")
@click.option(
    "--local",
    type=click.IntRange(1, 200),
    help="Call takers who are on now for 999, and for 101 after triage (default: as the record says).",
)
@click.option(
    "--triage",
    type=click.IntRange(0, 200),
    help="Call takers who are on now at 101 triage (default: as the record says).",
)
@click.option(
    "--units", type=click.IntRange(1, 2000), help="Response units on duty now; without it, Grade 1 is not forecast."
)
@click.option(
    "--more-local",
    type=click.IntRange(-200, 200),
    default=0,
    help="Call takers to add for 999 and 101 after triage; negative to take away.",
)
@click.option(
    "--more-triage",
    type=click.IntRange(-200, 200),
    default=0,
    help="Call takers to add at triage; negative to take away.",
)
@click.option(
    "--more-units",
    type=click.IntRange(-2000, 2000),
    default=0,
    help="Response units to add; negative to take away. Needs --units.",
)
@click.option(
    "--busier",
    type=click.IntRange(-90, 300),
    default=0,
    help="More calls and incidents, in percent; negative for fewer.",
)
@click.option(
    "--busier-101",
    type=click.IntRange(-100, 300),
    default=0,
    help="More 101 calls in addition, in percent; negative for fewer.",
)
@click.option(
    "--close",
    type=click.Choice(["triage", "post_triage", "101"]),
    help="Close this queue, or all of 101, to new callers.",
)
@click.option("--at", help="When the change begins: a local time such as 16:00, within two hours (default: now).")
@FORCE
@JSON
def whatif(
    local: int | None,
    triage: int | None,
    units: int | None,
    more_local: int,
    more_triage: int,
    more_units: int,
    busier: int,
    busier_101: int,
    close: str | None,
    at: str | None,
    force: str | None,
    as_json: bool,
) -> None:
    """Forecast the next two hours of 999 and 101 by simulating them from the present, a few hundred times.

    Where the record does not say how many call takers are on, give the numbers: they are never guessed.
    """
    from dashboards.board.whatif.outlook import compared, says, table
    from dashboards.board.whatif.present import parameters_of, planned, present_of
    from dashboards.board.whatif.question import WhatIf, closed, parse_at
    from producers.simulate.arrivals import HORIZON_SECONDS
    from producers.simulate.twin import Present, TwinChange

    settings = settings_of(force=force)
    source = reader(settings)
    name = source.rules_of(settings.force).force.name
    change = TwinChange(
        local=more_local,
        triage=more_triage,
        busier=busier / 100,
        busier_101=busier_101 / 100,
        closed=closed(close or ""),
        units=more_units,
    )
    asked = WhatIf(local, triage, change, parse_at(at or ""), units)
    parameters, zone = parameters_of(name), source.rules[name].force.zone()
    events = usable_events(settings, source.rules[name].force)

    def read() -> tuple[WhatIf, Present]:
        timed = asked.timed(source.present(name), zone)
        return timed, present_of(source, name, timed, events)

    question, present = source.at_one_moment(read)
    found = compared(parameters, present, question)
    known = planned(events, source.present(name), HORIZON_SECONDS, has_units=units is not None)
    if as_json:
        say({"says": list(says(found, present, question, known)), **found._asdict()})
        return
    for line in says(found, present, question, known):
        click.echo(line)
    made = table(found)
    for row in made.rows:
        figures = (f"{column.title.lower()} {cell.text}" for column, cell in zip(made.columns, row.cells, strict=True))
        click.echo("  ".join((row.label, *figures)))
