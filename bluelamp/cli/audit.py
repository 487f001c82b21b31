"""`bluelamp audit`: compare the state with a recount of the log."""

import sys

import click

from bluelamp.cli.options import FORCE, FROM, JSON, TO, say, settings_of
from bluelamp.wiring.connections import reader
from measures.catalogue import CATALOGUE, find
from measures.window import parse_day


@click.command("audit")
@FROM
@TO
@click.option(
    "--measure",
    "names",
    multiple=True,
    help="Compare the figures of this measure only. Counts and open items are always all compared.",
)
@FORCE
@JSON
def audit(start: str, end: str, names: tuple[str, ...], force: str | None, as_json: bool) -> None:
    """Compare every report figure of a period with a recount of the log.

    Lists every figure, count and open item that differs, with the facts behind it. Live windows are not compared: use
    `bluelamp recount --compare` for those. Exit status 0: nothing differs; 1: something differs, or nothing could be compared.
    """
    from bluelamp.archive.full_log import recount_of
    from bluelamp.verify.audit import audit, lines, read_period
    from bluelamp.verify.state_and_log import check_same_log

    first, last = parse_day(start, "--from"), parse_day(end, "--to")
    measures = [find(name) for name in names] or list(CATALOGUE.values())
    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    check_same_log(settings, source)
    state = read_period(source, rules.force, first, last, source.present(rules.force.name), measures)
    forces = [each.force for each in source.rules.values()]
    with recount_of(settings, forces, state.readings.applied_offsets, keeps_facts=True) as recounted:
        result = audit(state, recounted, rules, first, last)
    if as_json:
        say(result)
    else:
        for line in lines(result):
            click.echo(line)
    sys.exit(0 if result.is_clean() else 1)
