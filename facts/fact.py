"""What every fact carries: its id, the force that tells it, when it happened, and which record it replaces."""

from datetime import datetime
from typing import Annotated

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
        description="One word of the force's own vocabulary, as its profile lists it: letters, digits, _ and - only.",
    ),
]
Instant = Annotated[datetime, Meta(tz=True, description="A time with its zone, as in 2024-12-01T09:59:59Z.")]


class Fact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fact", tag=True, gc=False):
    """Something that happened, told once, never edited.

    Attributes:
        fact_id: the producer's own id of this fact; the same id told again is the same fact.
        force: the police force that tells it, as its profile is named.
        at: event time: when it happened, not when it was sent.
    """

    fact_id: Identifier
    force: Label
    at: Instant


class SubjectFact(Fact, frozen=True, kw_only=True, gc=False):
    """A fact about one contact, incident, detention or occurrence.

    Attributes:
        subject_id: the contact, incident, detention or occurrence it is about.
        corrects: the fact whose record was wrong and which this one replaces.
    """

    subject_id: Identifier
    corrects: Identifier | None = None


class FactWithdrawn(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A record that should not have been made: the fact it names counts as never told.

    It travels on the topic of its subject, so that it meets the fact it withdraws.

    Attributes:
        withdraws: the `fact_id` of the fact withdrawn.
    """

    withdraws: Identifier
