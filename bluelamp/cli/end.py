"""`bluelamp end`: end by hand a contact or an incident whose end was never recorded."""

import time
from functools import partial
from typing import get_args

import click

from bluelamp.cli.options import FORCE, JSON, log_to_stderr, say, settings_of
from bluelamp.feeding.ending import SUBJECTS, end_by_hand
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from facts.fact import EndReason, EndRole
from measures.outcome import Subject


@click.command()
@click.argument("subject", type=click.Choice(SUBJECTS))
@click.argument("subject_id")
@click.option("--reason", type=click.Choice(get_args(EndReason)), required=True, help="Why no end was recorded.")
@click.option(
    "--role", type=click.Choice(get_args(EndRole)), required=True, help="The role of the person who decided it."
)
@FORCE
@JSON
def end(subject: Subject, subject_id: str, reason: EndReason, role: EndRole, force: str | None, as_json: bool) -> None:
    """End the contact or incident with the ID SUBJECT_ID by hand, because no source will report its end.

    It then no longer counts as waiting or open, and whether it met its target counts as unknown. The log records the
    decision with the person's role, not their name. If a source reports the end later, that end replaces this one.
    """
    from producers.publish import LIVE, connect

    log_to_stderr()
    settings = settings_of(force=force)
    publisher = partial(connect, settings.log(), LIVE, now=wall, monotonic=time.monotonic)
    fact = end_by_hand(reader(settings), publisher, settings.force, subject, subject_id, reason, role)
    if as_json:
        say(fact)
    else:
        click.echo(f"Ended the {subject} {subject_id} at {fact.at}.")
