"""`bluelamp simulate`: publish the facts of a simulated force."""

import sys
from pathlib import Path
from typing import Any

import click

from bluelamp.cli.options import FORCE, JSON, log_to_stderr, say, settings_of
from bluelamp.local.directory import refuse_mixture
from bluelamp.wiring.settings import load_forces


@click.command()
@click.option("--seed", type=int, help="Of all its randomness; 41 unless given. One seed, one log.")
@click.option("--from", "start", help="The first local day, such as 2024-12-01; that of the scenario unless given.")
@click.option("--days", type=click.IntRange(min=1), help="How many days; those of the scenario unless given.")
@click.option(
    "--speed", default="max", show_default=True, help="Times real time, max, or live: history, then the clock."
)
@click.option("--scenario", default="normal", show_default=True, help="What is out of the ordinary: docs/simulator.md.")
@click.option(
    "--history", default="0d", show_default=True, help="With --speed live: days (35d) or months (24mo) before."
)
@click.option("--fast-until", help="A local time: what is told before it is told as fast as it goes.")
@click.option(
    "--position", type=click.Path(dir_okay=False), help="File that keeps how far it was told: go on there, not anew."
)
@click.option("--to-file", type=click.Path(dir_okay=False), help="Write the facts as JSON lines instead.")
@click.option(
    "--calibration", "is_calibration", is_flag=True, help="Print published, simulated and difference instead."
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
    fast_until: str | None,
    position: str | None,
    to_file: str | None,
    is_calibration: bool,
    force: str | None,
    as_json: bool,
) -> None:
    """Simulate a force into the log.

    With --calibration: exit status 1 when a figure is off.
    """
    from bluelamp.local import simulation

    settings = settings_of(force=force)
    profile = simulation.profile(load_forces(settings), settings.force)
    if is_calibration:
        _tell_calibration(simulation.calibration(profile, seed), as_json)
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
    playing = simulation.Playing(days=days, speed=speed, fast_until=fast_until, position=path)
    played = simulation.run(
        settings.kafka,
        settings.partitions,
        chosen,
        playing,
        lambda calibration_line: click.echo(calibration_line, err=as_json),
    )
    if as_json:
        say(played)
    else:
        click.echo(f"{played.facts:,} facts told, up to {played.reported_to}.")


def _tell_calibration(found: list[Any], as_json: bool) -> None:
    from bluelamp.local.simulation import calibration_line, failures

    if as_json:
        say(found)
    else:
        for each in found:
            click.echo(calibration_line(each))
    off = failures(found)
    click.echo(f"{len(found)} published figures, {len(off)} off.", err=True)
    sys.exit(1 if off else 0)
