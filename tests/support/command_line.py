"""Runs a command of `bluelamp` to its end inside the test's process: a process of its own takes a second to import everything."""

import json
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from subprocess import CompletedProcess
from typing import Any
from unittest.mock import patch

from bluelamp.cli.main import every_command, run

_STOPS = (signal.SIGINT, signal.SIGTERM)


def command(environment: Mapping[str, str], *arguments: str) -> "CompletedProcess[str]":
    """Run a command with these environment variables, whatever its exit status."""
    output, errors = StringIO(), StringIO()
    # Python lets only the main thread change how signals are handled.
    is_main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in _STOPS} if is_main else {}
    try:
        with patch.dict(os.environ, environment, clear=True), redirect_stdout(output), redirect_stderr(errors):
            status = _status(arguments)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return CompletedProcess(arguments, status, output.getvalue(), errors.getvalue())


def check_command(words: Sequence[str]) -> None:
    """Check that a command line, such as one in the compose file, has a command and options that exist."""
    program, *names = words
    assert program == "bluelamp"
    commands = every_command()
    command = commands.get(" ".join(names[:2])) or commands[names[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def _status(arguments: Sequence[str]) -> int:
    try:
        run(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def json_of(environment: Mapping[str, str], *arguments: str, statuses: Sequence[int] = (0,)) -> Any:
    """The JSON that a command prints; it has to exit with one of these statuses."""
    ran = command(environment, *arguments, "--json")
    assert ran.returncode in statuses, ran.stdout + ran.stderr
    return json.loads(ran.stdout)
