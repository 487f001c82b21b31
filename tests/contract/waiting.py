"""Waits for a condition instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

_POLL_SECONDS = 0.02

Value = TypeVar("Value")


def eventually(look: Callable[[], Value], what: str, within_seconds: float = 30.0) -> Value:
    """The first true result of `look`; fails with `what` if there is none in time."""
    deadline = time.monotonic() + within_seconds
    while not (value := look()):
        assert time.monotonic() < deadline, f"within {within_seconds} s this did not happen: {what}; last {value!r}"
        time.sleep(_POLL_SECONDS)
    return value
