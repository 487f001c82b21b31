"""`python -m bluelamp.embedded.broker --directory D --port P`: runs the broker in a process of its own.

It prints `ready HOST:PORT` when it listens. SIGTERM or SIGINT stops it cleanly. With --until-input-ends it also stops when its
standard input ends, so that it does not outlive the process that started it.
"""

import argparse
import asyncio
import dataclasses
import logging
import resource
import signal
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import uvloop

from bluelamp.embedded.broker import Broker, BrokerSettings, StartError
from bluelamp.embedded.broker.settings import FsyncPolicy


def main(arguments: list[str] | None = None) -> int:
    """Run the broker until it is stopped; returns 0, or 2 if it could not start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    names = [field.name for field in dataclasses.fields(BrokerSettings)]
    settings = BrokerSettings(**{name: getattr(options, name) for name in names})
    _allow_many_files()
    broker = Broker(options.directory, host=options.host, port=options.port, settings=settings)
    try:
        uvloop.run(_serve(broker, until_input_ends=options.until_input_ends))
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _allow_many_files() -> None:
    """Raise the limit of open files: every partition and every connection needs one."""
    _, granted = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (granted, granted))


async def _serve(broker: Broker, *, until_input_ends: bool) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await broker.start()
    try:
        sys.stdout.write(f"ready {broker.bootstrap}\n")
        sys.stdout.flush()
        if until_input_ends:
            watching = asyncio.create_task(_input_ends())
            watching.add_done_callback(lambda _: ended.set())
        await ended.wait()
    finally:
        await broker.stop()


async def _input_ends() -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while await reader.read(1024):
        pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bluelamp.embedded.broker", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="directory for all data")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=int, default=0, help="port to listen on; 0 chooses a free one (default %(default)s)"
    )
    parser.add_argument("--until-input-ends", action="store_true", help="stop when standard input ends")
    for name, hint in get_type_hints(BrokerSettings, include_extras=True).items():
        _add_setting(parser, name, hint.__metadata__[0], getattr(BrokerSettings(), name))
    return parser


def _add_setting(parser: argparse.ArgumentParser, name: str, purpose: str, default: Any) -> None:
    flag, text = "--" + name.replace("_", "-"), f"{purpose} (default {default})"
    if isinstance(default, bool):
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=purpose)
    else:
        choices = get_args(FsyncPolicy) if name == "fsync" else None
        parser.add_argument(flag, type=type(default), choices=choices, default=default, help=text)


if __name__ == "__main__":
    sys.exit(main())
