"""`bluelamp archive`: keep the log for good."""

import sys

import click

from bluelamp.cli.options import JSON, say, settings_of
from bluelamp.wiring.settings import Settings
from facts.errors import SettingError


@click.command("archive")
@click.option("--directory", help="Of the archive; BLUELAMP_ARCHIVE unless given.")
@click.option("--verify", "is_verified", is_flag=True, help="Keep nothing: read every file and say what is wrong.")
@click.option(
    "--every",
    "every_hours",
    type=click.FloatRange(min=0, max=744, min_open=True),
    help="Stay, and keep what is new every so many hours (at most a month), until SIGINT or SIGTERM.",
)
@JSON
def archive(directory: str | None, is_verified: bool, every_hours: float | None, as_json: bool) -> None:
    """Keep what the log holds beyond the archive's end, as Parquet by the day on which the log received it.

    To be run daily, long before Kafka's retention ends, or once with --every 24; ended at any moment, it goes on where it was.
    With --verify exit status 1 when a day, a range of offsets or a file is missing, or a file was altered.
    """
    settings = settings_of(archive=directory)
    if is_verified and every_hours:
        raise SettingError("What is verified is not kept.", where="--every", hint="Give either --verify or --every.")
    if is_verified:
        _verify(settings, as_json=as_json)
    elif every_hours:
        _keep_on(settings, every_hours, as_json=as_json)
    else:
        _keep(settings, as_json=as_json)


def _keep_on(settings: Settings, every_hours: float, *, as_json: bool) -> None:
    """What fails ends it: whatever started it starts it again, and sees that it failed."""
    from bluelamp.wiring.stopping import stopping

    told_to_stop = stopping()
    while not told_to_stop.is_set():
        _keep(settings, as_json=as_json)
        told_to_stop.wait(every_hours * 3600)


def _keep(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.archive.full_log import keep_log

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
    from bluelamp.archive.full_log import look_through

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
