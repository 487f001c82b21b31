"""Measures of call takers: how many are at work and free, and how long contacts take to handle."""

from measures.measure import Count, DeclaredWhere, Mean, Measure, OpenCount, Selection, Unrecorded
from measures.outcome import KindName

_AT_WORK = "Call takers who are signed on. A call taker about whom nothing has been reported for 16 hours is left out."
_PERSONS = "On the pages, 1 and 2 are shown as fewer than 3, so that no figure is about one person."
_HANDLED = (
    "Contacts handled to the end, with the work after them, by the queue that the call taker's system reported. "
    "A contact that several call takers handled counts once for each."
)


def _now(name: str, title: str, question: str, where: DeclaredWhere) -> Measure:
    return Measure(
        name=name,
        title=title,
        question=question,
        population=_AT_WORK,
        statistic=OpenCount(Selection("call_taker_staffed", where)),
        unit="count",
        notes=(_PERSONS,),
    )


def _time(name: str, title: str, question: str, kind: KindName, clock: str) -> Measure:
    return Measure(
        name=name,
        title=title,
        question=question,
        population=_HANDLED,
        clock=clock,
        statistic=Mean(Selection(kind)),
        unit="seconds",
        minimum_n=5,
        unrecorded=(Unrecorded(Selection("handled_unrecorded")),),
        notes=("Talk, hold and wrap time add up to the handling time.",),
    )


CALL_TAKERS = (
    _now("call_taker_staffed_count", "Call takers staffed", "How many call takers are signed on now?", {}),
    _now(
        "call_taker_available_count",
        "Call takers available",
        "How many call takers are ready for the next contact?",
        {"state": ("available",)},
    ),
    _now(
        "call_taker_on_contact_count",
        "Call takers on a contact",
        "How many call takers are on a contact, or have a caller on hold?",
        {"state": ("on_contact", "on_hold")},
    ),
    _now(
        "call_taker_wrapping_up_count",
        "Call takers wrapping up",
        "How many call takers are finishing the work after a contact?",
        {"state": ("wrapping_up",)},
    ),
    _now(
        "call_taker_on_break_count",
        "Call takers on a break",
        "How many call takers are signed on and on a break?",
        {"state": ("on_break",)},
    ),
    _time(
        "handling_mean_seconds",
        "Mean handling time",
        "How long does it take on average to handle a contact?",
        "handled",
        "From the beginning of the contact to the end of its wrap-up.",
    ),
    _time(
        "talk_mean_seconds",
        "Mean talk time",
        "How long does a call taker talk to a caller on average?",
        "handled_talk",
        "The time on the contact, without time on hold.",
    ),
    _time(
        "hold_mean_seconds",
        "Mean hold time",
        "How long does a call taker keep a caller on hold on average?",
        "handled_hold",
        "The time on hold; 0 for a contact without any.",
    ),
    _time(
        "wrap_mean_seconds",
        "Mean wrap time",
        "How long does the work after a contact take on average?",
        "handled_wrap",
        "The wrap-up directly after the contact; 0 for a contact without any.",
    ),
    Measure(
        name="call_taker_state_began_count",
        title="Call taker states begun",
        question="How many times did a call taker sign on, or change to another state?",
        population="Every state but signed off.",
        statistic=Count(Selection("call_taker_state_began")),
        unit="count",
        notes=("Together with the states ended, it gives the number in each state at any time (the page Staffing).",),
    ),
    Measure(
        name="call_taker_state_ended_count",
        title="Call taker states ended",
        question="How many times did a call taker leave a state?",
        population="Every state but signed off.",
        statistic=Count(Selection("call_taker_state_ended")),
        unit="count",
    ),
    Measure(
        name="call_taker_unrecorded_count",
        title="Call takers who never signed off",
        question="How many call takers should have signed off by now, and have not?",
        population="Call takers who are signed on and about whom nothing has been reported for 16 hours.",
        clock="From the time at which they count as signed off without a record until now.",
        statistic=OpenCount(Selection("call_taker_unrecorded")),
        unit="count",
        good="lower",
    ),
)
