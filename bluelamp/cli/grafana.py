"""`bluelamp grafana`: publish the dashboards."""

import os

import click

from bluelamp.cli.options import JSON, say


@click.group()
def grafana() -> None:
    """Publish the dashboards for inspectors, supervisors and analysts to Grafana."""


@grafana.command("publish", short_help="Publish the dashboards.")
@click.option("--url", default="http://127.0.0.1:3000", show_default=True, help="Address of Grafana.")
@click.option("--datasource", default="prometheus", show_default=True, help="UID of Grafana's Prometheus data source.")
@click.option("--alerts", help="File of alerts to mark on the dashboards, one JSON object per line.")
@JSON
def grafana_publish(url: str, datasource: str, alerts: str | None, as_json: bool) -> None:
    """Publish the folder, the dashboards and the alert annotations to a running Grafana, through its API.

    BLUELAMP_GRAFANA_TOKEN holds the token of a service account with the role Editor; or BLUELAMP_GRAFANA_TOKEN_FILE
    names a file that holds it. Publishing again updates only the dashboards that have changed.
    """
    from bluelamp.services.grafana import find_token, publish

    results = []
    for result in publish(url, find_token(os.environ), datasource, alerts):
        results.append(result)
        if not as_json:
            click.echo(" ".join(word for word in (result.outcome, result.kind, result.name, result.url) if word))
    if as_json:
        say(results)
