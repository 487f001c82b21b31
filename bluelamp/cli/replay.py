"""`bluelamp replay`: publish the rows of an extract."""

import sys

import click

from bluelamp.cli.options import JSON, log_to_stderr, say, settings_of
from bluelamp.local.directory import refuse_mixture
from bluelamp.wiring.settings import load_forces


@click.command()
@click.argument("file")
@click.option(
    "--mapping", help="The mapping of the extract: a TOML file, or the name of one that comes with Blue Lamp."
)
@click.option("--speed", default="max", show_default=True, help="Times real time, such as 60, or max.")
@click.option("--fast-until", help="A local time of the extract: what happened before it is played as fast as it goes.")
@click.option(
    "--dry-run", "is_dry", is_flag=True, help="Send nothing: say what each column becomes and what is refused."
)
@JSON
def replay(file: str, mapping: str | None, speed: str, fast_until: str | None, is_dry: bool, as_json: bool) -> None:
    """Play an extract into the log: FILE by a mapping, or `sample` for the week that comes with Blue Lamp.

    Malformed rows are listed with line and reason, and the rest is kept; exit status 1 when there were any.
    """
    from bluelamp.feeding.dry_run import dry_run, print_dry_run
    from bluelamp.feeding.replay import run

    log_to_stderr()
    settings = settings_of()
    if is_dry:
        explained = dry_run(load_forces(settings), file, mapping)
        if as_json:
            say(explained)
        else:
            print_dry_run(explained)
        sys.exit(1 if explained.refused else 0)
    refuse_mixture(settings, is_simulated=False)
    told = run(settings.kafka, settings.partitions, file, mapping, speed, fast_until, is_quiet=as_json)
    if as_json:
        say(told)
    sys.exit(1 if told.malformed else 0)
