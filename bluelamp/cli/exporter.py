"""`bluelamp exporter`: serve every reading as Prometheus metrics."""

import gc
import os

import click

from bluelamp.cli.options import HOST, log_to_stderr, settings_of

_COLLECT_AFTER = (20_000, 20, 200)


@click.command()
@click.option("--port", type=int, help="Port to listen on (default: BLUELAMP_EXPORTER_PORT).")
@HOST
def exporter(port: int | None, host: str) -> None:
    """Serve every reading as Prometheus metrics at /metrics; one process serves the whole state.

    It also evaluates the alert rules and notifies the inbox, unless BLUELAMP_PROMETHEUS names a Prometheus that evaluates them.
    """
    from bluelamp.services.exporter import serve_exporter

    announce = log_to_stderr()
    # The exporter keeps figures by the hundred thousand and hardly a cycle: looking for cycles among all of them stops every scrape for up to a second.
    gc.set_threshold(*_COLLECT_AFTER)
    serve_exporter(settings_of(exporter_port=port), os.environ, host, announce)
