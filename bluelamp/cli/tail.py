"""`bluelamp tail`: follow a growing file."""

import click

from bluelamp.cli.options import log_to_stderr, settings_of
from bluelamp.local.directory import refuse_mixture


@click.command()
@click.argument("file")
@click.option(
    "--mapping", required=True, help="How the file's rows become facts: a TOML file, or the name of a supplied mapping."
)
@click.option(
    "--late-seconds", type=float, required=True, help="The longest time from an event to the row that records it."
)
@click.option("--position", help="File to save the position in (default: a file under BLUELAMP_DATA).")
@click.option(
    "--trust-silence",
    is_flag=True,
    help="Treat the feed as complete while no rows arrive; use only if something else monitors the source.",
)
def tail(file: str, mapping: str, late_seconds: float, position: str | None, trust_silence: bool) -> None:
    """Publish each row added to a growing FILE: CSV, JSON lines, or a log such as Asterisk's queue_log.

    A restart resumes from the saved position: no row is lost and none counts twice. See docs/feed/adapters.md.
    """
    from bluelamp.feeding.tail import follow

    log_to_stderr()
    settings = settings_of()
    refuse_mixture(settings, is_simulated=False)
    follow(settings, file, mapping, position, late_seconds, click.echo, is_silence_trusted=trust_silence)
