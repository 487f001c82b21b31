"""`bluelamp check`: check that every part works and is up to date."""

import os
import sys

import click

from bluelamp.cli.options import JSON, log_to_stderr, say, settings_of
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import GATEWAY_TOKENS, WEBHOOK_SECRETS, secret_in


@click.command()
@click.option(
    "--force",
    help="Check only the feeds of this force and the parts that all forces share (default: every force).",
)
@JSON
def check(force: str | None, as_json: bool) -> None:
    """Check that every part works and is up to date: the log, the state, the workers, every feed and every service.

    Every result about a force or one of its feeds names the force; in JSON, the key is `force`. Each check is good, bad, a warning, unknown or not set up. Exit status 0: all is well; 1: a warning, or something could not be
    checked; 2: figures or alerts are missing, or cannot be trusted.
    """
    from bluelamp.verify.check import examine
    from bluelamp.verify.checks.parts import parts
    from bluelamp.verify.checks.result import lines, status

    log_to_stderr()
    settings = settings_of(force=force)
    services = parts(
        settings, has_senders=any(secret_in(os.environ, each) for each in (GATEWAY_TOKENS, WEBHOOK_SECRETS))
    )
    results = []
    for result in examine(settings, reader(settings), services, only=force or ""):
        results.append(result)
        if not as_json:
            for line in lines(result):
                click.echo(line)
    if as_json:
        say(results)
    sys.exit(status(results))
