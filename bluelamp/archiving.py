"""The operator's command for the archive of the log: keep what is new in it, or look it through."""

import sys

import click

from bluelamp.options import JSON, say, settings_of
from bluelamp.settings import Settings


@click.command("archive")
@click.option("--directory", help="Of the archive; BLUELAMP_ARCHIVE unless given.")
@click.option("--verify", "is_verified", is_flag=True, help="Keep nothing: read every file and say what is wrong.")
@JSON
def archive_command(directory: str | None, is_verified: bool, as_json: bool) -> None:
    """Keep what the log holds beyond the archive's end, as Parquet by the day on which the log received it.

    To be run daily, long before Kafka's retention ends; ended at any moment, it goes on where it was. With --verify exit
    status 1 when a day, a range of offsets or a file is missing, or a file was altered.
    """
    settings = settings_of(archive=directory)
    if is_verified:
        _verify(settings, as_json=as_json)
    else:
        _keep(settings, as_json=as_json)


def _keep(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.history import keep_log

    kept = keep_log(settings, lambda part: None if as_json else click.echo(part.line()))
    if as_json:
        say({"parts": kept.parts, "archive": kept.manifest.sums()})
        return
    for place, first in kept.manifest.begins.items():
        if first:
            click.echo(f"The archive of {place} begins at offset {first:,}: the log held nothing before it.", err=True)
    new = f"{len(kept.parts):,} new files." if kept.parts else "Nothing is new."
    click.echo(f"{new} The archive holds {kept.manifest.sums().words()}.")


def _verify(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.history import look_through

    manifest, looked = look_through(settings)
    faults = []
    for fault in looked:
        faults.append(fault)
        if not as_json:
            click.echo(fault.words())
    sums = manifest.sums()
    if as_json:
        say({"faults": faults, "archive": sums})
    elif faults:
        click.echo(f"{len(faults):,} faults. The manifest names {sums.words()}.")
    else:
        click.echo(f"All is there and as it was written: {sums.words()}.")
    sys.exit(1 if faults else 0)
