"""`bluelamp inbox`: serve, list, acknowledge and export alerts."""

import os
import sys

import click

from bluelamp.cli.options import HOST, JSON, log_to_stderr, say, settings_of


@click.group()
def inbox() -> None:
    """List, acknowledge and export alerts. See docs/run/inbox.md."""


@inbox.command("serve", short_help="Run the inbox.")
@click.option("--port", type=int, help="Port to listen on (default: BLUELAMP_INBOX_PORT).")
@HOST
def inbox_serve(port: int | None, host: str) -> None:
    """Run the inbox: record alerts, notify people and serve the API."""
    from bluelamp.services.inbox import serve

    announce = log_to_stderr()
    serve(settings_of(inbox_port=port), os.environ, host, announce)


@inbox.command("list")
@click.option("--ended", "is_ended", is_flag=True, help="List resolved alerts instead.")
@JSON
def inbox_list(is_ended: bool, as_json: bool) -> None:
    """List active alerts, most severe first. The exit status is 1 if a critical alert is unacknowledged."""
    from bluelamp.services.inbox import list_alerts, listing_lines

    alerts = list_alerts(settings_of(), is_ended=is_ended)
    if as_json:
        say(alerts)
    else:
        for line in listing_lines(alerts):
            click.echo(line)
    sys.exit(any(each.severity == "critical" and each.state == "raised" for each in alerts.alerts))


@inbox.command("acknowledge", short_help="Acknowledge an alert.")
@click.argument("alert")
@click.option("--note", default="", help="What is being done about it. Do not name members of the public.")
def inbox_acknowledge(alert: str, note: str) -> None:
    """Acknowledge the alert with the ID ALERT, as the person whose token is in BLUELAMP_TOKEN."""
    from bluelamp.services.inbox import acknowledge

    click.echo(acknowledge(settings_of(), os.environ, alert, note))


@inbox.command("export")
@click.option(
    "--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="Output format."
)
def inbox_export(kind: str) -> None:
    """Print the whole alert log: who did what, and when."""
    from bluelamp.services.inbox import export

    click.echo(export(settings_of(), kind), nl=False)
