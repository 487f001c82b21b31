"""What the commands share: their usual options, their settings, and how they print JSON."""

import os
from collections.abc import Callable
from typing import Any

import click
import msgspec

from bluelamp.wiring.logs import announcer, start_log
from bluelamp.wiring.settings import Settings, load
from producers import tracing

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
WHERE = click.option(
    "--where",
    "where",
    multiple=True,
    help="Filter by a dimension, such as area=moorlands. Repeat a dimension to include several of its values.",
)
HOST = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on. Use 0.0.0.0 in a container."
)
FORCE = click.option("--force", help="Force to use (default: BLUELAMP_FORCE).")
WINDOW = click.option(
    "--window", default="60m", show_default=True, help="Window to use. `bluelamp read --help` lists the windows."
)
BY = click.option("--by", default="", help="Dimensions to break the figure down by, separated by commas.")
AS_OF = click.option(
    "--as-of",
    help="Read the figure as of this time, such as 2024-12-01T09:59:59Z, or local time without a zone (default: now, or the time that a replay has reached).",
)
FROM = click.option("--from", "start", required=True, help="First local day, such as 2024-12-01.")
TO = click.option("--to", "end", required=True, help="Day after the last day, such as 2025-01-01.")


def settings_of(**given: Any) -> Settings:
    """The settings of a command, overridden by its own options."""
    return load(os.environ, **given)


def say(value: object) -> None:
    """Print a value as JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def log_to_stderr() -> Callable[[str], None]:
    """Log to standard error in the format of the settings; returns a function that prints a line."""
    context = click.get_current_context(silent=True)
    service = context.command_path.removeprefix("bluelamp ") if context else ""
    start_log(os.environ, {"service": service} if service else {})
    tracing.start(os.environ.get(tracing.TRACES, ""), service.rpartition("bluelamp ")[2])
    return announcer(click.echo)


def n_text(n: int | None) -> str:
    """The n of a figure, for a person to read."""
    return "not known" if n is None else f"{n:,}"
