"""The alerts that must be active in a scenario, and how the product's alerts differ from them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from alerts.table import RULES
from tests.oracle.broadcast import Broadcast
from tests.oracle.judgement import Stretch, alerts, bad_stretches, brief, remembered, sampled, since
from tests.oracle.knowledge import SECOND, knowledge
from tests.oracle.meaning import RuleRow, World, rules_on_page
from tests.oracle.product import EVERY_SECONDS, Alerts, looks
from tests.oracle.time_series import TimeSeries

Place = tuple[str, tuple[str, ...]]


class Judged(NamedTuple):
    """A rule of the page, and whether it is bad or good over time."""

    row: RuleRow
    series: TimeSeries


class Oracle:
    """The alerts that must be active in a scenario, according to its facts.

    Args:
        sent: everything that the scenario publishes.
    """

    def __init__(self, sent: Broadcast) -> None:
        self._sent = sent
        world = World(knowledge(sent.reported), sent.heartbeats, sent.simulation.force, sent.start, sent.end)
        names = {rule.alert_name(): rule.name for rule in RULES}
        self.judged: dict[Place, Judged] = {
            (names[row.alert], scope): Judged(row, world.judged(row, scope))
            for row in rules_on_page()
            for scope in world.scopes(row)
        }

    def seen(self, phase_seconds: float) -> Alerts:
        """The alerts that an engine must have if it evaluates every five seconds."""
        times = np.array(looks(self._sent, phase_seconds), dtype=np.int64)

        def look(at: int) -> int:
            place = int(np.searchsorted(times, at))
            return int(times[place]) if place < len(times) else self._sent.end

        return self._alerts(lambda series: sampled(series, times), look, int(times[0]))

    def exact(self, phase_seconds: float) -> Alerts:
        """The alerts that must be active, to the microsecond, from the first evaluation on."""
        start = self._sent.start + int(phase_seconds * SECOND)
        return self._alerts(lambda series: since(series, start), lambda at: at, start)

    def _alerts(self, see: Callable[[TimeSeries], TimeSeries], look: Callable[[int], int], start: int) -> Alerts:
        found: Alerts = {}
        for place, (row, series) in self.judged.items():
            condition = remembered(see(series), is_held=row.severity != "heartbeat")
            bad = bad_stretches(condition, start, self._sent.end)
            active = list(alerts(bad, row.for_seconds, row.keep_seconds, self._sent.end, look))
            if active:
                found[place] = active
        return found

    def unsettled(self, place: Place, at: int) -> bool:
        """Whether something just before this time was too brief for every five-second evaluation to see it.

        Either a state lasted less than five seconds, or its duration was within five seconds of `for` or `keep_firing_for`.
        """
        row, series = self.judged[place]
        edge = (max(row.for_seconds, row.keep_seconds) + 2 * EVERY_SECONDS) * SECOND
        moments = brief(series, EVERY_SECONDS)
        condition = remembered(series, is_held=row.severity != "heartbeat")
        times = condition.times[np.append(True, condition.values[1:] != condition.values[:-1])]
        lasted = np.diff(times) / SECOND
        for least in (row.for_seconds, row.keep_seconds):
            moments = np.concatenate([moments, times[:-1][np.abs(lasted - least) < EVERY_SECONDS]])
        return bool(np.any((moments >= at - edge) & (moments <= at + EVERY_SECONDS * SECOND)))


class Late(NamedTuple):
    """By how many seconds the product's alerts begin and end after those that must be active."""

    began: list[float]
    ended: list[float]
    unsettled: list[tuple[Place, int]]


def late(product: Alerts, oracle: Oracle, within_seconds: float, phase_seconds: float = 0) -> Late:
    """Compare every alert of the product with the alert that must be active.

    Args:
        product: the product's alerts.
        oracle: the oracle.
        within_seconds: how much later an alert may begin and end.
        phase_seconds: when the product first evaluates its rules.

    Returns:
        the delays, and the places where the expected alert depends on something too brief for every evaluation to see.
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
    """Groups of alerts of both sides that overlap, directly or through others."""
    both = sorted([(each, True) for each in ours] + [(each, False) for each in theirs])
    group: list[tuple[Stretch, bool]] = []
    for each in [*both, (Stretch(1 << 62, 1 << 62), True)]:
        if group and each[0].start > max(stretch.end for stretch, _ in group):
            yield (
                [stretch for stretch, is_ours in group if is_ours],
                [stretch for stretch, is_ours in group if not is_ours],
            )
            group = []
        group.append(each)


def _first_apart(ours: Sequence[Stretch], theirs: Sequence[Stretch], within_seconds: float) -> int | None:
    """The first time at which the two differ: one begins or ends, and the other does not follow soon enough."""
    edges = [[moment for stretch in stretches for moment in stretch] for stretches in (ours, theirs)]
    for mine, its in zip_longest(*edges):
        if mine is None or its is None or not 0 <= mine - its <= within_seconds * SECOND:
            return min(moment for moment in (mine, its) if moment is not None)
    return None
