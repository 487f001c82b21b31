"""Steps of the wall clock: noticed against a clock that never jumps, and noted in the state for everybody who reads it."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import cast

import msgspec
from msgspec import Struct
from redis import Redis
from redis.exceptions import RedisError

from facts.times import SKEW, is_future
from measures.display import rough_words

LEAST_SECONDS = 1.0
"""A smaller step makes no figure wrong."""
RECENT = timedelta(minutes=15)
"""For how long a step is said on the board and alerted on."""
_KEPT = timedelta(days=1)
_EVERY_SECONDS = 1.0
_READ_SECONDS = 0.1
_logger = logging.getLogger("bluelamp.clock")


class Step(Struct, frozen=True):
    """The last step of the clock of a process.

    Attributes:
        process: which, and on which machine.
        seconds: by how much the clock was set forward; less than 0 when it was set back.
        at: what it showed then.
        count: how many steps that process and those of its name before it have noticed.
    """

    process: str
    seconds: float
    at: datetime
    count: int = 1

    def is_recent(self, now: datetime, span: timedelta = RECENT) -> bool:
        """Whether it was lately; one that a clock which was ahead has dated may have been."""
        return is_future(self.at, now) or now - self.at <= span

    def is_large(self) -> bool:
        """Whether it is more than clocks may differ by."""
        return abs(self.seconds) > SKEW.total_seconds()

    def words(self) -> str:
        """What people are told of it."""
        way = "forward" if self.seconds > 0 else "back"
        by = rough_words(round(abs(self.seconds)))
        return f"The clock of {self.process} was set {way} by {by}, to {self.at:%Y-%m-%d %H:%M:%S}Z."


class Steps:
    """Finds steps of the wall clock: it and a clock that never jumps go on alike, unless one is set.

    A machine that was suspended sees one too: its steady clock stood still.

    Args:
        now: the wall clock.
        monotonic: a clock that never jumps, in seconds.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self.now, self._monotonic = now, monotonic
        self._lead = self._read()

    def look(self) -> float:
        """By how many seconds the clock was set forward since the last look; 0 where it was not."""
        before, lead = self._lead, self._read()
        if lead is None:
            return 0.0
        self._lead = lead
        return lead - before if before is not None and abs(lead - before) >= LEAST_SECONDS else 0.0

    def _read(self) -> float | None:
        """How far the wall clock leads; None where the process was held up between reading the two."""
        began = self._monotonic()
        shown = self.now().timestamp()
        return shown - began if self._monotonic() - began <= _READ_SECONDS else None


class StepWatch:
    """Looks for steps once a second, from a thread; logs each, and notes it as soon as the state server takes it.

    Args:
        steps: finds them.
        process: what this one is called.
        note: notes a step; raises RedisError or OSError when it cannot.
    """

    def __init__(self, steps: Steps, process: str, note: Callable[[Step], None]) -> None:
        self._steps, self._process, self._note = steps, process, note
        self._waiting: list[Step] = []
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
            step = Step(self._process, seconds, self._steps.now())
            _logger.warning("%s", step.words())
            self._waiting.append(step)
        try:
            while self._waiting:
                self._note(self._waiting[0])
                del self._waiting[0]
        except (RedisError, OSError) as error:
            _logger.warning("the state server does not answer; the step is noted later: %r", error)

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            self.look()


def note(redis: Redis, state_name: str, step: Step) -> None:
    """Note a step as the last of its process; those of processes that are long gone are forgotten."""
    known = _kept(redis, state_name)
    before = known.get(step.process)
    gone = [name for name, each in known.items() if not each.is_recent(step.at, _KEPT)]
    if gone:
        redis.hdel(_key(state_name), *gone)
    counted = Step(step.process, step.seconds, step.at, before.count + 1 if before else 1)
    redis.hset(_key(state_name), step.process, msgspec.json.encode(counted).decode())


def noted(redis: Redis, state_name: str) -> list[Step]:
    """The last step of each process that has noticed one in about a day."""
    return sorted(_kept(redis, state_name).values(), key=lambda each: each.process)


def _kept(redis: Redis, state_name: str) -> Mapping[str, Step]:
    stored = cast(dict[str, str], redis.hgetall(_key(state_name)))
    return {name: msgspec.json.decode(text, type=Step) for name, text in stored.items()}


def _key(state_name: str) -> str:
    return f"{state_name}:clocks"
