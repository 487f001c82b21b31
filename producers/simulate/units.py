"""Simulates units on patrol: a limited number in each area, sent to the most urgent incident first, and lent to other areas if needed."""

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Any, Protocol

from msgspec import Struct
from simpy import Environment
from simpy.events import Timeout


class UnitRequest(Struct, gc=False):
    """One request for a unit.

    Attributes:
        subject_id: id of the incident.
        area: area of the incident; a unit of this area goes if one is free.
        urgency: 0 for an immediate response; the lowest goes first.
        travel_seconds: travel time of a unit of the area; a lent unit takes longer.
        at_scene_seconds: time at the scene; None if the unit is turned back on its way.
        number: number of the unit within the incident, from 1.
        note: data for the listener.
    """

    subject_id: str
    area: str
    urgency: int
    travel_seconds: float
    at_scene_seconds: float | None
    number: int = 1
    note: Any = None


class UnitListener(Protocol):
    """Receives the dispatches of units."""

    def dispatched(self, job: UnitRequest, unit: str, at: float, arrives: float, released: float) -> None:
        """A unit is dispatched. Times are in seconds since 1970; a unit turned back is released when it would arrive."""


class Units:
    """The units of a force.

    Args:
        environment: the SimPy environment; its time is in seconds since 1970.
        listener: receives the dispatches.
        areas: the force's areas.
        lent_travel_factor: factor on the travel time of a lent unit.
    """

    def __init__(
        self, environment: Environment, listener: UnitListener, areas: tuple[str, ...], lent_travel_factor: float
    ) -> None:
        self._environment, self._listener = environment, listener
        self._lent_travel_factor = lent_travel_factor
        self._on_duty = dict.fromkeys(areas, 0)
        self._sent = dict.fromkeys(areas, 0)
        self._free_numbers: dict[str, list[int]] = {area: [] for area in areas}
        self._last_number = dict.fromkeys(areas, 0)
        self._waiting: dict[str, list[tuple[int, int, UnitRequest]]] = {area: [] for area in areas}
        self._requests = 0

    def staff(self, on_duty: Mapping[str, int]) -> None:
        """Set the number of units on duty in each area; units that leave finish their job first."""
        self._on_duty.update(on_duty)
        for area in self._on_duty:
            self._serve(area)

    def request(self, job: UnitRequest) -> None:
        """Send a unit to a job now, or as soon as one is free."""
        area = job.area if self._free(job.area) > 0 else self._lender(job)
        if area:
            self._send(job, area)
            return
        self._requests += 1
        heappush(self._waiting[job.area], (job.urgency, self._requests, job))

    def waiting(self) -> int:
        """The number of jobs that wait for a unit."""
        return sum(map(len, self._waiting.values()))

    def _free(self, area: str) -> int:
        return self._on_duty[area] - self._sent[area]

    def _lender(self, job: UnitRequest) -> str | None:
        """The area with the most units to spare, for an immediate job."""
        if job.urgency:
            return None
        lender = max(self._on_duty, key=self._free)
        return lender if self._free(lender) > 1 else None

    def _send(self, job: UnitRequest, area: str) -> None:
        now = self._environment.now
        self._sent[area] += 1
        numbers = self._free_numbers[area]
        if numbers:
            number = heappop(numbers)
        else:
            number = self._last_number[area] = self._last_number[area] + 1
        factor = 1.0 if area == job.area else self._lent_travel_factor
        arrives = now + round(job.travel_seconds * factor)
        released = arrives + round(job.at_scene_seconds or 0)
        self._listener.dispatched(job, f"{area}-{number}", now, arrives, released)
        callbacks: Any = Timeout(self._environment, released - now, (area, number)).callbacks
        callbacks.append(self._release)

    def _release(self, event: Any) -> None:
        area, number = event.value
        self._sent[area] -= 1
        heappush(self._free_numbers[area], number)
        self._serve(area)

    def _serve(self, area: str) -> None:
        while self._free(area) > 0:
            queue = self._next_queue(area)
            if queue is None:
                return
            self._send(heappop(queue)[2], area)

    def _next_queue(self, area: str) -> list[tuple[int, int, UnitRequest]] | None:
        """The queue to serve next: the area's own, unless another area has an immediate job and this one has not."""
        own = self._waiting[area]
        if own and own[0][0] == 0:
            return own
        if self._free(area) > 1:
            immediate = (queue for queue in self._waiting.values() if queue and queue[0][0] == 0)
            return min(immediate, key=_oldest_number, default=own or None)
        return own or None


def _oldest_number(queue: list[tuple[int, int, UnitRequest]]) -> int:
    return queue[0][1]
