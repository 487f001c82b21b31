"""The fields of every fact: its id, the force that reports it, when it happened, and which fact it replaces."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

# `$(?!\n)` and not `$`: Python's `$` also matches before a last line feed, JSON Schema's does not.
_IDENTIFIER = r"^(?!0[0-9]{9,10}$)(?!44[0-9]{9,10}$)[A-Za-z0-9][A-Za-z0-9._:-]*$(?!\n)"
_LABEL = r"^[A-Za-z0-9][A-Za-z0-9_-]*$(?!\n)"

Identifier = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=_IDENTIFIER,
        description="An opaque id made up by the producer: letters, digits and ._:- only; never a name or a telephone number.",
    ),
]
Label = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        pattern=_LABEL,
        description="A label from the force's profile: letters, digits, _ and - only.",
    ),
]
Instant = Annotated[datetime, Meta(tz=True, description="A time with its zone, as in 2024-12-01T09:59:59Z.")]


class Fact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fact", tag=True, gc=False):
    """Something that happened, reported once and never edited.

    Attributes:
        fact_id: the producer's own id for this fact; a fact sent again with the same id is the same fact.
        force: the police force that reports it, by the name of its profile.
        at: event time: when it happened, not when it was sent.
    """

    needs_one_of: ClassVar[tuple[dict[str, Any], ...]] = ()
    """Alternatives, as JSON Schemas: a valid fact meets at least one. `__post_init__` checks the same."""

    fact_id: Identifier
    force: Label
    at: Instant


class SubjectFact(Fact, frozen=True, kw_only=True, gc=False):
    """A fact about one contact, incident, detention, occurrence or call taker.

    Attributes:
        subject_id: the contact, incident, detention, occurrence or call taker it is about.
        corrects: the `fact_id` of a fact that was recorded wrongly and that this fact replaces.
        recorded_at: when the source recorded this fact, or when the extract with it was made. Of two facts with the same id, the one recorded later counts.
    """

    subject_id: Identifier
    corrects: Identifier | None = None
    recorded_at: Instant | None = None

    def is_recorded_after(self, other: "SubjectFact") -> bool:
        """Whether both facts say when they were recorded, and this one was recorded later."""
        return bool(self.recorded_at and other.recorded_at and self.recorded_at > other.recorded_at)


class FactWithdrawn(SubjectFact, frozen=True, kw_only=True, gc=False):
    """Withdraws a fact that should not have been recorded: the withdrawn fact counts as never reported.

    It is sent on the topic of its subject, like the fact that it withdraws.

    Attributes:
        withdraws: the `fact_id` of the withdrawn fact.
    """

    withdraws: Identifier


EndReason = Literal["system_fault", "not_recorded", "test", "recorded_twice", "other"]
EndRole = Literal["contact_centre_supervisor", "duty_inspector", "custody_inspector", "analyst", "engineer"]


class EndedByHand(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A person ended what was still open, because its end was never recorded. A real end that arrives later counts instead.

    It is sent on the topic of its subject.

    Attributes:
        reason: why no end was recorded: a fault of the source system, nobody recorded it, the subject was a test or was recorded
            twice, or another reason.
        role: the role of the person who decided it; never a name.
    """

    reason: EndReason
    role: EndRole
