"""What the commands share: their usual options, their settings, and how they answer in JSON."""

import logging
import os
import sys
from typing import Any

import click
import msgspec

from bluelamp.wiring.settings import Settings, load

JSON = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")
WHERE = click.option(
    "--where", "where", multiple=True, help="DIMENSION=WORD to limit it to; the same dimension twice means either."
)
HOST = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on: 0.0.0.0 in a container."
)
FORCE = click.option("--force", help="Whose figures; BLUELAMP_FORCE unless given.")


def settings_of(**given: Any) -> Settings:
    """The settings of a command, with what it was given."""
    return load(os.environ, **given)


def say(value: object) -> None:
    """Answer in JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def log_to_stderr() -> None:
    """Log to standard error; libraries only what is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("kafka").setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    logging.getLogger("faust").setLevel(logging.WARNING)


def shown_n(n: int | None) -> str:
    """The n of a figure, for a person."""
    return "not known" if n is None else f"{n:,}"
