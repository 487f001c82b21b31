"""Steps of the wall clock: found by comparing it with a monotonic clock, and stored with the state for its readers."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import cast

import msgspec
from msgspec import Struct
from redis import Redis
from redis.exceptions import RedisError

from facts.times import SKEW, is_future
from measures.display import rough_words
from streams.repeated_errors import RepeatedErrors

LEAST_SECONDS = 1.0
"""A smaller step changes no figure."""
RECENT = timedelta(minutes=15)
"""How long the board shows a step, and an alert is raised for it."""
_KEPT = timedelta(days=1)
_EVERY_SECONDS = 1.0
_READ_SECONDS = 0.1
_logger = logging.getLogger("bluelamp.clock")


class ClockStep(Struct, frozen=True):
    """The last step of a process's clock.

    Attributes:
        process: its name and machine.
        seconds: how far the clock was set forward; negative if it was set back.
        at: what the clock showed afterwards.
        count: how many steps processes of this name have noticed.
    """

    process: str
    seconds: float
    at: datetime
    count: int = 1

    def is_recent(self, now: datetime, span: timedelta = RECENT) -> bool:
        """Whether it happened recently; a step dated in the future, by a clock that was ahead, counts as recent."""
        return is_future(self.at, now) or now - self.at <= span

    def is_large(self) -> bool:
        """Whether it exceeds the difference that clocks may have."""
        return abs(self.seconds) > SKEW.total_seconds()

    def words(self) -> str:
        """One sentence for people."""
        way = "forward" if self.seconds > 0 else "back"
        by = rough_words(round(abs(self.seconds)))
        return f"The clock of {self.process} was set {way} by {by}, to {self.at:%Y-%m-%d %H:%M:%S}Z."


class Steps:
    """Finds steps of the wall clock: unless somebody sets it, it advances as a monotonic clock does.

    A machine that was suspended shows a step too, because its monotonic clock stopped.

    Args:
        now: the wall clock.
        monotonic: a clock that nobody sets, in seconds.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self.now, self._monotonic = now, monotonic
        self._lead = self._read()

    def look(self) -> float:
        """The seconds by which the clock was set forward since the last look; 0 if it was not set."""
        before, lead = self._lead, self._read()
        if lead is None:
            return 0.0
        self._lead = lead
        return lead - before if before is not None and abs(lead - before) >= LEAST_SECONDS else 0.0

    def _read(self) -> float | None:
        """How far the wall clock is ahead of the monotonic one; None if the process was interrupted between reading them."""
        began = self._monotonic()
        wall = self.now().timestamp()
        return wall - began if self._monotonic() - began <= _READ_SECONDS else None


class StepWatch:
    """Looks for steps once a second, in a thread; logs each, and stores it as soon as the state server accepts it.

    Args:
        steps: finds steps.
        process: this process's name and machine.
        note: stores a step; raises RedisError or OSError if it cannot.
    """

    def __init__(self, steps: Steps, process: str, store_step: Callable[[ClockStep], None]) -> None:
        self._steps, self._process, self._store_step = steps, process, store_step
        self._waiting: list[ClockStep] = []
        self._errors = RepeatedErrors(
            lambda words: _logger.warning("the step is stored later: %s", words), time.monotonic
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(timeout=5 * _EVERY_SECONDS)

    def look(self) -> None:
        """Look once."""
        seconds = self._steps.look()
        if seconds:
            step = ClockStep(self._process, seconds, self._steps.now())
            _logger.warning("%s", step.words())
            self._waiting.append(step)
        try:
            while self._waiting:
                self._store_step(self._waiting[0])
                del self._waiting[0]
                self._errors.end()
        except (RedisError, OSError) as error:
            self._errors.add_error(error)

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            self.look()


def store_step(redis: Redis, state_name: str, step: ClockStep) -> None:
    """Store a step as the last of its process; remove processes that have had none for a day."""
    stored = _by_process(redis, state_name)
    previous = stored.get(step.process)
    expired = [name for name, each in stored.items() if not each.is_recent(step.at, _KEPT)]
    if expired:
        redis.hdel(_key(state_name), *expired)
    # If the reply to the first attempt was lost, the step is stored already.
    is_stored = previous is not None and (previous.seconds, previous.at) == (step.seconds, step.at)
    count = (previous.count if previous else 0) + (not is_stored)
    counted = ClockStep(step.process, step.seconds, step.at, count)
    redis.hset(_key(state_name), step.process, msgspec.json.encode(counted).decode())


def stored_steps(redis: Redis, state_name: str) -> list[ClockStep]:
    """The last step of each process that had one within about a day."""
    return sorted(_by_process(redis, state_name).values(), key=lambda each: each.process)


def _by_process(redis: Redis, state_name: str) -> Mapping[str, ClockStep]:
    stored = cast(dict[str, str], redis.hgetall(_key(state_name)))
    return {name: msgspec.json.decode(text, type=ClockStep) for name, text in stored.items()}


def _key(state_name: str) -> str:
    return f"{state_name}:clocks"
