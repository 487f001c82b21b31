"""`bluelamp rebuild`: build a new state version and switch to it."""

import asyncio
import sys

import click

from bluelamp.cli.options import JSON, say, settings_of
from bluelamp.wiring.settings import Settings, load_forces
from facts.errors import SettingError


@click.command("rebuild")
@click.option("--switch", "is_switched", is_flag=True, help="Make the new version current if nothing differs.")
@click.option(
    "--accept-differences",
    "are_accepted",
    is_flag=True,
    help="With --switch, make it current even if something differs.",
)
@click.option("--restart", "is_from_scratch", is_flag=True, help="Discard an unfinished rebuild and start again.")
@click.option(
    "--forget", "removes_others", is_flag=True, help="Remove every version that is not current; build nothing."
)
@click.option("--back", "is_back", is_flag=True, help="Make the previous version current again; build nothing.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="List at most this many counts and figures that differ; 0 lists all.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="Build and compare with this many processes. [default: one for each processor, at most 4]",
)
@JSON
def rebuild(
    is_switched: bool,
    are_accepted: bool,
    is_from_scratch: bool,
    removes_others: bool,
    is_back: bool,
    limit: int,
    processes: int | None,
    as_json: bool,
) -> None:
    """Build a new state version from the archive and the log, and compare every figure and count with the current version.

    The new version uses the profiles of this command. Nothing reads it before it becomes current. Exit status 0 means
    that nothing differs; 1 means that something differs or could not be compared.
    """
    if are_accepted and not is_switched:
        what = "--accept-differences has no effect without --switch."
        raise SettingError(what, where="--accept-differences", hint="Add --switch.")
    if is_back and (is_switched or is_from_scratch or removes_others):
        raise SettingError("--back builds and removes nothing.", where="--back", hint="Use it alone.")
    settings = settings_of()
    if is_back:
        _back(settings, as_json=as_json)
    elif removes_others:
        _remove_others(settings, as_json=as_json)
    else:
        _rebuild(
            settings,
            limit,
            processes,
            as_json=as_json,
            is_from_scratch=is_from_scratch,
            is_switched=is_switched,
            are_accepted=are_accepted,
        )


def _back(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.rebuild.versions import switch_back
    from bluelamp.wiring.connections import state_client

    with state_client(settings) as redis:
        before, current = switch_back(redis, settings.state_name)
    if as_json:
        say({"shown": current, "before": before})
        return
    click.echo(
        f"Version {current} is current again; version {before} is kept. Restart workers and services with the program of version {current}."
    )


def _remove_others(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.rebuild.versions import current_version, existing_versions, remove_version
    from bluelamp.wiring.connections import state_client

    with state_client(settings) as redis:
        current = current_version(redis, settings.state_name)
        others = [each for each in existing_versions(redis, settings.state_name) if each != current]
        keys = {each: remove_version(redis, settings.state_name, each) for each in others}
    if as_json:
        say({"shown": current, "forgotten": others})
        return
    for number, count in keys.items():
        click.echo(f"Removed version {number}: {count:,} keys.")
    click.echo(f"Version {current} is current{'' if keys else ', and there is no other'}.")


def _rebuild(settings: Settings, limit: int, processes: int | None, *, as_json: bool, **options: bool) -> None:
    from bluelamp.local.terminal import Terminal
    from bluelamp.rebuild.processes import usual_processes
    from bluelamp.rebuild.rebuild import lines, rebuild
    from bluelamp.wiring.clock import wall

    terminal = Terminal()

    reached = dict[tuple[str, int], tuple[int, int]]()

    def report(place: tuple[str, int], applied_offset: int, after: int) -> None:
        reached[place] = applied_offset, after
        done, total = (sum(each) for each in zip(*reached.values(), strict=True))
        if total and not as_json:
            terminal.move(done / total, f"Building: {done:,} of {total:,} records. Comparing takes about as long.")

    def report_refusal(words: str) -> None:
        click.echo(words, err=True)

    rules, count = load_forces(settings), processes or usual_processes()
    result = asyncio.run(rebuild(settings, rules, wall, report, report_refusal, processes=count, **options))
    if as_json:
        say(result)
    else:
        for line in lines(result, limit):
            terminal.say(line)
    sys.exit(0 if result.is_same() else 1)
