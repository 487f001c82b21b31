"""Watches the wall clock of a process: a step is logged, and stored for the board, `check` and the alerts."""

import socket
import time

from redis import Redis

from bluelamp.wiring.clock import wall
from streams.clock_steps import ClockStep, Steps, StepWatch, store_step


def steps() -> Steps:
    """Finds steps of this process's wall clock."""
    return Steps(wall, time.monotonic)


def watch_clock(redis: Redis, state_name: str, process: str) -> None:
    """Watch the clock of this process from now on.

    Args:
        redis: a client of the state server.
        state_name: of the state in which steps are stored.
        process: its name.
    """

    def keep(step: ClockStep) -> None:
        store_step(redis, state_name, step)

    StepWatch(steps(), f"{process} on {socket.gethostname()}", keep).start()
