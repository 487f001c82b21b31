"""The table of custody law: stories of detentions with what must be displayed, the section that says so, and how sure we are.

Hours are counted from 09:00 on a day in winter, which is also the arrival and the relevant time unless a story says otherwise.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from facts.custody import (
    ClockPaused,
    ClockResumed,
    DetaineeArrived,
    DetaineeCharged,
    DetaineeTransferred,
    DetentionAuthorised,
    DetentionEnded,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    WarrantApplied,
    WarrantIssued,
    WarrantRefused,
)
from facts.fact import SubjectFact
from measures.outcome import OpenItem, microseconds
from measures.pane import HOUR

Sure = Literal["text", "practice", "choice"]
"""`text`: the section says it in these words. `practice`: Code C or its usual reading. `choice`: the law is silent or open, and we chose."""
Report = tuple[type[SubjectFact], float, dict[str, Any]]


class Seen(NamedTuple):
    """What is open for a custody number. Hours; None for what is not open, or has no due time.

    Attributes:
        review: when the next review is due.
        limit: when detention without charge must end.
        custody: the time since which in custody.
        suite: where.
        postponed: the time since which a review is postponed.
        notes: the notes.
        paused: the time since which the clocks are paused.
        awaiting: the time since which an authorisation is awaited.
    """

    review: float | None = 6.5
    limit: float | None = 24
    custody: float | None = 0
    suite: str | None = "one"
    postponed: float | None = None
    notes: tuple[str, ...] = ()
    paused: float | None = None
    awaiting: float | None = None


NOTHING = Seen(None, None, None, None)
"""What is open for somebody who is not in custody."""


class Case(NamedTuple):
    """A story and what must be displayed.

    Attributes:
        name: the rule, in words.
        section: the section of PACE 1984, unless it names another Act or code.
        sure: how sure we are.
        reports: the facts, by hour.
        seen: what is open after them.
    """

    name: str
    section: str
    sure: Sure
    reports: Sequence[Report]
    seen: Seen


class _At(NamedTuple):
    """A field whose value is a time, in hours."""

    hours: float


def report(kind: type[SubjectFact], hours: float, /, **fields: Any) -> Report:
    """A fact at an hour."""
    return kind, hours, fields


def arrived(hours: float = 0, suite: str = "one", relevant: float | None = None, **fields: Any) -> Report:
    """An arrival; its relevant time is the arrival unless given or it continues a detention."""
    has_time = relevant is not None or not (fields.get("continues") or fields.get("basis", "arrest") != "arrest")
    time = {"relevant_time": _At(hours if relevant is None else relevant)} if has_time else {}
    return report(DetaineeArrived, hours, suite=suite, child=False, **time, **fields)


def authorised(hours: float = 0.5) -> Report:
    """Detention authorised."""
    return report(DetentionAuthorised, hours)


def review(hours: float) -> Report:
    """A review held."""
    return report(ReviewHeld, hours)


def postponed(hours: float) -> Report:
    """A review postponed, with a record of it."""
    return report(ReviewPostponed, hours)


def hospital(start: float, end: float | None = None) -> list[Report]:
    """A stay in hospital."""
    pause = report(ClockPaused, start, reason="hospital")
    return [pause] if end is None else [pause, report(ClockResumed, end)]


def bail(start: float, end: float | None = None) -> list[Report]:
    """The clock paused for bail, and resumed."""
    pause = report(ClockPaused, start, reason="bail")
    return [pause] if end is None else [pause, report(ClockResumed, end)]


def ended(hours: float, disposal: str) -> Report:
    """The person left custody."""
    return report(DetentionEnded, hours, disposal=disposal)


def extended(hours: float, until: float, **fields: Any) -> Report:
    """A superintendent's authority."""
    return report(ExtensionAuthorised, hours, until=_At(until), **fields)


def applied(hours: float, sits: float) -> Report:
    """An application to a court that sits at an hour."""
    return report(WarrantApplied, hours, sits_at=_At(sits))


def warrant(hours: float, runs: int, minutes: int = 0) -> Report:
    """A warrant, or its extension."""
    return report(WarrantIssued, hours, hours=runs, minutes=minutes)


def charged(hours: float) -> Report:
    """Charged, and still in custody."""
    return report(DetaineeCharged, hours)


def refused(hours: float) -> Report:
    """A court refused a warrant."""
    return report(WarrantRefused, hours)


def moved(hours: float, suite: str = "two") -> Report:
    """Transferred to another suite."""
    return report(DetaineeTransferred, hours, suite=suite)


def _held(*others: Report) -> list[Report]:
    """An arrest, authorised after half an hour, and more."""
    return [arrived(), authorised(), *others]


_TWO = (review(6), review(14))
"""Two reviews in time: the next is due at 23."""
_THIRD = 23.0
_LATE, _SECOND, _INDICTABLE = "extension_too_late", "extension_before_second_review", "extension_not_indictable"

_REVIEWS = (
    Case("the first review is due six hours after authorisation, not after arrival", "s.40(3)(a)", "text", _held(), Seen()),
    Case("the second is due nine hours after the first", "s.40(3)(b)", "text", _held(review(5)), Seen(14)),
    Case("each later one is due nine hours after the one before", "s.40(3)(c)", "text", _held(review(5), review(10), review(18)), Seen(27)),
    Case("after one held late, the next is due nine hours later", "s.40(3)(c)", "text", _held(review(8)), Seen(17)),
    Case("one held before detention was authorised does not count", "s.40(3)(a)", "text", _held(review(0.25)), Seen()),
    Case("no authorisation, no review clock", "s.40(3)(a)", "text", [arrived()], Seen(None, awaiting=0)),
    Case("a second authorisation does not restart the review clock", "s.40(3)(a) first authorised", "text", _held(authorised(3)), Seen()),
    Case("one postponed and held late does not move the next", "s.40(6)", "text", _held(postponed(6), review(8)), Seen(15.5)),
    Case("after one postponed but held in time, the next is due nine hours later", "s.40(3), (6)", "practice", _held(postponed(4), review(5)), Seen(14)),
    Case("postponing it twice is like postponing it once", "s.40(4), (5)", "choice", _held(postponed(6), postponed(7), review(9)), Seen(15.5)),
    Case("a postponement applies to one review only", "s.40(4)", "text", _held(postponed(6), review(7), review(18)), Seen(27)),
    Case("one held so late that the next is already overdue", "s.40(6)", "text", _held(postponed(6), review(16)), Seen(15.5)),
    Case("postponed, and not held: the next one is due at its own time", "s.40(5), (6)", "text", _held(postponed(6.5)), Seen(15.5, postponed=6.5)),
    Case("postponed ahead of time: judged at the latest time for it", "s.40(4)(a)", "text", _held(postponed(3)), Seen(15.5, postponed=6.5)),
    Case("postponed after it was due: overdue until then", "s.40(4)", "text", _held(postponed(8)), Seen(15.5, postponed=8)),
    Case("the second review postponed", "s.40(4), (6)", "text", _held(review(6), postponed(15)), Seen(24, postponed=15)),
    Case("postponed and held in one minute: it was held", "s.40(5)", "practice", _held(postponed(6.5), review(6.5)), Seen(15.5)),
    Case("postponed in hospital: due when the clock runs again", "s.40(4), s.41(6)", "choice", _held(*hospital(2, 4), postponed(6)), Seen(17.5, 26, postponed=8.5)),
)  # fmt: skip

_HOSPITAL = (
    Case("two hours in hospital move both clocks", "s.41(6)", "text", _held(*hospital(2, 4)), Seen(8.5, 26)),
    Case("during a stay in hospital there is no due time", "s.41(6)", "text", _held(*hospital(2)), Seen(None, None, paused=2)),
    Case("an overdue review stays overdue in hospital", "s.41(6)", "text", _held(*hospital(7)), Seen(6.5, None, paused=7)),
    Case("a stay that begins at the due time moves it", "s.41(6)", "choice", _held(*hospital(6.5, 7.5)), Seen(7.5, 25)),
    Case("a stay before authorisation moves the limit only", "s.41(6)", "text", _held(*hospital(0.1, 0.4)), Seen(6.5, 24.3)),
    Case("of a stay that spans the authorisation, only the part after it pauses the review clock", "s.41(6)", "text", _held(*hospital(0.25, 1.5)), Seen(7.5, 25.25)),
    Case("questioning in hospital counts", "s.41(6)", "text", _held(*hospital(2, 3), *hospital(4, 5)), Seen(8.5, 26)),
    Case("pausing a paused clock changes nothing", "s.41(6)", "choice", _held(*hospital(2), *hospital(3, 4)), Seen(8.5, 26)),
    Case("resuming a running clock changes nothing", "s.41(6)", "choice", _held(report(ClockResumed, 3)), Seen()),
    Case("a review in hospital counts at the reading of the clock", "s.40(3), s.41(6)", "choice", _held(*hospital(2, 6), review(4)), Seen(15, 28)),
    Case("a limit that had passed before the pause does not move", "s.41(6)", "text", _held(*_TWO, *hospital(25)), Seen(_THIRD, 24, paused=25)),
    Case("paused and resumed in one minute does not count as a pause", "s.41(6)", "practice", _held(report(ClockResumed, 2), report(ClockPaused, 2, reason="hospital")), Seen()),
    Case("to hospital before arrival: the way there does not count", "s.41(6)", "text", [*hospital(-3, -1), arrived(0, relevant=-4), authorised()], Seen(6.5, 22)),
    Case("discharged from hospital by release: on return the clock runs", "s.41(6), s.47(6)", "choice", _held(*hospital(2), ended(3, "bail"), arrived(48, continues=True), authorised(48.5)), Seen(52.5, 70, 48)),
)  # fmt: skip

_RELEVANT_TIME = (
    Case("twenty-four hours from the relevant time, not from authorisation", "s.41(1)", "text", _held(*_TWO), Seen(_THIRD)),
    Case("arrival at the first station", "s.41(2)(d)", "text", [arrived(2), authorised(2.5)], Seen(8.5, 26, 2)),
    Case("arrested after attending voluntarily: the time of arrest, before the arrival in custody", "s.41(2)(c)", "text", [arrived(0, relevant=-1), authorised()], Seen(6.5, 23)),
    Case("arrested elsewhere: the arrest plus 24 hours may be earlier than the arrival", "s.41(2)(a)(ii)", "text", [arrived(0, relevant=-10), authorised()], Seen(6.5, 14)),
    Case("a relevant time after the arrival is accepted, and flagged", "s.41(2)(a), (3)", "text", [arrived(0, relevant=3), authorised()], Seen(6.5, 27, notes=("relevant_time_after_arrival",))),
    Case("in transit to another force: 24 hours after leaving, in the future", "s.41(5)", "text", [arrived(0, relevant=20), authorised()], Seen(6.5, 44, notes=("relevant_time_after_arrival",))),
    Case("a relevant time some minutes after the arrival is not flagged", "s.41(2)", "choice", [arrived(0, relevant=0.5), authorised()], Seen(6.5, 24.5)),
    Case("arrested for a second offence: no new relevant time", "s.41(4), s.31", "text", _held(arrived(5, relevant=5)), Seen()),
)  # fmt: skip

_EXTENSIONS = (
    Case("thirty-six hours with a superintendent", "s.42(1)", "text", _held(*_TWO, extended(20, 36)), Seen(_THIRD, 36)),
    Case("fewer if the superintendent authorised fewer", "s.42(1)", "text", _held(*_TWO, extended(20, 30)), Seen(_THIRD, 30)),
    Case("never more than thirty-six", "s.42(1)", "text", _held(*_TWO, extended(20, 40)), Seen(_THIRD, 36)),
    Case("a further period up to thirty-six", "s.42(2)", "text", _held(*_TWO, extended(20, 30), extended(29, 36)), Seen(_THIRD, 36)),
    Case("a further period authorised after the first has ended has no effect", "s.42(2)", "practice", _held(*_TWO, extended(20, 30), extended(31, 36)), Seen(_THIRD, 30, notes=(_LATE,))),
    Case("at exactly twenty-four hours it is in time", "s.42(4)(a)", "text", _held(*_TWO, extended(24, 36)), Seen(_THIRD, 36)),
    Case("after twenty-four hours it is too late, and noted", "s.42(4)(a)", "text", _held(*_TWO, extended(24.01, 36)), Seen(_THIRD, 24, notes=(_LATE,))),
    Case("before the second review it has no effect, and is noted", "s.42(4)(b)", "text", _held(review(6), extended(12, 36)), Seen(15, 24, notes=(_SECOND,))),
    Case("a postponed second review has not been carried out", "s.42(4)(b)", "text", _held(review(6), postponed(15), extended(20, 36)), Seen(24, 24, postponed=15, notes=(_SECOND,))),
    Case("in the minute of the second review it counts as after it", "s.42(4)(b)", "practice", _held(review(6), review(14), extended(14, 36)), Seen(_THIRD, 36)),
    Case("no effect for an offence that is not indictable, and noted", "s.42(1)(b)", "text", _held(*_TWO, extended(20, 36, indictable=False)), Seen(_THIRD, 24, notes=(_INDICTABLE,))),
    Case("for an indictable offence", "s.42(1)(b)", "text", _held(*_TWO, extended(20, 36, indictable=True)), Seen(_THIRD, 36)),
    Case("until a time: earlier stays in hospital are allowed for", "s.41(6), s.42(1)", "choice", _held(*_TWO, *hospital(15, 17), extended(20, 30)), Seen(25, 30)),
    Case("and a later stay moves it", "s.41(6), s.42(1)", "text", _held(*_TWO, extended(20, 30), *hospital(25, 27)), Seen(_THIRD, 32)),
    Case("the thirty-six hours are on the clock", "s.41(6), s.42(1)", "text", _held(*_TWO, *hospital(15, 17), extended(20, 40)), Seen(25, 38)),
    Case("refused first, then authorised in time", "s.42(4)", "text", _held(review(6), extended(12, 36), review(14), extended(20, 36)), Seen(_THIRD, 36, notes=(_SECOND,))),
    Case("after a warrant only the court extends", "s.43(18), s.44", "practice", _held(*_TWO, warrant(20, 10), extended(21, 36)), Seen(_THIRD, 30, notes=("extension_after_warrant",))),
)  # fmt: skip

_WARRANTS = (
    Case("a warrant runs from its issue", "s.43(10), (12)", "text", _held(*_TWO, extended(20, 36), warrant(30, 36)), Seen(_THIRD, 66)),
    Case("a warrant of more than thirty-six hours runs for thirty-six", "s.43(12)", "text", _held(*_TWO, warrant(20, 48)), Seen(_THIRD, 56)),
    Case("a warrant replaces the superintendent's balance", "s.43(18)", "text", _held(*_TWO, extended(20, 36), warrant(21, 6)), Seen(_THIRD, 27)),
    Case("to the minute", "s.43(10)", "text", _held(*_TWO, extended(20, 36), warrant(30, 10, 45)), Seen(_THIRD, 40.75)),
    Case("of less than an hour", "s.43(11)", "text", _held(*_TWO, extended(20, 36), warrant(30, 0, 30)), Seen(_THIRD, 30.5)),
    Case("issued within the six hours after thirty-six", "s.43(5)(b)", "text", _held(*_TWO, extended(20, 36), warrant(40, 24)), Seen(_THIRD, 64)),
    Case("issued later still: a court's order counts from its issue", "s.43(7)", "choice", _held(*_TWO, extended(20, 36), warrant(50, 12)), Seen(_THIRD, 62)),
    Case("an extension of a warrant runs from its end", "s.44(1)", "text", _held(*_TWO, warrant(20, 36), warrant(50, 30)), Seen(_THIRD, 86)),
    Case("an extension is at most thirty-six hours", "s.44(3)(a)", "text", _held(*_TWO, warrant(20, 12), warrant(30, 60)), Seen(_THIRD, 68)),
    Case("ninety-six hours at most", "s.44(3)(b)", "text", _held(*_TWO, warrant(30, 36), warrant(60, 36)), Seen(_THIRD, 96)),
    Case("extended twice", "s.44(4)", "text", _held(*_TWO, warrant(20, 12), warrant(30, 12), warrant(42, 12)), Seen(_THIRD, 56)),
    Case("extended after it had expired: from its issue", "s.44(1)", "choice", _held(*_TWO, warrant(20, 12), warrant(34, 6)), Seen(_THIRD, 40)),
    Case("a stay in hospital moves a warrant's end", "s.41(6), s.43", "text", _held(*_TWO, warrant(20, 12), *hospital(22, 24)), Seen(25, 34)),
    Case("the court sits within six hours after thirty-six: pending until then", "s.43(5)(b), (6)(a)", "choice", _held(*_TWO, extended(20, 36), applied(35, 39)), Seen(_THIRD, 42, notes=("application_pending",))),
    Case("exactly six hours after", "s.43(5)(b)(ii)", "text", _held(*_TWO, extended(20, 36), applied(35, 42)), Seen(_THIRD, 42, notes=("application_pending",))),
    Case("it sits later than that: nothing is pending", "s.43(5)(b)(ii)", "text", _held(*_TWO, extended(20, 36), applied(35, 42.1)), Seen(_THIRD, 36, notes=("application_without_effect",))),
    Case("it sits before the thirty-six hours end", "s.43(5)(a)", "text", _held(*_TWO, extended(20, 36), applied(30, 33)), Seen(_THIRD, 36)),
    Case("without authority for thirty-six hours nothing is pending", "s.41(7), (8)", "practice", _held(*_TWO, extended(20, 30), applied(29, 38)), Seen(_THIRD, 30, notes=("application_without_effect",))),
    Case("refused while pending: what was authorised before", "s.43(15), (16)", "text", _held(*_TWO, extended(20, 36), applied(35, 39), refused(39.5)), Seen(_THIRD, 36, notes=("warrant_refused",))),
    Case("refused before: until the end of the superintendent's authority", "s.43(16)(b)", "text", _held(*_TWO, extended(20, 36), applied(28, 30), refused(30.5)), Seen(_THIRD, 36, notes=("warrant_refused",))),
    Case("an extension refused: until the end of the warrant", "s.44(8)", "text", _held(*_TWO, warrant(20, 36), refused(50)), Seen(_THIRD, 56, notes=("warrant_refused",))),
    Case("granted while pending", "s.43(5)(b), (12)", "text", _held(*_TWO, extended(20, 36), applied(35, 39), warrant(39.5, 24)), Seen(_THIRD, 63.5)),
    Case("applied for and granted in one minute: it was granted", "s.43", "practice", _held(*_TWO, extended(20, 36), applied(37, 37), warrant(37, 10)), Seen(_THIRD, 47)),
)  # fmt: skip

_BAIL = (
    Case("the bailed are not in custody", "s.34(5), s.47", "text", _held(ended(5, "bail")), NOTHING),
    Case("nor those whose clock is paused for bail", "s.47(6)", "text", _held(*bail(5)), NOTHING),
    Case("on return, time in detention still counts and time on bail does not", "s.34(7), s.47(6)", "text", _held(ended(5, "bail"), arrived(100, relevant=100), authorised(100.5)), Seen(101.5, 119, 100)),
    Case("return without a relevant time: the first one counts", "s.47(6)", "text", _held(ended(5, "bail"), arrived(100, continues=True), authorised(100.5)), Seen(101.5, 119, 100)),
    Case("returned, not yet authorised again", "s.34(7), s.37", "practice", _held(ended(5, "bail"), arrived(100, continues=True)), Seen(101.5, 119, 100, awaiting=100)),
    Case("arrested for failing to answer bail: the clock continues", "s.46A, s.34(7), s.47(6)", "text", _held(ended(5, "bail"), arrived(100, relevant=100, continues=True), authorised(101)), Seen(101.5, 119, 100)),
    Case("arrested for breach of bail: all the time counts, though up to three hours need not", "s.46A; Police, Crime, Sentencing and Courts Act 2022 Sch. 4 Part 5", "choice", _held(ended(5, "bail"), arrived(100, continues=True), authorised(101), ended(102, "bail"), arrived(200, continues=True), authorised(200.5)), Seen(101.5, 217, 200)),
    Case("re-arrested on new evidence: a fresh clock", "s.41(9), s.47(7); Policing and Crime Act 2017 Part 4 ch. 1", "text", _held(ended(5, "bail"), arrived(100, relevant=100, continues=False), authorised(100.5)), Seen(106.5, 124, 100)),
    Case("arrested again after release without bail: a fresh clock", "s.41(2)(d); Policing and Crime Act 2017 Part 4 ch. 1", "practice", _held(ended(5, "released_under_investigation"), arrived(100), authorised(100.5)), Seen(106.5, 124, 100)),
    Case("arrested again after no further action: a fresh clock", "s.41(2)(d)", "text", _held(ended(5, "no_further_action"), arrived(100), authorised(100.5)), Seen(106.5, 124, 100)),
    Case("paused for bail and resumed is a return", "s.47(6)", "text", _held(*bail(5, 100)), Seen(101.5, 119, 100)),
    Case("paused for bail, and back by an arrival", "s.47(6)", "text", _held(*bail(5), arrived(100, relevant=100), authorised(100.5)), Seen(101.5, 119, 100)),
    Case("bailed twice", "s.47(6)", "text", _held(ended(2, "bail"), arrived(50, continues=True), authorised(50.5), ended(52, "bail"), arrived(90, continues=True), authorised(90.2)), Seen(92.5, 110, 90)),
    Case("reviews before bail still count", "s.40(3), s.47(6)", "choice", _held(review(5), ended(6, "bail"), arrived(100, continues=True), authorised(100.5)), Seen(108, 118, 100)),
    Case("reviews before bail count for an extension", "s.42(4)(b), s.47(6)", "choice", _held(*_TWO, ended(15, "bail"), arrived(100, continues=True), authorised(100.1), extended(105, 120)), Seen(108, 120, 100)),
    Case("returned to be charged: no limit any more", "s.37(7), s.47(6)", "text", _held(ended(5, "bail"), arrived(100, continues=True), authorised(100.5), charged(100.6)), Seen(101.5, None, 100, notes=("charged",))),
    Case("a return whose first stay is not recorded", "s.47(6)", "choice", [arrived(0, continues=True), authorised()], Seen(6.5, None, notes=("earlier_detention_unrecorded",))),
    Case("the same with a relevant time: it counts, and is flagged", "s.47(6)", "choice", [arrived(0, relevant=-5, continues=True), authorised()], Seen(6.5, 19, notes=("earlier_detention_unrecorded",))),
    Case("released after the return", "s.34(5)", "text", _held(ended(5, "bail"), arrived(100, continues=True), ended(104, "no_further_action")), NOTHING),
    Case("a fresh arrest has fresh reviews, charges and warrants", "s.47(7)", "text", _held(*_TWO, warrant(20, 36), charged(21), ended(22, "charged"), arrived(100), authorised(100.5)), Seen(106.5, 124, 100)),
)  # fmt: skip

_TRANSFERS = (
    Case("transferred: where the person is, and no new authorisation", "s.41(1); Code C 1.11", "practice", _held(moved(3)), Seen(suite="two")),
    Case("transferred there and back", "s.41(1)", "practice", _held(moved(3), moved(5, "one")), Seen()),
    Case("an arrival at another suite while in custody is a transfer", "s.41(1)", "choice", _held(arrived(3, "two", relevant=3)), Seen(suite="two")),
    Case("ended as transferred and arrived elsewhere: the way there counts", "s.41(1)", "practice", _held(ended(3, "transferred"), arrived(5, "two")), Seen(6.5, 24, 5, "two")),
    Case("ended and arrived in one minute", "s.41(1)", "choice", _held(ended(3, "transferred"), arrived(3, "two")), Seen(6.5, 24, 3, "two")),
    Case("transferred to another force: no longer here", "s.41(5)", "practice", _held(ended(3, "transferred")), NOTHING),
    Case("several rows for one arrival", "s.41", "choice", _held(arrived(0), arrived(0)), Seen()),
    Case("transferred before authorisation: still awaited", "s.37(1)", "practice", [arrived(), moved(1)], Seen(None, suite="two", awaiting=0)),
)  # fmt: skip

_CHARGED = (
    Case("a charge ends the limit, and reviews continue", "s.40(1)(a), (10), s.41(7)", "text", _held(charged(5)), Seen(6.5, None, notes=("charged",))),
    Case("reviews after a charge are nine hours apart", "s.40(3), (10)", "text", _held(review(5), charged(6), review(13)), Seen(22, None, notes=("charged",))),
    Case("charged and held for court stays on the page", "s.38(1), s.46", "text", _held(*_TWO, charged(15), review(22), review(30)), Seen(39, None, notes=("charged",))),
    Case("charged in the minute of the authorisation", "s.40(10)", "practice", [arrived(), charged(0.5), authorised()], Seen(6.5, None, notes=("charged",))),
    Case("charged and bailed to court", "s.38(1), s.47(3)", "text", _held(charged(5), ended(6, "charged")), NOTHING),
    Case("charged after a warrant", "s.43(18)", "text", _held(*_TWO, warrant(20, 36), charged(30)), Seen(_THIRD, None, notes=("charged",))),
    Case("arrested on a court's warrant: no limit; still reviewed", "Code C Note 15B(a)", "choice", [arrived(basis="warrant"), authorised()], Seen(6.5, None, notes=("not_arrest",))),
    Case("recalled to prison: no limit", "Code C Note 15B(d)", "choice", [arrived(basis="recall"), authorised()], Seen(6.5, None, notes=("not_arrest",))),
    Case("detained for immigration: no limit", "Code C Note 15B(f)", "choice", [arrived(basis="immigration"), authorised(), review(6)], Seen(15, None, notes=("not_arrest",))),
    Case("a relevant time does not give them a limit", "s.41(1), s.118(2)", "text", [arrived(relevant=0, basis="warrant"), authorised()], Seen(6.5, None, notes=("not_arrest",))),
)  # fmt: skip

_RECORDS = (
    Case("arrived and authorised in one minute", "s.37, s.40(3)", "practice", [arrived(), authorised(0)], Seen(6)),
    Case("arrived and released in one minute", "s.37(2)", "practice", [arrived(), ended(0, "detention_not_authorised")], NOTHING),
    Case("an authorisation without an arrival is on the page, and noted", "s.40(3)", "choice", [authorised()], Seen(6.5, None, None, "none", notes=("arrival_unrecorded",))),
    Case("with its reviews and its place", "s.40(3)", "choice", [authorised(), review(6), moved(7)], Seen(15, None, None, "two", notes=("arrival_unrecorded",))),
    Case("in hospital without an arrival", "s.41(6)", "choice", [authorised(), *hospital(2)], Seen(None, None, None, "none", notes=("arrival_unrecorded",), paused=2)),
    Case("left without an arrival", "s.41", "choice", [authorised(), ended(5, "no_further_action")], NOTHING),
    Case("back without an arrival", "s.47(6)", "choice", [authorised(), ended(5, "bail"), authorised(50)], Seen(56, None, None, "none", notes=("arrival_unrecorded",))),
    Case("an end from before the arrival still ends the detention", "s.41", "choice", [arrived(), ended(-1, "no_further_action"), authorised()], NOTHING),
    Case("a bail from before the arrival belongs to an unrecorded stay", "s.47(6)", "choice", [ended(-40, "bail"), arrived(), authorised()], Seen()),
    Case("24 hours are 24 hours: elapsed time", "s.41(1)", "text", _held(*_TWO, review(22)), Seen(31)),
)  # fmt: skip

CASES: tuple[Case, ...] = (
    *_REVIEWS, *_HOSPITAL, *_RELEVANT_TIME, *_EXTENSIONS, *_WARRANTS, *_BAIL, *_TRANSFERS, *_CHARGED, *_RECORDS,
)  # fmt: skip
"""The whole table."""


def facts_of(case: Case, force: str, start: datetime, subject_id: str, chance: random.Random) -> list[SubjectFact]:
    """The facts of a case with random ids in a random order.

    Args:
        case: the case.
        force: the force.
        start: hour 0.
        subject_id: the custody number.
        chance: the source of randomness.
    """

    def moment(hours: float) -> datetime:
        return start + timedelta(seconds=round(hours * 3600))

    names = chance.sample(range(1000), len(case.reports))
    facts: list[SubjectFact] = []
    for name, (kind, hours, fields) in zip(names, case.reports, strict=True):
        own: dict[str, Any] = {
            field: moment(value.hours) if isinstance(value, _At) else value for field, value in fields.items()
        }
        fact_id = f"{subject_id}.{name}"
        facts.append(kind(fact_id=fact_id, force=force, subject_id=subject_id, at=moment(hours), **own))
    chance.shuffle(facts)
    return facts


_NOT_LAW = ("review_clock_paused", "limit_clock_paused", "record_silent")
"""Notes that say nothing about the law: the time left on a paused clock, and when a record falls silent."""


def seen(items: Sequence[OpenItem], start: datetime) -> Seen:
    """What open items of one custody number display."""
    by_kind = {item.kind: item for item in items if item.kind != "custody_note"}
    words = next((item.dimensions[0] for item in items if len(item.dimensions) > 1), None)

    def since(kind: str) -> float | None:
        return _hours(by_kind[kind].since, start) if kind in by_kind else None

    def due(kind: str) -> float | None:
        return _hours(by_kind[kind].due, start) if kind in by_kind else None

    return Seen(
        review=due("review_due"),
        limit=due("detention_limit"),
        custody=since("in_custody"),
        suite=words,
        postponed=since("review_postponed"),
        notes=tuple(
            sorted(
                item.dimensions[-1]
                for item in items
                if item.kind == "custody_note" and item.dimensions[-1] not in _NOT_LAW
            )
        ),
        paused=since("custody_clock_paused"),
        awaiting=since("awaiting_authorisation"),
    )


def _hours(at: int | None, start: datetime) -> float | None:
    return None if at is None else round((at - microseconds(start)) / HOUR, 2)
