"""What people do to alerts: each action checks that it is possible, and becomes an entry of the log."""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from alerts.inbox.log.entry import (
    Acknowledged,
    AnyEntry,
    Assigned,
    Escalated,
    Noted,
    SubjectEnded,
    Suppressed,
    Text,
    Time,
    Unsuppressed,
)
from alerts.inbox.log.state import Alert, InboxState
from alerts.rule import Rule
from facts.fact import EndedByHand

LONGEST_SUPPRESSION = timedelta(days=7)


class ActionError(Exception):
    """An action that is not possible.

    Args:
        kind: the kind of problem.
        what: what is wrong, as a sentence.
        hint: what to do, as a sentence.
    """

    def __init__(self, kind: Literal["no_such_alert", "has_ended", "not_understood"], what: str, hint: str) -> None:
        super().__init__(what)
        self.kind, self.what, self.hint = kind, what, hint


class ActionContext(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, when, and the idempotency key: a repeated action with the same key is recorded once.

    Attributes:
        by: their login.
        at: the wall clock.
        request: the key, which the client makes up for one action.
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


class Escalation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of an escalation by hand."""

    to: Text
    note: Text = ""


class SuppressionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a suppression."""

    rule: str
    until: Time
    scope: dict[str, str] = {}
    note: Text = ""


def acknowledge(state: InboxState, alert_id: str, note: str, context: ActionContext) -> AnyEntry:
    """Acknowledge an alert.

    Raises:
        ActionError: it does not exist, or has ended.
    """
    alert = _find_active(state, alert_id)
    entry_id = _entry_id(alert.id, "acknowledged", context)
    return Acknowledged(id=entry_id, alert=alert.id, at=context.at, by=context.by, note=note)


def assign(state: InboxState, alert_id: str, to: str, context: ActionContext) -> AnyEntry:
    """Assign an alert to a person or post.

    Raises:
        ActionError: it does not exist, has ended, or no assignee is given.
    """
    alert = _find_active(state, alert_id)
    if not to.strip():
        raise ActionError("not_understood", "No assignee was given.", "Set `to` to a login or post.")
    entry_id = _entry_id(alert.id, "assigned", context)
    return Assigned(id=entry_id, alert=alert.id, at=context.at, by=context.by, to=to.strip()[:60])


def escalate(
    state: InboxState, alert_id: str, request: Escalation, posts: Collection[str], context: ActionContext
) -> AnyEntry:
    """Escalate an alert to a post by hand.

    Raises:
        ActionError: it does not exist, has ended, or no rule and no ladder names the post.
    """
    alert = _find_active(state, alert_id)
    if request.to not in posts:
        what = f"There is no post {request.to!r}." if request.to.strip() else "No post was given."
        raise ActionError("not_understood", what, f"Set `to` to one of these: {', '.join(sorted(posts))}.")
    why = f"{context.by} escalated it" + (f": {request.note.strip()}" if request.note.strip() else "")
    entry_id = _entry_id(alert.id, "escalated", context)
    why = why if why.endswith((".", "!", "?")) else f"{why}."
    return Escalated(id=entry_id, alert=alert.id, at=context.at, by=context.by, notify=request.to, why=why)


def note(state: InboxState, alert_id: str, text: str, context: ActionContext) -> AnyEntry:
    """Add a note to an alert, even after it has ended.

    Raises:
        ActionError: it does not exist, or the note is empty.
    """
    alert = find(state, alert_id)
    if not text.strip():
        raise ActionError("not_understood", "The note is empty.", "Put the text into `note`.")
    entry_id = _entry_id(alert.id, "noted", context)
    return Noted(id=entry_id, alert=alert.id, at=context.at, by=context.by, note=text)


def ended_by_hand(fact: EndedByHand, subject: str, context: ActionContext) -> AnyEntry:
    """Record who ended a subject by hand: the fact itself contains only their role."""
    return SubjectEnded(
        id=f"{fact.fact_id}:ended", alert=fact.fact_id, at=context.at, by=context.by,
        force=fact.force, subject=subject, subject_id=fact.subject_id, reason=fact.reason, role=fact.role,
    )  # fmt: skip


def suppress(rules: dict[str, Rule], request: SuppressionRequest, context: ActionContext) -> AnyEntry:
    """Stop notifications of a rule's alerts during planned work.

    Raises:
        ActionError: there is no such rule or scope label, or the end is in the past or too far ahead.
    """
    rule = rules.get(request.rule)
    if rule is None:
        raise ActionError(
            "not_understood", f"There is no rule {request.rule!r}.", "docs/use/alerts.md lists the rules."
        )
    unknown = sorted(set(request.scope) - set(rule.series.by))
    if unknown:
        labels = ", ".join(rule.series.by) or "none"
        what = f"The rule {rule.name} has no scope label {unknown[0]!r}."
        raise ActionError("not_understood", what, f"The scope labels of this rule: {labels}.")
    if not context.at < request.until <= context.at + LONGEST_SUPPRESSION:
        days = LONGEST_SUPPRESSION.days
        what = f"Planned work must end in the future, and within {days} days."
        raise ActionError("not_understood", what, f"Set `until` to a time within the next {days} days.")
    suppression_id = hashlib.sha256(f"{request.rule} {context.request}".encode()).hexdigest()[:16]
    return Suppressed(
        id=f"{suppression_id}:suppressed", alert=suppression_id, at=context.at, by=context.by,
        rule=rule.name, scope=request.scope, until=request.until, note=request.note,
    )  # fmt: skip


def unsuppress(state: InboxState, suppression_id: str, context: ActionContext) -> AnyEntry | None:
    """End a suppression early; None if it has already ended.

    Raises:
        ActionError: it does not exist.
    """
    suppression = state.suppressions.get(suppression_id)
    if suppression is None:
        raise ActionError("no_such_alert", "There is no suppression with this ID.", "GET suppressions lists them.")
    if not suppression.is_in_force(context.at):
        return None
    return Unsuppressed(id=f"{suppression_id}:unsuppressed", alert=suppression_id, at=context.at, by=context.by)


def find(state: InboxState, alert_id: str) -> Alert:
    """An alert by its ID.

    Raises:
        ActionError: it does not exist.
    """
    alert = state.alerts.get(alert_id)
    if alert is None:
        raise no_such_alert()
    return alert


def no_such_alert() -> ActionError:
    """The error for an alert that does not exist or that somebody may not see; it does not say which."""
    return ActionError("no_such_alert", "There is no alert with this ID.", "The list shows the ID of every alert.")


def _find_active(state: InboxState, alert_id: str) -> Alert:
    alert = find(state, alert_id)
    if alert.ended:
        hint = "You can still add a note. If the fault returns, it raises a new alert with its own ID."
        raise ActionError("has_ended", "This alert has already ended.", hint)
    return alert


def _entry_id(alert_id: str, verb: str, context: ActionContext) -> str:
    return f"{alert_id}:{verb}:{context.request}"
