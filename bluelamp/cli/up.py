"""`bluelamp up`: start everything on this machine."""

import asyncio
import os
from pathlib import Path

import click
from msgspec.structs import replace

from bluelamp.cli.options import settings_of
from bluelamp.wiring.settings import GATEWAY_TOKENS, secret_in, variable


@click.command("up")
@click.option("--data", help="Directory for all data (default: BLUELAMP_DATA).")
@click.option("--workers", default=1, show_default=True, help="Number of worker processes, which share the partitions.")
@click.option("--port", type=int, help="Port of the board on loopback (default: BLUELAMP_BOARD_PORT).")
@click.option("--replay", help="Replay this extract with --mapping, or `sample` for the supplied week of facts.")
@click.option(
    "--mapping", help="How the replayed extract's rows become facts: a TOML file, or a supplied mapping's name."
)
@click.option(
    "--speed",
    default="60",
    show_default=True,
    help="Speed of a replay or a scenario: how many times faster than real time, or max.",
)
@click.option(
    "--fast-until", help="In a replay or a scenario, publish everything before this local time at full speed."
)
@click.option(
    "--complete-to",
    help="In a replay, the end of the period that the extract covers. When the replay is over, the pages keep showing that time.",
)
@click.option(
    "--simulate/--feeds-only",
    "is_simulated",
    default=None,
    help="Simulate a force, or show only what feeds send (default: the same as the last run in this directory; a new directory simulates).",
)
@click.option(
    "--history",
    default="24mo",
    show_default=True,
    help="How much history a new simulation has, in days (35d) or months (24mo). Five weeks come first; older months are filled in behind.",
)
@click.option(
    "--scenario", help="Simulate this scenario instead of ordinary days up to now; docs/feed/simulator.md lists them."
)
@click.option("--seed", type=int, help="Random seed of a new simulation (default: 41).")
@click.option(
    "--fresh", is_flag=True, help="Delete the log, state and simulation of earlier runs in the directory first."
)
@click.option(
    "--prometheus",
    "is_prometheus",
    is_flag=True,
    help="Evaluate the alert rules with the installed Prometheus and Alertmanager.",
)
@click.option(
    "--repair-state",
    "is_repaired",
    is_flag=True,
    help="If the state's files are damaged, keep what can be read and rebuild the rest from the log.",
)
@click.option(
    "--force", help="Force to show on the board (default: BLUELAMP_FORCE, or the replay's force if that is not set)."
)
def up(
    data: str | None,
    workers: int,
    port: int | None,
    replay: str | None,
    mapping: str | None,
    speed: str,
    fast_until: str | None,
    complete_to: str | None,
    is_simulated: bool | None,
    history: str,
    scenario: str | None,
    seed: int | None,
    fresh: bool,
    is_prometheus: bool,
    is_repaired: bool,
    force: str | None,
) -> None:
    """Start everything on this machine: log, state, workers, exporter, board, alerts and a simulated force.

    The simulation publishes its history at full speed, then keeps up with the clock. A restart resumes it.
    """
    from bluelamp.feeding.replay import plan
    from bluelamp.local.saved_simulation import is_to_simulate
    from bluelamp.local.terminal import Terminal
    from bluelamp.local.up import RunPlan, Up

    played = plan(replay, mapping, speed, fast_until, complete_to) if replay else None
    if played and variable("force") not in os.environ:
        force = force or played.force
    settings = settings_of(data=data, board_port=port, force=force)
    run_plan = RunPlan(workers=workers, is_fresh=fresh, is_prometheus=is_prometheus, is_repaired=is_repaired)
    if played:
        run_plan = replace(run_plan, replay=played.arguments, replay_words=played.words)
    if is_to_simulate(
        Path(settings.data),
        is_requested=True if scenario else is_simulated,
        is_replayed=played is not None,
        is_fresh=fresh,
        has_senders=bool(secret_in(os.environ, GATEWAY_TOKENS)),
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
        run_plan = replace(run_plan, simulation=simulation)
    asyncio.run(Up(settings, run_plan, Terminal()).run())
