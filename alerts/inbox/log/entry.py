"""The entries of the inbox's log: each records what happened to an alert, when, and who did it."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from alerts.rule import Severity
from facts.fact import EndReason, EndRole

BLUE_LAMP = "bluelamp"
"""The actor of everything that no person did."""
Time = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=500)]
"""Text from a person: long enough for a note, too short for a file."""
Scope = tuple[tuple[str, str], ...]
"""The labels and values that, with its rule, identify an alert; sorted by label."""


class Entry(Struct, frozen=True, kw_only=True, tag_field="entry"):
    """The fields of every entry.

    Attributes:
        id: the entry's ID; the same decision has the same ID, so that it is recorded once.
        alert: the ID of the alert, of the suppression, or of the fact of an end by hand.
        at: when it was decided, by the wall clock of the process that decided.
        by: a person's login, or `bluelamp`.
    """

    id: str
    alert: str
    at: Time
    by: str = BLUE_LAMP


class Raised(Entry, frozen=True, kw_only=True):
    """An alert began. It keeps its rule's texts, because rules change.

    Attributes:
        rule: the rule's name.
        scope: the alert's scope labels.
        began: when the figure had been bad for the rule's `for`.
        severity: the rule's severity.
        title: what is wrong.
        who: the post that is notified.
        what_to_do: what they do.
        measure: the measure behind it; empty for figures about Blue Lamp itself.
        is_child: it is about a child.
        figure: the figure then; None if it was not sent.
    """

    rule: str
    scope: dict[str, str]
    began: Time
    severity: Severity
    title: str
    who: str
    what_to_do: str
    measure: str = ""
    is_child: bool = False
    figure: float | None = None


class Ended(Entry, frozen=True, kw_only=True):
    """An alert ended, because good data arrived.

    Attributes:
        ended: when it ended, by the engine's clock.
    """

    ended: Time


class Acknowledged(Entry, frozen=True, kw_only=True):
    """A person acknowledged an alert; that lasts until the alert ends."""

    note: Text = ""


class Assigned(Entry, frozen=True, kw_only=True):
    """An alert was assigned.

    Attributes:
        to: the login or post that deals with it.
    """

    to: Annotated[str, Meta(min_length=1, max_length=60)]


class Noted(Entry, frozen=True, kw_only=True):
    """A person added a note."""

    note: Annotated[str, Meta(min_length=1, max_length=500)]


class Escalated(Entry, frozen=True, kw_only=True):
    """A step of the force's ladder was reached, or a person escalated the alert.

    Attributes:
        notify: the post that is notified now.
        why: the step, or what the person wrote, as a sentence.
    """

    notify: str
    why: str


class Reraised(Entry, frozen=True, kw_only=True):
    """The shift changed while an alert was active: it is sent again, and the new shift must acknowledge it.

    Attributes:
        changeover: when the new shift began.
    """

    changeover: Time


class Rose(Entry, frozen=True, kw_only=True):
    """The figure of an active alert rose: people are notified again. Who has acknowledged the alert does not change.

    Attributes:
        before: the figure that was last notified, or to which it had fallen since.
        figure: the figure now.
        notify_at: when people are notified: at once, or when the rule's shortest time between two notifications has passed.
    """

    before: float
    figure: float
    notify_at: Time


class Measured(Entry, frozen=True, kw_only=True):
    """A figure with which later rises are compared: the first one that is known, or a lower one. Nobody is notified.

    Attributes:
        figure: the figure.
    """

    figure: float


class Delivered(Entry, frozen=True, kw_only=True):
    """A receiver accepted a notification.

    Attributes:
        of: the ID of the entry that it reported.
        receiver: the receiver's name.
        attempt: the number of the attempt, from 1.
    """

    of: str
    receiver: str
    attempt: int


class Failed(Entry, frozen=True, kw_only=True):
    """A notification could not be delivered.

    Attributes:
        of: the ID of the entry that it reported.
        receiver: the receiver's name.
        attempt: the number of the attempt, from 1.
        reason: why, without any address or secret.
    """

    of: str
    receiver: str
    attempt: int
    reason: str


class Suppressed(Entry, frozen=True, kw_only=True):
    """Planned work: alerts of a rule are recorded, but nobody is notified.

    Attributes:
        rule: the rule's name.
        scope: only alerts with these labels; empty for all alerts of the rule.
        until: when the suppression ends by itself.
        note: what the work is.
    """

    rule: str
    scope: dict[str, str]
    until: Time
    note: Text = ""


class Unsuppressed(Entry, frozen=True, kw_only=True):
    """A suppression was ended early."""


class SubjectEnded(Entry, frozen=True, kw_only=True):
    """A person ended a contact or incident by hand. Its `alert` is the ID of the fact about this, which names no person.

    Attributes:
        force: the subject's force.
        subject: what it is.
        subject_id: its ID.
        reason: why no end was recorded.
        role: the role that the person gave.
    """

    force: str
    subject: str
    subject_id: str
    reason: EndReason
    role: EndRole


AnyEntry = (
    Raised
    | Ended
    | Acknowledged
    | Assigned
    | Noted
    | Escalated
    | Reraised
    | Rose
    | Measured
    | Delivered
    | Failed
    | Suppressed
    | Unsuppressed
    | SubjectEnded
)
_decoder: msgspec.json.Decoder[AnyEntry] = msgspec.json.Decoder(AnyEntry)


def encode(entry: AnyEntry) -> str:
    """An entry as one line of JSON."""
    return msgspec.json.encode(entry).decode()


def decode(text: str | bytes) -> AnyEntry:
    """An entry from its JSON. In entries written before version 0.2.0, `notify` is named `tell`: the log is kept for good."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(text, type=dict[str, Any])
        if "tell" not in fields:
            raise
        return _decoder.decode(msgspec.json.encode({**fields, "notify": fields["tell"]}))


def scope_of(labels: Mapping[str, str]) -> Scope:
    """Scope labels as a key. Labels with empty values are left out: to Prometheus they do not exist."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def alert_id(rule: str, scope: Mapping[str, str], began: datetime) -> str:
    """The ID of an alert, made from its rule, its scope and when it began."""
    identity = [rule, scope_of(scope), began.astimezone(UTC).isoformat()]
    return hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:16]
