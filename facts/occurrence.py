"""The facts of an occurrence: a crime or ASB record, and the victim's referral; counted, with no live clock."""

from facts.fact import Label, SubjectFact


class OccurrenceRecorded(SubjectFact, frozen=True, kw_only=True, gc=False):
    """An occurrence was recorded.

    Attributes:
        type: the kind of occurrence, in the force's own list, such as `asb_personal`.
        area: the local policing team's area; absent means the record names none.
        victim_based: a crime with a victim, who is to be referred to the victims' gateway.
    """

    type: Label
    area: Label | None = None
    victim_based: bool = False


class VictimReferred(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The victim was referred to the victims' gateway (Victims' Code, right 4)."""
