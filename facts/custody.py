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


class DetaineeArrived(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A detainee arrived at a custody suite.

    Attributes:
        suite: the custody suite.
        child: under 18.
        relevant_time: when the detention clock starts (PACE s.41); not always the arrival, so it is reported and never derived.
    """

    suite: Label
    child: bool
    relevant_time: Instant


class DetentionAuthorised(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A custody officer authorised detention, which starts the review clock (PACE s.40)."""


class ReviewHeld(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A review of detention was held (PACE s.40, s.40A, s.45A)."""

    method: ReviewMethod = "in_person"


class ReviewPostponed(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A review was postponed because it was impracticable, and the postponement was recorded (PACE s.40(4))."""


class ExtensionAuthorised(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A superintendent authorised detention beyond 24 hours (PACE s.42).

    Attributes:
        until: the authorised end, at most 36 hours after the relevant time.
    """

    until: Instant


class WarrantIssued(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A magistrates' court issued or extended a warrant of further detention (PACE s.43, s.44).

    Attributes:
        hours: its length in hours from its issue.
    """

    hours: Annotated[int, Meta(ge=1, le=60)]


class ClockPaused(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The detention clock was paused because of hospital treatment or release on bail."""

    reason: PauseReason


class ClockResumed(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The detention clock was resumed."""


class DetentionEnded(SubjectFact, frozen=True, kw_only=True, gc=False):
    """The detention ended with a disposal."""

    disposal: Disposal


class VoluntaryAttended(SubjectFact, frozen=True, kw_only=True, gc=False):
    """A person attended voluntarily to be interviewed. It is a subject of its own, and not a detention.

    Attributes:
        suite: the custody suite; absent if it was elsewhere.
        child: under 18.
    """

    suite: Label | None = None
    child: bool = False
