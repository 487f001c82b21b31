"""`bluelamp inbox`: serve, list, acknowledge and export alerts."""

import os
import sys

import click

from bluelamp.cli.options import HOST, JSON, log_to_stderr, say, settings_of


@click.group()
def inbox() -> None:
    """Alerts: what stands, who has taken it, and everything that was done. docs/inbox.md explains it."""


@inbox.command("serve")
@click.option("--port", type=int, help="Port on loopback; BLUELAMP_INBOX_PORT unless given.")
@HOST
def inbox_serve(port: int | None, host: str) -> None:
    """Take alerts from the engine, tell people of them, and serve the API."""
    from bluelamp.services.inbox import serve

    log_to_stderr()
    serve(settings_of(inbox_port=port), os.environ, host, click.echo)


@inbox.command("list")
@click.option("--ended", "is_ended", is_flag=True, help="Those that have ended, the last first.")
@JSON
def inbox_list(is_ended: bool, as_json: bool) -> None:
    """List the alerts that stand, the loudest first. Exit status 1 when one that is critical has not been taken."""
    from bluelamp.services.inbox import lines, listed

    found = listed(settings_of(), is_ended=is_ended)
    if as_json:
        say(found)
    else:
        for line in lines(found):
            click.echo(line)
    sys.exit(any(each.severity == "critical" and each.state == "raised" for each in found.alerts))


@inbox.command("acknowledge")
@click.argument("alert")
@click.option("--note", default="", help="What is being done about it; no names of the public.")
def inbox_acknowledge(alert: str, note: str) -> None:
    """Take ALERT, by its id, in the name of the person whose token BLUELAMP_TOKEN holds."""
    from bluelamp.services.inbox import acknowledge

    click.echo(acknowledge(settings_of(), os.environ, alert, note))


@inbox.command("export")
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
def inbox_export(kind: str) -> None:
    """Write the whole log: who did what, and when."""
    from bluelamp.services.inbox import export

    click.echo(export(settings_of(), kind), nl=False)
