"""`bluelamp grafana`: publish the dashboards."""

import os

import click

from bluelamp.cli.options import JSON, say


@click.group()
def grafana() -> None:
    """Dashboards in Grafana, for the three users."""


@grafana.command("publish")
@click.option("--url", default="http://127.0.0.1:3000", show_default=True, help="Address of the Grafana.")
@click.option("--datasource", default="prometheus", show_default=True, help="Uid of its Prometheus data source.")
@click.option("--alerts", help="A file of alerts to mark on the dashboards, one JSON object a line.")
@JSON
def grafana_publish(url: str, datasource: str, alerts: str | None, as_json: bool) -> None:
    """Put the folder, the dashboards and marks for alerts into a running Grafana, through its API.

    The token of a service account (role Editor) comes from BLUELAMP_GRAFANA_TOKEN, or from the file that
    BLUELAMP_GRAFANA_TOKEN_FILE names. Published again, only what has changed gets a new version.
    """
    from bluelamp.services.grafana import find_token, publish

    told = []
    for each in publish(url, find_token(os.environ), datasource, alerts):
        told.append(each)
        if not as_json:
            click.echo(" ".join(word for word in (each.outcome, each.kind, each.name, each.url) if word))
    if as_json:
        say(told)
