"""Runs the built-in engine in the exporter: evaluates at a steady pace, survives restarts, and exports active alerts."""

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

from alerts.engine import Active, AlertKey, EndedAlert, Engine, Memory, RuleAlert, Sample, SampleLike
from alerts.notifier import AlertUpdate, Notifier, key_of, uninhibited
from alerts.rule import Rule
from measures.outcome import SECOND, microseconds
from streams.clock_steps import Steps
from streams.repeated_errors import RepeatedErrors

EVERY_SECONDS = 1.5
"""Short enough to notify somebody within five seconds, including the time to read the figures and to send."""
_logger = logging.getLogger("bluelamp.alerts")


class EngineStore(Protocol):
    """Where the engine's memory is saved: a client of the state server."""

    def get(self, name: str) -> object: ...  # noqa: D102
    def set(self, name: str, value: str) -> object: ...  # noqa: D102


class _Row(Struct, array_like=True):
    """What is saved about one rule and scope."""

    rule: str
    scope: tuple[str, ...]
    bad: bool | None
    active: Active | None
    is_notified: bool = False
    ended: tuple[EndedAlert, ...] = ()


def encode_memory(memory: Memory) -> str:
    """An engine's memory as text."""
    ended: dict[AlertKey, list[EndedAlert]] = {}
    for key, each in sorted(memory.ended, key=lambda item: (item[0], item[1].ended)):
        ended.setdefault(key, []).append(each)
    rows = [
        _Row(*key, memory.bad.get(key), memory.active.get(key), key in memory.notified, tuple(ended.get(key, ())))
        for key in sorted({*memory.bad, *memory.active, *memory.notified, *ended})
    ]
    return msgspec.json.encode(rows).decode()


def decode_memory(text: str | bytes, rules: Sequence[Rule]) -> Memory:
    """The memory that was saved, without rules that no longer exist or whose scope labels have changed."""
    widths = {rule.name: len(rule.series.by) for rule in rules}
    memory = Memory()
    for row in msgspec.json.decode(text, type=list[_Row]):
        key = row.rule, row.scope
        if widths.get(row.rule) != len(row.scope):
            continue
        if row.bad is not None:
            memory.bad[key] = row.bad
        if row.active is not None:
            memory.active[key] = row.active
        memory.notified |= {key} if row.is_notified else set()
        memory.ended |= {(key, each) for each in row.ended}
    return memory


class AlertEvaluator(Collector):
    """Evaluates the rules at a steady pace in a thread, and exports the active alerts as metrics.

    Args:
        rules: the table.
        samples: returns the exporter's current samples.
        store: saves the memory.
        name: the key of the memory in the store.
        now: the wall clock.
        notifier: sends alerts to the inbox; without one, alerts are only logged and exported.
        steps: detects steps of the wall clock, so that durations stay correct; without it durations follow the wall clock.
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
        self._engine, self._is_loaded, self._saved = Engine(rules), False, ""
        self._complaints = RepeatedErrors(
            lambda reason: _logger.warning("the state of alerts cannot be saved: %s", reason), time.monotonic
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Start evaluating."""
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
        """Evaluate once. If the saved memory cannot be read yet, start without it and merge it when it can."""
        self._load()
        memory = self._engine.memory
        memory.move(round(self._steps.look() * SECOND) if self._steps else 0)
        now = microseconds(self._now())
        before = memory.firing()
        self.alerts = self._engine.step(self._samples(), now)
        to_send = uninhibited(self.alerts)
        memory.notified |= {key_of(each) for each in to_send}
        _record_ends(memory, before, now)
        _log_changes(self.rules, before, self.alerts)
        # Saved before it is sent: an engine that has forgotten an alert it sent could never end it.
        self._save()
        self._notify(to_send)
        return self.alerts

    def _notify(self, to_send: Sequence[RuleAlert]) -> None:
        if self._notifier is None:
            return
        memory, rules = self._engine.memory, {rule.name: rule for rule in self.rules}
        ended = [(rules[key[0]], key, each) for key, each in sorted(memory.ended, key=lambda item: item[1].ended)]
        reply = self._notifier.submit(AlertUpdate(to_send, ended))
        memory.ended -= reply.accepted
        adopt_inbox_alerts(memory, rules, reply.active)

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering the collector does not read the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One series for each active alert."""
        labels = ["rule", "severity", "state", "force", "feed", "topic", "partition", "held", "inhibited"]
        family = GaugeMetricFamily("bluelamp_alert", "1 for each active alert of the built-in engine.", labels=labels)
        alerts = self.alerts
        sent = {key_of(each) for each in uninhibited(alerts)}
        for each in alerts:
            values = {"rule": each.rule.name, "severity": each.rule.severity, "state": each.state, **each.scope}
            values["held"] = "yes" if each.is_undecided else "no"
            values["inhibited"] = "yes" if each.state == "firing" and key_of(each) not in sent else "no"
            family.add_metric([values.get(name, "") for name in labels], 1)
        yield family

    def _load(self) -> None:
        if self._is_loaded:
            return
        try:
            saved = self._store.get(self._name)
        except Exception as error:  # noqa: BLE001 - a store that does not answer is one of the things to alert on
            self._complaints.add_error(error)
            return
        self._is_loaded = True
        if isinstance(saved, str | bytes):
            # What has been evaluated since this start is newer than what was saved.
            earlier, memory = decode_memory(saved, self.rules), self._engine.memory
            memory.bad = {**earlier.bad, **memory.bad}
            memory.active = {**earlier.active, **memory.active}
            memory.notified |= earlier.notified
            memory.ended |= earlier.ended

    def _save(self) -> None:
        text = encode_memory(self._engine.memory)
        if not self._is_loaded or text == self._saved:
            return
        try:
            self._store.set(self._name, text)
            self._saved = text
            self._complaints.end()
        except Exception as error:  # noqa: BLE001 - as above
            self._complaints.add_error(error)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Exception:
                _logger.exception("evaluating the alert rules failed")
            self._stop.wait(EVERY_SECONDS)


def samples_of(collector: Collector) -> Callable[[], Iterable[SampleLike]]:
    """All samples of a collector, with `up` as a Prometheus scrape would set it."""

    def samples() -> Iterable[SampleLike]:
        try:
            collected = [sample for family in collector.collect() for sample in family.samples]
        except Exception:
            _logger.exception("the figures cannot be read")
            return [Sample("up", {"job": "bluelamp"}, 0.0)]
        return [*collected, Sample("up", {"job": "bluelamp"}, 1.0)]

    return samples


def _record_ends(memory: Memory, before: Mapping[AlertKey, Active], now: int) -> None:
    """Record the alerts that no longer fire, if they were ever due to be sent."""
    for key in before.keys() - memory.firing().keys():
        if key in memory.notified:
            memory.ended.add((key, EndedAlert(before[key].active_at, now)))
    memory.notified &= memory.firing().keys()


def adopt_inbox_alerts(
    memory: Memory, rules: Mapping[str, Rule], active: Iterable[tuple[str, dict[str, str], int]]
) -> None:
    """Add the inbox's active alerts to the memory as firing: only good data may end them.

    Otherwise an engine that was killed while its memory could not be saved would never end the alerts it had sent.

    Args:
        memory: the engine's memory.
        rules: the table, by name.
        active: rule, scope and start of each active alert, as of the inbox's last reply.
    """
    known = memory.active.keys() | {key for key, _ in memory.ended}
    for name, scope, began in active:
        rule = rules.get(name)
        if rule is None:
            continue
        key = name, tuple(scope.get(label, "") for label in rule.series.by)
        if key not in known or memory.active.get(key, _FIRING).state == "pending":
            memory.bad.setdefault(key, True)
            memory.active[key] = Active("firing", began - rule.for_seconds * SECOND)
            memory.notified.add(key)


_FIRING = Active("firing", 0)


def _log_changes(rules: Iterable[Rule], before: Mapping[AlertKey, Active], alerts: Sequence[RuleAlert]) -> None:
    labels = {rule.name: rule.series.by for rule in rules}
    firing = {key_of(each): each for each in alerts if each.state == "firing"}
    for key in sorted(firing.keys() - before.keys()):
        rule = firing[key].rule
        _logger.warning("%s fires (%s): %s %s", rule.name, rule.severity, rule.title, firing[key].scope)
    for name, scope in sorted(before.keys() - firing.keys()):
        _logger.warning("%s has ended %s", name, dict(zip(labels[name], scope, strict=True)))
