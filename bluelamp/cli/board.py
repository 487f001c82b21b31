"""`bluelamp board`: serve the web board."""

import os

import click

from bluelamp.cli.options import FORCE, HOST, log_to_stderr, settings_of
from bluelamp.wiring.connections import reader


@click.command("board")
@click.option("--port", type=int, help="Port to listen on (default: BLUELAMP_BOARD_PORT).")
@HOST
@FORCE
def board(port: int | None, host: str, force: str | None) -> None:
    """Serve the web board: live figures, alerts, reports and charts."""
    import uvicorn

    from bluelamp.services.alerts import board_alerts, board_mounts, parts
    from bluelamp.wiring.clock_watch import watch_clock
    from dashboards.board.app import board
    from streams.logwatch import LogWatch, looking_at

    log_to_stderr()
    settings = settings_of(board_port=port, force=force)
    source, watch = reader(settings), LogWatch(looking_at(settings.log(), settings.state_name))
    watch.start()
    watch_clock(source.redis, settings.state_name, "the board")
    inbox = parts(settings, os.environ)
    application = board(
        source,
        settings.force,
        board_mounts(inbox),
        lambda: watch.snapshot(source.applied_offsets()),
        alerts=board_alerts(inbox, settings.force),
    )
    uvicorn.run(
        application,
        host=host,
        port=settings.board_port,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
