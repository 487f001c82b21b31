"""`bluelamp up`: start everything on this machine."""

import asyncio
import os
from pathlib import Path

import click
from msgspec.structs import replace

from bluelamp.cli.options import settings_of
from bluelamp.wiring.settings import GATEWAY_TOKENS, variable


@click.command("up")
@click.option("--data", help="Directory of everything that is kept; BLUELAMP_DATA unless given.")
@click.option("--workers", default=1, show_default=True, help="Worker processes; more share the partitions.")
@click.option("--port", type=int, help="Port of the board on loopback; BLUELAMP_BOARD_PORT unless given.")
@click.option("--replay", help="`sample`, or an extract to replay with --mapping.")
@click.option("--mapping", help="The mapping of the extract.")
@click.option("--speed", default="60", show_default=True, help="Of a replay or a scenario: times real time, or max.")
@click.option(
    "--fast-until", help="Of a replay or a scenario: a local time; what was before is played as fast as it goes."
)
@click.option(
    "--simulate/--feeds-only",
    "is_simulated",
    default=None,
    help="A simulated force, or only what feeds send. Unless said: what the directory holds; a new one is simulated.",
)
@click.option(
    "--history",
    default="35d",
    show_default=True,
    help="A new simulation begins so long ago: days (35d) or months (24mo).",
)
@click.option("--scenario", help="Play a scenario of the simulator instead of ordinary days up to now.")
@click.option("--seed", type=int, help="Of a new simulation; 41 unless given.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier run kept in the directory.")
@click.option(
    "--prometheus",
    "is_prometheus",
    is_flag=True,
    help="Prometheus and Alertmanager, as installed, evaluate the alert rules.",
)
@click.option(
    "--repair-state",
    "is_repaired",
    is_flag=True,
    help="If the state's files are broken: set them aside, keep what can be read, and fold the rest again from the log.",
)
@click.option("--force", help="Whose figures the board shows; BLUELAMP_FORCE, or the replay's, unless given.")
def up(
    data: str | None,
    workers: int,
    port: int | None,
    replay: str | None,
    mapping: str | None,
    speed: str,
    fast_until: str | None,
    is_simulated: bool | None,
    history: str,
    scenario: str | None,
    seed: int | None,
    fresh: bool,
    is_prometheus: bool,
    is_repaired: bool,
    force: str | None,
) -> None:
    """Start everything on this machine - log, state, workers, exporter, board, alerts - and a simulated force.

    The simulation tells its history as fast as it goes, and goes on with the clock; started again, it goes on where it was.
    """
    from bluelamp.feeding.replay import plan
    from bluelamp.local.saved_simulation import is_to_simulate
    from bluelamp.local.terminal import Terminal
    from bluelamp.local.up import RunPlan, Up

    played = plan(replay, mapping, speed, fast_until) if replay else None
    if played and variable("force") not in os.environ:
        force = force or played.force
    settings = settings_of(data=data, board_port=port, force=force)
    asked = RunPlan(workers=workers, is_fresh=fresh, is_prometheus=is_prometheus, is_repaired=is_repaired)
    if played:
        asked = replace(asked, replay=played.arguments, replay_words=played.words)
    if is_to_simulate(
        Path(settings.data),
        is_asked=True if scenario else is_simulated,
        is_replayed=played is not None,
        is_fresh=fresh,
        has_senders=bool(os.environ.get(GATEWAY_TOKENS)),
    ):
        from bluelamp.local.simulation import plan as plan_simulation

        simulation = plan_simulation(
            settings,
            seed=seed,
            history=history,
            scenario=scenario,
            speed=speed,
            fast_until=fast_until,
            is_fresh=fresh,
        )
        asked = replace(asked, simulation=simulation)
    asyncio.run(Up(settings, asked, Terminal()).run())
