"""Looks at how far the log reaches, from a thread, for whoever wants to know whether facts wait in it."""

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping

from facts.errors import BlueLampError, PartMissingError
from streams.log import End, Log
from streams.stall import Place

EVERY_SECONDS = 3.0
"""A look costs a hundredth of a second, and somebody waits to be told that the log does not answer."""
_CONNECT_SECONDS = 2.0
_logger = logging.getLogger("bluelamp.logwatch")

Look = Callable[[Iterable[Place]], Mapping[Place, End]]
"""Answers with the end of the log of partitions; raises BlueLampError or OSError when it cannot."""


class LogWatch:
    """Keeps the ends of the log as they were at the last look.

    Args:
        look: asks the log.
        every_seconds: how often.
    """

    def __init__(self, look: Look, every_seconds: float = EVERY_SECONDS) -> None:
        self._look, self._every_seconds = look, every_seconds
        self._ends: Mapping[Place, End] | None = None
        self._places: Iterable[Place] = ()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="log-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(timeout=_CONNECT_SECONDS)

    def ends(self, places: Iterable[Place]) -> Mapping[Place, End] | None:
        """The end of each partition at the last look; None when the log did not answer, or was not yet asked.

        Args:
            places: the partitions to look at from now on.
        """
        self._places = tuple(places)
        return self._ends

    def look(self) -> None:
        """Ask the log once."""
        try:
            self._ends = dict(self._look(self._places))
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

    def look(places: Iterable[Place]) -> Mapping[Place, End]:
        check_answers(bootstrap)
        with Log(bootstrap) as log:
            return log.ends(places)

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
