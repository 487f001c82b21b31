"""The rule table: every rule, in the order in which it is read, for both engines alike."""

from alerts.inhibition import state_rule
from alerts.rule import Condition, Outside, Rule, Series, Severity, Side, Threshold
from facts.times import SKEW
from measures.catalogue import find
from measures.catalogue.custody import WARNING_MINUTES
from streams.names import metric_name
from streams.refusal import CAUSES, WORDS, Cause

_SUPERVISOR, _INSPECTOR, _ENGINEER = "contact-centre supervisor", "duty inspector", "engineer"
_CUSTODY = "custody inspector"


def _on(measure: str, window: str = "", side: Side = "above") -> Series:
    """The series of a measure; of two exporters the worse counts."""
    where = {"window": window} if window else {}
    return Series(metric=metric_name(find(measure)), where=where, combine="max" if side == "above" else "min")


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
    for_seconds: int = 0,
    keep_firing_for_seconds: int = 0,
) -> Rule:
    """Bad as soon as there are more than so many: more than none, unless given; good again at no more, or at fewer."""
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
) -> Rule:
    """A figure of the last hour: bad for five minutes, and good again once it has been good for five, unless given."""
    return Rule(
        name=name,
        title=title,
        measure=measure,
        series=_on(measure, "60m", condition.side),
        condition=condition,
        severity=severity,
        who=who,
        what_to_do=what_to_do,
        minimum_n=n,
        for_seconds=for_seconds,
        keep_firing_for_seconds=keep_firing_for_seconds,
    )


_CONTACT = (
    _share(
        "contact_999_answered_within_target_ratio",
        "contact_999_below_standard",
        "999 answered within target is below the standard of 90 %",
        Threshold(side="below", limit=0.9, clear=0.92),
        "warning",
        _SUPERVISOR,
        "Bring call takers back to 999; take 101 off the shared pool.",
        for_seconds=900,
        keep_firing_for_seconds=1800,
    ),
    _share(
        "contact_999_answered_within_target_ratio",
        "contact_999_far_below_standard",
        "999 answered within target is below 70 %",
        Threshold(side="below", limit=0.7, clear=0.8),
        "critical",
        _SUPERVISOR,
        "Call in help, tell the duty inspector, and consider mutual aid from a neighbouring force.",
        keep_firing_for_seconds=1800,
    ),
    _any(
        "contact_999_waiting_over_30_seconds_count",
        "contact_999_waiting_long",
        "A 999 caller has been waiting for 30 s or more",
        "warning",
        _SUPERVISOR,
        "Answer it now: free a call taker from any other line.",
        keep_firing_for_seconds=300,
    ),
    _any(
        "contact_999_waiting_over_30_seconds_count",
        "contact_999_waiting_several",
        "Three or more 999 callers have been waiting for 30 s or more",
        "critical",
        _SUPERVISOR,
        "Take every call taker off the other lines; tell the duty inspector.",
        over=2,
        clear=0,
        keep_firing_for_seconds=300,
    ),
    _share(
        "contact_999_abandoned_ratio",
        "contact_999_abandoned_high",
        "More than 5 % of 999 callers gave up",
        Threshold(side="above", limit=0.05, clear=0.03),
        "warning",
        _SUPERVISOR,
        "Ring back those who gave up; bring call takers back to 999.",
        n=30,
    ),
    _share(
        "contact_101_answer_mean_seconds",
        "contact_101_answer_slow",
        "101 callers wait over 15 min on average",
        Threshold(side="above", limit=900, clear=720),
        "warning",
        _SUPERVISOR,
        "Offer callbacks and digital contact; check whether 999 has drawn the pool away.",
        n=10,
    ),
    _share(
        "triage_abandoned_ratio",
        "triage_abandoned_high",
        "More than 20 % of callers gave up at triage",
        Threshold(side="above", limit=0.2, clear=0.15),
        "warning",
        _SUPERVISOR,
        "Put more call takers on triage.",
    ),
    _any(
        "post_triage_waiting_over_60_minutes_count",
        "post_triage_waiting_long",
        "A caller has been waiting in the local queue for 60 min or more",
        "warning",
        _SUPERVISOR,
        "Take the longest waits first, or ring them back.",
        for_seconds=60,
        keep_firing_for_seconds=300,
    ),
)

_SEVERAL = 8
"""Of the Grade 1s: in an ordinary week there are up to six at once, so that three would page for a quarter of the day."""
_INCIDENT = (
    _any(
        "grade_1_unresourced_over_2_minutes_count",
        "grade_1_unresourced",
        "A Grade 1 incident has had no unit for 2 min or more",
        "warning",
        _INSPECTOR,
        "Resource it: break a unit off lesser work, or ask a neighbouring area.",
        keep_firing_for_seconds=600,
    ),
    _any(
        "grade_1_unresourced_over_2_minutes_count",
        "grade_1_unresourced_several",
        "Eight or more Grade 1 incidents have had no unit for 2 min or more",
        "critical",
        _INSPECTOR,
        "Take command of resourcing: call in officers and tell the force incident manager.",
        over=_SEVERAL - 1,
        clear=_SEVERAL // 2,
        for_seconds=60,
        keep_firing_for_seconds=600,
    ),
    _any(
        "grade_1_unattended_over_15_minutes_count",
        "grade_1_unattended",
        "A Grade 1 incident has not been attended for 15 min or more",
        "warning",
        _INSPECTOR,
        "Find out where the unit is; send a nearer one; have the caller rung back.",
        keep_firing_for_seconds=600,
    ),
    _any(
        "grade_1_unattended_over_15_minutes_count",
        "grade_1_unattended_several",
        "Eight or more Grade 1 incidents have not been attended for 15 min or more",
        "critical",
        _INSPECTOR,
        "Take command of resourcing: call in officers and tell the force incident manager.",
        over=_SEVERAL - 1,
        clear=_SEVERAL // 2,
        for_seconds=60,
        keep_firing_for_seconds=600,
    ),
    _any(
        "grade_2_unattended_over_2_hours_count",
        "grade_2_unattended",
        "A Grade 2 incident has not been attended for 2 h or more",
        "info",
        "sergeant",
        "Reassess the risk of each while it waits, and say when somebody will come.",
        keep_firing_for_seconds=300,
    ),
    Rule(
        name="incident_downgraded_near_breach",
        title="An incident was regraded down when its time had nearly run out",
        measure="incident_downgraded_near_breach_count",
        series=_on("incident_downgraded_near_breach_count", "60m"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="info",
        who=_INSPECTOR,
        what_to_do="Read why it was regraded; the risk decides the grade, the clock does not.",
    ),
)


def _unusual(measure: str, side: Side, words: str, severity: Severity, who: str, what_to_do: str, n: int = 5) -> Rule:
    """Beyond the control limit of this hour of the week: red when it is unusual, however rarely its target is met."""
    name = measure.removesuffix("_ratio").removesuffix("_seconds").removesuffix("_count")
    # Of as many hours and measures some are beyond their limits by chance: it must last a quarter of an hour.
    seconds = {"for_seconds": 900, "keep_firing_for_seconds": 900}
    return _share(measure, f"{name}_unusual", words, Outside(side=side), severity, who, what_to_do, n, **seconds)


_MORE_HANDS = "Look for the cause: demand, staffing or a fault of the telephony."
_MORE_UNITS = "Look for the cause: demand, officers on duty, or a large job that holds them."
_BANDS = (
    _unusual(
        "contact_999_offered_count", "above", "More 999 calls than is normal for this hour", "warning",
        _SUPERVISOR, "Look for one cause of many calls; bring call takers to 999.", n=0,
    ),
    _unusual(
        "contact_101_answer_mean_seconds", "above", "101 is answered more slowly than is normal for this hour",
        "info", _SUPERVISOR, _MORE_HANDS,
    ),
    _unusual(
        "triage_abandoned_ratio", "above", "More callers give up at triage than is normal for this hour",
        "info", _SUPERVISOR, _MORE_HANDS,
    ),
    _unusual(
        "post_triage_abandoned_ratio", "above", "More callers give up after triage than is normal for this hour",
        "info", _SUPERVISOR, _MORE_HANDS,
    ),
    _unusual(
        "incident_count", "above", "More incidents than is normal for this hour", "warning", _INSPECTOR, _MORE_UNITS, n=0,
    ),
    _unusual(
        "grade_1_opened_to_dispatched_within_target_ratio", "below",
        "Fewer Grade 1 incidents are resourced in time than is normal for this hour", "warning", _INSPECTOR, _MORE_UNITS,
    ),
    _unusual(
        "grade_1_opened_to_arrived_within_target_ratio", "below",
        "Fewer Grade 1 incidents are attended in time than is normal for this hour", "warning", _INSPECTOR, _MORE_UNITS,
    ),
    _unusual(
        "grade_2_opened_to_arrived_within_target_ratio", "below",
        "Fewer Grade 2 incidents are attended in time than is normal for this hour", "info", _INSPECTOR, _MORE_UNITS,
    ),
)  # fmt: skip

_CLOCK_WORDS = {
    "review": ("A review of detention", "is due", "Hold the review, or postpone it on the record with its reason."),
    "detention": (
        "Detention without charge",
        "must end",
        "Charge, release, or get the authority that the law asks for: a superintendent's, or a court's.",
    ),
}
_PEOPLE = {"child": " of a child", "adult": ""}
# A child's clock speaks louder, and everybody's overdue clock as loud as can be. Sixty reviews of adults fall due on an ordinary
# day: that one will is no news to whoever holds them, but the end of a detention is rare.
_LOUDNESS: dict[tuple[str, str], dict[int, Severity]] = {
    ("child", "review"): {60: "warning", 30: "critical", 10: "critical", 0: "critical"},
    ("child", "detention"): {60: "warning", 30: "critical", 10: "critical", 0: "critical"},
    ("adult", "review"): {60: "info", 30: "info", 10: "warning", 0: "critical"},
    ("adult", "detention"): {60: "info", 30: "warning", 10: "critical", 0: "critical"},
}


def _clock(who: str, clock: str, minutes: int) -> Rule:
    things, come, what_to_do = _CLOCK_WORDS[clock]
    ending = f"due_within_{minutes}_minutes" if minutes else "overdue"
    when = f"{come} in less than {minutes} min" if minutes else "is overdue"
    return _any(
        f"{who}_{clock}_{ending}_count",
        f"{who}_{clock}_{ending}",
        f"{things}{_PEOPLE[who]} {when}",
        _LOUDNESS[who, clock][minutes],
        _CUSTODY,
        what_to_do,
        keep_firing_for_seconds=30,
    )


_CUSTODY_RULES = (
    *(
        _clock(who, clock, minutes)
        for who in _PEOPLE
        for clock in _CLOCK_WORDS
        for minutes in (0, *reversed(WARNING_MINUTES))
    ),
    _any(
        "review_postponed_count",
        "review_postponed",
        "A review of detention was postponed and has not been held for 60 min",
        "warning",
        _CUSTODY,
        "Hold it as soon as practicable: a postponement sets no new time.",
        for_seconds=3600,
        keep_firing_for_seconds=30,
    ),
    _any(
        "custody_awaiting_over_60_minutes_count",
        "custody_waiting_long",
        "A detainee has been waiting for authorisation for 60 min or more",
        "warning",
        _CUSTODY,
        "Have detention authorised or refused; open another suite's desk if they queue.",
        for_seconds=60,
        keep_firing_for_seconds=300,
    ),
)


def _refuses(cause: Cause) -> Rule:
    """The state is not read or not written, for one cause; of two exporters one that sees none of it is believed."""
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


_MONITOR = (
    Rule(
        name="feed_silent",
        title="A feed is silent: the log holds nothing new of it, and its figures are not live",
        series=Series(metric="bluelamp_feed_silent", by=("force", "feed"), combine="min"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Tell the control room that its figures stand still; look at the feed's sender.",
        for_seconds=30,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="feed_doubted",
        title="The times of a feed are not believed: a clock is wrong, and its figures are not live",
        series=Series(metric="bluelamp_feed_doubted", by=("force", "feed"), combine="min"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Find the clock that is wrong with `bluelamp check`: the log's, the producer's or this machine's; have it follow a time server.",
        for_seconds=30,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="feed_late",
        title="A feed is heard but its facts are late",
        series=Series(metric="bluelamp_feed_behind_ratio", by=("force", "feed"), combine="min"),
        condition=Threshold(side="above", limit=1, clear=0.5),
        severity="warning",
        who=_ENGINEER,
        what_to_do="Look at what holds the sender back; its figures are not live until it has caught up.",
        for_seconds=60,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="quarantine_high",
        title="More than 1 in 100 facts are quarantined",
        series=Series(metric="bluelamp_quarantined_recently_ratio", by=("topic",)),
        condition=Threshold(side="above", limit=0.01, clear=0.005),
        severity="warning",
        who=_ENGINEER,
        what_to_do="Read the reasons in the quarantine, mend the sender, and send those facts again.",
        minimum_n=20,
        for_seconds=60,
        keep_firing_for_seconds=300,
    ),
    *(_refuses(cause) for cause in CAUSES),
    Rule(
        name="clock_stepped",
        title="The clock of a machine was set forward or back",
        series=Series(metric="bluelamp_clock_step_seconds", by=()),
        condition=Threshold(side="above", limit=SKEW.total_seconds(), clear=SKEW.total_seconds()),
        severity="warning",
        who=_ENGINEER,
        what_to_do="Find it with `bluelamp check`, make it follow a time server, and check that every feed is live.",
    ),
    Rule(
        name="log_unreachable",
        title="The log does not answer",
        series=Series(metric="bluelamp_log_up", by=()),
        condition=Threshold(side="below", limit=1, clear=1),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Start Kafka, or mend its address; facts wait with their senders until it answers.",
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
        what_to_do="Start a worker, and read what the last one said when it ended; nothing is lost.",
        for_seconds=30,
        keep_firing_for_seconds=60,
    ),
    Rule(
        name="worker_stalled",
        title="Facts wait in the log and no worker takes them",
        series=Series(metric="bluelamp_stalled_seconds", by=(), combine="min"),
        condition=Threshold(side="above", limit=60, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Read what the workers say, and start them again; nothing is lost.",
        keep_firing_for_seconds=45,
    ),
    Rule(
        name="worker_behind",
        title="Workers are behind: figures are not live because facts wait in the log",
        series=Series(metric="bluelamp_feeds_waiting", by=(), combine="min"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Wait while they catch up after an outage; otherwise start more workers.",
        for_seconds=60,
        keep_firing_for_seconds=30,
    ),
    Rule(
        name="exporter_down",
        title="The exporter does not answer: Prometheus sees nothing",
        series=Series(metric="up", where={"job": "bluelamp"}, by=()),
        condition=Threshold(side="below", limit=1, clear=1),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Start the exporter again.",
        for_seconds=30,
        keep_firing_for_seconds=90,
    ),
    Rule(
        name="no_live_data",
        title="No feed of any force is live",
        series=Series(metric="bluelamp_feed_live", by=(), combine="sum", if_none=0),
        condition=Threshold(side="below", limit=1, clear=1),
        severity="critical",
        who=_ENGINEER,
        what_to_do="Work from the source systems; look at the exporter, the state server, the workers and the log in turn.",
        for_seconds=60,
        keep_firing_for_seconds=15,
    ),
    Rule(
        name="data_alive",
        title="Data are coming in: whoever hears this no more must raise the alarm",
        series=Series(metric="bluelamp_feed_live", combine="sum"),
        condition=Threshold(side="above", limit=0, clear=0),
        severity="heartbeat",
        who="a watcher outside of this system",
        what_to_do="Nothing while it is heard; when it stops, somebody must look.",
        is_held=False,
    ),
)

RULES: tuple[Rule, ...] = (*_CUSTODY_RULES, *_CONTACT, *_INCIDENT, *_BANDS, *_MONITOR)
