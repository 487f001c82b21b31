"""What `bluelamp up` tells at the terminal: lines, and under them a bar that moves; without a terminal a line now and then."""

import sys
import time

import click

_BAR_WIDTH = 30
_SECONDS_BETWEEN_LINES = 10.0
_CLEAR = "\r\x1b[K"


class Terminal:
    """A person's terminal, or a file in its place."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._is_bar_shown = False
        self._said_at = float("-inf")

    def say(self, line: str) -> None:
        """A line that stays."""
        click.echo(f"{_CLEAR}{line}" if self._is_bar_shown else line)
        self._is_bar_shown = False

    def move(self, ratio: float, words: str) -> None:
        """How far something has come, from 0 to 1, which may be said often."""
        if self._is_terminal:
            filled = int(ratio * _BAR_WIDTH)
            click.echo(f"{_CLEAR}[{'#' * filled}{'-' * (_BAR_WIDTH - filled)}] {words}", nl=False)
            self._is_bar_shown = True
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            click.echo(words)
