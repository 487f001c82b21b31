"""How a command that runs until it is ended is told to end: by SIGINT or SIGTERM, at its next chance."""

import signal
import threading


def stopping() -> threading.Event:
    """Set once this process has been told to end; to be asked for in its main thread, before it begins its work."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    return told
