"""`bluelamp audit`: compare the state with a recount of the log."""

import sys

import click

from bluelamp.cli.options import FORCE, JSON, say, settings_of
from bluelamp.wiring.connections import reader
from measures.catalogue import CATALOGUE, find
from measures.window import parse_day


@click.command("audit")
@click.option("--from", "start", required=True, help="The first local day, such as 2024-12-01.")
@click.option("--to", "end", required=True, help="The first day after the period, such as 2025-01-01.")
@click.option(
    "--measure", "names", multiple=True, help="Compare only its figures; counts and open items are all compared."
)
@FORCE
@JSON
def audit(start: str, end: str, names: tuple[str, ...], force: str | None, as_json: bool) -> None:
    """Recount every report figure of a period from the log by another path, and hold the state against it.

    Lists every figure, and every count and open item that figures are taken from, that differs, with the facts behind it.
    Live windows are not compared: `bluelamp recount --compare` does that. Exit status 0: nothing differs; 1: something does, or
    nothing could be compared.
    """
    from bluelamp.archive.full_log import recount_of
    from bluelamp.verify.audit import audit, hold, lines
    from bluelamp.verify.state_and_log import check_same_log

    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    first, last = parse_day(start, "--from"), parse_day(end, "--to")
    measures = [find(name) for name in names] or list(CATALOGUE.values())
    check_same_log(settings, source)
    held = hold(source, rules.force, first, last, source.present(rules.force.name), measures)
    every = [each.force for each in source.rules.values()]
    with recount_of(settings, every, held.taken.applied_offsets, keeps_facts=True) as counted:
        found = audit(held, counted, rules, first, last)
    if as_json:
        say(found)
    else:
        for line in lines(found):
            click.echo(line)
    sys.exit(0 if found.is_clean() else 1)
