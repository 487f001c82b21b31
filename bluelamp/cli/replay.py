"""`bluelamp replay`: publish the rows of an extract."""

import sys

import click

from bluelamp.cli.options import JSON, log_to_stderr, say, settings_of
from bluelamp.local.directory import refuse_mixture
from bluelamp.wiring.settings import load_forces


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--mapping", help="How the extract's rows become facts: a TOML file, or the name of a supplied mapping.")
@click.option("--speed", default="max", show_default=True, help="How many times faster than real time, or max.")
@click.option("--fast-until", help="Publish everything before this time, in the extract's time zone, at full speed.")
@click.option(
    "--complete-to",
    help="The end of the period that the extract covers, in its time zone, such as the first day of the next month.",
)
@click.option(
    "--dry-run", "is_dry", is_flag=True, help="Show what each column becomes and which rows fail, and publish nothing."
)
@click.option(
    "--extracted-at",
    help="When the extract was made, in its time zone (default: when the file was last changed). Of two facts with the same id, the one recorded later counts.",
)
@click.option(
    "--replace",
    "replaces",
    nargs=2,
    metavar="FROM TO",
    help="Withdraw facts that the mapping published and the extract no longer reports, for subjects that began on or after FROM and before TO. With --dry-run, only list them.",
)
@click.option("--accept-malformed", is_flag=True, help="Replace the period even if rows are malformed.")
@JSON
def replay(
    files: tuple[str, ...],
    mapping: str | None,
    speed: str,
    fast_until: str | None,
    complete_to: str | None,
    is_dry: bool,
    extracted_at: str | None,
    replaces: tuple[str, str] | None,
    accept_malformed: bool,
    as_json: bool,
) -> None:
    """Publish the facts of an extract: a FILE read by a mapping, or `sample` for the week of facts supplied with Blue Lamp.

    Several files are read in the order given, as if they were one. Malformed rows are listed with their line and
    reason, and the other rows are published. The exit status is 1 if any row was malformed.
    """
    from bluelamp.feeding.dry_run import dry_run, print_dry_run
    from bluelamp.feeding.replay import read_stamped, replacing, run

    log_to_stderr()
    settings = settings_of()
    if is_dry:
        preview, extract = dry_run(load_forces(settings), files, mapping)
        if replaces:
            stamped, recorded_at = read_stamped(files, mapping, extracted_at)
            preview.replaced = replacing(settings, stamped, recorded_at, replaces, accepts_malformed=accept_malformed)
        if as_json:
            say(preview)
        else:
            print_dry_run(preview, extract)
        sys.exit(1 if preview.refused else 0)
    refuse_mixture(settings, is_simulated=False)
    result = run(
        settings,
        files,
        mapping,
        speed,
        fast_until,
        complete_to,
        extracted_at=extracted_at,
        replaces=replaces,
        are_malformed_accepted=accept_malformed,
        is_quiet=as_json,
    )
    if as_json:
        say(result)
    sys.exit(1 if result.malformed else 0)
