"""The open list of one kind of response: what is not attended yet, its clocks with the instants they fall due, worst first."""

from msgspec import Struct

from dashboards.board.page import View
from dashboards.board.table import name_of
from facts.force import Response
from measures.catalogue import find
from measures.outcome import KINDS, OpenItem, instant

ROWS = 12
"""How many are listed on the panel; the rest are a count and a link."""
_MEASURE = "incident_unattended_count"
_CLOCKS = {
    "opened_to_dispatched_decided": "dispatch",
    "dispatched_to_arrived_decided": "travel",
    "opened_to_arrived_decided": "arrive",
}


class TargetClock(Struct, frozen=True):
    """One promise: what it is of, and when it falls due, in milliseconds since 1970; None once it is kept or not made."""

    name: str
    due: int | None


class UnattendedIncident(Struct, frozen=True):
    """An incident that no unit has reached.

    Attributes:
        incident: its opaque id.
        opened: by the force's clock.
        since: the same, in milliseconds since 1970.
        area: where it is.
        group: what it is.
        unit: whether a unit is on its way.
        clocks: to dispatch, to travel, to arrive.
        due: the first of those that fall due, likewise; of one without promises far off.
    """

    incident: str
    opened: str
    since: int
    area: str
    group: str
    unit: str
    clocks: list[TargetClock]
    due: int


class Jobs(Struct, frozen=True):
    """The list.

    Attributes:
        state: of the feed it stands on.
        says: why nothing is listed when it is not live.
        name: of the grades.
        promise: what they promise, in words.
        count: how many there are.
        over: how many are past a promise.
        names: of the clocks that any of them has, in order.
        jobs: the worst of them.
    """

    state: str
    says: str
    name: str
    promise: str
    count: int
    over: int
    names: list[str]
    jobs: list[UnattendedIncident]


def take_jobs(response: Response, view: View) -> Jobs:
    """The open list of a kind of response; as many as the measure of unattended incidents counts."""
    measure, where = find(_MEASURE), {"response": (response,)}
    reading = view.reader.read(measure, where=where, force=view.force)[0]
    grades = [grade for grade in view.profile.grades if grade.response == response]
    title = ", ".join(grade.name.partition(" - ")[0] for grade in grades)
    if reading.state not in ("live", "no_data"):
        return Jobs(reading.state, reading.reason, title, "", 0, 0, [], [])
    due = {kind: dict(view.reader.open_subjects(view.force, kind)) for kind in (*_CLOCKS, "incident_unresourced")}
    found = view.reader.listed(measure, where=where, force=view.force)
    jobs = sorted((_job(each.subject_id, each.item, due, view) for each in found), key=lambda job: job.due)
    now = int(reading.as_of.timestamp() * 1000)
    names = [name for name in _CLOCKS.values() if any(_has(job, name) for job in jobs)]
    over = sum(job.due < now for job in jobs)
    return Jobs("live", "", title, "", len(jobs), over, names, jobs[:ROWS])


def _has(job: UnattendedIncident, name: str) -> bool:
    return any(clock.name == name and clock.due is not None for clock in job.clocks)


def _job(incident: str, matter: OpenItem, due: dict[str, dict[str, OpenItem]], view: View) -> UnattendedIncident:
    words = dict(zip(KINDS[matter.kind].dimensions, matter.dimensions, strict=True))
    clocks = [TargetClock(name, _due(due[kind].get(incident))) for kind, name in _CLOCKS.items()]
    opened = instant(matter.since).astimezone(view.profile.zone())
    return UnattendedIncident(
        incident=incident,
        opened=f"{opened:%H:%M}" if _is_today(matter, view) else f"{opened.day} {opened:%b %H:%M}",
        since=matter.since // 1000,
        area=name_of("area", words["area"], view),
        group=name_of("group", words["group"], view),
        unit="no unit" if incident in due["incident_unresourced"] else "unit sent",
        clocks=clocks,
        due=min((clock.due for clock in clocks if clock.due is not None), default=1 << 52),
    )


def _is_today(matter: OpenItem, view: View) -> bool:
    zone = view.profile.zone()
    return instant(matter.since).astimezone(zone).date() == view.reader.present(view.force).astimezone(zone).date()


def _due(matter: OpenItem | None) -> int | None:
    return None if matter is None or matter.due is None else matter.due // 1000
