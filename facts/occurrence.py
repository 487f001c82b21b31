"""The facts of an occurrence: a crime, ASB or other record, its linked parties, and the victim's referral and contract."""

from typing import Literal

from facts.fact import Label, SubjectFact

Role = Literal["suspect", "victim", "address"]
Compliance = Literal["timely", "late", "missed"]


class OccurrenceRecorded(SubjectFact, frozen=True, kw_only=True, gc=False):
    """An occurrence was recorded: a crime, ASB, or something else on record, such as a stop and search.

    Attributes:
        type: the type of occurrence, one of the force's own, such as `asb_personal`.
        area: the area of the local policing team; absent if none is recorded.
        victim_based: it is a crime with a victim, who must be referred to the victims' gateway.
        domestic: it is flagged as domestic abuse, whether it is a crime or not.
    """

    type: Label
    area: Label | None = None
    victim_based: bool = False
    domestic: bool = False


class PartyLinked(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A suspect, a victim or an address was linked to the occurrence. No fact identifies the party.

    The records system knows the party and reports whether the link is a repeat. The `fact_id` must come from the link, never from
    the party.

    Attributes:
        role: the role of the party in the occurrence.
        repeat: in the twelve months before, the same party was linked in the same role to another occurrence of the same family
            (crime, ASB and so on; the profile gives the family of each type).
        domestic_repeat: in the twelve months before, the same party was linked in the same role to another domestic occurrence of any
            family; it counts only if this occurrence is domestic.
    """

    role: Role
    repeat: bool
    domestic_repeat: bool = False


class VictimReferred(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The victim was referred to the victims' gateway (Victims' Code, right 4)."""


class VictimContractClosed(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A crime under the Victims' Code was closed with an outcome, which also closed the contract with its victim.

    Attributes:
        compliance: whether the contract was made in time, late or never, according to the records system; never its contents.
    """

    compliance: Compliance


OccurrenceFact = OccurrenceRecorded | PartyLinked | VictimReferred | VictimContractClosed
"""Every fact of an occurrence. Those of one subject with the same time count in this order: systems keep times to the minute."""
