"""The command line: its commands, grouped by purpose, and how errors are printed."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click
from redis.exceptions import RedisError

from bluelamp.cli.archive import archive
from bluelamp.cli.audit import audit
from bluelamp.cli.board import board
from bluelamp.cli.chart import chart
from bluelamp.cli.check import check
from bluelamp.cli.compare import compare
from bluelamp.cli.end import end
from bluelamp.cli.explain import explain
from bluelamp.cli.exporter import exporter
from bluelamp.cli.feed import feed
from bluelamp.cli.forecast import forecast
from bluelamp.cli.gateway import gateway
from bluelamp.cli.grafana import grafana
from bluelamp.cli.inbox import inbox
from bluelamp.cli.measures import measures
from bluelamp.cli.occupancy import occupancy
from bluelamp.cli.read import read
from bluelamp.cli.rebuild import rebuild
from bluelamp.cli.recount import recount
from bluelamp.cli.replay import replay
from bluelamp.cli.report import report
from bluelamp.cli.restatements import restatements
from bluelamp.cli.settings import settings
from bluelamp.cli.simulate import simulate
from bluelamp.cli.tail import tail
from bluelamp.cli.up import up
from bluelamp.cli.worker import worker
from bluelamp.wiring.logs import is_json
from bluelamp.wiring.processes import end_with_parent
from facts.errors import BlueLampError
from streams.refusal import explained

_logger = logging.getLogger("bluelamp")
_PRIVATE = 0o077
"""Only the user who runs it can read the files that it and its child processes write."""
GROUPS: Mapping[str, Mapping[click.Command, str]] = {
    "Run the system": {
        up: "Start everything on this machine.",
        worker: "Start a worker, which applies the log to the state.",
        exporter: "Serve every reading as Prometheus metrics.",
        board: "Serve the web board.",
        gateway: "Accept facts over HTTP.",
        inbox: "Record alerts, notify people and keep a record of who did what.",
        grafana: "Publish dashboards to Grafana.",
    },
    "Keep it running": {
        check: "Check that every part works and is up to date.",
        settings: "List every setting.",
        archive: "Copy the log to the archive.",
        rebuild: "Build a new state version and compare it.",
    },
    "Send facts": {
        feed: "Check a feed before anyone relies on its figures.",
        replay: "Play an extract into the log.",
        tail: "Follow a growing file into the log.",
        end: "End a contact or incident whose end was never recorded.",
        simulate: "Publish the facts of a simulated force.",
    },
    "Read figures": {
        measures: "List every measure.",
        read: "Read a measure.",
        occupancy: "List how many people were in custody at past hours.",
        compare: "Compare a measure across periods.",
        chart: "Draw the control chart of a measure.",
        forecast: "Forecast how many contacts to expect, or test past forecasts.",
        report: "Produce the monthly performance report.",
    },
    "Check figures": {
        recount: "Count a measure again from the log.",
        audit: "Compare every figure with a recount of the log.",
        explain: "List the subjects and facts behind a figure.",
        restatements: "List published figures that later facts changed.",
    },
}
"""The commands by purpose, each with its line in `bluelamp --help`."""


class Grouped(click.Group):
    """A group that lists its commands by purpose."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command under the heading of its group, all in one column."""
        del ctx
        width = max(len(str(each.name)) for commands in GROUPS.values() for each in commands)
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(str(each.name).ljust(width), text) for each, text in commands.items()])


@click.group(cls=Grouped)
@click.version_option(package_name="bluelamp")
def cli() -> None:
    """Blue Lamp: live operational figures for a police force.

    Every figure is exact, and a figure that is out of date is marked.
    """


for _commands in GROUPS.values():
    for _command, _text in _commands.items():
        _command.short_help = _text
        cli.add_command(_command)


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
