"""Runs schedules by their seeds, and shrinks one that fails."""

from collections.abc import Callable, Sequence

from msgspec import Struct

import streams.partition_cache
import streams.store
from tests.schedules.choices import Choices, shrink
from tests.schedules.world import World

STEPS = 300
"""The steps of one schedule, except those that settle it."""


class Found(Struct):
    """The result of some schedules.

    Attributes:
        schedules: the number that ran.
        steps: the number of steps they had.
        seed: the seed of the schedule that failed; None if none did.
        error: what it found.
        choices: the choices of that schedule, shrunk if requested.
    """

    schedules: int = 0
    steps: int = 0
    seed: int | None = None
    error: str = ""
    choices: list[int] = []


def run(choices: Choices) -> World:
    """Run one schedule."""
    world = World(choices)
    world.run(STEPS)
    return world


def failure_of(given: Sequence[int]) -> BaseException | None:
    """The error of a schedule with these choices; None if it has none."""
    try:
        run(Choices(given=given))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure
        return error
    return None


def _kind(error: BaseException | None) -> object:
    return getattr(error, "kind", type(error))


def _shrunk(made: Sequence[int], kind: object, tries: int) -> list[int]:
    return shrink(made, lambda given: _kind(failure_of(given)) == kind, tries)


def run_many(seed: int, schedules: int, may_continue: Callable[[], bool], *, tries: int = 2000) -> Found:
    """Run schedules from a seed until one fails or no more may run.

    Args:
        seed: the first seed.
        schedules: the highest number to run.
        may_continue: called before each schedule; returns whether to run it.
        tries: the highest number of schedules to run to shrink one that fails; 0 does not shrink it.
    """
    found = Found()
    while found.schedules < schedules and may_continue():
        choices = Choices(seed + found.schedules)
        found.schedules += 1
        try:
            found.steps += run(choices).steps
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure
            found.seed, found.error = seed + found.schedules - 1, f"{type(error).__name__}: {error}"
            found.choices = _shrunk(choices.made, _kind(error), tries)
            return found
    return found


streams.store.TOUCHED_LIMIT = 12
streams.partition_cache.MANY_BLOCKS, streams.partition_cache.ASKED_TOGETHER = 20, 2
