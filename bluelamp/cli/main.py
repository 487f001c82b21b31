"""The command line: its commands, grouped by who uses them, and how errors are shown."""

import sys
from collections.abc import Mapping
from typing import NoReturn

import click
from redis.exceptions import RedisError

from bluelamp.cli.archive import archive
from bluelamp.cli.audit import audit
from bluelamp.cli.board import board
from bluelamp.cli.chart import chart
from bluelamp.cli.check import check
from bluelamp.cli.compare import compare
from bluelamp.cli.explain import explain
from bluelamp.cli.exporter import exporter
from bluelamp.cli.gateway import gateway
from bluelamp.cli.grafana import grafana
from bluelamp.cli.inbox import inbox
from bluelamp.cli.measures import measures
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
from bluelamp.wiring.processes import end_with_parent
from facts.errors import BlueLampError
from streams.refusal import explained

GROUPS: Mapping[str, tuple[click.Command, ...]] = {
    "Run the system": (up, worker, exporter, board, gateway, inbox, grafana),
    "Keep it running": (check, settings, archive, rebuild),
    "Send facts": (replay, tail, simulate),
    "Read figures": (measures, read, compare, chart, report),
    "Check figures": (recount, audit, explain, restatements),
}
"""The commands, by what a person wants to do."""


class Grouped(click.Group):
    """A group that lists its commands by what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command under the heading of its group."""
        del ctx
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(str(each.name), each.get_short_help_str(80)) for each in commands])


@click.group(cls=Grouped)
@click.version_option(package_name="bluelamp")
def cli() -> None:
    """Blue Lamp: the live operational figures of a police force, exact and never stale without saying so."""


for _group in GROUPS.values():
    for _command in _group:
        cli.add_command(_command)


def main() -> None:
    """Run the command line. An error says what happened, where, and what to do."""
    end_with_parent()
    try:
        cli(standalone_mode=False)
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
    click.echo(f"bluelamp: {error}", err=True)
    sys.exit(2)
