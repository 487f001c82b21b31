"""The rule table: every alerting rule, in reading order. Prometheus and the built-in engine both evaluate it."""

from alerts.inhibition import state_rule
from alerts.rule import Bound, Combine, Condition, Outside, Rise, Rule, Series, Severity, Side, Threshold
from facts.times import SKEW
from measures.catalogue import find
from measures.catalogue.custody import WARNING_MINUTES
from measures.outcome import UNRECORDED_END
from streams.names import detainee_metric_name, metric_name
from streams.refusal import CAUSES, WORDS, Cause

_SUPERVISOR, _INSPECTOR, _ENGINEER = "contact-centre supervisor", "duty inspector", "engineer"
_CUSTODY = "custody inspector"

_EACH = Rise(step=1, every_seconds=60)
"""Every further incident or caller is notified, in one message a minute at most."""
_EACH_HOURLY = Rise(step=1, every_seconds=3600)


def _on(measure: str, window: str = "", side: Side = "above", *, is_at_worst: bool = False) -> Series:
    """The series of a measure; if two exporters differ, the worse value counts.

    Args:
        measure: the measure.
        window: its window; empty for open items.
        side: the side of the limit that is bad.
        is_at_worst: evaluate the worse bound of a share, as if every outcome that is not recorded were bad.
    """
    where = {"window": window} if window else {}
    bound: Bound = "" if not is_at_worst else "_high" if side == "above" else "_low"
    combine: Combine = "max" if side == "above" else "min"
    return Series(metric=metric_name(find(measure)), where=where, combine=combine, bound=bound)


def _any(
    measure: str,
    name: str,
    title: str,
    severity: Severity,
    who: str,
    what_to_do: str,
    *,
    over: int = 0,
    clear: int | None = None,
    rise: Rise,
    for_seconds: int = 0,
    keep_firing_for_seconds: int = 0,
) -> Rule:
    """A count: bad above `over`, good again at `clear` or fewer (at `over` or fewer, unless given)."""
    return Rule(
        name=name,
        title=title,
        measure=measure,
        series=_on(measure),
        condition=Threshold(side="above", limit=over, clear=over if clear is None else clear),
        severity=severity,
        who=who,
        what_to_do=what_to_do,
        is_child=name.startswith("child_"),
        for_seconds=for_seconds,
        keep_firing_for_seconds=keep_firing_for_seconds,
        rise=rise,
    )


def _share(
    measure: str,
    name: str,
    title: str,
    condition: Condition,
    severity: Severity,
    who: str,
    what_to_do: str,
    n: int = 20,
    for_seconds: int = 300,
    keep_firing_for_seconds: int = 300,
    *,
    is_at_worst: bool = False,
) -> Rule:
    """A figure over the last hour: by default it fires after five bad minutes and ends after five good ones."""
    return Rule(
        name=name,
        title=title,
        measure=measure,
        series=_on(measure, "60m", condition.side, is_at_worst=is_at_worst),
        condition=condition,
        severity=severity,
        who=who,
        what_to_do=what_to_do,
        minimum_n=n,
        for_seconds=for_seconds,
        keep_firing_for_seconds=keep_firing_for_seconds,
    )


STANDARD_999 = 0.9
"""The share of 999 calls that must be answered within target."""
FORECAST_999, FORECAST_MADE = "bluelamp_forecast_999_below_standard_ratio", "bluelamp_forecast_made"
_FORECAST = Rule(
    name="contact_999_forecast_below_standard",
    title="FORECAST, more than 80% sure: fewer than 90% of 999 calls will be answered within target in the next hour",
    series=Series(metric=FORECAST_999, known_by=FORECAST_MADE),
    condition=Threshold(side="above", limit=0.8, clear=0.8),
    severity="warning",
    who=_SUPERVISOR,
    what_to_do="Open What if, and try more call takers on 999 before you move anybody.",
    runbook="the-forecast-warns-about-999-calls",
    minimum_n=20,
    for_seconds=240,
    keep_firing_for_seconds=600,
)
"""About a simulated hour, not a live figure. If the forecast is withdrawn, its alert ends; that does not mean that the hour will be good."""

_CONTACT = (
    _share(
        "contact_999_answered_within_target_ratio",
        "contact_999_below_standard",
        "Fewer than 90% of 999 calls are known to be answered within target",
        Threshold(side="below", limit=STANDARD_999, clear=0.92),
        "warning",
        _SUPERVISOR,
        "Move call takers back to 999, and stop them taking 101 calls.",
        for_seconds=900,
        keep_firing_for_seconds=1800,
        is_at_worst=True,
    ),
    _share(
        "contact_999_answered_within_target_ratio",
        "contact_999_far_below_standard",
        "Fewer than 70% of 999 calls are known to be answered within target",
        Threshold(side="below", limit=0.7, clear=0.8),
        "critical",
        _SUPERVISOR,
        "Call in more staff, alert the duty inspector, and consider mutual aid from a neighbouring force.",
        keep_firing_for_seconds=1800,
        is_at_worst=True,
    ),
    _any(
        "contact_999_waiting_over_30_seconds_count",
        "contact_999_waiting_long",
        "A 999 caller has waited 30 seconds or more",
        "warning",
        _SUPERVISOR,
        "Free a call taker from another line, and answer now.",
        keep_firing_for_seconds=300,
        rise=_EACH,
    ),
    _any(
        "contact_999_waiting_over_30_seconds_count",
        "contact_999_waiting_several",
        "Three or more 999 callers have waited 30 seconds or more",
        "critical",
        _SUPERVISOR,
        "Move every call taker to 999, and alert the duty inspector.",
        over=2,
        clear=0,
        keep_firing_for_seconds=300,
        rise=_EACH,
    ),
    _share(
        "contact_999_abandoned_ratio",
        "contact_999_abandoned_high",
        "More than 5% of 999 calls were or may have been abandoned in the last hour",
        Threshold(side="above", limit=0.05, clear=0.03),
        "warning",
        _SUPERVISOR,
        "Call back the abandoned callers, and move call takers back to 999.",
        n=30,
        is_at_worst=True,
    ),
    _share(
        "contact_101_answer_mean_seconds",
        "contact_101_answer_slow",
        "The average wait for 101 is over 15 minutes",
        Threshold(side="above", limit=900, clear=720),
        "warning",
        _SUPERVISOR,
        "Offer callbacks and digital contact. Check whether 999 demand is using the call takers.",
        n=10,
    ),
    _share(
        "triage_abandoned_ratio",
        "triage_abandoned_high",
        "More than 20% of calls were abandoned at triage in the last hour",
        Threshold(side="above", limit=0.2, clear=0.15),
        "warning",
        _SUPERVISOR,
        "Move more call takers to triage.",
    ),
    _any(
        "post_triage_waiting_over_60_minutes_count",
        "post_triage_waiting_long",
        "A caller has waited in the local queue for 60 minutes or more",
        "warning",
        _SUPERVISOR,
        "Answer the longest waits first, or call them back.",
        for_seconds=60,
        keep_firing_for_seconds=300,
        rise=Rise(step=5, every_seconds=600),
    ),
)

_SEVERAL = 8
"""How many Grade 1 incidents page. An ordinary week has up to six at once: three would page for a quarter of the day."""
_INCIDENT = (
    _any(
        "grade_1_unresourced_over_2_minutes_count",
        "grade_1_unresourced",
        "A Grade 1 incident has had no unit for 2 minutes or more",
        "warning",
        _INSPECTOR,
        "Divert a unit from a lower grade, or ask a neighbouring area for one.",
        keep_firing_for_seconds=600,
        rise=_EACH,
    ),
    _any(
        "grade_1_unresourced_over_2_minutes_count",
        "grade_1_unresourced_several",
        "Eight or more Grade 1 incidents have had no unit for 2 minutes or more",
        "critical",
        _INSPECTOR,
        "Take command of resourcing, call in officers, and alert the force incident manager.",
        over=_SEVERAL - 1,
        clear=_SEVERAL // 2,
        for_seconds=60,
        keep_firing_for_seconds=600,
        rise=_EACH,
    ),
    _any(
        "grade_1_unattended_over_15_minutes_count",
        "grade_1_unattended",
        "A Grade 1 incident has been unattended for 15 minutes or more",
        "warning",
        _INSPECTOR,
        "Find out where the unit is, send a nearer one if there is one, and have the caller called back.",
        keep_firing_for_seconds=600,
        rise=_EACH,
    ),
    _any(
        "grade_1_unattended_over_15_minutes_count",
        "grade_1_unattended_several",
        "Eight or more Grade 1 incidents have been unattended for 15 minutes or more",
        "critical",
        _INSPECTOR,
        "Take command of resourcing, call in officers, and alert the force incident manager.",
        over=_SEVERAL - 1,
        clear=_SEVERAL // 2,
        for_seconds=60,
        keep_firing_for_seconds=600,
        rise=_EACH,
    ),
    _any(
        "grade_2_unattended_over_2_hours_count",
        "grade_2_unattended",
        "A Grade 2 incident has been unattended for 2 hours or more",
        "info",
        "sergeant",
        "Reassess the risk of each waiting incident, and let the caller know when to expect an officer.",
        keep_firing_for_seconds=300,
        rise=Rise(step=10, every_seconds=1800),
    ),
    Rule(
        name="incident_downgraded_near_breach",
        title="An incident was downgraded when its target was about to be missed",
        measure="incident_downgraded_near_breach_count",
        series=_on("incident_downgraded_near_breach_count", "60m"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="info",
        who=_INSPECTOR,
        what_to_do="Check the reason for the regrade: risk decides the grade, not the target time.",
        rise=_EACH_HOURLY,
    ),
)


def _unusual(measure: str, side: Side, words: str, severity: Severity, who: str, what_to_do: str, n: int = 5) -> Rule:
    """Bad beyond the control limit for this hour of the week: unusual, whether or not its target is met."""
    name = measure.removesuffix("_ratio").removesuffix("_seconds").removesuffix("_count")
    # With this many hours and measures, chance alone crosses a limit now and then: it must last 15 minutes.
    condition = Outside(side=side)
    return _share(measure, f"{name}_unusual", words, condition, severity, who, what_to_do, n, 900, 900)


_CHECK_STAFFING = "Look for the cause: demand, staffing or a telephony fault."
_CHECK_UNITS = "Look for the cause: demand, too few officers on duty, or a large incident that ties them up."
_BANDS = (
    _unusual(
        "contact_999_offered_count", "above", "More 999 calls than normal for this hour", "warning",
        _SUPERVISOR, "Check whether many calls are about one incident, and move call takers to 999.", n=0,
    ),
    _unusual(
        "contact_101_answer_mean_seconds", "above", "101 calls wait longer than normal for this hour",
        "info", _SUPERVISOR, _CHECK_STAFFING,
    ),
    _unusual(
        "triage_abandoned_ratio", "above", "More calls are abandoned at triage than normal for this hour",
        "info", _SUPERVISOR, _CHECK_STAFFING,
    ),
    _unusual(
        "post_triage_abandoned_ratio", "above", "More calls are abandoned after triage than normal for this hour",
        "info", _SUPERVISOR, _CHECK_STAFFING,
    ),
    _unusual(
        "incident_count", "above", "More incidents than normal for this hour", "warning", _INSPECTOR, _CHECK_UNITS, n=0,
    ),
    _unusual(
        "grade_1_opened_to_dispatched_within_target_ratio", "below",
        "Fewer Grade 1 incidents are resourced within target than normal for this hour", "warning", _INSPECTOR, _CHECK_UNITS,
    ),
    _unusual(
        "grade_1_opened_to_arrived_within_target_ratio", "below",
        "Fewer Grade 1 incidents are attended within target than normal for this hour", "warning", _INSPECTOR, _CHECK_UNITS,
    ),
    _unusual(
        "grade_2_opened_to_arrived_within_target_ratio", "below",
        "Fewer Grade 2 incidents are attended within target than normal for this hour", "info", _INSPECTOR, _CHECK_UNITS,
    ),
)  # fmt: skip

_CLOCK_WORDS = {
    "review": (
        "review of detention",
        "is due",
        "is overdue",
        "Carry out the review, or postpone it and record the reason.",
    ),
    "detention": (
        "detention without charge",
        "must end",
        "has passed its time limit",
        "Charge, release, or get the authority the law requires: a superintendent's extension or a court's warrant.",
    ),
}
_PEOPLE = {"child": "A child's", "adult": "An adult's"}
# A child's clock is more severe, and an overdue clock is always critical. Sixty adult reviews fall due on an ordinary day, so
# one that is only due soon is information; the end of a detention is rare.
_SEVERITIES: dict[tuple[str, str], dict[int, Severity]] = {
    ("child", "review"): {60: "warning", 30: "critical", 10: "critical", 0: "critical"},
    ("child", "detention"): {60: "warning", 30: "critical", 10: "critical", 0: "critical"},
    ("adult", "review"): {60: "info", 30: "info", 10: "warning", 0: "critical"},
    ("adult", "detention"): {60: "info", 30: "warning", 10: "critical", 0: "critical"},
}


def _detainee(
    measure: str,
    title: str,
    severity: Severity,
    what_to_do: str,
    *,
    name: str = "",
    for_seconds: int = 0,
    keep_seconds: int = 30,
) -> Rule:
    """An alert for each detainee whom a measure counts: one that is overdue must not hide the next."""
    found = find(measure)
    return Rule(
        name=name or measure.removesuffix("_count"),
        title=title,
        measure=measure,
        series=Series(
            metric=detainee_metric_name(found), by=("force", "detainee", "suite"), known_by=metric_name(found)
        ),
        condition=Threshold(side="above", limit=0, clear=0),
        severity=severity,
        who=_CUSTODY,
        what_to_do=what_to_do,
        is_child=measure.startswith("child_"),
        for_seconds=for_seconds,
        keep_firing_for_seconds=keep_seconds,
    )


def _clock(who: str, clock: str, minutes: int) -> Rule:
    name, due, overdue, what_to_do = _CLOCK_WORDS[clock]
    ending = f"due_within_{minutes}_minutes" if minutes else "overdue"
    when = f"{due} within {minutes} minutes" if minutes else overdue
    return _detainee(
        f"{who}_{clock}_{ending}_count", f"{_PEOPLE[who]} {name} {when}", _SEVERITIES[who, clock][minutes], what_to_do
    )


_CUSTODY_RULES = (
    *(
        _clock(who, clock, minutes)
        for who in _PEOPLE
        for clock in _CLOCK_WORDS
        for minutes in (0, *reversed(WARNING_MINUTES))
    ),
    _detainee(
        "review_postponed_over_60_minutes_count",
        "A review of detention was postponed over 60 minutes ago and is still not done",
        "warning",
        "Carry it out as soon as practicable: a postponed review has no new due time.",
        name="review_postponed",
    ),
    _detainee(
        "custody_awaiting_over_60_minutes_count",
        "A detainee has waited 60 minutes or more for detention to be authorised",
        "warning",
        "Have detention authorised or refused. If there is a queue, open a desk at another suite.",
        name="custody_waiting_long",
        for_seconds=60,
        keep_seconds=300,
    ),
    _detainee(
        "custody_clock_paused_over_12_hours_count",
        "A detainee's clocks have been paused for 12 hours or more",
        "warning",
        "Find out whether the detainee is still in hospital. If not, have the end of the pause recorded. Until then, no deadline is monitored.",
        name="custody_clock_paused_long",
    ),
)


def _refuses(cause: Cause) -> Rule:
    """The state server cannot be read or written, for one cause. An exporter that can use it outvotes one that cannot."""
    return Rule(
        name=state_rule(cause),
        title=WORDS[cause].what,
        series=Series(metric="bluelamp_state_refuses", where={"cause": cause}, by=(), combine="min"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do=WORDS[cause].hint,
        for_seconds=30,
        keep_firing_for_seconds=90,
    )


_UNRECORDED = tuple(
    _any(
        f"{subject}_unrecorded_count",
        f"{subject}_ends_unrecorded",
        f"The end of {'an' if subject[0] in 'aeiou' else 'a'} {subject} was never recorded",
        "warning",
        _ENGINEER,
        f"Find out why the source sent no end, and have it sent. If it cannot be sent, end it on the page Alerts, or run `bluelamp end {subject}`.",
        rise=Rise(step=10, every_seconds=3600),
        for_seconds=60,
    )
    for subject in UNRECORDED_END
)

_RECORD_SILENT = _any(
    "custody_record_silent_count",
    "custody_record_silent",
    "Nothing has been recorded for too long about somebody in custody",
    "warning",
    _ENGINEER,
    "Ask the suite whether the person is still there. If not, find out why the source sent no end, and have it sent: nothing else ends a detention.",
    rise=_EACH_HOURLY,
    for_seconds=60,
)


def _own(
    name: str,
    title: str,
    metric: str,
    by: tuple[str, ...],
    condition: Threshold,
    severity: Severity,
    what_to_do: str,
    runbook: str,
    for_seconds: int = 60,
) -> Rule:
    """About how Blue Lamp itself runs; the alert names its runbook."""
    return Rule(
        name=name,
        title=title,
        series=Series(metric=metric, by=by, combine="min" if condition.side == "below" else "max"),
        condition=condition,
        severity=severity,
        who=_ENGINEER,
        what_to_do=what_to_do,
        runbook=runbook,
        for_seconds=for_seconds,
        keep_firing_for_seconds=60,
    )


_STARTS_MAX, _ARCHIVE_SECONDS, _CERTIFICATE_SECONDS = 4, 36 * 3600, 14 * 24 * 3600
_OPERATION = (
    _own(
        "process_restarting",
        "A process keeps restarting",
        "bluelamp_starts_recently",
        ("service", "process"),
        Threshold(side="above", limit=_STARTS_MAX, clear=_STARTS_MAX),
        "warning",
        "Read the end of its log: each time it stopped, it said why.",
        "a-process-keeps-restarting",
    ),
    _own(
        "disk_nearly_full",
        "A disk is nearly full",
        "bluelamp_disk_free_ratio",
        ("disk",),
        Threshold(side="below", limit=0.1, clear=0.15),
        "warning",
        "Free space before Kafka and Redis stop.",
        "the-disk-is-full",
    ),
    _own(
        "archive_overdue",
        "The log has not been archived for a day and a half",
        "bluelamp_archive_age_seconds",
        (),
        Threshold(side="above", limit=_ARCHIVE_SECONDS, clear=_ARCHIVE_SECONDS),
        "warning",
        "Run `bluelamp archive`, and read what it says.",
        "the-archive-is-overdue",
    ),
    _own(
        "gateway_refuses",
        "The gateway refuses requests",
        "bluelamp_gateway_refused_recently",
        ("reason",),
        Threshold(side="above", limit=10, clear=0),
        "warning",
        "Read the gateway's log, which names the sender. Facts that it refused are missing until they are sent again.",
        "the-gateway-refuses-requests",
    ),
    _own(
        "certificate_expires",
        "A certificate expires within 14 days",
        "bluelamp_certificate_expires_in_seconds",
        ("certificate",),
        Threshold(side="below", limit=_CERTIFICATE_SECONDS, clear=_CERTIFICATE_SECONDS),
        "warning",
        "Renew it, and restart what uses it.",
        "a-certificate-expires",
    ),
)

_MONITOR = (
    *_UNRECORDED,
    _RECORD_SILENT,
    Rule(
        name="feed_silent",
        title="A feed is silent: nothing new arrives from it, and its figures are not live",
        series=Series(metric="bluelamp_feed_silent", by=("force", "feed", "system"), combine="min"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Warn the control room that these figures are out of date, and check the feed's sender.",
        for_seconds=30,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="system_silent",
        title="A system is silent: none of its feeds sends anything, and their figures are not live",
        series=Series(metric="bluelamp_system_silent", by=("force", "system"), combine="min"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Warn the control room that these figures are out of date, and check the system and what sends from it.",
        for_seconds=30,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="feed_doubted",
        title="A feed's times cannot be trusted because a clock is wrong: the feed's figures are not live",
        series=Series(metric="bluelamp_feed_doubted", by=("force", "feed"), combine="min"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Run `bluelamp check` to find which clock is wrong (the log's, the producer's or this machine's), and synchronise it with a time server.",
        for_seconds=30,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="feed_late",
        title="A feed sends heartbeats but its facts arrive late",
        series=Series(metric="bluelamp_feed_behind_ratio", by=("force", "feed"), combine="min"),
        condition=Threshold(side="above", limit=1, clear=0.5),
        severity="warning",
        who=_ENGINEER,
        what_to_do="Find out what is delaying the sender. Its figures are not live until it has caught up.",
        for_seconds=60,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="quarantine_high",
        title="More than 1 in 100 recent facts are quarantined",
        series=Series(metric="bluelamp_quarantined_recently_ratio", by=("topic",)),
        condition=Threshold(side="above", limit=0.01, clear=0.005),
        severity="warning",
        who=_ENGINEER,
        what_to_do="Read the reasons in the quarantine, correct the sender, and send those facts again.",
        minimum_n=20,
        for_seconds=60,
        keep_firing_for_seconds=300,
    ),
    *(_refuses(cause) for cause in CAUSES),
    Rule(
        name="clock_stepped",
        title="A machine's clock was set forward or back",
        series=Series(metric="bluelamp_clock_step_seconds", by=()),
        condition=Threshold(side="above", limit=SKEW.total_seconds(), clear=SKEW.total_seconds()),
        severity="warning",
        who=_ENGINEER,
        what_to_do="Run `bluelamp check` to find the machine, synchronise it with a time server, and check that every feed is live.",
    ),
    *_OPERATION,
    Rule(
        name="log_unreachable",
        title="The log (Kafka) does not answer",
        series=Series(metric="bluelamp_log_up", by=()),
        condition=Threshold(side="below", limit=1, clear=1),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Start Kafka, or correct its address. Senders keep their facts until it answers.",
        for_seconds=30,
        keep_firing_for_seconds=75,
    ),
    Rule(
        name="no_worker",
        title="No worker is running",
        series=Series(metric="bluelamp_workers", by=()),
        condition=Threshold(side="below", limit=1, clear=1),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Start a worker, and read the last one's output to see why it ended. No fact is lost.",
        for_seconds=30,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="worker_stalled",
        title="Facts are waiting in the log and no worker is reading them",
        series=Series(metric="bluelamp_stalled_seconds", by=(), combine="min"),
        condition=Threshold(side="above", limit=60, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Read the workers' output, and restart them. No fact is lost.",
        keep_firing_for_seconds=45,
    ),
    Rule(
        name="worker_behind",
        title="Workers are behind: facts are waiting in the log, and figures are not live",
        series=Series(metric="bluelamp_feeds_waiting", by=(), combine="min"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="After an outage, wait for them to catch up. Otherwise start more workers.",
        for_seconds=60,
        keep_firing_for_seconds=30,
    ),
    Rule(
        name="exporter_down",
        title="The exporter does not answer: Prometheus has no figures",
        series=Series(metric="up", where={"job": "bluelamp"}, by=()),
        condition=Threshold(side="below", limit=1, clear=1),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Restart the exporter.",
        for_seconds=30,
        keep_firing_for_seconds=90,
    ),
    Rule(
        name="no_live_data",
        title="No feed of any force is live",
        series=Series(metric="bluelamp_feeds_live_or_loading", by=(), if_none=0),
        condition=Threshold(side="below", limit=1, clear=1),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Work from the source systems. Check the exporter, the state server, the workers and the log, in that order.",
        for_seconds=60,
        keep_firing_for_seconds=15,
    ),
    Rule(
        name="data_alive",
        title="Data are arriving (heartbeat): if this alert stops, raise the alarm",
        series=Series(metric="bluelamp_feed_live", combine="sum"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="heartbeat",
        who="external watcher",
        what_to_do="Nothing while it keeps arriving. If it stops, check Blue Lamp.",
        keeps_last_state=False,
    ),
)

RULES: tuple[Rule, ...] = (*_CUSTODY_RULES, *_CONTACT, _FORECAST, *_INCIDENT, *_BANDS, *_MONITOR)
