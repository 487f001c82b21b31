"""Looks at how far the log reaches, from a thread, for whoever wants to know whether facts wait in it."""

import logging
import socket
import threading
from collections.abc import Callable, Mapping

from facts.errors import BlueLampError, PartMissingError
from streams.log import Log
from streams.stall import Ends, Place

EVERY_SECONDS = 3.0
"""A look costs a hundredth of a second, and somebody waits to be told that the log does not answer."""
_CONNECT_SECONDS = 2.0
_logger = logging.getLogger("bluelamp.logwatch")

Look = Callable[[Mapping[Place, int]], Mapping[Place, int]]
"""Answers with the end of the log of each partition, given its fence; raises BlueLampError or OSError when it cannot."""


class LogWatch:
    """Keeps the ends of the log as they were at the last look.

    Args:
        look: asks the log.
        every_seconds: how often.
    """

    def __init__(self, look: Look, every_seconds: float = EVERY_SECONDS) -> None:
        self._look, self._every_seconds = look, every_seconds
        self._ends: Mapping[Place, int] | None = None
        self._fences: Mapping[Place, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="log-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(timeout=_CONNECT_SECONDS)

    def ends(self, fences: Mapping[Place, int]) -> Mapping[Place, int] | None:
        """The end of each partition at the last look; None when the log did not answer, or was not yet asked.

        Args:
            fences: where the state of each partition to look at from now on stands.
        """
        self._fences = fences
        return self._ends

    def look(self) -> None:
        """Ask the log once."""
        try:
            self._ends = dict(self._look(self._fences))
        except (BlueLampError, OSError) as error:
            _logger.warning("cannot look at the log: %r", error)
            self._ends = None
        except Exception:
            self._ends = None
            _logger.exception("cannot look at the log")

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every_seconds)


def looking_at(bootstrap: str) -> Look:
    """Looks at the log at some addresses, `host:port` separated by commas."""
    ends = Ends()

    def look(fences: Mapping[Place, int]) -> Mapping[Place, int]:
        check_answers(bootstrap)
        with Log(bootstrap) as log:
            return ends.of(log, fences)

    return look


def check_answers(bootstrap: str) -> None:
    """See at once whether anybody listens: the client tries for half a minute, and leaves a thread behind when it gives up.

    Raises:
        PartMissingError: nobody does.
    """
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
        except (OSError, ValueError):
            continue
        return
    hint = "Start Kafka, or set BLUELAMP_KAFKA to its address; `bluelamp up` starts everything itself."
    raise PartMissingError("Kafka does not answer.", where=bootstrap, hint=hint)
