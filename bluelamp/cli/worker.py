"""`bluelamp worker`: read the log and update the state."""

import gc
import os

import click

from bluelamp.cli.options import HOST, log_to_stderr, settings_of
from bluelamp.wiring.connections import state_client
from bluelamp.wiring.settings import load_forces

_COLLECT_AFTER = (20_000, 20, 20)


@click.command()
@click.option("--port", type=int, help="Port of /health, /ready and /metrics (default: BLUELAMP_WORKER_PORT; 0: none).")
@HOST
def worker(port: int | None, host: str) -> None:
    """Read the log and update the state; start several workers to share the partitions.

    Exit status 10 means: restart it. Exit status 11 means: a person must decide, as the message explains. If it is restarted
    before that, it changes nothing and exits with 11 again.
    """
    import uvloop

    from bluelamp.services.worker import serve_worker
    from bluelamp.wiring.clock import wall
    from bluelamp.wiring.clock_watch import watch_clock
    from bluelamp.wiring.program import announce_start
    from streams.worker import Worker

    log_to_stderr()
    # The fold makes objects by the thousand and hardly a cycle: looking for cycles less often saves 7% of its time.
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    settings = settings_of(worker_port=port)
    watch_clock(state_client(settings), settings.state_name, settings.worker_name or "a worker")
    announce_start(state_client(settings), settings, "worker")
    serve_worker(settings, os.environ, host)
    uvloop.run(Worker(settings.worker(), load_forces(settings), os._exit, wall).run())
