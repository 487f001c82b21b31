"""The entries of the inbox's log: each says what happened to an alert, when, and who did it."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from alerts.rule import Severity

OURSELVES = "bluelamp"
"""Who did what no person did."""
Instant = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=500)]
"""What a person may write: enough for a note, too little for a file."""
Scope = tuple[tuple[str, str], ...]
"""The words that an alert stands apart for: label and word of each, by label."""


class Entry(Struct, frozen=True, kw_only=True, tag_field="entry"):
    """What all entries have.

    Attributes:
        id: of the entry: the same decision has the same, so that it stands in the log once.
        alert: of which alert; of a suppression its own id.
        at: when it was decided, by the wall clock of whoever decided.
        by: who: a person's login, or `bluelamp`.
    """

    id: str
    alert: str
    at: Instant
    by: str = OURSELVES


class Raised(Entry, frozen=True, kw_only=True):
    """An alert began; what its rule said then is kept with it, for rules change.

    Attributes:
        rule: which rule.
        scope: what it stands apart for.
        began: when the rule had been bad for as long as it asks.
        severity: of the rule.
        title: what is wrong.
        who: is told.
        what_to_do: what they do.
        measure: behind it; empty for the monitor's own.
        is_child: it is about a child.
    """

    rule: str
    scope: dict[str, str]
    began: Instant
    severity: Severity
    title: str
    who: str
    what_to_do: str
    measure: str = ""
    is_child: bool = False


class Ended(Entry, frozen=True, kw_only=True):
    """It is over, by good data.

    Attributes:
        ended: when, by the engine's clock.
    """

    ended: Instant


class Acknowledged(Entry, frozen=True, kw_only=True):
    """A person has taken it; that ends with the alert."""

    note: Text = ""


class Assigned(Entry, frozen=True, kw_only=True):
    """It is somebody's to see to.

    Attributes:
        to: their login or post.
    """

    to: Annotated[str, Meta(min_length=1, max_length=60)]


class Noted(Entry, frozen=True, kw_only=True):
    """A person wrote something down about it."""

    note: Annotated[str, Meta(min_length=1, max_length=500)]


class Escalated(Entry, frozen=True, kw_only=True):
    """A step of the force's ladder was reached.

    Attributes:
        tell: who is told now.
        why: the step, in words.
    """

    tell: str
    why: str


class Reraised(Entry, frozen=True, kw_only=True):
    """The shift changed while it stood: it is told again, and whoever comes on must take it anew.

    Attributes:
        changeover: when the shift began.
    """

    changeover: Instant


class Delivered(Entry, frozen=True, kw_only=True):
    """A receiver has taken a notification.

    Attributes:
        of: the entry that it told.
        receiver: its name.
        attempt: counted from 1.
    """

    of: str
    receiver: str
    attempt: int


class Failed(Entry, frozen=True, kw_only=True):
    """A receiver did not take a notification.

    Attributes:
        of: the entry that it told.
        receiver: its name.
        attempt: counted from 1.
        reason: why, without address or secret.
    """

    of: str
    receiver: str
    attempt: int
    reason: str


class Suppressed(Entry, frozen=True, kw_only=True):
    """Planned work: alerts of a rule are kept, but nobody is told, until an instant.

    Attributes:
        rule: which rule.
        scope: only alerts with these words; empty means all of the rule.
        until: when that ends by itself.
        note: what work it is.
    """

    rule: str
    scope: dict[str, str]
    until: Instant
    note: Text = ""


class Unsuppressed(Entry, frozen=True, kw_only=True):
    """A suppression was ended before its time."""


AnyEntry = (
    Raised
    | Ended
    | Acknowledged
    | Assigned
    | Noted
    | Escalated
    | Reraised
    | Delivered
    | Failed
    | Suppressed
    | Unsuppressed
)
_decoder: msgspec.json.Decoder[AnyEntry] = msgspec.json.Decoder(AnyEntry)


def encode(entry: AnyEntry) -> str:
    """An entry as one line of JSON."""
    return msgspec.json.encode(entry).decode()


def decode(text: str | bytes) -> AnyEntry:
    """An entry that was written."""
    return _decoder.decode(text)


def scope_of(words: Mapping[str, str]) -> Scope:
    """A scope as a key; to Prometheus a label with an empty word is none."""
    return tuple(sorted((name, word) for name, word in words.items() if word))


def alert_id(rule: str, scope: Mapping[str, str], began: datetime) -> str:
    """The id of an alert: of its rule, what it stands apart for, and when it began."""
    told = [rule, scope_of(scope), began.astimezone(UTC).isoformat()]
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]
