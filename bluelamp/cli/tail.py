"""`bluelamp tail`: follow a growing file."""

import click

from bluelamp.cli.options import log_to_stderr, settings_of
from bluelamp.local.directory import refuse_mixture


@click.command()
@click.argument("file")
@click.option("--mapping", required=True, help="A TOML file, or the name of a mapping that comes with Blue Lamp.")
@click.option(
    "--late-seconds", type=float, required=True, help="How long after it happened a row may still be written."
)
@click.option("--position", help="File to keep the position in; one of its own in BLUELAMP_DATA unless given.")
@click.option(
    "--trust-silence", is_flag=True, help="No new row means that nothing happened: something else watches the source."
)
def tail(file: str, mapping: str, late_seconds: float, position: str | None, trust_silence: bool) -> None:
    """Follow a growing FILE into the log, row by row: CSV, JSON lines, or a log such as Asterisk's queue_log.

    Nothing is lost and nothing counts twice, however it is ended and started again. docs/adapters.md says how to run it.
    """
    from bluelamp.feeding.tail import follow

    log_to_stderr()
    settings = settings_of()
    refuse_mixture(settings, is_simulated=False)
    follow(settings, file, mapping, position, late_seconds, click.echo, is_silence_trusted=trust_silence)
