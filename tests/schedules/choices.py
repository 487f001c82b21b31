"""Every choice of one schedule: drawn from a seed and recorded, or given so that a schedule runs again."""

import random
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """A source of choices.

    Args:
        seed: for the choices after the given ones; without a seed they are all 0, the simplest choice.
        given: the first choices.

    Attributes:
        made: every choice so far, in a form that can be given again.
        is_over: whether the given choices are used up and there is no seed.
    """

    def __init__(self, seed: int | None = None, given: Sequence[int] = ()) -> None:
        self._given, self._random = iter(given), None if seed is None else random.Random(seed)
        self.made: list[int] = []
        self.is_over = False

    def below(self, count: int) -> int:
        """A whole number from 0 up to, but without, `count`."""
        drawn = next(self._given, None)
        if drawn is None:
            self.is_over = self._random is None
            drawn = self._random.randrange(count) if self._random else 0
        self.made.append(drawn % count)
        return self.made[-1]

    def happens(self, one_in: int) -> bool:
        """Whether an event happens whose chance is one in this many; never without a seed."""
        return self.below(one_in) == one_in - 1

    def pick(self, items: Sequence[T]) -> T:
        """One of these items."""
        return items[self.below(len(items))]


def shrink(made: Sequence[int], fails: Callable[[Sequence[int]], bool], tries: int = 2000) -> list[int]:
    """Find fewer and simpler choices that still fail: leave out blocks, then set single choices to 0.

    Args:
        made: choices that fail.
        fails: runs a schedule with other choices; returns whether it fails in the same way.
        tries: the most schedules to run.
    """
    kept, left = list(made), tries
    size = len(kept) // 2
    while size and left > 0:
        start = 0
        while start < len(kept) and left > 0:
            shorter = kept[:start] + kept[start + size :]
            left -= 1
            if fails(shorter):
                kept = shorter
            else:
                start += size
        size //= 2
    for at in range(len(kept)):
        plainer = list(chain(kept[:at], [0], kept[at + 1 :]))
        if kept[at] and left > 0 and fails(plainer):
            kept = plainer
        left -= 1
    return kept
