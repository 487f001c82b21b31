"""The facts of a call taker at work, from signing on to signing off. Nothing in them says who the call taker is."""

from typing import Literal

from facts.fact import Label, SubjectFact

TakerState = Literal["available", "on_contact", "on_hold", "wrapping_up", "on_break"]


class CallTakerSignedOn(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A call taker signed on, or changed skill while signed on. The `subject_id` is an opaque id, preferably a new one at each sign-on.

    Attributes:
        skill: the skill the call taker works with: it says which queues the call taker answers.
    """

    skill: Label


class CallTakerStateChanged(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The call taker's state changed.

    Attributes:
        state: ready for the next contact, on a contact, keeping a caller on hold, finishing the work after a contact, or on a break
            of any kind.
        queue: the queue of the contact; it counts only with `on_contact`.
    """

    state: TakerState
    queue: Label | None = None


class CallTakerSignedOff(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The call taker signed off."""


CallTakerFact = CallTakerSignedOn | CallTakerStateChanged | CallTakerSignedOff
"""Every fact of a call taker. Those of one subject with the same time count in this order: systems keep times to the second."""
