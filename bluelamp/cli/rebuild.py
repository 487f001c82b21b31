"""`bluelamp rebuild`: build a new version of the state."""

import asyncio
import sys

import click

from bluelamp.cli.options import JSON, say, settings_of
from bluelamp.wiring.settings import Settings, load_forces
from facts.errors import SettingError


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
def rebuild(
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
    from bluelamp.rebuild.rebuild import forget, shown_of, versions
    from bluelamp.wiring.connections import state_client

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
    from bluelamp.local.terminal import Terminal
    from bluelamp.rebuild.rebuild import lines, rebuild
    from bluelamp.wiring.clock import wall

    terminal = Terminal()

    def tell(place: tuple[str, int], applied_offset: int, after: int) -> None:
        if not as_json:
            terminal.move(applied_offset / after, f"{place[0]}:{place[1]} {applied_offset:,} of {after:,}")

    def refused(words: str) -> None:
        click.echo(words, err=True)

    found = asyncio.run(rebuild(settings, load_forces(settings), wall, tell, refused, **wanted))
    if as_json:
        say(found)
    else:
        for line in lines(found, limit):
            terminal.say(line)
    sys.exit(0 if found.is_same() else 1)
