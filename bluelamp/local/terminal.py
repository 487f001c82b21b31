"""The terminal output of `bluelamp up`: lines, with a progress bar below them, or occasional lines when output goes to a file."""

import sys
import time

import click

_BAR_WIDTH = 30
_SECONDS_BETWEEN_LINES = 10.0
_CLEAR = "\r\x1b[K"


class Terminal:
    """Standard output: a terminal or a file."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._has_bar = False
        self._progress_at = float("-inf")

    def say(self, line: str) -> None:
        """Print a line."""
        click.echo(f"{_CLEAR}{line}" if self._has_bar else line)
        self._has_bar = False

    def move(self, ratio: float, words: str) -> None:
        """Move the progress bar; call it as often as you like.

        Args:
            ratio: the progress, from 0 to 1.
            words: the text after the bar.
        """
        if self._is_terminal:
            filled = int(ratio * _BAR_WIDTH)
            click.echo(f"{_CLEAR}[{'#' * filled}{'-' * (_BAR_WIDTH - filled)}] {words}", nl=False)
            self._has_bar = True
        elif time.monotonic() - self._progress_at >= _SECONDS_BETWEEN_LINES:
            self._progress_at = time.monotonic()
            click.echo(words)
