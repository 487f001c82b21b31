"""The engine at work in a process of its own: steps at a steady pace, remembers over restarts, shows what stands."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.engine import Active, Engine, Memory, Over, Place, RuleAlert, Sample, SampleLike
from alerts.notifier import Notifier, Picture, heard, place_of
from alerts.rule import Rule
from measures.outcome import SECOND, microseconds
from streams.clock_steps import Steps
from streams.repeated_errors import RepeatedErrors

EVERY_SECONDS = 1.5
"""Short enough that somebody is told within five seconds of when it is due, with the time of looking and of telling."""
_logger = logging.getLogger("bluelamp.alerts")


class EngineStore(Protocol):
    """Where the memory of an engine is kept: a client of the state server."""

    def get(self, name: str) -> object: ...  # noqa: D102
    def set(self, name: str, value: str) -> object: ...  # noqa: D102


class _Row(Struct, array_like=True):
    """What is remembered of one rule and scope."""

    rule: str
    scope: tuple[str, ...]
    bad: bool | None
    active: Active | None
    is_heard: bool = False
    over: tuple[Over, ...] = ()


def encode_memory(memory: Memory) -> str:
    """An engine's memory as text."""
    over: dict[Place, list[Over]] = {}
    for place, each in sorted(memory.over, key=lambda told: (told[0], told[1].ended)):
        over.setdefault(place, []).append(each)
    places = sorted({*memory.bad, *memory.active, *memory.heard, *over})
    rows = [
        _Row(*place, memory.bad.get(place), memory.active.get(place), place in memory.heard, tuple(over.get(place, ())))
        for place in places
    ]
    return msgspec.json.encode(rows).decode()


def decode_memory(text: str | bytes, rules: Sequence[Rule]) -> Memory:
    """The memory that was written; what it says of rules that are no more, or stand apart otherwise, is left out."""
    widths = {rule.name: len(rule.series.by) for rule in rules}
    memory = Memory()
    for row in msgspec.json.decode(text, type=list[_Row]):
        place = row.rule, row.scope
        if widths.get(row.rule) != len(row.scope):
            continue
        if row.bad is not None:
            memory.bad[place] = row.bad
        if row.active is not None:
            memory.active[place] = row.active
        memory.heard |= {place} if row.is_heard else set()
        memory.over |= {(place, each) for each in row.over}
    return memory


class Standing(Collector):
    """Evaluates the rules at a steady pace from a thread, and shows the alerts that stand as metrics.

    Args:
        rules: the table.
        samples: everything the exporter shows now.
        store: keeps the memory.
        name: of the memory in the store.
        now: the wall clock.
        notifier: tells people; without one nobody is told but the log and the metrics.
        steps: finds steps of the wall clock, so that they do not change any span; without it spans follow the wall clock.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        samples: Callable[[], Iterable[SampleLike]],
        store: EngineStore,
        name: str,
        now: Callable[[], datetime],
        notifier: Notifier | None = None,
        steps: Steps | None = None,
    ) -> None:
        self._notifier, self._steps = notifier, steps
        self.rules, self._samples, self._store, self._name, self._now = rules, samples, store, name, now
        self.alerts: list[RuleAlert] = []
        self._engine, self._is_remembered, self._kept = Engine(rules), False, ""
        self._complaints = RepeatedErrors(
            lambda words: _logger.warning("the memory of alerts is not kept: %s", words), time.monotonic
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin to evaluate."""
        if self._notifier:
            self._notifier.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop evaluating."""
        self._stop.set()
        self._thread.join(timeout=EVERY_SECONDS)
        if self._notifier:
            self._notifier.stop()

    def step(self) -> list[RuleAlert]:
        """Evaluate once; where the memory cannot be read yet it begins without, and takes it up when it can."""
        self._remember()
        memory = self._engine.memory
        memory.move(round(self._steps.look() * SECOND) if self._steps else 0)
        now = microseconds(self._now())
        before = memory.firing()
        self.alerts = self._engine.step(self._samples(), now)
        to_tell = heard(self.alerts)
        memory.heard |= {place_of(each) for each in to_tell}
        _note_ends(memory, before, now)
        _tell(self.rules, before, self.alerts)
        # Kept before it is told: an engine that did not know what it has told could not end it.
        self._keep()
        self._show(to_tell)
        return self.alerts

    def _show(self, to_tell: Sequence[RuleAlert]) -> None:
        if self._notifier is None:
            return
        memory, rules = self._engine.memory, {rule.name: rule for rule in self.rules}
        over = [(rules[place[0]], place, each) for place, each in sorted(memory.over, key=lambda told: told[1].ended)]
        heard_back = self._notifier.show(Picture(to_tell, over))
        memory.over -= heard_back.taken
        adopt(memory, rules, heard_back.standing)

    def describe(self) -> Iterable[Metric]:
        """Nothing: registration must not ask the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One series for each alert that stands."""
        labels = ["rule", "severity", "state", "force", "feed", "topic", "partition", "held", "inhibited"]
        family = GaugeMetricFamily("bluelamp_alert", "1 for each alert of the engine in process.", labels=labels)
        alerts = self.alerts
        sent = {place_of(each) for each in heard(alerts)}
        for each in alerts:
            told = {"rule": each.rule.name, "severity": each.rule.severity, "state": each.state, **each.scope}
            told["held"] = "yes" if each.is_held else "no"
            told["inhibited"] = "yes" if each.state == "firing" and place_of(each) not in sent else "no"
            family.add_metric([told.get(name, "") for name in labels], 1)
        yield family

    def _remember(self) -> None:
        if self._is_remembered:
            return
        try:
            kept = self._store.get(self._name)
        except Exception as error:  # noqa: BLE001 - a store that does not answer is one of the things to alert on
            self._complaints.add_error(error)
            return
        self._is_remembered = True
        if isinstance(kept, str | bytes):
            # What has been seen since this start is newer than what was kept.
            earlier, memory = decode_memory(kept, self.rules), self._engine.memory
            memory.bad = {**earlier.bad, **memory.bad}
            memory.active = {**earlier.active, **memory.active}
            memory.heard |= earlier.heard
            memory.over |= earlier.over

    def _keep(self) -> None:
        text = encode_memory(self._engine.memory)
        if not self._is_remembered or text == self._kept:
            return
        try:
            self._store.set(self._name, text)
            self._kept = text
            self._complaints.end()
        except Exception as error:  # noqa: BLE001 - as above
            self._complaints.add_error(error)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Exception:
                _logger.exception("the alerts were not evaluated")
            self._stop.wait(EVERY_SECONDS)


def samples_of(collector: Collector) -> Callable[[], Iterable[SampleLike]]:
    """Everything that a collector shows, and whether it answers, as a scrape of Prometheus would find."""

    def samples() -> Iterable[SampleLike]:
        try:
            shown = [sample for family in collector.collect() for sample in family.samples]
        except Exception:
            _logger.exception("the figures cannot be taken")
            return [Sample("up", {"job": "bluelamp"}, 0.0)]
        return [*shown, Sample("up", {"job": "bluelamp"}, 1.0)]

    return samples


def _note_ends(memory: Memory, before: Mapping[Place, Active], now: int) -> None:
    """Remember what fired and fires no more, if it was to be told."""
    for place in before.keys() - memory.firing().keys():
        if place in memory.heard:
            memory.over.add((place, Over(before[place].active_at, now)))
    memory.heard &= memory.firing().keys()


def adopt(memory: Memory, rules: Mapping[str, Rule], standing: Iterable[tuple[str, dict[str, str], int]]) -> None:
    """Take what stands in the inbox for firing where it is not remembered: only good data may end it.

    An engine that was killed while its memory could not be kept would otherwise never end what it had told.

    Args:
        memory: of the engine.
        rules: the table, by name.
        standing: rule, scope and beginning of each alert of the inbox, as it was when it last answered.
    """
    known = memory.active.keys() | {place for place, _ in memory.over}
    for name, scope, began in standing:
        rule = rules.get(name)
        if rule is None:
            continue
        place = name, tuple(scope.get(label, "") for label in rule.series.by)
        if place not in known or memory.active.get(place, _NOTHING).state == "pending":
            memory.bad.setdefault(place, True)
            memory.active[place] = Active("firing", began - rule.for_seconds * SECOND)
            memory.heard.add(place)


_NOTHING = Active("firing", 0)


def _tell(rules: Iterable[Rule], before: Mapping[Place, Active], alerts: Sequence[RuleAlert]) -> None:
    labels = {rule.name: rule.series.by for rule in rules}
    firing = {place_of(each): each for each in alerts if each.state == "firing"}
    for place in sorted(firing.keys() - before.keys()):
        rule = firing[place].rule
        _logger.warning("%s fires (%s): %s %s", rule.name, rule.severity, rule.title, firing[place].scope)
    for name, words in sorted(before.keys() - firing.keys()):
        _logger.warning("%s has ended %s", name, dict(zip(labels[name], words, strict=True)))
