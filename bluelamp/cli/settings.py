"""`bluelamp settings`: list every setting."""

import os
import re
from typing import Any

import click
import msgspec

from bluelamp.cli.options import JSON, say, settings_of
from bluelamp.wiring.settings import SECRETS, descriptions, secret_in, variable
from producers.secret import Secret

# Up to the last @ of an address, because a password may contain one.
_IN_ADDRESS = re.compile(r"(://[^:/?#\s]*:)[^/?#\s]*@")
_SET = "(set, hidden)"
_IN_QUERY = re.compile(r"([?&]password=)[^&#\s]*")


@click.command("settings")
@JSON
def settings(as_json: bool) -> None:
    """List every setting: its environment variable, current value and description."""
    current = msgspec.structs.asdict(settings_of())
    described = descriptions()
    rows = [
        {"variable": variable(name), "value": without_passwords(value), "help": described[name]}
        for name, value in current.items()
    ]
    secrets = [{"variable": name, "value": _masked(name), "help": text} for name, text in SECRETS.items()]
    if as_json:
        say([*rows, *secrets])
    else:
        for row in (*rows, *secrets):
            click.echo(f"{row['variable']}={row['value']}\n    {row['help']}")


def without_passwords(value: Any) -> Any:
    """A setting's value for display: a secret is hidden, and so are the passwords of addresses."""
    if isinstance(value, Secret):
        return _SET if value else ""
    if not isinstance(value, str):
        return value
    return _IN_QUERY.sub(r"\1(hidden)", _IN_ADDRESS.sub(r"\1(hidden)@", value))


def _masked(secret: str) -> str:
    return _SET if secret_in(os.environ, secret) else ""
