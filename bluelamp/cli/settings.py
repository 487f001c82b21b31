"""`bluelamp settings`: list every setting."""

import os

import click
import msgspec

from bluelamp.cli.options import JSON, say, settings_of
from bluelamp.wiring.settings import SECRETS, descriptions, variable


@click.command("settings")
@JSON
def settings(as_json: bool) -> None:
    """List every setting: its environment variable, current value and description."""
    current = msgspec.structs.asdict(settings_of())
    described = descriptions()
    rows = [{"variable": variable(name), "value": value, "help": described[name]} for name, value in current.items()]
    secrets = [{"variable": name, "value": _masked(name), "help": text} for name, text in SECRETS.items()]
    if as_json:
        say([*rows, *secrets])
    else:
        for row in (*rows, *secrets):
            click.echo(f"{row['variable']}={row['value']}\n    {row['help']}")


def _masked(secret: str) -> str:
    return "(set, hidden)" if os.environ.get(secret) else ""
