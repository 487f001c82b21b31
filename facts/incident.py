"""The facts of an incident: opening, grading, dispatch, attendance and closure."""

from typing import Literal

from facts.fact import Identifier, Label, SubjectFact

IncidentResult = Literal[
    "attended", "telephone_resolved", "duplicate", "out_of_force", "cancelled", "not_attended", "other"
]


class IncidentOpened(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The control room opened an incident.

    Attributes:
        grade: its grade, one of the force's own.
        group: the incident group at opening (NSIR category group); absent if none is recorded.
        area: the area of the local policing team; absent if none is recorded ("No LPT").
        domestic: it is flagged as domestic abuse.
        category: a more specific category that the force counts separately, such as `home_burglary`.
    """

    grade: Label
    group: Label | None = None
    area: Label | None = None
    domestic: bool = False
    category: Label | None = None


class IncidentRegraded(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The incident was given another grade because things changed; a wrong record is corrected instead."""

    grade: Label


class IncidentReclassified(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The incident's group, category or domestic flag was changed; absent fields stay as they were (rules C15)."""

    group: Label | None = None
    category: Label | None = None
    domestic: bool | None = None


class UnitDispatched(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A unit was sent to the incident."""

    unit: Identifier


class UnitArrived(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A unit arrived at the scene."""

    unit: Identifier


class UnitStoodDown(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A unit was released from the incident, whether it had arrived or not."""

    unit: Identifier


class VideoResponseStarted(SubjectFact, frozen=True, kw_only=True, gc=False):
    """An officer met the caller by secure video (enhanced video response, rules C17)."""


class IncidentClosed(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The incident was closed.

    Attributes:
        result: the result; duplicate, out_of_force, telephone_resolved and cancelled need no attendance.
        duplicate_of: for a duplicate, the incident that it duplicates.
    """

    result: IncidentResult
    duplicate_of: Identifier | None = None


class IncidentReopened(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A closed incident was reopened: its closure no longer counts."""


IncidentFact = (
    IncidentOpened
    | IncidentRegraded
    | IncidentReclassified
    | UnitDispatched
    | UnitArrived
    | UnitStoodDown
    | VideoResponseStarted
    | IncidentClosed
    | IncidentReopened
)
"""Every fact of an incident. Those of one subject with the same time count in this order: systems keep times to the minute."""
