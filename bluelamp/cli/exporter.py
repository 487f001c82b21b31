"""`bluelamp exporter`: serve every reading as Prometheus metrics."""

import gc
import os
import sys

import click

from bluelamp.cli.options import HOST, log_to_stderr, settings_of

_COLLECT_AFTER = (20_000, 20, 200)
_SWITCH_SECONDS = 0.0005


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
    # A scrape does little, but often waits for the thread that prepares the figures of many forces: by default for 5 ms each time.
    sys.setswitchinterval(_SWITCH_SECONDS)
    serve_exporter(settings_of(exporter_port=port), os.environ, host, announce)
