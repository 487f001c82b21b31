"""Which program this is: its version and build, and the record of its starts."""

import socket
import threading
import time
from importlib.metadata import version

from redis import Redis

from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings
from streams.started import Start, record_start

VERSION = version("bluelamp")


def program_words(settings: Settings) -> str:
    """The program, its version and its build, such as `Blue Lamp 0.2.0, build 1a2b3c`."""
    return f"Blue Lamp {VERSION}" + (f", build {settings.build}" if settings.build else "")


def announce_start(redis: Redis, settings: Settings, service: str) -> None:
    """Record this start in the state, without waiting for it.

    Args:
        redis: a client of the state server.
        settings: the name of the state, of this worker, and the build.
        service: what this process is, such as `board`.
    """
    start = Start(
        service=service,
        process=settings.worker_name or socket.gethostname(),
        version=VERSION,
        build=settings.build,
        at=wall(),
    )
    arguments = (redis, settings.state_name, start, time.sleep)
    threading.Thread(target=record_start, args=arguments, name="start", daemon=True).start()
