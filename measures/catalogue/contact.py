"""Measures of contacts: 999, 101 with its triage and local queues, and digital (reports A1 and A2)."""

from facts.contact import ContactResult
from facts.force import LOCAL, TRIAGE
from measures.measure import (
    Bands,
    Count,
    Decided,
    DeclaredWhere,
    External,
    Mean,
    Measure,
    Median,
    OpenCount,
    OpenLongest,
    Selection,
    Share,
    SpanWithin,
    Unrecorded,
)

_999: DeclaredWhere = {"line": ("999",)}
_101: DeclaredWhere = {"line": ("101",)}
_TRIAGE: DeclaredWhere = {"line": ("101",), "queue": (TRIAGE,)}
_LOCAL: DeclaredWhere = {"line": ("101",), "queue": (LOCAL,)}
_DIGITAL: DeclaredWhere = {"line": ("digital",)}
_ANSWERED, _ABANDONED = Selection("leg_answered"), Selection("leg_abandoned")
_WAITING = Selection("leg_waiting")
_ANSWER_UNRECORDED = (Unrecorded(Selection("leg_answer_unrecorded")),)
_SERVICE_UNRECORDED = (Unrecorded(Selection("leg_service_unrecorded")),)
_LOST_WAIT = Unrecorded(_WAITING, is_open=True)
_TIME_UNRECORDED = (*_ANSWER_UNRECORDED, _LOST_WAIT)
_ABANDONMENT_UNRECORDED = (Unrecorded(Selection("leg_abandonment_unrecorded")), _LOST_WAIT)
_RESULT_UNRECORDED = (Unrecorded(Selection("leg_result_unrecorded")), _LOST_WAIT)
_WAIT_BANDS_SECONDS = (0, 300, 600, 900, 1200, 2400, 3600, 4800, 6000, 7200)

_ABANDON_RULE = "Abandoned / (answered + abandoned). A caller who accepts a callback counts as neither. Nor does a short abandonment, if the force's profile sets a limit for the queue."
_OF_QUEUES = "the target that the force's profile gave the queue on the day of the offer"
_TARGET_999 = (
    f"90% within {_OF_QUEUES}; the national target is under 10 seconds (National Call Handling Standards; rules C1)"
)
_UNRECORDED = "A wait whose end counts as unrecorded is left out (contact_unrecorded_count)."

EMERGENCY = (
    Measure(
        name="contact_999_offered_count",
        show=("emergency", "wall", "handover"),
        has_band=True,
        title="999 calls",
        question="How many 999 calls came in?",
        population="All 999 calls offered to the force, answered or not. A call offered again after a callback counts once.",
        statistic=Count(Selection("contact_offered")),
        unit="count",
        where=_999,
        rows=("A1.1",),
        notes=(
            (
                "The report gives two volumes for nearly the same year: 212,246 (force) and 210,266 (BT, 12 months to "
                "November 2024). It also gives two changes: -11.00% and -8.8%. Sources and periods differ (reports I2)."
            ),
        ),
    ),
    Measure(
        name="contact_999_national_count",
        title="999 calls (BT, national)",
        question="How many 999 calls did BT count for the force, and how does the force rank?",
        population="Calls that BT connected to the force.",
        statistic=External(
            "BT publishes it for all forces, a month in arrears. It is not in any of the force's feeds."
        ),
        unit="count",
        where=_999,
        rows=("A1.2",),
        notes=("The rank is by volume. The force's own count is contact_999_offered_count (reports I2).",),
    ),
    Measure(
        name="contact_999_answered_within_target_ratio",
        show=("emergency", "wall", "handover"),
        title="999 answered within target",
        question="What share of answered 999 calls was answered within the target?",
        population="999 calls answered, and callers still waiting beyond the target, who already count as missed.",
        clock="From the offer to the force's queue until a person answers. A wait of 10.0 s misses a target of under 10 s.",
        statistic=Decided(Selection("leg_answer_decided")),
        unrecorded=_ANSWER_UNRECORDED,
        unit="ratio",
        where=_999,
        good="higher",
        target=_TARGET_999,
        target_value=0.9,
        minimum_n=5,
        rows=("A1.5",),
        notes=(
            (
                "The published 85.5% is BT's figure, by BT's clock. For the same period the report ranks it 17th (section 6) "
                "and 26th (section 6.1). 26th is also the rank by volume, so it is probably a slip (reports I3)."
            ),
            (
                "Callers who give up are counted as abandoned and not here. "
                "contact_999_service_level_ratio includes those who gave up after the target."
            ),
        ),
    ),
    Measure(
        name="contact_999_service_level_ratio",
        show=("emergency",),
        title="999 service level",
        question="What share of 999 callers was answered within the target, counting late abandonments as failures?",
        population="999 calls answered, calls abandoned after the target, and callers still waiting beyond it.",
        clock="From the offer to the force's queue until a person answers; in tenths of a second.",
        statistic=Decided(Selection("leg_service_decided")),
        unrecorded=_SERVICE_UNRECORDED,
        unit="ratio",
        where=_999,
        good="higher",
        target=_TARGET_999,
        target_value=0.9,
        minimum_n=5,
        notes=("Not in the published reports. A caller who gives up after the target counts as a failure.",),
    ),
    Measure(
        name="contact_999_answer_mean_seconds",
        show=("emergency", "wall", "handover"),
        title="999 average time to answer",
        question="How long did answered 999 calls wait on average?",
        population="999 calls answered by a person. Abandoned calls are excluded.",
        clock="From the offer to the force's queue until a person answers; in tenths of a second.",
        statistic=Mean(_ANSWERED),
        unrecorded=_TIME_UNRECORDED,
        unit="seconds",
        where=_999,
        good="lower",
        minimum_n=5,
        rows=("A1.3",),
        notes=(
            "BT's clock includes the transfer from BT to the force, so BT's 12.65 s differs from these 10.01 s (reports I1).",
            "The report's difference of -0.28 comes from unrounded figures; the printed ones give -0.27 (reports I11).",
        ),
    ),
    Measure(
        name="contact_999_answer_median_seconds",
        show=("emergency", "handover"),
        title="999 median time to answer",
        question="What was the median wait of answered 999 calls?",
        population="999 calls answered by a person.",
        clock="From the offer to the force's queue until a person answers; in tenths of a second.",
        statistic=Median(_ANSWERED),
        unrecorded=_TIME_UNRECORDED,
        unit="seconds",
        where=_999,
        good="lower",
        minimum_n=5,
    ),
    Measure(
        name="contact_999_national_answer_mean_seconds",
        title="999 average time to answer (BT, national)",
        question="How long did 999 calls wait on average by BT's clock, and how does the force rank?",
        population="Calls that BT connected to the force.",
        clock="BT's transfer to the force, plus the time the force takes to answer (rules C3).",
        statistic=External(
            "BT publishes it for all forces, a month in arrears. It is not in any of the force's feeds."
        ),
        unit="seconds",
        where=_999,
        good="lower",
        rows=("A1.4",),
    ),
    Measure(
        name="contact_999_abandoned_ratio",
        show=("emergency", "wall", "handover"),
        title="999 abandoned",
        question="What share of 999 calls was abandoned?",
        population=_ABANDON_RULE,
        statistic=Share((_ABANDONED,), (_ANSWERED, _ABANDONED)),
        unrecorded=_ABANDONMENT_UNRECORDED,
        unit="ratio",
        where=_999,
        good="lower",
        minimum_n=5,
        rows=("A1.6",),
        notes=(
            (
                "The report does not print its denominator, and its three abandonment rates (999, triage, post-triage) have "
                "different ones (reports I13). Its change of -0.11% is in percentage points (reports I12)."
            ),
        ),
    ),
    Measure(
        name="contact_999_abandoned_short_count",
        title="999 abandoned at once",
        question="How many 999 calls were abandoned so soon that they do not count as abandoned?",
        population="Calls abandoned sooner than the limit in the force's profile. Always 0 if it sets none.",
        clock="From the offer to the force's queue until the caller gives up.",
        statistic=Count(Selection("leg_abandoned_short")),
        unit="count",
        where=_999,
    ),
    Measure(
        name="contact_999_waiting_count",
        show=("emergency",),
        title="999 waiting now",
        question="How many 999 callers are waiting now?",
        population=f"999 calls still in a queue: not answered, not abandoned and not ended otherwise. {_UNRECORDED}",
        statistic=OpenCount(_WAITING),
        unit="count",
        where=_999,
        good="lower",
    ),
    Measure(
        name="contact_999_longest_wait_seconds",
        show=("emergency",),
        title="999 longest wait now",
        question="How long has the longest-waiting 999 caller been waiting?",
        population=f"999 calls still in a queue: not answered, not abandoned and not ended otherwise. {_UNRECORDED}",
        clock="From the offer to the force's queue until now.",
        statistic=OpenLongest(_WAITING),
        unit="seconds",
        where=_999,
        good="lower",
    ),
    Measure(
        name="contact_999_waiting_over_30_seconds_count",
        show=("emergency",),
        title="999 waiting over 30 s",
        question="How many 999 callers have been waiting for 30 seconds or more?",
        population=f"999 calls still in a queue: not answered, not abandoned and not ended otherwise. {_UNRECORDED}",
        clock="From the offer to the force's queue until now.",
        statistic=OpenCount(_WAITING, at_least_seconds=30),
        unit="count",
        where=_999,
        good="lower",
    ),
)


def _triage_result(result: ContactResult, words: str) -> Measure:
    """The share of one triage result (row 13); the shares of all results add up to 100%."""
    return Measure(
        name=f"triage_{result}_ratio",
        title=f"Triage: {words}",
        question=f"What share of calls with a result at triage was {words}?",
        population="101 calls with a result recorded at triage.",
        statistic=Share((Selection("leg_concluded", {"result": (result,)}),), (Selection("leg_concluded"),)),
        unrecorded=_RESULT_UNRECORDED,
        unit="ratio",
        where=_TRIAGE,
        good="higher" if result == "resolved" else "neither",
        minimum_n=5,
        rows=("A2.13",),
    )


NON_EMERGENCY = (
    Measure(
        name="contact_101_offered_count",
        show=("non_emergency", "handover"),
        title="101 calls",
        question="How many 101 calls came in?",
        population="All 101 calls offered. A call that moves from triage to the local queue counts once.",
        statistic=Count(Selection("contact_offered")),
        unit="count",
        where=_101,
        rows=("A2.7",),
    ),
    Measure(
        name="contact_101_answered_within_target_ratio",
        show=("non_emergency", "wall", "handover"),
        title="101 answered within target",
        question="What share of answered 101 calls was answered within the target?",
        population="Every stay of a 101 call in a queue that ended with an answer, and callers still waiting beyond the target.",
        clock="From the offer to a queue until a person answers there.",
        statistic=Decided(Selection("leg_answer_decided")),
        unrecorded=_ANSWER_UNRECORDED,
        unit="ratio",
        where=_101,
        good="higher",
        target=f"{_OF_QUEUES}; in Staffordshire within 2 minutes (S25 section 6.1); there is no national standard (rules C4)",
        minimum_n=5,
        rows=("A2.9",),
    ),
    Measure(
        name="contact_101_answer_mean_seconds",
        show=("non_emergency", "wall", "handover"),
        has_band=True,
        title="101 average time to answer",
        question="How long did answered 101 calls wait in a queue on average?",
        population="Every stay of a 101 call in a queue that ended with an answer, in triage and in the local queue.",
        clock="From the offer to a queue until a person answers there; in tenths of a second.",
        statistic=Mean(_ANSWERED),
        unrecorded=_TIME_UNRECORDED,
        unit="seconds",
        where=_101,
        good="lower",
        minimum_n=5,
        rows=("A2.8",),
        notes=(
            (
                "The report does not say which queue it times. Weighting short triage waits and the post-triage bands by its "
                "own triage share of 72% gives roughly the published 8.8 minutes, so both queues count here."
            ),
        ),
    ),
    Measure(
        name="contact_101_answer_median_seconds",
        show=("non_emergency", "handover"),
        title="101 median time to answer",
        question="What was the median wait of answered 101 calls in a queue?",
        population="Every stay of a 101 call in a queue that ended with an answer, in triage and in the local queue.",
        clock="From the offer to a queue until a person answers there; in tenths of a second.",
        statistic=Median(_ANSWERED),
        unrecorded=_TIME_UNRECORDED,
        unit="seconds",
        where=_101,
        good="lower",
        minimum_n=5,
        notes=("Not in the published reports. A few long waits raise the mean, but not the median (rules C32).",),
    ),
    Measure(
        name="contact_101_waiting_count",
        show=("non_emergency",),
        title="101 waiting now",
        question="How many 101 callers are waiting now?",
        population=f"101 calls still in a queue. {_UNRECORDED}",
        statistic=OpenCount(_WAITING),
        unit="count",
        where=_101,
        good="lower",
    ),
    Measure(
        name="contact_101_longest_wait_seconds",
        show=("non_emergency",),
        title="101 longest wait now",
        question="How long has the longest-waiting 101 caller been waiting?",
        population=f"101 calls still in a queue. {_UNRECORDED}",
        clock="From the offer to the queue until now.",
        statistic=OpenLongest(_WAITING),
        unit="seconds",
        where=_101,
        good="lower",
    ),
    Measure(
        name="triage_abandoned_ratio",
        show=("non_emergency", "wall", "handover"),
        has_band=True,
        title="Triage abandoned",
        question="What share of calls to triage was abandoned?",
        population=_ABANDON_RULE,
        statistic=Share((_ABANDONED,), (_ANSWERED, _ABANDONED)),
        unrecorded=_ABANDONMENT_UNRECORDED,
        unit="ratio",
        where=_TRIAGE,
        good="lower",
        minimum_n=5,
        rows=("A2.10",),
        notes=("The 13% here and the 45.9% after triage describe different callers (reports I13).",),
    ),
    Measure(
        name="triage_answered_share_ratio",
        title="Answered by triage",
        question="What share of answered 101 calls was answered at triage?",
        population="Every stay of a 101 call in a queue that ended with an answer.",
        statistic=Share((Selection("leg_answered", {"queue": (TRIAGE,)}),), (_ANSWERED,)),
        unrecorded=(
            Unrecorded(Selection("leg_abandonment_unrecorded"), met=(0,), missed=(0,), left_out=(1, 2)),
            _LOST_WAIT,
        ),
        unit="ratio",
        where=_101,
        minimum_n=5,
        rows=("A2.11",),
    ),
    Measure(
        name="triage_answered_count",
        title="Triage answers",
        question="How many calls did triage answer?",
        population="101 calls answered at triage.",
        statistic=Count(_ANSWERED),
        unit="count",
        where=_TRIAGE,
        rows=("A2.12",),
    ),
    Measure(
        name="contact_101_left_count",
        title="101 left the queue for another reason",
        question="How many 101 calls left a queue without being answered or abandoned, for example for a callback?",
        population="Stays of 101 calls in a queue that ended with neither an answer nor an abandonment.",
        statistic=Count(Selection("leg_left")),
        unit="count",
        where=_101,
    ),
    Measure(
        name="triage_concluded_count",
        title="Triage results",
        question="How many calls got a result at triage, by result?",
        population="101 calls with a result recorded at triage.",
        statistic=Count(Selection("leg_concluded")),
        unit="count",
        where=_TRIAGE,
        rows=("A2.13",),
    ),
    _triage_result("resolved", "resolved"),
    _triage_result("to_local", "sent to the local queue"),
    _triage_result("to_999", "sent to 999"),
    _triage_result("callback", "given a callback (Queuebuster)"),
    _triage_result("transferred", "transferred elsewhere"),
    _triage_result("other", "given another result"),
    Measure(
        name="post_triage_answer_median_seconds",
        title="Post-triage median wait",
        question="What was the median wait in the local queue of callers answered after triage?",
        population="101 callers sent on from triage and answered in the local queue.",
        clock="From the transfer to the local queue until a person answers there.",
        statistic=Median(_ANSWERED),
        unrecorded=_TIME_UNRECORDED,
        unit="seconds",
        where=_LOCAL,
        good="lower",
        minimum_n=5,
        rows=("A2.14",),
    ),
    Measure(
        name="post_triage_offered_count",
        title="Sent on after triage",
        question="How many calls were sent on from triage to the local queue?",
        population="Stays of 101 calls in the local queue, answered or not.",
        statistic=Count(Selection("leg_offered")),
        unit="count",
        where=_LOCAL,
        rows=("A2.14",),
    ),
    Measure(
        name="post_triage_abandoned_ratio",
        show=("non_emergency", "wall"),
        has_band=True,
        title="Post-triage abandoned",
        question="What share of callers sent to the local queue gave up?",
        population=_ABANDON_RULE,
        statistic=Share((_ABANDONED,), (_ANSWERED, _ABANDONED)),
        unrecorded=_ABANDONMENT_UNRECORDED,
        unit="ratio",
        where=_LOCAL,
        good="lower",
        minimum_n=5,
        rows=("A2.15",),
        notes=(
            "45.9% abandoned with 35,704 answered implies about 65,996 callers sent on, of whom 30,292 gave up (reports I13).",
        ),
    ),
    Measure(
        name="post_triage_abandoned_within_20_minutes_ratio",
        title="Post-triage abandoned in the first 20 min",
        question="What share of callers who gave up after triage did so in the first 20 minutes?",
        population="101 callers who abandoned the local queue.",
        clock="From the transfer to the local queue until the caller gives up. A wait of exactly 20 minutes is excluded.",
        statistic=SpanWithin(_ABANDONED, 1200, is_inclusive=False),
        unrecorded=(
            Unrecorded(Selection("leg_abandonment_unrecorded"), met=(1,), missed=(1,), left_out=(0, 2)),
            _LOST_WAIT,
        ),
        unit="ratio",
        where=_LOCAL,
        minimum_n=5,
        rows=("A2.15",),
    ),
    Measure(
        name="post_triage_longest_wait_seconds",
        show=("non_emergency",),
        title="Post-triage longest wait now",
        question="How long has the longest-waiting caller after triage been waiting in the local queue?",
        population=f"101 callers sent on from triage and still in the local queue. {_UNRECORDED}",
        clock="From the transfer to the local queue until now.",
        statistic=OpenLongest(_WAITING),
        unit="seconds",
        where=_LOCAL,
        good="lower",
    ),
    Measure(
        name="post_triage_waiting_over_60_minutes_count",
        show=("non_emergency",),
        title="Post-triage waiting over 60 min",
        question="How many callers have been waiting in the local queue for 60 minutes or more?",
        population=f"101 callers sent on from triage and still in the local queue. {_UNRECORDED}",
        clock="From the transfer to the local queue until now.",
        statistic=OpenCount(_WAITING, at_least_seconds=3600),
        unit="count",
        where=_LOCAL,
        good="lower",
    ),
    Measure(
        name="post_triage_answer_bands",
        title="Post-triage wait bands",
        question="How many callers were answered after triage, by length of wait?",
        population="101 callers answered in the local queue.",
        clock="From the transfer to the local queue until a person answers there.",
        statistic=Bands(_ANSWERED, _WAIT_BANDS_SECONDS),
        unit="count",
        where=_LOCAL,
        rows=("A2.16",),
        notes=(
            (
                "A wait of exactly 20 minutes is in the band from 20 to 40. The report prints overlapping bands, and shares "
                "that add up to 101% (reports I14)."
            ),
        ),
    ),
    Measure(
        name="post_triage_abandon_bands",
        title="Post-triage abandoned by wait band",
        question="How many callers gave up after triage, by length of wait?",
        population="101 callers who abandoned the local queue.",
        clock="From the transfer to the local queue until the caller gives up.",
        statistic=Bands(_ABANDONED, _WAIT_BANDS_SECONDS),
        unit="count",
        where=_LOCAL,
        notes=("The same bands as post_triage_answer_bands, so that the two can be compared.",),
    ),
)

DIGITAL = (
    Measure(
        name="digital_offered_count",
        show=("digital",),
        title="Digital contacts",
        question="How many digital contacts came in?",
        population="All digital contacts, by channel. Single Online Home channels have online_home=yes.",
        statistic=Count(Selection("contact_offered")),
        unit="count",
        where=_DIGITAL,
        rows=("A2.17", "A2.18"),
    ),
    Measure(
        name="contact_us_to_contact_centre_ratio",
        show=("digital",),
        title='"Contact us" kept by the contact centre',
        question='What share of the "Contact us" forms dealt with did the contact centre keep?',
        population='Concluded "Contact us" forms. Those with the result `transferred` went to other departments.',
        statistic=Share(
            (Selection("leg_concluded", {"result": ("resolved", "to_local", "to_999", "callback", "other")}),),
            (Selection("leg_concluded"),),
        ),
        unrecorded=_RESULT_UNRECORDED,
        unit="ratio",
        where={"line": ("digital",), "channel": ("contact_us",)},
        minimum_n=5,
        rows=("A2.19",),
    ),
)
