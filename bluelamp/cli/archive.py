"""`bluelamp archive`: copy the log to the archive, and verify the archive."""

import sys
from collections.abc import Callable

import click

from bluelamp.cli.options import JSON, log_to_stderr, say, settings_of
from bluelamp.wiring.settings import Settings
from facts.errors import SettingError


@click.command("archive")
@click.option("--directory", help="The archive's directory (default: BLUELAMP_ARCHIVE).")
@click.option(
    "--verify",
    "is_verified",
    is_flag=True,
    help="Read every file of the archive and report every fault; archive nothing.",
)
@click.option(
    "--every",
    "every_hours",
    type=click.FloatRange(min=0, max=744, min_open=True),
    help="Keep running and archive new records at this interval, in hours (at most a month), until SIGINT or SIGTERM.",
)
@JSON
def archive(directory: str | None, is_verified: bool, every_hours: float | None, as_json: bool) -> None:
    """Copy new records of the log to the archive: Parquet files for each day on which the log received records.

    Run it daily, or leave it running with --every 24. Kafka deletes records at the end of their retention time, so
    archive more often than that. If it is interrupted, the next run continues where it stopped. With --verify, exit
    status 1 means that a day, a range of offsets or a file is missing, or that a file was altered.
    """
    announce = log_to_stderr()
    settings = settings_of(archive=directory)
    if is_verified and every_hours:
        raise SettingError("--verify archives nothing.", where="--every", hint="Use either --verify or --every.")
    if is_verified:
        _verify(settings, as_json=as_json)
    elif every_hours:
        _archive_every(settings, every_hours, announce, as_json=as_json)
    else:
        _archive(settings, announce, as_json=as_json)


def _archive_every(settings: Settings, every_hours: float, announce: Callable[[str], None], *, as_json: bool) -> None:
    """Archive at intervals. An error ends the process, so that its supervisor sees the failure and restarts it."""
    from bluelamp.wiring.stopping import stopping

    stop = stopping()
    while not stop.is_set():
        _archive(settings, announce, as_json=as_json)
        stop.wait(every_hours * 3600)


def _archive(settings: Settings, announce: Callable[[str], None], *, as_json: bool) -> None:
    from bluelamp.archive.full_log import archive_log
    from bluelamp.services.own_parts import report_archived

    run = archive_log(settings, lambda part: None if as_json else announce(part.line()))
    report_archived(settings)
    if as_json:
        say({"parts": run.parts, "archive": run.manifest.totals()})
        return
    for place, first in run.manifest.begins.items():
        if first:
            click.echo(f"The archive of {place} begins at offset {first:,}: the log held no earlier records.", err=True)
    new = f"{len(run.parts):,} new files." if run.parts else "No new records."
    announce(f"{new} The archive holds {run.manifest.totals().words()}.")


def _verify(settings: Settings, *, as_json: bool) -> None:
    from bluelamp.archive.full_log import load_and_verify

    manifest, found = load_and_verify(settings)
    faults = []
    for fault in found:
        faults.append(fault)
        if not as_json:
            click.echo(fault.words())
    totals = manifest.totals()
    if as_json:
        say({"faults": faults, "archive": totals})
    elif faults:
        click.echo(f"{len(faults):,} faults. The manifest lists {totals.words()}.")
    else:
        click.echo(f"The archive is complete and unaltered: {totals.words()}.")
    sys.exit(1 if faults else 0)
