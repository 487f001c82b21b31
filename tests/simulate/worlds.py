"""Small simulations for the tests."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

import msgspec

from producers.simulate.parameters import packaged
from producers.simulate.reporting import ReportedFact
from producers.simulate.scenario import load_scenario
from producers.simulate.simulation import Simulation
from tests.support.forces import shipped


def simulation(scenario: str = "normal", seed: int = 41, start: date | None = None) -> Simulation:
    """A simulation of Staffordshire."""
    chosen = load_scenario(scenario)
    return Simulation(
        force=shipped("staffordshire"), parameters=packaged(), scenario=chosen, seed=seed, start=start or chosen.start
    )


class Remembered(Simulation, frozen=True, kw_only=True):
    """A simulation that simulates each day once, however often a test reads or plays it."""

    def reported(self) -> Iterator[ReportedFact]:
        """Every report, in order and without end."""
        return _memory(msgspec.json.encode(self), self).read()


class _Memory:
    """The reports of a simulation, simulated as far as anybody has read.

    Args:
        reports: every report, in order.
    """

    def __init__(self, reports: Iterator[ReportedFact]) -> None:
        self._reports, self._read = reports, list[ReportedFact]()

    def read(self) -> Iterator[ReportedFact]:
        """Every report from the first."""
        place = 0
        while True:
            if place == len(self._read):
                self._read.append(next(self._reports))
            yield self._read[place]
            place += 1


_memories: dict[bytes, _Memory] = {}
_KEPT = 3


def _memory(key: bytes, remembered: Remembered) -> _Memory:
    """The memory of a simulation; the oldest ones are dropped."""
    if key not in _memories:
        _memories[key] = _Memory(Simulation.reported(remembered))
    while len(_memories) > _KEPT:
        del _memories[next(iter(_memories))]
    return _memories[key]


def remembered(scenario: str = "normal", seed: int = 41, start: date | None = None) -> Remembered:
    """A simulation of Staffordshire that is read more than once."""
    chosen = simulation(scenario, seed, start)
    return Remembered(**msgspec.structs.asdict(chosen))


@lru_cache(maxsize=16)
def reports(scenario: str = "normal", seed: int = 41, days: int = 1) -> tuple[ReportedFact, ...]:
    """The reports of a scenario's first days."""
    chosen = remembered(scenario, seed)
    return tuple(chosen.reported_before(chosen.end_of(days)))
