"""What the commands share: their usual options, their settings, and how they answer in JSON."""

import os
from typing import Any

import click
import msgspec

from bluelamp.settings import Settings, load

JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")
WHERE = click.option(
    "--where", "where", multiple=True, help="DIMENSION=WORD to limit it to; the same dimension twice means either."
)
FORCE = click.option("--force", help="Whose figures; BLUELAMP_FORCE unless given.")


def settings_of(**given: Any) -> Settings:
    """The settings of a command, with what it was given."""
    return load(os.environ, **given)


def say(value: object) -> None:
    """Answer in JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
