"""`bluelamp worker`: read the log and keep the state."""

import os

import click

from bluelamp.cli.options import log_to_stderr, settings_of
from bluelamp.wiring.connections import state_client
from bluelamp.wiring.settings import load_forces


@click.command()
def worker() -> None:
    """Read the log and keep the state. Start more of them to share the partitions.

    Exit status 10 means: start it again; 11: a person must decide, the message says what. Started again before that, it changes
    nothing and ends with 11 again.
    """
    import uvloop

    from bluelamp.wiring.clock import wall
    from bluelamp.wiring.clock_watch import watch_clock
    from streams.worker import Worker

    log_to_stderr()
    settings = settings_of()
    watch_clock(state_client(settings), settings.state_name, settings.worker_name or "a worker")
    uvloop.run(Worker(settings.worker(), load_forces(settings), os._exit, wall).run())
