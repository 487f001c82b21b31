"""The alerts that must stand in a scenario, and how those of the product differ from them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from alerts.table import RULES
from tests.oracle.broadcast import Broadcast
from tests.oracle.course import Course
from tests.oracle.judgement import Stretch, alerts, bad_stretches, brief, remembered, sampled, since
from tests.oracle.knowledge import SECOND, knowledge
from tests.oracle.meaning import Asked, World, asked
from tests.oracle.product import EVERY_SECONDS, Alerts, looks

Place = tuple[str, tuple[str, ...]]


class Judged(NamedTuple):
    """A rule of the page and, over time, whether it is bad or good."""

    asked: Asked
    course: Course


class Oracle:
    """What must stand in a scenario, from its facts.

    Args:
        heard: the scenario.
    """

    def __init__(self, heard: Broadcast) -> None:
        self._heard = heard
        world = World(knowledge(heard.told), heard.heard, heard.simulation.force, heard.start, heard.end)
        names = {rule.alert_name(): rule.name for rule in RULES}
        self.judged: dict[Place, Judged] = {
            (names[row.alert], scope): Judged(row, world.judged(row, scope))
            for row in asked()
            for scope in world.scopes(row)
        }

    def seen(self, phase_seconds: float) -> Alerts:
        """What must stand for somebody who looks every five seconds."""
        instants = np.array(looks(self._heard, phase_seconds), dtype=np.int64)

        def look(at: int) -> int:
            place = int(np.searchsorted(instants, at))
            return int(instants[place]) if place < len(instants) else self._heard.end

        return self._standing(lambda course: sampled(course, instants), look, int(instants[0]))

    def exact(self, phase_seconds: float) -> Alerts:
        """What must stand, to the microsecond, of what was there to be seen since the first look."""
        start = self._heard.start + int(phase_seconds * SECOND)
        return self._standing(lambda course: since(course, start), lambda at: at, start)

    def _standing(self, see: Callable[[Course], Course], look: Callable[[int], int], start: int) -> Alerts:
        found: Alerts = {}
        for place, (row, course) in self.judged.items():
            condition = remembered(see(course), is_held=row.severity != "heartbeat")
            bad = bad_stretches(condition, start, self._heard.end)
            stood = list(alerts(bad, row.for_seconds, row.keep_seconds, self._heard.end, look))
            if stood:
                found[place] = stood
        return found

    def unsettled(self, place: Place, at: int) -> bool:
        """Whether just before an instant something was too brief to be seen by all who look every five seconds.

        A state that lasted for less, or one that lasted for as long as it must by less: `for`, or how long it must be good.
        """
        row, course = self.judged[place]
        edge = (max(row.for_seconds, row.keep_seconds) + 2 * EVERY_SECONDS) * SECOND
        moments = brief(course, EVERY_SECONDS)
        condition = remembered(course, is_held=row.severity != "heartbeat")
        times = condition.times[np.append(True, condition.values[1:] != condition.values[:-1])]
        lasted = np.diff(times) / SECOND
        for least in (row.for_seconds, row.keep_seconds):
            moments = np.concatenate([moments, times[:-1][np.abs(lasted - least) < EVERY_SECONDS]])
        return bool(np.any((moments >= at - edge) & (moments <= at + EVERY_SECONDS * SECOND)))


class Late(NamedTuple):
    """How far the product's alerts lie behind those that must stand, in seconds: each beginning, each end."""

    began: list[float]
    ended: list[float]
    unsettled: list[tuple[Place, int]]


def late(product: Alerts, oracle: Oracle, within_seconds: float, phase_seconds: float = 0) -> Late:
    """Hold every alert against the one that must stand.

    Args:
        product: what stood.
        oracle: what must.
        within_seconds: how much later each may begin and end.
        phase_seconds: when the product first looked.

    Returns:
        by how much each is late, and where what must stand hangs on something too brief to be seen by all who look.
    """
    found, exact = Late([], [], []), oracle.exact(phase_seconds)
    for place in product.keys() | exact.keys():
        for ours, theirs in _groups(product.get(place, []), exact.get(place, [])):
            began = [(mine.start, its.start) for mine, its in zip(ours, theirs, strict=False)]
            ended = [(mine.end, its.end) for mine, its in zip(ours, theirs, strict=False)]
            apart = _first_apart(ours, theirs, within_seconds)
            if apart is None:
                found.began.extend((mine - its) / SECOND for mine, its in began)
                found.ended.extend((mine - its) / SECOND for mine, its in ended)
            else:
                found.unsettled.append((place, apart))
    return found


def _groups(ours: Sequence[Stretch], theirs: Sequence[Stretch]) -> Iterator[tuple[list[Stretch], list[Stretch]]]:
    """Alerts of both that overlap, directly or through others."""
    told = sorted([(each, True) for each in ours] + [(each, False) for each in theirs])
    group: list[tuple[Stretch, bool]] = []
    for each in [*told, (Stretch(1 << 62, 1 << 62), True)]:
        if group and each[0].start > max(stretch.end for stretch, _ in group):
            yield (
                [stretch for stretch, is_ours in group if is_ours],
                [stretch for stretch, is_ours in group if not is_ours],
            )
            group = []
        group.append(each)


def _first_apart(ours: Sequence[Stretch], theirs: Sequence[Stretch], within_seconds: float) -> int | None:
    """Where the two first go apart: one begins or ends and the other does not, soon enough after."""
    edges = [[moment for stretch in stretches for moment in stretch] for stretches in (ours, theirs)]
    for mine, its in zip_longest(*edges):
        if mine is None or its is None or not 0 <= mine - its <= within_seconds * SECOND:
            return min(moment for moment in (mine, its) if moment is not None)
    return None
