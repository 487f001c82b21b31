"""`bluelamp check`: check that every part is there and up to date."""

import os
import sys

import click

from bluelamp.cli.options import FORCE, JSON, log_to_stderr, say, settings_of
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import GATEWAY_TOKENS


@click.command()
@FORCE
@JSON
def check(force: str | None, as_json: bool) -> None:
    """Look whether everything is there, fits together and is up to date: every part, every force and every feed.

    Looks at profiles, log, quarantine, state server, archive, state, workers, the feeds of every force, exporter, board, inbox,
    gateway and Prometheus. Each is good, bad, a warning, unknown or not set up. Exit status 0: all is well; 1: something is worth
    a look or could not be seen; 2: figures or alerts are missing, or cannot be trusted.
    """
    from bluelamp.verify.check import examine
    from bluelamp.verify.checks.finding import lines, status
    from bluelamp.verify.checks.parts import parts

    log_to_stderr()
    settings = settings_of(force=force)
    every = parts(settings, has_senders=bool(os.environ.get(GATEWAY_TOKENS)))
    findings = []
    for each in examine(settings, reader(settings), every):
        findings.append(each)
        if not as_json:
            for line in lines(each):
                click.echo(line)
    if as_json:
        say(findings)
    sys.exit(status(findings))
