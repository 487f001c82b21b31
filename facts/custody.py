"""The facts of a detention under PACE 1984, and of a voluntary attendance."""

from typing import Annotated, Literal

from msgspec import Meta

from facts.fact import Instant, Label, SubjectFact

Disposal = Literal[
    "charged",
    "bail",
    "released_under_investigation",
    "no_further_action",
    "out_of_court",
    "detention_not_authorised",
    "transferred",
    "other",
]
ReviewMethod = Literal["in_person", "telephone", "video"]
PauseReason = Literal["hospital", "bail"]
Basis = Literal["arrest", "warrant", "recall", "immigration", "other"]
"""Why a person is detained. Only an arrest for an offence has the limits of PACE ss.41 to 44."""


class DetaineeArrived(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A detainee arrived at a custody suite, for the first time or again.

    Attributes:
        suite: the custody suite.
        child: under 18.
        relevant_time: when the detention clock starts (PACE s.41); not always the arrival, so it is reported and never derived.
            Compulsory for an arrest, unless the arrival continues an earlier detention.
        basis: why the person is detained: arrest for an offence, a court's warrant, recall to prison, immigration or other.
        continues: whether the clocks of the earlier detention continue: true for a return on bail, an arrest for failing to answer
            bail (s.34(7), s.47(6)) and a transfer; false for a new arrest, also on new evidence (s.41(9), s.47(7)). If it is
            absent, they continue after a detention that ended in bail or transfer.
    """

    needs_one_of = (
        {"properties": {"relevant_time": {"type": "string"}}, "required": ["relevant_time"]},
        {"properties": {"continues": {"const": True}}, "required": ["continues"]},
        {"properties": {"basis": {"not": {"const": "arrest"}}}, "required": ["basis"]},
    )

    suite: Label
    child: bool
    relevant_time: Instant | None = None
    basis: Basis = "arrest"
    continues: bool | None = None

    def __post_init__(self) -> None:
        """Refuse an arrest without a relevant time.

        Raises:
            ValueError: it has none, and does not continue an earlier detention.
        """
        if self.basis == "arrest" and self.relevant_time is None and not self.continues:
            raise ValueError("`relevant_time` is compulsory for an arrest that does not continue a detention")


class DetaineeTransferred(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A detainee arrived at another suite of the force. Only the place changes: the clocks and the authorisation do not.

    Attributes:
        suite: the suite where the detainee is from now on.
    """

    suite: Label


class DetentionAuthorised(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A custody officer authorised detention. The first authorisation starts the review clock (PACE s.40)."""


class DetaineeCharged(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A detainee was charged and is still in custody, for bail or for court.

    The limit of detention without charge ends; the custody officer continues to review the detention (PACE s.40(1)(a), (10)).
    """


class ReviewHeld(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A review of detention was held (PACE s.40, s.40A, s.45A)."""

    method: ReviewMethod = "in_person"


class ReviewPostponed(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A review was postponed because it was impracticable, and the postponement was recorded (PACE s.40(4))."""


class ExtensionAuthorised(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A superintendent authorised detention beyond 24 hours (PACE s.42).

    Attributes:
        until: the authorised end, at most 36 hours after the relevant time.
        indictable: whether the offence is indictable, as s.42(1)(b) requires; absent if the system does not say.
    """

    until: Instant
    indictable: bool | None = None


class WarrantApplied(SubjectFact, frozen=True, kw_only=True, gc=False):
    """An application for a warrant of further detention was made, or is listed (PACE s.43(5)).

    Attributes:
        sits_at: when the court sits to hear it.
    """

    sits_at: Instant


class WarrantRefused(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A magistrates' court refused a warrant of further detention, or its extension (PACE s.43(15), s.44(7))."""


class WarrantIssued(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A magistrates' court issued or extended a warrant of further detention (PACE s.43, s.44).

    Attributes:
        hours: its length in whole hours from its issue; for an extension, the hours added to the warrant's end.
        minutes: the minutes of its length beyond the whole hours.
    """

    needs_one_of = (
        {"properties": {"hours": {"minimum": 1}}},
        {"properties": {"minutes": {"minimum": 1}}, "required": ["minutes"]},
    )

    hours: Annotated[int, Meta(ge=0, le=60)]
    minutes: Annotated[int, Meta(ge=0, le=59)] = 0

    def __post_init__(self) -> None:
        """Refuse a warrant of no length.

        Raises:
            ValueError: hours and minutes are both 0.
        """
        if not (self.hours or self.minutes):
            raise ValueError("a warrant needs a length in `hours` and `minutes`")


class ClockPaused(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The detention clock was paused because the detainee was taken to hospital or released on bail.

    A person on bail is not in custody until the clock is resumed or the person arrives again.
    """

    reason: PauseReason


class ClockResumed(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The detention clock was resumed."""


class DetentionEnded(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The detainee left custody, with a disposal. Release on bail ends a stay; the return begins another with the same id."""

    disposal: Disposal


class VoluntaryAttended(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A person attended voluntarily to be interviewed. It is a subject of its own, and not a detention.

    Attributes:
        suite: the custody suite; absent if it was elsewhere.
        child: under 18.
    """

    suite: Label | None = None
    child: bool = False


CustodyFact = (
    VoluntaryAttended
    | DetaineeArrived
    | DetaineeTransferred
    | DetentionAuthorised
    | ReviewPostponed
    | ReviewHeld
    | ExtensionAuthorised
    | WarrantApplied
    | WarrantRefused
    | WarrantIssued
    | DetaineeCharged
    | ClockPaused
    | ClockResumed
    | DetentionEnded
)
"""Every fact of a detention. Those of one subject with the same time count in this order: systems keep times to the minute."""
