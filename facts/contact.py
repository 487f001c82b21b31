"""The facts of a contact: one attempt to reach the control room by 999, 101 or a digital channel."""

from typing import Literal

from facts.fact import Instant, Label, SubjectFact

Line = Literal["999", "101", "digital"]
ContactResult = Literal["resolved", "to_local", "to_999", "callback", "transferred", "other"]


class ContactOffered(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A contact joined a queue. A contact that joins several queues in turn has one offer, and one leg, for each.

    Attributes:
        line: the line on which it came in.
        queue: the queue it joined: emergency, triage, local (after triage) or a digital queue.
        channel: for digital contacts, the form or service used.
    """

    line: Line
    queue: Label
    channel: Label | None = None


class ContactAnswered(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A person answered the contact from this queue; an automated operator is not a person (rules C5)."""

    queue: Label


class ContactAbandoned(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The caller left this queue before a person answered (rules C6)."""

    queue: Label


class ContactConcluded(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The contact ended in this queue with a result; after a `callback` without an answer, callers keep their place in the queue.

    Attributes:
        queue: the queue it was in.
        result: how it ended.
        promised_for: with the result `callback`, the time by which the callback was promised; left out if no time was promised.
    """

    queue: Label
    result: ContactResult
    promised_for: Instant | None = None


class CallbackDeclined(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The caller was offered a callback in this queue, and stayed in the queue. If the time is not known, give the time at which the wait ended.

    Attributes:
        queue: the queue in which the caller waited.
    """

    queue: Label


ContactFact = ContactOffered | ContactAnswered | ContactAbandoned | ContactConcluded | CallbackDeclined
"""Every fact of a contact. Those of one subject with the same time count in this order: systems keep times to the minute."""
