"""Watches the wall clock of a process: a step is logged, and stored for the board, `bluelamp check` and alerts."""

import socket
import time

from redis import Redis

from bluelamp.wiring.clock import wall
from streams.clock_steps import ClockStep, Steps, StepWatch, store_step


def steps() -> Steps:
    """A detector of steps of this process's wall clock."""
    return Steps(wall, time.monotonic)


def watch_clock(redis: Redis, state_name: str, process: str) -> None:
    """Start watching this process's clock.

    Args:
        redis: a client of the state server.
        state_name: the name of the state in which steps are stored.
        process: the name of this process.
    """

    def store(step: ClockStep) -> None:
        store_step(redis, state_name, step)

    StepWatch(steps(), f"{process} on {socket.gethostname()}", store).start()
