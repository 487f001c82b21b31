"""Lets a command that runs until it is stopped react to SIGINT and SIGTERM at its next opportunity."""

import signal
import threading


def stopping() -> threading.Event:
    """An event that is set on SIGINT or SIGTERM; call this in the main thread, before the work begins."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
