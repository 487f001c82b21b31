"""`bluelamp board`: serve the web board."""

import os

import click

from bluelamp.cli.options import FORCE, HOST, log_to_stderr, settings_of


@click.command("board")
@click.option("--port", type=int, help="Port to listen on (default: BLUELAMP_BOARD_PORT).")
@HOST
@FORCE
def board(port: int | None, host: str, force: str | None) -> None:
    """Serve the web board: live figures, alerts, reports and charts."""
    from bluelamp.services.board import serve

    announce = log_to_stderr()
    serve(settings_of(board_port=port, force=force), os.environ, host, announce)
