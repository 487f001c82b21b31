"""`bluelamp gateway`: accept facts over HTTP."""

import os

import click

from bluelamp.cli.options import HOST, log_to_stderr, settings_of
from bluelamp.local.directory import refuse_mixture


@click.command("gateway")
@click.option("--port", type=int, help="Port to listen on (default: BLUELAMP_GATEWAY_PORT).")
@click.option(
    "--webhook",
    "webhooks",
    multiple=True,
    help="Mapping of a platform that pushes events: a TOML file, or the name of a supplied mapping.",
)
@HOST
def gateway(port: int | None, webhooks: tuple[str, ...], host: str) -> None:
    """Accept facts over HTTP, and answer each request once the log has stored its facts.

    BLUELAMP_GATEWAY_TOKENS lists who may send. See docs/feed/gateway.md.
    """
    from bluelamp.services.gateway import serve

    announce = log_to_stderr()
    settings = settings_of(gateway_port=port)
    refuse_mixture(settings, is_simulated=False)
    serve(settings, os.environ, host, webhooks, announce)
