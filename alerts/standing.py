"""The engine at work in a process of its own: steps at a steady pace, remembers over restarts, shows what stands."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.engine import Active, Alert, Engine, Memory, Sample, SampleLike
from alerts.rule import Rule
from measures.outcome import microseconds

EVERY_SECONDS = 15.0
_logger = logging.getLogger("bluelamp.alerts")


class Store(Protocol):
    """Where the memory of an engine is kept: a client of the state server."""

    def get(self, name: str) -> object: ...  # noqa: D102
    def set(self, name: str, value: str) -> object: ...  # noqa: D102


class _Row(Struct, array_like=True):
    """What is remembered of one rule and scope."""

    rule: str
    scope: tuple[str, ...]
    bad: bool | None
    active: Active | None


def encode_memory(memory: Memory) -> str:
    """An engine's memory as text."""
    keys = sorted({*memory.bad, *memory.active})
    rows = [_Row(rule, scope, memory.bad.get((rule, scope)), memory.active.get((rule, scope))) for rule, scope in keys]
    return msgspec.json.encode(rows).decode()


def decode_memory(text: str | bytes, rules: Sequence[Rule]) -> Memory:
    """The memory that was written; what it says of rules that are no more, or stand apart otherwise, is left out."""
    widths = {rule.name: len(rule.series.by) for rule in rules}
    memory = Memory()
    for row in msgspec.json.decode(text, type=list[_Row]):
        if widths.get(row.rule) != len(row.scope):
            continue
        if row.bad is not None:
            memory.bad[row.rule, row.scope] = row.bad
        if row.active is not None:
            memory.active[row.rule, row.scope] = row.active
    return memory


class Standing(Collector):
    """Evaluates the rules at a steady pace from a thread, and shows the alerts that stand as metrics.

    Args:
        rules: the table.
        samples: everything the exporter shows now.
        store: keeps the memory.
        name: of the memory in the store.
        now: the wall clock.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        samples: Callable[[], Iterable[SampleLike]],
        store: Store,
        name: str,
        now: Callable[[], datetime],
    ) -> None:
        self.rules, self._samples, self._store, self._name, self._now = rules, samples, store, name, now
        self.alerts: list[Alert] = []
        self._engine, self._is_remembered, self._kept = Engine(rules), False, ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin to evaluate."""
        self._thread.start()

    def stop(self) -> None:
        """Stop evaluating."""
        self._stop.set()
        self._thread.join(timeout=EVERY_SECONDS)

    def step(self) -> list[Alert]:
        """Evaluate once; where the memory cannot be read yet it begins without, and takes it up when it can."""
        self._remember()
        before = {_key(each) for each in self.alerts if each.state == "firing"}
        self.alerts = self._engine.step(self._samples(), microseconds(self._now()))
        _tell(before, self.alerts)
        self._keep()
        return self.alerts

    def describe(self) -> Iterable[Metric]:
        """Nothing: registration must not ask the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One series for each alert that stands."""
        labels = ["rule", "severity", "state", "force", "feed", "topic", "partition", "held"]
        family = GaugeMetricFamily("bluelamp_alert", "1 for each alert of the engine in process.", labels=labels)
        for each in self.alerts:
            told = {"rule": each.rule.name, "severity": each.rule.severity, "state": each.state, **each.scope}
            told["held"] = "yes" if each.is_held else "no"
            family.add_metric([told.get(name, "") for name in labels], 1)
        yield family

    def _remember(self) -> None:
        if self._is_remembered:
            return
        try:
            kept = self._store.get(self._name)
        except Exception as error:  # noqa: BLE001 - a store that does not answer is one of the things to alert on
            _logger.warning("cannot read what was remembered of alerts: %r", error)
            return
        self._is_remembered = True
        if isinstance(kept, str | bytes):
            # What has been seen since this start is newer than what was kept.
            earlier, memory = decode_memory(kept, self.rules), self._engine.memory
            memory.bad = {**earlier.bad, **memory.bad}
            memory.active = {**earlier.active, **memory.active}

    def _keep(self) -> None:
        text = encode_memory(self._engine.memory)
        if not self._is_remembered or text == self._kept:
            return
        try:
            self._store.set(self._name, text)
            self._kept = text
        except Exception as error:  # noqa: BLE001 - as above
            _logger.warning("cannot keep what is remembered of alerts: %r", error)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Exception:
                _logger.exception("the alerts were not evaluated")
            self._stop.wait(EVERY_SECONDS)


def samples_of(collector: Collector) -> Callable[[], Iterable[SampleLike]]:
    """Everything that a collector shows, and that it answers: it runs in the same process."""

    def samples() -> Iterable[SampleLike]:
        shown = [sample for family in collector.collect() for sample in family.samples]
        return [*shown, Sample("up", {"job": "bluelamp"}, 1.0)]

    return samples


def _key(alert: Alert) -> tuple[str, tuple[tuple[str, str], ...]]:
    return alert.rule.name, tuple(sorted(alert.scope.items()))


def _tell(before: set[tuple[str, tuple[tuple[str, str], ...]]], alerts: Sequence[Alert]) -> None:
    firing = {_key(each): each for each in alerts if each.state == "firing"}
    for key in sorted(firing.keys() - before):
        _logger.warning("%s fires (%s): %s %s", key[0], firing[key].rule.severity, firing[key].rule.title, dict(key[1]))
    for key in sorted(before - firing.keys()):
        _logger.warning("%s has ended %s", key[0], dict(key[1]))
