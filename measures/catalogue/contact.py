"""Measures of contacts: 999, 101 with its triage and local queues, and digital (reports A1 and A2)."""

from facts.contact import ContactResult
from measures.measure import (
    Bands,
    Count,
    Decided,
    External,
    Mean,
    Measure,
    Median,
    OpenCount,
    OpenLongest,
    Selection,
    Share,
    SpanWithin,
    Where,
)

_999: Where = {"line": ("999",)}
_101: Where = {"line": ("101",)}
_TRIAGE: Where = {"line": ("101",), "queue": ("triage",)}
_LOCAL: Where = {"line": ("101",), "queue": ("local",)}
_DIGITAL: Where = {"line": ("digital",)}
_ANSWERED, _ABANDONED = Selection("leg_answered"), Selection("leg_abandoned")
_WAITING = Selection("leg_waiting")
_HALF_DAY_SECONDS = 43_200

_ABANDON_RULE = (
    "Abandoned / (answered + abandoned). A caller who accepts a callback has not abandoned and is in neither. "
    "Short abandonments are left out of both where the force's profile sets a limit for the queue."
)
_UNRECORDED = "A wait of over 12 hours is taken as an end never recorded and left out."

EMERGENCY = (
    Measure(
        name="contact_999_offered_count",
        title="999 calls",
        question="How many 999 calls came in?",
        population="All 999 calls offered to the force, answered or not; a call offered again after a callback is one.",
        statistic=Count(Selection("contact_offered")),
        unit="count",
        where=_999,
        rows=("A1.1",),
        notes=(
            (
                "The report gives two volumes for nearly the same year, 212,246 (force) and 210,266 (BT, 12 months to "
                "November 2024), and two changes, -11.00 % and -8.8 %: other source, other period (reports I2)."
            ),
        ),
    ),
    Measure(
        name="contact_999_national_count",
        title="999 calls (BT, national)",
        question="How many 999 calls did BT count for the force, and how does it rank?",
        population="Calls that BT connected to the force.",
        statistic=External("Published by BT for all forces, a month in arrears; no feed of the force carries it."),
        unit="count",
        where=_999,
        rows=("A1.2",),
        notes=("National rank by volume; see contact_999_offered_count for the force's own count (reports I2).",),
    ),
    Measure(
        name="contact_999_answer_mean_seconds",
        title="999 average time to answer",
        question="On average, how long did answered 999 calls wait?",
        population="999 calls answered by a person; abandoned calls are not in it.",
        clock="Offered to the force's queue, to answered by a person; kept in tenths of a second.",
        statistic=Mean(_ANSWERED),
        unit="seconds",
        where=_999,
        good="lower",
        minimum_n=5,
        rows=("A1.3",),
        notes=(
            "BT's clock also holds the transfer from BT to the force, so its 12.65 s is not this 10.01 s (reports I1).",
            "The report's difference -0.28 is of unrounded figures; of the printed ones it is -0.27 (reports I11).",
        ),
    ),
    Measure(
        name="contact_999_answer_median_seconds",
        title="999 median time to answer",
        question="How long did the middle one of the answered 999 calls wait?",
        population="999 calls answered by a person.",
        clock="Offered to the force's queue, to answered by a person; kept in tenths of a second.",
        statistic=Median(_ANSWERED),
        unit="seconds",
        where=_999,
        good="lower",
        minimum_n=5,
    ),
    Measure(
        name="contact_999_national_answer_mean_seconds",
        title="999 average time to answer (BT, national)",
        question="On average, how long did 999 calls wait by BT's clock, and how does the force rank?",
        population="Calls that BT connected to the force.",
        clock="BT's transfer to the force, plus the force's pick-up (rules C3).",
        statistic=External("Published by BT for all forces, a month in arrears; no feed of the force carries it."),
        unit="seconds",
        where=_999,
        good="lower",
        rows=("A1.4",),
    ),
    Measure(
        name="contact_999_answered_within_target_ratio",
        title="999 answered in under 10 s",
        question="Of the 999 calls answered, what share waited under 10 seconds?",
        population="999 calls answered, and callers who still wait beyond the target: they are already missed.",
        clock="Offered to the force's queue, to answered by a person; 10.0 s itself is not under 10.",
        statistic=Decided(Selection("leg_answer_decided")),
        unit="ratio",
        where=_999,
        good="higher",
        target="90 % in under 10 seconds (National Call Handling Standards; rules C1)",
        target_value=0.9,
        minimum_n=5,
        rows=("A1.5",),
        notes=(
            (
                "The published 85.5 % is BT's, by BT's clock; it is ranked 17th (section 6) and 26th (section 6.1) for the "
                "same period: 26th is also the rank by volume, so probably a slip (reports I3)."
            ),
            (
                "A caller who gives up leaves this measure and is counted as abandoned; "
                "contact_999_service_level_ratio keeps those who gave up late."
            ),
        ),
    ),
    Measure(
        name="contact_999_service_level_ratio",
        title="999 service level",
        question="Of the 999 callers who were answered or were failed, what share was answered in under 10 seconds?",
        population="Answered calls, calls abandoned after the target, and callers who still wait beyond it.",
        clock="Offered to the force's queue, to answered by a person; kept in tenths of a second.",
        statistic=Decided(Selection("leg_service_decided")),
        unit="ratio",
        where=_999,
        good="higher",
        target="90 % in under 10 seconds (National Call Handling Standards; rules C1)",
        target_value=0.9,
        minimum_n=5,
        notes=("Ours, not published: a caller who gives up late stays a failure.",),
    ),
    Measure(
        name="contact_999_abandoned_ratio",
        title="999 abandoned",
        question="Of the 999 calls that were answered or abandoned, what share was abandoned?",
        population=_ABANDON_RULE,
        statistic=Share((_ABANDONED,), (_ANSWERED, _ABANDONED)),
        unit="ratio",
        where=_999,
        good="lower",
        minimum_n=5,
        rows=("A1.6",),
        notes=(
            (
                "The report does not print its denominator; 999, triage and post-triage abandonment have none in common "
                "(reports I13). Its -0.11 % is percentage points (reports I12)."
            ),
        ),
    ),
    Measure(
        name="contact_999_abandoned_short_count",
        title="999 abandoned at once",
        question="How many 999 calls were abandoned too soon to count as abandoned?",
        population="Abandonments below the limit that the force's profile sets for the queue; none where it sets none.",
        clock="Offered to the force's queue, to abandoned.",
        statistic=Count(Selection("leg_abandoned_short")),
        unit="count",
        where=_999,
    ),
    Measure(
        name="contact_999_waiting_count",
        title="999 waiting now",
        question="How many 999 callers are waiting now?",
        population=f"999 calls offered, neither answered, abandoned nor left. {_UNRECORDED}",
        statistic=OpenCount(_WAITING, under_seconds=_HALF_DAY_SECONDS),
        unit="count",
        where=_999,
        good="lower",
    ),
    Measure(
        name="contact_999_waiting_over_30_seconds_count",
        title="999 waiting over 30 s",
        question="How many 999 callers have been waiting for 30 seconds or more?",
        population=f"999 calls offered, neither answered, abandoned nor left. {_UNRECORDED}",
        clock="Offered to the force's queue, to now.",
        statistic=OpenCount(_WAITING, at_least_seconds=30, under_seconds=_HALF_DAY_SECONDS),
        unit="count",
        where=_999,
        good="lower",
    ),
    Measure(
        name="contact_999_longest_wait_seconds",
        title="999 longest wait now",
        question="How long has the 999 caller who waits longest been waiting?",
        population=f"999 calls offered, neither answered, abandoned nor left. {_UNRECORDED}",
        clock="Offered to the force's queue, to now.",
        statistic=OpenLongest(_WAITING, under_seconds=_HALF_DAY_SECONDS),
        unit="seconds",
        where=_999,
        good="lower",
    ),
)


def _triage_result(result: ContactResult, words: str) -> Measure:
    """One share of the mix of triage results (row 13); together they make the whole."""
    return Measure(
        name=f"triage_{result}_ratio",
        title=f"Triage: {words}",
        question=f"Of the calls that ended at triage, what share was {words}?",
        population="101 calls with a result recorded at triage.",
        statistic=Share((Selection("leg_concluded", {"result": (result,)}),), (Selection("leg_concluded"),)),
        unit="ratio",
        where=_TRIAGE,
        good="higher" if result == "resolved" else "neither",
        minimum_n=5,
        rows=("A2.13",),
    )


NON_EMERGENCY = (
    Measure(
        name="contact_101_offered_count",
        title="101 calls",
        question="How many 101 calls came in?",
        population="All 101 calls offered; a call that goes on from triage to the local queue is one.",
        statistic=Count(Selection("contact_offered")),
        unit="count",
        where=_101,
        rows=("A2.7",),
    ),
    Measure(
        name="contact_101_answer_mean_seconds",
        title="101 average time to answer",
        question="On average, how long did answered 101 calls wait in each queue?",
        population="Every answered stay of a 101 call in a queue, triage and local alike.",
        clock="Offered to a queue, to answered by a person there; kept in tenths of a second.",
        statistic=Mean(_ANSWERED),
        unit="seconds",
        where=_101,
        good="lower",
        minimum_n=5,
        rows=("A2.8",),
        notes=(
            (
                "The report does not say which leg it times. Over both, weighted as its own 72 % triage share, short triage "
                "waits and the post-triage bands give about its 8.8 minutes, so both are taken."
            ),
        ),
    ),
    Measure(
        name="contact_101_answered_within_target_ratio",
        title="101 answered within 2 min",
        question="Of the 101 calls answered, what share waited at most 2 minutes?",
        population="Every answered stay of a 101 call in a queue, and callers who still wait beyond 2 minutes.",
        clock="Offered to a queue, to answered by a person there.",
        statistic=Decided(Selection("leg_answer_decided")),
        unit="ratio",
        where=_101,
        good="higher",
        target="within 2 minutes (S25 section 6.1; no national standard is in force, rules C4)",
        minimum_n=5,
        rows=("A2.9",),
    ),
    Measure(
        name="contact_101_waiting_count",
        title="101 waiting now",
        question="How many 101 callers are waiting now?",
        population=f"101 calls offered to a queue and still in it. {_UNRECORDED}",
        statistic=OpenCount(_WAITING, under_seconds=_HALF_DAY_SECONDS),
        unit="count",
        where=_101,
        good="lower",
    ),
    Measure(
        name="contact_101_longest_wait_seconds",
        title="101 longest wait now",
        question="How long has the 101 caller who waits longest been waiting?",
        population=f"101 calls offered to a queue and still in it. {_UNRECORDED}",
        clock="Offered to the queue, to now.",
        statistic=OpenLongest(_WAITING, under_seconds=_HALF_DAY_SECONDS),
        unit="seconds",
        where=_101,
        good="lower",
    ),
    Measure(
        name="triage_abandoned_ratio",
        title="Triage abandoned",
        question="Of the calls to triage that were answered or abandoned, what share was abandoned?",
        population=_ABANDON_RULE,
        statistic=Share((_ABANDONED,), (_ANSWERED, _ABANDONED)),
        unit="ratio",
        where=_TRIAGE,
        good="lower",
        minimum_n=5,
        rows=("A2.10",),
        notes=("13 % here and 45.9 % after triage are of different callers (reports I13).",),
    ),
    Measure(
        name="triage_answered_share_ratio",
        title="Answered by triage",
        question="Of all non-emergency answers, what share was given at triage?",
        population="Every answered stay of a 101 call in a queue.",
        statistic=Share((Selection("leg_answered", {"queue": ("triage",)}),), (_ANSWERED,)),
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
        title="101 left the queue otherwise",
        question="How many 101 calls left a queue neither answered nor abandoned, such as for a callback?",
        population="Stays of 101 calls in a queue that were concluded without an answer.",
        statistic=Count(Selection("leg_left")),
        unit="count",
        where=_101,
    ),
    Measure(
        name="triage_concluded_count",
        title="Triage results",
        question="How many calls ended at triage, with which result?",
        population="101 calls with a result recorded at triage.",
        statistic=Count(Selection("leg_concluded")),
        unit="count",
        where=_TRIAGE,
        rows=("A2.13",),
    ),
    _triage_result("resolved", "resolved"),
    _triage_result("to_local", "sent to the local queue (101)"),
    _triage_result("to_999", "sent to 999"),
    _triage_result("callback", "to be called back (Queuebuster)"),
    _triage_result("transferred", "transferred elsewhere"),
    _triage_result("other", "ended otherwise"),
    Measure(
        name="post_triage_answer_median_seconds",
        title="Post-triage median wait",
        question="How long did the middle one of the callers answered after triage wait in the local queue?",
        population="101 callers sent on from triage and answered in the local queue.",
        clock="Offered to the local queue (the transfer), to answered there.",
        statistic=Median(_ANSWERED),
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
        title="Post-triage abandoned",
        question="Of the callers sent to the local queue who were answered or gave up, what share gave up?",
        population=_ABANDON_RULE,
        statistic=Share((_ABANDONED,), (_ANSWERED, _ABANDONED)),
        unit="ratio",
        where=_LOCAL,
        good="lower",
        minimum_n=5,
        rows=("A2.15",),
        notes=("45.9 % with 35,704 answered implies about 65,996 callers sent on and 30,292 lost (reports I13).",),
    ),
    Measure(
        name="post_triage_abandoned_within_20_minutes_ratio",
        title="Post-triage abandoned in the first 20 min",
        question="Of the callers who gave up after triage, what share did so in the first 20 minutes?",
        population="101 callers who abandoned the local queue.",
        clock="Offered to the local queue, to abandoned; 20 minutes itself is not in the first 20.",
        statistic=SpanWithin(_ABANDONED, 1200, is_inclusive=False),
        unit="ratio",
        where=_LOCAL,
        minimum_n=5,
        rows=("A2.15",),
    ),
    Measure(
        name="post_triage_longest_wait_seconds",
        title="Post-triage longest wait now",
        question="How long has the caller who waits longest after triage been waiting in the local queue?",
        population=f"101 callers sent on from triage and still in the local queue. {_UNRECORDED}",
        clock="Offered to the local queue (the transfer), to now.",
        statistic=OpenLongest(_WAITING, under_seconds=_HALF_DAY_SECONDS),
        unit="seconds",
        where=_LOCAL,
        good="lower",
    ),
    Measure(
        name="post_triage_waiting_over_60_minutes_count",
        title="Post-triage waiting over 60 min",
        question="How many callers have been waiting in the local queue for 60 minutes or more?",
        population=f"101 callers sent on from triage and still in the local queue. {_UNRECORDED}",
        clock="Offered to the local queue (the transfer), to now.",
        statistic=OpenCount(_WAITING, at_least_seconds=3600, under_seconds=_HALF_DAY_SECONDS),
        unit="count",
        where=_LOCAL,
        good="lower",
    ),
    Measure(
        name="post_triage_answer_bands",
        title="Post-triage wait bands",
        question="How long did callers answered after triage wait, in bands?",
        population="101 callers answered in the local queue.",
        clock="Offered to the local queue, to answered there.",
        statistic=Bands(_ANSWERED, (0, 300, 600, 900, 1200, 2400, 3600, 4800, 6000, 7200)),
        unit="count",
        where=_LOCAL,
        rows=("A2.16",),
        notes=(
            (
                "Bands are half-open: 20 minutes itself is in 20-40. The report prints overlapping bands, and shares that "
                "add to 101 % (reports I14)."
            ),
        ),
    ),
)

DIGITAL = (
    Measure(
        name="digital_offered_count",
        title="Digital contacts",
        question="How many digital contacts came in?",
        population="All digital contacts, by channel; Single Online Home channels are those with online_home=yes.",
        statistic=Count(Selection("contact_offered")),
        unit="count",
        where=_DIGITAL,
        rows=("A2.17", "A2.18"),
    ),
    Measure(
        name="contact_us_to_contact_centre_ratio",
        title='"Contact us" kept by the contact centre',
        question='Of the "Contact us" forms dealt with, what share did the contact centre keep?',
        population='Concluded "Contact us" forms; those with the result `transferred` went to other departments.',
        statistic=Share(
            (Selection("leg_concluded", {"result": ("resolved", "to_local", "to_999", "callback", "other")}),),
            (Selection("leg_concluded"),),
        ),
        unit="ratio",
        where={"line": ("digital",), "channel": ("contact_us",)},
        minimum_n=5,
        rows=("A2.19",),
    ),
)
