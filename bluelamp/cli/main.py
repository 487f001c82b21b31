"""The command line: its commands, grouped by purpose, and how errors are printed."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import NoReturn, cast

import click
from redis.exceptions import RedisError

from bluelamp.wiring.logs import is_json
from bluelamp.wiring.processes import end_with_parent
from facts.errors import BlueLampError
from streams.refusal import explained

_logger = logging.getLogger("bluelamp")
_PRIVATE = 0o077
"""Only the user who runs it can read the files that it and its child processes write."""
GROUPS: Mapping[str, Mapping[str, str]] = {
    "Run the system": {
        "up": "Start everything on this machine.",
        "worker": "Start a worker, which applies the log to the state.",
        "exporter": "Serve every reading as Prometheus metrics.",
        "board": "Serve the web board.",
        "gateway": "Accept facts over HTTP.",
        "inbox": "Record alerts, notify people and keep a record of who did what.",
        "grafana": "Publish dashboards to Grafana.",
    },
    "Keep it running": {
        "check": "Check that every part works and is up to date.",
        "settings": "List every setting.",
        "archive": "Copy the log to the archive.",
        "rebuild": "Build a new state version and compare it.",
    },
    "Send facts": {
        "feed": "Check a feed before anyone relies on its figures.",
        "replay": "Play an extract into the log.",
        "tail": "Follow a growing file into the log.",
        "end": "End a contact or incident whose end was never recorded.",
        "simulate": "Publish the facts of a simulated force.",
    },
    "Read figures": {
        "measures": "List every measure.",
        "read": "Read a measure.",
        "occupancy": "List how many people were in custody at past hours.",
        "compare": "Compare a measure across periods.",
        "chart": "Draw the control chart of a measure.",
        "forecast": "Forecast how many contacts to expect, or test past forecasts.",
        "whatif": "Forecast the next two hours, with more or fewer call takers.",
        "report": "Produce the monthly performance report.",
    },
    "Check figures": {
        "recount": "Count a measure again from the log.",
        "audit": "Compare every figure with a recount of the log.",
        "explain": "List the subjects and facts behind a figure.",
        "restatements": "List published figures that later facts changed.",
    },
}
"""The commands by purpose, each with its line in `bluelamp --help`."""
_LINES = {name: line for commands in GROUPS.values() for name, line in commands.items()}


class Grouped(click.Group):
    """Commands by purpose; each is imported when it is first needed, because most processes need few packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        del ctx
        return sorted(_LINES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name: the function of that name in the module of that name."""
        if cmd_name in _LINES and cmd_name not in self.commands:
            command: click.Command = getattr(import_module(f"bluelamp.cli.{cmd_name}"), cmd_name)
            command.short_help = _LINES[cmd_name]
            self.add_command(command)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command under the heading of its group, all in one column."""
        del ctx
        width = max(map(len, _LINES))
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line) for name, line in commands.items()])


@click.group(cls=Grouped)
@click.version_option(package_name="bluelamp")
def cli() -> None:
    """Blue Lamp: live operational figures for a police force.

    Every figure is exact, and a figure that is out of date is marked.
    """


def every_command() -> dict[str, click.Command]:
    """Every command by its full name, such as "inbox export"; a group comes before its commands."""
    return dict(_every(cli, ""))


def _every(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context := click.Context(group)):
        command = cast("click.Command", group.get_command(context, name))
        yield before + name, command
        if isinstance(command, click.Group):
            yield from _every(command, f"{before}{name} ")


def main() -> None:
    """Run the command line as a process, which ends with its parent if that asks for it."""
    os.umask(_PRIVATE)
    end_with_parent()
    run()


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command, by default the one of this process. An error says what happened, where, and what to do."""
    try:
        cli(arguments, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except RedisError as error:
        _fail(explained(error))
    except BlueLampError as error:
        _fail(error)


def _fail(error: BlueLampError) -> NoReturn:
    if is_json():
        _logger.error("%s %s", error.what, error.hint, extra={"where": error.where})
    else:
        click.echo(f"bluelamp: {error}", err=True)
    sys.exit(2)
