"""What people do to alerts, as entries of the log: nothing is done to what has ended or is not there."""

import hashlib
from datetime import datetime, timedelta

import msgspec

from alerts.inbox.entry import (
    Acknowledged,
    AnyEntry,
    Assigned,
    Instant,
    Noted,
    Suppressed,
    Text,
    Unsuppressed,
)
from alerts.inbox.problem import ProblemError
from alerts.inbox.state import Alert, InboxState
from alerts.rule import Rule

SUPPRESSED_AT_MOST = timedelta(days=7)


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, when, and which request it is: asked again under the same name, it is done once.

    Attributes:
        by: their login.
        at: the wall clock.
        request: a name that the asking side made up for this one action.
    """

    by: str
    at: datetime
    request: str


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an acknowledgement or a note."""

    note: Text = ""


class Assignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an assignment."""

    to: Text


class SuppressionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a suppression."""

    rule: str
    until: Instant
    scope: dict[str, str] = {}
    note: Text = ""


def acknowledge(book: InboxState, name: str, note: str, act: Act) -> AnyEntry:
    """Take an alert.

    Raises:
        ProblemError: it is not there, or has ended.
    """
    alert = _standing(book, name)
    return Acknowledged(id=_id(alert.id, "acknowledged", act), alert=alert.id, at=act.at, by=act.by, note=note)


def assign(book: InboxState, name: str, to: str, act: Act) -> AnyEntry:
    """Make an alert somebody's.

    Raises:
        ProblemError: it is not there, has ended, or nobody is named.
    """
    alert = _standing(book, name)
    if not to.strip():
        raise ProblemError("not_understood", 422, "It says to nobody.", "Name the login or post in `to`.")
    return Assigned(id=_id(alert.id, "assigned", act), alert=alert.id, at=act.at, by=act.by, to=to.strip()[:60])


def note(book: InboxState, name: str, text: str, act: Act) -> AnyEntry:
    """Write something down about an alert, also after its end.

    Raises:
        ProblemError: it is not there, or nothing was written.
    """
    alert = find(book, name)
    if not text.strip():
        raise ProblemError("not_understood", 422, "The note is empty.", "Write something in `note`.")
    return Noted(id=_id(alert.id, "noted", act), alert=alert.id, at=act.at, by=act.by, note=text)


def suppress(rules: dict[str, Rule], plan: SuppressionRequest, act: Act) -> AnyEntry:
    """Tell nobody of a rule's alerts while work is done.

    Raises:
        ProblemError: there is no such rule or word, or it ends too late, or has ended.
    """
    rule = rules.get(plan.rule)
    if rule is None:
        raise ProblemError("not_understood", 422, f"There is no rule {plan.rule!r}.", "docs/alerts.md lists them.")
    unknown = sorted(set(plan.scope) - set(rule.series.by))
    if unknown:
        words = ", ".join(rule.series.by) or "nothing"
        raise ProblemError(
            "not_understood", 422, f"{rule.name} does not stand apart for {unknown[0]}.", f"It does for {words}."
        )
    if not act.at < plan.until <= act.at + SUPPRESSED_AT_MOST:
        days = SUPPRESSED_AT_MOST.days
        raise ProblemError(
            "not_understood", 422, "It must end, and not have ended.", f"Give an `until` within the next {days} days."
        )
    name = hashlib.sha256(f"{plan.rule} {act.request}".encode()).hexdigest()[:16]
    return Suppressed(
        id=f"{name}:suppressed", alert=name, at=act.at, by=act.by,
        rule=rule.name, scope=plan.scope, until=plan.until, note=plan.note,
    )  # fmt: skip


def unsuppress(book: InboxState, name: str, act: Act) -> AnyEntry | None:
    """End a suppression before its time; nothing where it has ended.

    Raises:
        ProblemError: there is none.
    """
    found = book.suppressions.get(name)
    if found is None:
        raise ProblemError("no_such_alert", 404, "There is no such suppression.", "GET suppressions lists them.")
    if not found.is_in_force(act.at):
        return None
    return Unsuppressed(id=f"{name}:unsuppressed", alert=name, at=act.at, by=act.by)


def find(book: InboxState, name: str) -> Alert:
    """An alert by its id.

    Raises:
        ProblemError: there is none.
    """
    alert = book.alerts.get(name)
    if alert is None:
        raise ProblemError("no_such_alert", 404, "There is no alert with this id.", "The list gives the ids of all.")
    return alert


def _standing(book: InboxState, name: str) -> Alert:
    alert = find(book, name)
    if alert.ended:
        detail = "There is nothing left to take. A note can still be written; a new alert has an id of its own."
        raise ProblemError("has_ended", 409, "The alert has ended.", detail)
    return alert


def _id(alert: str, verb: str, act: Act) -> str:
    return f"{alert}:{verb}:{act.request}"
