"""The samples and alerts of the product in a scenario, stepped in event time: its own reader, metrics and engine."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from prometheus_client.core import Metric

from alerts.engine import Engine, Sample
from alerts.rule import Outside, Rule
from alerts.samples import used_by_rules
from alerts.table import RULES
from facts.union import AnyFact, Topic
from measures.catalogue import find
from measures.catalogue.custody import BY_DETAINEE, MORE_URGENT
from measures.measure import DERIVED_DIMENSIONS, Measure, OpenCount, OpenDue
from measures.outcome import KINDS, SECOND, OpenItem, instant
from measures.pane import HOUR, MINUTE
from producers.simulate.reporting import ReportedFact
from streams.band_metrics import band_families
from streams.exporter import ReadingsCollector
from streams.feeds import FeedState
from streams.health import Health, state_families
from streams.logwatch import LogSnapshot, LogWatch
from streams.reading_metrics import EXPORTED_OPEN_WINDOWS, _families, by_detainee
from streams.record import Place
from tests.oracle.broadcast import Broadcast
from tests.oracle.judgement import Stretch
from tests.oracle.knowledge import FOREVER
from tests.oracle.knowledge import microseconds as reported_at
from tests.oracle.meaning import Beat
from tests.oracle.memory import MemoryReader, Touched
from tests.support.facts import heartbeat

EVERY_SECONDS = 5
"""How often Prometheus evaluates; the built-in engine evaluates more often."""


class KeptUp(LogWatch):
    """A log that one worker has applied completely."""

    def __init__(self) -> None:
        super().__init__(lambda applied_offsets: LogSnapshot(applied_offsets, 1))

    def snapshot(self, applied_offsets: Mapping[Place, int]) -> LogSnapshot:
        """The log as it is now."""
        return LogSnapshot(applied_offsets, 1)


KEPT_UP = KeptUp()


class FullExporter:
    """Every sample that the rules use, as the exporter collects it.

    Args:
        reader: the reader of the state.
        rules: the rules.
    """

    def __init__(self, reader: MemoryReader, rules: Sequence[Rule]) -> None:
        self._collector = ReadingsCollector(
            reader, KEPT_UP, lambda: reader.moment / SECOND, is_wanted=used_by_rules(rules), has_health=True
        )

    def forget(self, touched: set[Touched], *, everything: bool) -> None:
        """Nothing to do: nothing is cached."""

    def samples(self) -> list[Sample]:
        """The samples at the reader's present."""
        return [*_samples(self._collector.collect()), Sample("up", {"job": "bluelamp"}, 1)]


def _under_seconds(name: str) -> int:
    """How soon the clocks are due that a measure counts."""
    statistic = find(name).statistic
    assert isinstance(statistic, OpenDue)
    return statistic.under_seconds


class CachedExporter:
    """The same, but samples that cannot have changed are not collected again.

    Args:
        reader: the reader of the state.
        rules: the rules.
    """

    def __init__(self, reader: MemoryReader, rules: Sequence[Rule]) -> None:
        self._reader, self._is_wanted = reader, used_by_rules(rules)
        (self._force,) = reader.rules
        self._windows = {
            rule.measure: rule.series.where.get("window", EXPORTED_OPEN_WINDOWS[0]) for rule in rules if rule.measure
        }
        bands = {rule.measure for rule in rules if isinstance(rule.condition, Outside)}
        self._parts: dict[str, Callable[[], tuple[int, list[Sample]]]] = {
            **{name: partial(self._measure, find(name)) for name in self._windows},
            **{f"{name} band": partial(self._band, name) for name in bands},
            "health": self._of_health,
        }
        self._kept: dict[str, tuple[int, list[Sample]]] = {}
        self._of: dict[Touched, list[str]] = {}
        self._health = Health(reader, KEPT_UP, lambda: reader.moment / SECOND)

    def samples(self) -> list[Sample]:
        """The samples at the reader's present."""
        now, found = self._reader.moment, list[Sample]()
        for name, collect in self._parts.items():
            kept = self._kept.get(name)
            if kept is None or kept[0] <= now:
                self._kept[name] = kept = collect()
            found += kept[1]
        return found

    def forget(self, touched: set[Touched], *, everything: bool) -> None:
        """Drop the samples that these outcomes change; or all of them, as when a feed has fallen silent."""
        if everything:
            self._kept.clear()
        for each in touched:
            for name in self._names(each):
                self._kept.pop(name, None)

    def _names(self, touched: Touched) -> list[str]:
        """The measures that an outcome counts in."""
        if touched not in self._of:
            self._of[touched] = [name for name in self._windows if self._is_of(find(name), touched)]
        return self._of[touched]

    def _is_of(self, measure: Measure, touched: Touched) -> bool:
        kind, words = touched
        known: dict[str, str] = dict(zip(KINDS[kind].dimensions, words, strict=True))
        derived = self._reader.rules[self._force].derived
        known |= {name: derived[name].get(known.get(of, ""), "") for name, of in DERIVED_DIMENSIONS.items()}
        wheres = [{**measure.where, **selection.where} for selection in measure.selections() if selection.kind == kind]
        return any(all(known[name] in allowed for name, allowed in where.items()) for where in wheres)

    def _measure(self, measure: Measure) -> tuple[int, list[Sample]]:
        readings = self._reader.read(measure, self._windows[measure.name], force=self._force)
        families = list(_families(measure, readings))
        if measure.name in BY_DETAINEE:
            families.append(by_detainee(measure, readings, self._reader))
        return self._valid_until(measure), _samples(families)

    def _valid_until(self, measure: Measure) -> int:
        """Until when a reading stays the same while no fact arrives and no feed falls silent."""
        now, statistic = self._reader.moment, measure.statistic
        items = [each for kind in {of.kind for of in measure.selections()} for each in self._open(kind)]
        if isinstance(statistic, OpenCount):
            moments = [each.since + statistic.at_least_seconds * SECOND for each in items]
            moments += [each.unrecorded_from or 0 for each in items]
        elif isinstance(statistic, OpenDue):
            urgent = MORE_URGENT.get(measure.name)
            due_seconds = {statistic.under_seconds, _under_seconds(urgent) if urgent else statistic.under_seconds}
            moments = [each.due - due * SECOND + 1 for each in items if each.due is not None for due in due_seconds]
            moments += [each.due + 1 for each in items if each.due is not None and each.kind == "review_due_ahead"]
        else:
            dues = [each.due for each in items if each.due is not None]
            moments = [*dues, *(due // MINUTE * MINUTE + 61 * MINUTE for due in dues)]
            # At a whole minute, the window is a minute shorter than just after it.
            moments.append(self._first_leaves(measure) if now % MINUTE else now + 1)
        return min((moment for moment in moments if moment > now), default=FOREVER)

    def _first_leaves(self, measure: Measure) -> int:
        """When the window of 60 minutes leaves the first minute that contains anything of a measure."""
        kinds, now = {of.kind for of in measure.selections()}, self._reader.moment // MINUTE
        for slot in range(now - 60, now + 1):
            for kind in kinds:
                panes = self._reader.caches[KINDS[kind].topic].filled((self._force, "minute", kind, slot, slot + 1))
                if any(measure.name in self._names((kind, words)) for _, counts in panes for words in counts):
                    return (slot + 61) * MINUTE
        return FOREVER

    def _open(self, kind: str) -> Iterator[OpenItem]:
        return (each for cache in self._reader.caches.values() for each in cache.open(self._force, kind))

    def _band(self, name: str) -> tuple[int, list[Sample]]:
        """What is normal depends on the hour that contains most of the last 60 minutes: it changes at half past."""
        until = (self._reader.moment + HOUR // 2) // HOUR * HOUR + HOUR // 2
        return until, _samples(band_families(self._reader, lambda measure, _: measure == name))

    def _of_health(self) -> tuple[int, list[Sample]]:
        own = [*_samples(state_families(None, is_up=True)), Sample("up", {"job": "bluelamp"}, 1)]
        return FOREVER, [*_samples(self._health.families()), *own]


def _samples(families: Iterable[Metric]) -> list[Sample]:
    return [Sample(each.name, each.labels, each.value) for family in families for each in family.samples]


class Step(NamedTuple):
    """The exporter's samples from a time, in microseconds since 1970, until the next step."""

    at: int
    samples: list[Sample]


class Played:
    """Plays a scenario to the product.

    Args:
        sent: everything that the scenario publishes.
        reader: receives it.
        is_lazy: use only the last heartbeat before each evaluation, and write it directly into the state.
    """

    def __init__(self, sent: Broadcast, reader: MemoryReader, *, is_lazy: bool) -> None:
        self._sent, self._reader, self._is_lazy = sent, reader, is_lazy
        self._topics = {feed.name: feed.topic for feed in sent.simulation.force.feeds}
        self._allowed = {feed.name: feed.stale_after_seconds * SECOND for feed in sent.simulation.force.feeds}
        self._next_fact = self._next_beat = 0
        self._last: dict[str, Beat] = {}

    def to(self, look: int) -> set[Touched]:
        """Publish every fact up to this time; returns the outcomes that changed."""
        reported, first = self._sent.reported, self._next_fact
        while self._next_fact < len(reported) and reported_at(reported[self._next_fact].at) <= look:
            self._next_fact += 1
        touched = set[Touched]()
        for topic, facts in _by_topic(reported[first : self._next_fact]).items():
            touched |= self._reader.caches[topic].receive(facts, instant(look))
        return touched

    def beat(self, look: int) -> tuple[bool, ...]:
        """Publish every heartbeat up to this time; returns which feeds are alive, and which are complete, within the time allowed."""
        beats = self._sent.heartbeats
        while self._next_beat < len(beats) and beats[self._next_beat].at <= look:
            self._last[beats[self._next_beat].feed] = beats[self._next_beat]
            self._next_beat += 1
        for beat in self._last.values():
            self._receive(beat)
        return tuple(
            look - moment <= self._allowed[each.feed]
            for each in self._last.values()
            for moment in (each.at, each.complete_to)
        )

    def _receive(self, beat: Beat) -> None:
        fold, force = self._reader.caches[self._topics[beat.feed]], self._sent.simulation.force.name
        if self._is_lazy:
            fold.feeds[force, beat.feed] = FeedState(beat.complete_to, beat.at, 0, is_replay=False)
            return
        at = instant(beat.complete_to)
        fact_id = f"heartbeat-{beat.feed}-{beat.at}"
        fold.receive(
            [heartbeat(beat.feed, at, fact_id=fact_id, force=force, seq=0)],
            instant(beat.at),
        )


def _by_topic(reported: Sequence[ReportedFact]) -> dict[Topic, list[AnyFact]]:
    found: dict[Topic, list[AnyFact]] = {}
    for each in reported:
        found.setdefault(each.topic, []).append(each.fact)
    return found


def steps(
    sent: Broadcast, rules: Sequence[Rule] = RULES, *, phase_seconds: float = 0, is_lazy: bool = True
) -> Iterator[Step]:
    """The exporter's samples at each evaluation of a scenario; evaluations that cannot see anything new are left out.

    Args:
        sent: everything that the scenario publishes.
        rules: the rules.
        phase_seconds: when the first evaluation is, after the start.
        is_lazy: otherwise nothing is left out, and every sample is collected each time.
    """
    reader = MemoryReader(sent.simulation.force)
    exporter = CachedExporter(reader, rules) if is_lazy else FullExporter(reader, rules)
    played = Played(sent, reader, is_lazy=is_lazy)
    before: tuple[bool, ...] = ()
    last: list[Sample] = []
    for look in looks(sent, phase_seconds):
        reader.moment = look
        touched, live = played.to(look), played.beat(look)
        exporter.forget(touched, everything=live != before)
        samples = exporter.samples()
        if samples != last or not is_lazy:
            yield Step(look, samples)
        before, last = live, samples


def looks(sent: Broadcast, phase_seconds: float) -> range:
    """The times of evaluations every five seconds."""
    return range(sent.start + int(phase_seconds * SECOND), sent.end, EVERY_SECONDS * SECOND)


Alerts = dict[tuple[str, tuple[str, ...]], list[Stretch]]
"""The stretches in which alerts are active, by rule and scope."""


def engine_alerts(
    exported: Iterable[Step],
    sent: Broadcast,
    rules: Sequence[Rule] = RULES,
    *,
    phase_seconds: float = 0,
    is_lazy: bool = True,
) -> Alerts:
    """The alerts of the built-in engine, evaluated every five seconds."""
    engine, active, found = Engine(rules), dict[tuple[str, tuple[str, ...]], int](), Alerts()
    remaining = iter([*exported, Step(sent.end, [])])
    samples, following = list[Sample](), next(remaining)
    for look in looks(sent, phase_seconds):
        if following.at == look:
            samples, following = following.samples, next(remaining)
        elif is_lazy and look < due(engine):
            continue
        alerts = engine.step(samples, look)
        firing = {(each.rule.name, tuple(each.scope.values())) for each in alerts if each.state == "firing"}
        for key in firing - active.keys():
            active[key] = look
        for key in active.keys() - firing:
            found.setdefault(key, []).append(Stretch(active.pop(key), look))
    for key, since in active.items():
        found.setdefault(key, []).append(Stretch(since, sent.end))
    return found


def due(engine: Engine) -> int:
    """When an engine that sees nothing new next raises or resolves an alert."""
    by_name = {rule.name: rule for rule in engine.rules}
    moments = [FOREVER]
    for (name, _), alert in engine.memory.active.items():
        rule = by_name[name]
        if alert.state == "pending":
            moments.append(alert.active_at + rule.for_seconds * SECOND)
        elif alert.good_since is not None:
            moments.append(alert.good_since + rule.keep_firing_for_seconds * SECOND)
    return min(moments)
