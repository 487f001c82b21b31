"""The facts of an occurrence: a crime or ASB record, its parties, the victim's referral and contract; counted, with no live clock."""

from typing import Literal

from facts.fact import Label, SubjectFact

Role = Literal["suspect", "victim", "address"]
Compliance = Literal["timely", "late", "missed"]


class OccurrenceRecorded(SubjectFact, frozen=True, kw_only=True, gc=False):
    """An occurrence was recorded: a crime, ASB, or what the records only count, such as a stop and search.

    Attributes:
        type: the kind of occurrence, in the force's own list, such as `asb_personal`.
        area: the local policing team's area; absent means the record names none.
        victim_based: a crime with a victim, who is to be referred to the victims' gateway.
        domestic: domestic abuse is flagged, crime or not.
    """

    type: Label
    area: Label | None = None
    victim_based: bool = False
    domestic: bool = False


class PartyLinked(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A suspect, a victim or an address was linked to the occurrence; no fact says which one.

    The records system knows the party and tells what it knows: whether it had it before. Its `fact_id` comes from the link, and never
    from the party.

    Attributes:
        role: what the party is to the occurrence.
        repeat: in the twelve months before, the same party was linked in the same role to another occurrence of the same family
            (crime, ASB and so on, as the profile gives each type).
        domestic_repeat: the same of another domestic occurrence, of whatever family; it counts where this one is domestic.
    """

    role: Role
    repeat: bool
    domestic_repeat: bool = False


class VictimReferred(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The victim was referred to the victims' gateway (Victims' Code, right 4)."""


class VictimContractClosed(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A crime that the Victims' Code holds for was closed with an outcome, and with it the contract with its victim.

    Attributes:
        compliance: the contract was made in time, made late, or never made, as the records system judges it; nothing of what it holds.
    """

    compliance: Compliance
