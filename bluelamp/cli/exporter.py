"""`bluelamp exporter`: serve every reading as Prometheus metrics."""

import os

import click

from bluelamp.cli.options import HOST, log_to_stderr, settings_of


@click.command()
@click.option("--port", type=int, help="Port on loopback; BLUELAMP_EXPORTER_PORT unless given.")
@HOST
def exporter(port: int | None, host: str) -> None:
    """Serve every reading as Prometheus metrics at /metrics. One process for a whole state.

    Unless BLUELAMP_PROMETHEUS names one that does, it also evaluates the alert rules, and tells the inbox.
    """
    from bluelamp.services.exporter import serve_exporter

    log_to_stderr()
    serve_exporter(settings_of(exporter_port=port), os.environ, host, click.echo)
