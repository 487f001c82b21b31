"""The incidents of one response type that no unit has reached, with the deadlines of their targets, the most urgent first."""

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.table import name_of
from facts.force import Response
from measures.catalogue import find
from measures.outcome import KINDS, OpenItem, instant

ROWS = 5
"""The most incidents that the panel lists; it counts and links to the rest."""
_MEASURE = "incident_unattended_count"
_CLOCKS = {
    "opened_to_dispatched_decided": "dispatch",
    "dispatched_to_arrived_decided": "travel",
    "opened_to_arrived_decided": "arrive",
}


class TargetClock(Struct, frozen=True):
    """One target: its name, and its deadline in milliseconds since 1970; None if it is met or there is none."""

    name: str
    due: int | None


class UnattendedIncident(Struct, frozen=True):
    """An incident that no unit has reached.

    Attributes:
        incident: its opaque id.
        opened: when, in local time.
        since: the same, in milliseconds since 1970.
        area: its area.
        group: its group.
        unit: whether a unit has been sent.
        clocks: the targets to dispatch, to travel and to arrive.
        due: the first deadline, in milliseconds since 1970; far in the future without a target.
    """

    incident: str
    opened: str
    since: int
    area: str
    group: str
    unit: str
    clocks: list[TargetClock]
    due: int


class UnattendedIncidents(Struct, frozen=True):
    """The list.

    Attributes:
        state: the state of the reading.
        says: why nothing is listed; empty if it is live.
        name: the name of the grades.
        count: the number of incidents.
        over: the number past a target.
        names: the names of the clocks that any incident has, in order.
        incidents: the most urgent ones.
    """

    state: str
    says: str
    name: str
    count: int
    over: int
    names: list[str]
    incidents: list[UnattendedIncident]


def read_unattended(response: Response, view: View) -> UnattendedIncidents:
    """The list of a response type: the incidents that the measure of unattended incidents counts; blocking."""
    measure, where = find(_MEASURE), {"response": (response,)}
    reading = view.reader.read(measure, where=where, force=view.force)[0]
    grades = [grade for grade in view.profile.grades if grade.response == response]
    title = ", ".join(grade.name.partition(" - ")[0] for grade in grades)
    if reading.state not in ("live", "no_data"):
        return UnattendedIncidents(reading.state, reading.reason, title, 0, 0, [], [])
    due = {kind: dict(view.reader.open_subjects(view.force, kind)) for kind in (*_CLOCKS, "incident_unresourced")}
    listed = view.reader.listed(measure, where=where, force=view.force)
    incidents = [_incident(each.subject_id, each.item, due, view) for each in listed]
    incidents.sort(key=lambda each: each.due)
    now = int(reading.as_of.timestamp() * 1000)
    names = [name for name in _CLOCKS.values() if any(_has(each, name) for each in incidents)]
    over = sum(each.due < now for each in incidents)
    return UnattendedIncidents("live", "", title, len(incidents), over, names, incidents[:ROWS])


def _has(incident: UnattendedIncident, name: str) -> bool:
    return any(clock.name == name and clock.due is not None for clock in incident.clocks)


def _incident(incident: str, item: OpenItem, due: dict[str, dict[str, OpenItem]], view: View) -> UnattendedIncident:
    words = dict(zip(KINDS[item.kind].dimensions, item.dimensions, strict=True))
    clocks = [TargetClock(name, _due(due[kind].get(incident))) for kind, name in _CLOCKS.items()]
    opened = instant(item.since).astimezone(view.profile.zone())
    return UnattendedIncident(
        incident=incident,
        opened=f"{opened:%H:%M}" if _is_today(item, view) else f"{opened.day} {opened:%b %H:%M}",
        since=item.since // 1000,
        area=name_of("area", words["area"], view),
        group=name_of("group", words["group"], view),
        unit="no unit" if incident in due["incident_unresourced"] else "unit sent",
        clocks=clocks,
        due=min((clock.due for clock in clocks if clock.due is not None), default=1 << 52),
    )


def _is_today(item: OpenItem, view: View) -> bool:
    zone = view.profile.zone()
    return instant(item.since).astimezone(zone).date() == view.reader.present(view.force).astimezone(zone).date()


def _due(item: OpenItem | None) -> int | None:
    return None if item is None or item.due is None else item.due // 1000
