"""`bluelamp audit`: compare the state with a recount of the log."""

import sys
from datetime import date
from typing import Any

import click

from bluelamp.cli.options import FORCE, JSON, say, settings_of
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import Settings
from measures.catalogue import CATALOGUE, find
from measures.measure import Measure
from measures.window import parse_day
from streams.readings import Reader


@click.command("audit")
@click.option("--from", "start", help="First local day of the period, such as 2024-12-01.")
@click.option("--to", "end", help="Day after the last day of the period, such as 2025-01-01.")
@click.option(
    "--window", help="Compare this window instead of a period, such as 24h. `bluelamp read --help` lists the windows."
)
@click.option(
    "--measure",
    "names",
    multiple=True,
    help="Compare the figures of this measure only. For a period, all counts and open items are compared as well.",
)
@FORCE
@JSON
def audit(
    start: str | None, end: str | None, window: str | None, names: tuple[str, ...], force: str | None, as_json: bool
) -> None:
    """Compare every figure of a period, or of a window, with a recount of the log.

    For a period, give --from and --to: it lists every report figure, count and open item that differs, with the facts
    behind it. For a window, live or past, give --window: it lists every figure that differs, including figures of open
    items. Exit status 0: nothing differs; 1: something differs, or nothing could be compared.
    """
    from bluelamp.verify.state_and_log import check_same_log

    if bool(window) == bool(start or end) or bool(start) != bool(end):
        raise click.UsageError("Give either --from and --to, or --window.")
    days = (parse_day(start, "--from"), parse_day(end, "--to")) if start and end else None
    measures = [find(name) for name in names] or list(CATALOGUE.values())
    settings = settings_of(force=force)
    source = reader(settings)
    source.rules_of(settings.force)
    source.refresh()
    check_same_log(settings, source)
    result, lines = (
        _period(settings, source, days, measures) if days else _window(settings, source, str(window), measures)
    )
    if as_json:
        say(result)
    else:
        for line in lines:
            click.echo(line)
    sys.exit(0 if result.is_clean() else 1)


def _period(settings: Settings, source: Reader, days: tuple[date, date], measures: list[Measure]) -> tuple[Any, Any]:
    from bluelamp.archive.full_log import recount_of
    from bluelamp.verify.audit import audit, lines, read_period

    first, last = days
    rules = source.rules_of(settings.force)
    state = read_period(source, rules.force, first, last, source.present(settings.force), measures)
    forces = [each.force for each in source.rules.values()]
    with recount_of(settings, forces, state.readings.applied_offsets, keeps_facts=True) as recounted:
        result = audit(state, recounted, rules, first, last)
    return result, lines(result)


def _window(settings: Settings, source: Reader, window: str, measures: list[Measure]) -> tuple[Any, Any]:
    from bluelamp.archive.full_log import recount_of
    from bluelamp.verify.compare import compare, every_query, lines, read_state

    queries = [
        each for each in every_query([window], source.rules_of(settings.force).force) if each.measure in measures
    ]
    state = read_state(source, settings.force, queries, source.present(settings.force))
    with recount_of(settings, [each.force for each in source.rules.values()], state.applied_offsets) as recounted:
        result = compare(state, recounted)
    return result, lines(result)
