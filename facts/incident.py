"""The facts of an incident: opened, graded, resourced, attended, closed."""

from typing import Literal

from facts.fact import Identifier, Label, SubjectFact

IncidentResult = Literal[
    "attended", "telephone_resolved", "duplicate", "out_of_force", "cancelled", "not_attended", "other"
]


class IncidentOpened(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The control room opened an incident.

    Attributes:
        grade: the response it merits, in the force's own grades.
        group: the incident group at opening (NSIR category group); absent means the record names none.
        area: the local policing team's area; absent means the record names none ("No LPT").
        domestic: domestic abuse is flagged.
        category: a finer kind that the force counts by itself, such as `home_burglary`.
    """

    grade: Label
    group: Label | None = None
    area: Label | None = None
    domestic: bool = False
    category: Label | None = None


class IncidentRegraded(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The world changed and the incident merits another response; a wrong record is corrected instead."""

    grade: Label


class IncidentReclassified(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The incident's group, category or domestic flag was set anew; what is absent stays as it was (rules C15)."""

    group: Label | None = None
    category: Label | None = None
    domestic: bool | None = None


class UnitDispatched(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A unit was sent to the incident."""

    unit: Identifier


class UnitArrived(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A unit was at the scene."""

    unit: Identifier


class UnitStoodDown(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A unit was released from the incident, whether it had arrived or not."""

    unit: Identifier


class VideoResponseStarted(SubjectFact, frozen=True, kw_only=True, gc=False):
    """An officer met the caller by secure video (enhanced video response, rules C17)."""


class IncidentClosed(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The incident was closed.

    Attributes:
        result: how it ended; duplicate, out_of_force, telephone_resolved and cancelled need no attendance.
        duplicate_of: for a duplicate, the incident that stands for it.
    """

    result: IncidentResult
    duplicate_of: Identifier | None = None


class IncidentReopened(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A closed incident was opened again: its closure no longer counts."""
