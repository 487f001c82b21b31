"""`bluelamp gateway`: accept facts over HTTP."""

import os

import click

from bluelamp.cli.options import HOST, log_to_stderr, settings_of
from bluelamp.local.directory import refuse_mixture


@click.command("gateway")
@click.option("--port", type=int, help="Port on loopback; BLUELAMP_GATEWAY_PORT unless given.")
@click.option(
    "--webhook", "webhooks", multiple=True, help="Mapping of a platform that pushes events: a TOML file, or a name."
)
@HOST
def gateway(port: int | None, webhooks: tuple[str, ...], host: str) -> None:
    """Take facts by HTTP from systems that push, and answer once the log has them.

    Who may send stands in BLUELAMP_GATEWAY_TOKENS. docs/gateway.md says how to send.
    """
    from bluelamp.services.gateway import serve

    log_to_stderr()
    settings = settings_of(gateway_port=port)
    refuse_mixture(settings, is_simulated=False)
    serve(settings, os.environ, host, webhooks, click.echo)
