"""Simulates every two minutes how likely it is that the standard for 999 calls is missed in the next hour, for an alert rule."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from alerts.table import FORECAST_999, FORECAST_MADE, STANDARD_999
from dashboards.board.whatif.present import hours_needed, parameters_of, present_of
from dashboards.board.whatif.question import WhatIf
from facts.errors import BlueLampError, QuestionError
from facts.planned_event import NO_EVENTS, PlannedEvents
from producers.simulate.parameters import packaged
from producers.simulate.twin import NO_CHANGE, Chance, Present, Twin, chance_below
from streams.readings import Reader
from streams.repeated_errors import RepeatedErrors

_logger = logging.getLogger("bluelamp.forecasts")
EVERY_SECONDS = 120.0
KEPT_SECONDS = 600.0
"""An older forecast says too little about the next hour."""
_RUNS, _HOUR_SECONDS, _PAUSE_SECONDS = 100, 3600, 0.002
_AS_THE_RECORD_SAYS = WhatIf(None, None, NO_CHANGE)


class _Made(NamedTuple):
    """The forecast for the next hour of a force, and when it was made, in seconds of a clock that never jumps."""

    chance: Chance | None
    at: float


class ForecastMetrics(Collector):
    """Exports how likely it is that the standard is missed; nothing for a force whose present or expected calls are not known.

    Args:
        reader: reads the state.
        monotonic: a clock that never jumps, in seconds.
        runs: how many runs each forecast has.
        events: reads the planned events of each force.
    """

    def __init__(
        self,
        reader: Reader,
        monotonic: Callable[[], float] = time.monotonic,
        runs: int = _RUNS,
        events: Mapping[str, Callable[[], PlannedEvents]] = MappingProxyType({}),
    ) -> None:
        self._reader, self._monotonic, self._runs, self._events = reader, monotonic, runs, events
        self._made: dict[str, _Made] = {}
        self._stop = threading.Event()
        self._errors = RepeatedErrors(_logger.warning, monotonic)

    def start(self) -> None:
        """Start to forecast in a thread. The first forecast is made after `EVERY_SECONDS`, when the figures are loaded."""
        threading.Thread(target=self._run, name="forecasts", daemon=True).start()

    def renew(self) -> None:
        """Forecast the next hour of every force that the simulator is calibrated for. If the state cannot be read, the last forecast stays."""
        for force in {packaged().force} & self._reader.rules.keys():
            try:
                present = self._present(force)
            except (RedisError, OSError, BlueLampError) as error:
                self._errors.add_error(error)
                continue
            self._errors.end()
            chance = None if present is None else self._chance(force, present)
            self._made[force] = _Made(chance, self._monotonic())

    def describe(self) -> Iterable[Metric]:
        """No metrics, so that registering this collector starts no simulation."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The forecasts that are recent enough, and the forces for which a forecast was tried."""
        made = GaugeMetricFamily(
            FORECAST_MADE,
            "1 once a forecast was tried. If the force then has no forecast series, there is no forecast.",
            labels=["force"],
        )
        words = f"FORECAST, not a live figure: how likely it is that fewer than {STANDARD_999:.0%} of 999 calls will be answered within target in the next hour."
        share = GaugeMetricFamily(FORECAST_999, words, labels=["force"])
        calls = GaugeMetricFamily(
            f"{FORECAST_999}_n", "The 999 calls that are expected in the next hour.", labels=["force"]
        )
        for force, each in dict(self._made).items():
            made.add_metric([force], 1)
            if each.chance is not None and self._monotonic() - each.at < KEPT_SECONDS:
                share.add_metric([force], each.chance.share)
                calls.add_metric([force], each.chance.calls)
        yield from (made, share, calls)

    def _present(self, force: str) -> Present | None:
        """The present, according to the record; None if something that a forecast needs is not known."""
        with suppress(QuestionError):
            for measure, window in hours_needed(self._reader, force):
                self._reader.prepare(measure, window, force, _pause)
            events = self._events[force]() if force in self._events else NO_EVENTS
            return self._reader.at_one_moment(lambda: present_of(self._reader, force, _AS_THE_RECORD_SAYS, events))
        return None

    def _chance(self, force: str, present: Present) -> Chance | None:
        twin = Twin(parameters_of(force), present, pause=_pause, horizon_seconds=_HOUR_SECONDS)
        return chance_below(twin.runs(count=self._runs), STANDARD_999)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.renew()
            except Exception:
                _logger.exception("the next hour cannot be forecast")


def _pause() -> None:
    """Let other threads run."""
    time.sleep(_PAUSE_SECONDS)
