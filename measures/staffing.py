"""How many call takers were in each state at past minutes: from those at work now, and the states begun and ended since."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction

from measures.outcome import OpenItem
from measures.pane import MINUTE, Pane

Takers = Mapping[tuple[str, str], int]
"""The number of call takers by skill and state; one without anybody is left out."""
SIGNS = {"call_taker_state_began": 1, "call_taker_state_ended": -1}
"""The kinds that change the number in a state."""
FEWEST = 3
"""The fewest call takers that are shown together, so that no figure is about one person (semantics section 15)."""
_BUSY = ("on_contact", "on_hold", "wrapping_up")
_READY = ("available", *_BUSY)
Skills = Collection[str] | None
"""The skills that count; None means all of them."""


def staffing(
    now: Sequence[OpenItem], panes: Iterable[tuple[int, Pane]], minutes: Sequence[int]
) -> dict[int, dict[tuple[str, str], int]]:
    """The call takers at the beginning of each minute.

    It needs no record from before these minutes: it goes back from the present.

    Args:
        now: the open items `call_taker_staffed`, those whose end is unrecorded included.
        panes: the minute panes from the first of the minutes to the last outcome, each with its minute since 1970.
        minutes: the minutes since 1970.
    """
    changes: dict[int, Counter[tuple[str, ...]]] = {}
    for minute, pane in panes:
        for kind, sign in SIGNS.items():
            for words, histogram in pane.get(kind, {}).items():
                changes.setdefault(minute, Counter())[words] += sign * sum(histogram.values())
    ends = [(item.unrecorded_from, item.dimensions) for item in now if item.unrecorded_from is not None]
    present, left = Counter(item.dimensions for item in now), sorted(changes)
    found = {}
    for minute in sorted(minutes, reverse=True):
        while left and left[-1] >= minute:
            present.subtract(changes[left.pop()])
        unrecorded = Counter(words for end, words in ends if end <= minute * MINUTE)
        found[minute] = {
            (words[0], words[1]): count - unrecorded[words]
            for words, count in present.items()
            if count > unrecorded[words]
        }
    return found


def number(takers: Takers, skills: Skills, states: Collection[str] | None = None) -> int:
    """How many of the call takers have one of the skills and are in one of the states; None means any."""
    return sum(
        count
        for (skill, state), count in takers.items()
        if (skills is None or skill in skills) and (states is None or state in states)
    )


def staffed(minutes: Sequence[Takers], skills: Skills) -> Fraction | None:
    """The mean number staffed; None without minutes."""
    return Fraction(sum(number(each, skills) for each in minutes), len(minutes)) if minutes else None


def occupancy(minutes: Sequence[Takers], skills: Skills) -> float | None:
    """The share of time on contacts and their wrap-up, of the time on these and available; None if there was none."""
    busy = sum(number(each, skills, _BUSY) for each in minutes)
    free = sum(number(each, skills, ("available",)) for each in minutes)
    return busy / (busy + free) if busy + free else None


def adherence(minutes: Sequence[Takers], rostered: Sequence[Takers], skills: Skills) -> float | None:
    """The share of the rostered time in which a call taker was signed on; None if nobody was rostered.

    Args:
        minutes: the call takers at the beginning of each minute.
        rostered: those rostered for each of these minutes, in one state.
        skills: the skills that count.
    """
    planned = sum(number(each, skills) for each in rostered)
    return _covered(minutes, rostered, skills, None) / planned if planned else None


def shrinkage(minutes: Sequence[Takers], rostered: Sequence[Takers], skills: Skills) -> float | None:
    """The share of the rostered time in which no call taker was ready; the arguments are those of `adherence`."""
    planned = sum(number(each, skills) for each in rostered)
    return (planned - _covered(minutes, rostered, skills, _READY)) / planned if planned else None


def _covered(
    minutes: Sequence[Takers], rostered: Sequence[Takers], skills: Skills, states: Collection[str] | None
) -> int:
    """The rostered minutes for which a call taker was in one of the states: too many in one do not make up for too few in another."""
    pairs = zip(minutes, rostered, strict=True)
    return sum(min(number(each, skills, states), number(planned, skills)) for each, planned in pairs)


def is_shown(minutes: Sequence[Takers], skills: Skills, others: Iterable[Collection[str]]) -> bool:
    """Whether figures of these call takers show what no single person does.

    Args:
        minutes: the minutes that the figures are of.
        skills: the skills of the call takers.
        others: the other groups of skills that are shown next to them: of two groups, the difference would be seen too.
    """
    if not all(number(each, skills) >= FEWEST for each in minutes):
        return False
    shown = [other for other in _inside(skills, others) if is_shown(minutes, other, others)]
    return all(_least_more(each, skills, shown) is None for each in minutes)


def staffed_range(takers: Takers, skills: Skills, others: Iterable[Collection[str]]) -> tuple[int, int]:
    """The least and the most that may be shown as the number of call takers.

    Both are the number itself, unless it would show that another group, which is not shown, has 1 or 2.

    Args:
        takers: the call takers of a minute.
        skills: the skills of those who are counted.
        others: the other groups of skills that are shown next to them.
    """
    count = number(takers, skills)
    if 0 < count < FEWEST:
        return 1, FEWEST - 1
    shown = [other for other in _inside(skills, others) if number(takers, other) >= FEWEST]
    more = _least_more(takers, skills, shown)
    return (count, count) if more is None else (count - more + 1, count - more + FEWEST - 1)


def _inside(skills: Skills, others: Iterable[Collection[str]]) -> list[Collection[str]]:
    """The groups inside another."""
    return [other for other in others if skills is None or set(other) < set(skills)]


def _least_more(takers: Takers, skills: Skills, shown: Sequence[Collection[str]]) -> int | None:
    """The 1 or 2 that a group has more than one that is shown, or than all of these together; None if it has neither."""
    together = {skill for other in shown for skill in other}
    more = (number(takers, skills) - number(takers, other) for other in (*shown, together))
    return min((each for each in more if 0 < each < FEWEST), default=None)
