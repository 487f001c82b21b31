"""`bluelamp simulate`: publish the facts of a simulated force."""

import sys
from pathlib import Path
from typing import Any

import click

from bluelamp.cli.options import FORCE, JSON, log_to_stderr, say, settings_of
from bluelamp.local.directory import refuse_mixture
from bluelamp.wiring.settings import load_forces


@click.command()
@click.option("--seed", type=int, help="Random seed; the same seed gives the same facts (default: 41).")
@click.option("--from", "start", help="First local day, such as 2024-12-01 (default: the scenario's first day).")
@click.option("--days", type=click.IntRange(min=1), help="Number of days (default: the scenario's length).")
@click.option(
    "--speed",
    default="max",
    show_default=True,
    help="How many times faster than real time; or max; or live, to publish the history and then keep up with the clock.",
)
@click.option(
    "--scenario",
    default="normal",
    show_default=True,
    help="Name of the scenario to simulate; docs/feed/simulator.md lists them.",
)
@click.option(
    "--history",
    default="0d",
    show_default=True,
    help="With --speed live: how much history to publish first, in days (35d) or months (24mo).",
)
@click.option(
    "--older-history",
    "is_older",
    is_flag=True,
    help="Fill in the older history of the live simulation that --position names, newest month first.",
)
@click.option("--fast-until", help="Publish everything before this local time at full speed.")
@click.option("--position", type=click.Path(dir_okay=False), help="Resume from the position saved in this file.")
@click.option(
    "--to-file",
    type=click.Path(dir_okay=False),
    help="Write the facts to this file as JSON lines, and publish nothing.",
)
@click.option(
    "--calibration",
    "is_calibration",
    is_flag=True,
    help="Compare the simulation with the force's published figures, and publish nothing.",
)
@FORCE
@JSON
def simulate(
    seed: int | None,
    start: str | None,
    days: int | None,
    speed: str,
    scenario: str,
    history: str,
    is_older: bool,
    fast_until: str | None,
    position: str | None,
    to_file: str | None,
    is_calibration: bool,
    force: str | None,
    as_json: bool,
) -> None:
    """Publish the facts of a simulated force.

    With --calibration, the exit status is 1 if a simulated figure is outside its tolerance.
    """
    from bluelamp.local import simulation

    settings = settings_of(force=force)
    profile = simulation.profile(load_forces(settings), settings.force)
    if is_calibration:
        _print_calibration(simulation.calibration(profile, seed), as_json)
        return
    days_before = simulation.history_days(history)
    is_live = speed == simulation.LIVE
    chosen = simulation.simulation_of(profile, seed, scenario, start, is_live=is_live, history_days=days_before)
    if to_file:
        count = simulation.write(chosen, days, Path(to_file))
        click.echo(f"{count:,} facts written to {to_file}.")
        return
    log_to_stderr()
    refuse_mixture(settings, is_simulated=True)
    path = Path(position) if position else None
    if path:
        chosen = simulation.resume_or_save(path, load_forces(settings), chosen, is_seed_given=seed is not None)
    if is_older:
        simulation.fill_older(settings, chosen, path, say=click.echo)
        return
    playing = simulation.Playing(days=days, speed=speed, fast_until=fast_until, position=path)
    played = simulation.run(
        settings.log(),
        settings.partitions,
        chosen,
        playing,
        lambda calibration_line: click.echo(calibration_line, err=as_json),
    )
    if as_json:
        say(played)
    else:
        click.echo(f"{played.facts:,} facts published, up to {played.published_until}.")


def _print_calibration(found: list[Any], as_json: bool) -> None:
    from bluelamp.local.simulation import calibration_line, failures

    if as_json:
        say(found)
    else:
        for each in found:
            click.echo(calibration_line(each))
    off = failures(found)
    click.echo(f"{len(found)} figures compared, {len(off)} outside tolerance.", err=True)
    sys.exit(1 if off else 0)
