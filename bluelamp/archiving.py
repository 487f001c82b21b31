"""The operator's commands for what must outlast Kafka and Redis: the archive of the log, and the state built anew from it."""

import asyncio
import sys

import click

from bluelamp.options import JSON, say, settings_of
from bluelamp.settings import Settings, load_forces
from facts.errors import SettingError


@click.command("archive")
@click.option("--directory", help="Of the archive; BLUELAMP_ARCHIVE unless given.")
@click.option("--verify", "is_verified", is_flag=True, help="Keep nothing: read every file and say what is wrong.")
@click.option(
    "--every",
    "every_hours",
    type=click.FloatRange(min=0, max=744, min_open=True),
    help="Stay, and keep what is new every so many hours (at most a month), until SIGINT or SIGTERM.",
)
@JSON
def archive_command(directory: str | None, is_verified: bool, every_hours: float | None, as_json: bool) -> None:
    """Keep what the log holds beyond the archive's end, as Parquet by the day on which the log received it.

    To be run daily, long before Kafka's retention ends, or once with --every 24; ended at any moment, it goes on where it was.
    With --verify exit status 1 when a day, a range of offsets or a file is missing, or a file was altered.
    """
    settings = settings_of(archive=directory)
    if is_verified and every_hours:
        raise SettingError("What is verified is not kept.", where="--every", hint="Give either --verify or --every.")
    if is_verified:
        _verify(settings, as_json=as_json)
    elif every_hours:
        _keep_on(settings, every_hours, as_json=as_json)
    else:
        _keep(settings, as_json=as_json)


def _keep_on(settings: Settings, every_hours: float, *, as_json: bool) -> None:
    """What fails ends it: whatever started it starts it again, and sees that it failed."""
    from bluelamp.stopping import stopping

    told_to_stop = stopping()
    while not told_to_stop.is_set():
        _keep(settings, as_json=as_json)
        told_to_stop.wait(every_hours * 3600)


def _keep(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.history import keep_log

    kept = keep_log(settings, lambda part: None if as_json else click.echo(part.line()))
    if as_json:
        say({"parts": kept.parts, "archive": kept.manifest.sums()})
        return
    for place, first in kept.manifest.begins.items():
        if first:
            click.echo(f"The archive of {place} begins at offset {first:,}: the log held nothing before it.", err=True)
    new = f"{len(kept.parts):,} new files." if kept.parts else "Nothing is new."
    click.echo(f"{new} The archive holds {kept.manifest.sums().words()}.")


def _verify(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.history import look_through

    manifest, looked = look_through(settings)
    faults = []
    for fault in looked:
        faults.append(fault)
        if not as_json:
            click.echo(fault.words())
    sums = manifest.sums()
    if as_json:
        say({"faults": faults, "archive": sums})
    elif faults:
        click.echo(f"{len(faults):,} faults. The manifest names {sums.words()}.")
    else:
        click.echo(f"All is there and as it was written: {sums.words()}.")
    sys.exit(1 if faults else 0)


@click.command("rebuild")
@click.option("--switch", "is_switched", is_flag=True, help="Show the new version if nothing differs.")
@click.option(
    "--accept-differences", "are_accepted", is_flag=True, help="With --switch: show it also where something differs."
)
@click.option("--anew", "is_anew", is_flag=True, help="Forget what an earlier rebuild has left, and begin again.")
@click.option("--forget", "is_forgetting", is_flag=True, help="Build nothing: remove every version that is not shown.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Cells and figures listed; 0 for all."
)
@JSON
def rebuild_command(
    is_switched: bool, are_accepted: bool, is_anew: bool, is_forgetting: bool, limit: int, as_json: bool
) -> None:
    """Build a new version of the state from archive and log beside the one shown, and compare every figure and count.

    The profiles of this command are what it is built by. Exit status 0: nothing differs; 1: something does, or could not be
    compared. Until it is shown it changes nothing for anybody.
    """
    if are_accepted and not is_switched:
        raise SettingError("Nothing is shown without --switch.", where="--accept-differences", hint="Give both.")
    settings = settings_of()
    if is_forgetting:
        _forget(settings, as_json=as_json)
    else:
        _rebuild(settings, limit, as_json=as_json, is_anew=is_anew, is_switched=is_switched, are_accepted=are_accepted)


def _forget(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.connections import state_client
    from bluelamp.rebuilding import forget, shown_of, versions

    with state_client(settings) as redis:
        shown, gone = shown_of(redis, settings.state_name), versions(redis, settings.state_name)
        gone.remove(shown)
        keys = {each: forget(redis, settings.state_name, each) for each in gone}
    if as_json:
        say({"shown": shown, "forgotten": gone})
        return
    for number, count in keys.items():
        click.echo(f"Version {number} is removed: {count:,} keys.")
    click.echo(f"Version {shown} is shown{'' if keys else ', and there is no other'}.")


def _rebuild(settings: Settings, limit: int, *, as_json: bool, **wanted: bool) -> None:
    from bluelamp.clock import wall
    from bluelamp.rebuilding import lines, rebuild
    from bluelamp.terminal import Terminal

    terminal = Terminal()

    def tell(place: tuple[str, int], fence: int, after: int) -> None:
        if not as_json:
            terminal.move(fence / after, f"{place[0]}:{place[1]} {fence:,} of {after:,}")

    def refused(words: str) -> None:
        click.echo(words, err=True)

    found = asyncio.run(rebuild(settings, load_forces(settings), wall, tell, refused, **wanted))
    if as_json:
        say(found)
    else:
        for line in lines(found, limit):
            terminal.say(line)
    sys.exit(0 if found.is_same() else 1)
