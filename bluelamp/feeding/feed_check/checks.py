"""The checks of a feed: pure functions from a sample to findings, each with what it does to which measure."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from statistics import median

from bluelamp.feeding.feed_check.finding import Check, Finding, FindingState, in_order
from bluelamp.feeding.feed_check.hours import by_hour, longest_gap, unusual, usual_hours
from bluelamp.feeding.feed_check.sample import FeedSample
from facts.fact import SubjectFact
from facts.union import Topic
from measures.catalogue import CATALOGUE
from measures.display import number, rough_words
from measures.measure import Bands, Decided, Mean, Measure, Median, SpanWithin
from measures.outcome import SECOND, OpenItem, instant
from producers.explain import VOCABULARIES

OPENINGS: dict[Topic, tuple[str, ...]] = {
    "contacts": ("ContactOffered",),
    "incidents": ("IncidentOpened",),
    "custody": ("DetaineeArrived", "VoluntaryAttended"),
    "occurrences": ("OccurrenceRecorded",),
    "call_takers": ("CallTakerSignedOn",),
}
"""The facts that open a subject of each topic."""
_EXPECTED: dict[Topic, dict[str, str]] = {
    "contacts": {
        "ContactAnswered": "nobody would seem to be answered",
        "ContactAbandoned": "nobody would seem to give up",
    },
    "incidents": {
        "UnitDispatched": "every incident would seem to be without a unit",
        "UnitArrived": "every incident would seem to be unattended",
        "IncidentClosed": "every incident would stay open",
    },
    "custody": {
        "DetentionAuthorised": "everybody would seem to wait for authorisation",
        "DetentionEnded": "everybody would stay in custody",
    },
    "occurrences": {},
    "call_takers": {
        "CallTakerStateChanged": "nobody would ever seem to be available",
        "CallTakerSignedOff": "everybody would seem to be at work for 16 hours",
    },
}
"""Facts that every force reports in their hundreds, and what a figure would say without them."""
_ENDS = {"leg_waiting": "are still waiting", "incident_open": "are still open", "in_custody": "are still in custody"}
"""Open items that must end some time, in words."""
_LONGEST_DETENTION = timedelta(days=7)
"""No profile says from when a detention's end is unrecorded: a person who may still be in custody is never given up."""
_UNRECORDED_WORDS = {
    "leg_end_unrecorded": "stays in a queue have no end",
    "arrival_unrecorded": "incidents were closed as attended without an arrival",
    "dispatch_unrecorded": "incidents have an arrival but no dispatch",
}
_MANY, _SOME, _CASES_LEAST = 0.05, 0.01, 50
_ROUNDED, _MIDNIGHT, _TIMES_LEAST = 0.95, 0.01, 30
_MINUTE_SECONDS, _GAP_LEAST = 60, timedelta(hours=6)
_HOUR_WRONG = range(55 * 60, 65 * 60)
_SUSPECTS_LEAST = 3


def examine(sample: FeedSample) -> list[Finding]:
    """Every finding, in order of the checks; a check that finds nothing wrong says so."""
    if not sample.facts:
        says = "There are no facts: nothing can be said about this feed."
        return [Finding(check="rows", state="bad", says=says, effect="Every figure of this feed would be missing.")]
    found = [finding for check in _CHECKS for finding in check(sample)]
    return in_order(found)


def _good(check: Check, says: str) -> Finding:
    return Finding(check=check, state="good", says=says)


def _level(part: int, whole: int, many: float = _MANY) -> FindingState:
    return "bad" if part > many * whole else "limit"


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({100 * part / whole:.1f}%)" if whole else f"{part:,}"


def _measures(topic: Topic, is_touched: Callable[[Measure], bool]) -> tuple[str, ...]:
    return tuple(each.name for each in CATALOGUE.values() if topic in each.topics() and is_touched(each))


def _timed(measure: Measure) -> bool:
    is_decided = isinstance(measure.statistic, Decided) and bool(measure.clock)
    return is_decided or isinstance(measure.statistic, Mean | Median | SpanWithin | Bands)


def _may_lack(measure: Measure) -> bool:
    return bool(measure.unrecorded)


def _any(_: Measure) -> bool:
    return True


def _cases(sample: FeedSample) -> list[SubjectFact]:
    return [each for each in sample.facts if type(each).__name__ in OPENINGS[sample.topic]]


def check_rows(sample: FeedSample) -> Iterator[Finding]:
    """Rows, or facts, that could not be read."""
    extract = sample.extract
    lost, whole = (
        (extract.rows_malformed, extract.rows)
        if extract
        else (sample.unreadable, len(sample.facts) + sample.unreadable)
    )
    noun = "rows" if extract else "facts"
    if lost:
        says = f"{_share(lost, whole)} {noun} cannot be read."
        effect = "They are not counted anywhere: every count is too low, and shares leave them out."
        yield Finding(
            check="rows", state=_level(lost, whole), says=says, effect=effect, measures=_measures(sample.topic, _any)
        )
    else:
        yield _good("rows", f"All {whole:,} {noun} can be read; they give {len(sample.facts):,} facts.")
    if extract and extract.columns_empty:
        says = f"Columns that the mapping uses are empty in every row: {', '.join(extract.columns_empty)}."
        yield Finding(check="rows", state="limit", says=says, effect="Their content is missing from every figure.")


def check_keys(sample: FeedSample) -> Iterator[Finding]:
    """Subjects against rows, keys used again, keys cut short by a spreadsheet."""
    if sample.extract is None:
        yield _good("keys", f"{number(len(sample.facts), 'fact')} about {number(len(sample.timelines), 'subject')}.")
        return
    keys = sample.extract.keys()
    faults = {
        "reused": (keys.reused, "subjects open twice, far apart: the source reuses its key"),
        "lost": (keys.lost_digits, "rows have a key that a spreadsheet has shortened"),
        "second": (keys.second_openings, "subjects are opened at different times by their rows"),
    }
    for name, (count, words) in faults.items():
        if count:
            effect = "Different cases are counted as one: counts are too low, and times are mixed."
            state: FindingState = "limit" if name == "second" and count <= _MANY * keys.subjects else "bad"
            touched = _measures(sample.topic, _any)
            yield Finding(check="keys", state=state, says=f"{count:,} {words}.", effect=effect, measures=touched)
    said = (
        f"{number(keys.rows, 'row')} about {number(keys.subjects, 'subject')}, one for each {keys.one_for_each}; "
        f"the most rows of one: {keys.largest:,}."
    )
    is_coarse = keys.largest > max(50, keys.rows // 10) and keys.subjects > 1
    if is_coarse:
        yield Finding(
            check="keys",
            state="limit",
            says=said,
            effect="One key may belong to many cases: compare the number of subjects with the source.",
        )
    elif not any(count for count, _ in faults.values()):
        yield _good("keys", said)


def check_volumes(sample: FeedSample) -> Iterator[Finding]:
    """Cases by hour, against the same hour of the other days."""
    zone = sample.rules.force.zone()
    times = sorted(_microseconds(each) for each in _cases(sample))
    hours = by_hour(times, zone)
    usual = usual_hours(hours)
    if not usual:
        says = f"{len(times):,} cases, on too few days to say what is usual for an hour."
        yield Finding(check="volumes", state="unknown", says=says, effect="Check a longer period before you sign.")
        return
    odd = unusual(hours, usual)
    if not odd:
        low, high = min(each.usual for each in usual), max(each.usual for each in usual)
        yield _good("volumes", f"No hour is far from usual; a usual hour has {low:g} to {high:g} cases.")
        return
    worst = max(odd, key=lambda each: abs(each.count - each.usual))
    says = (
        f"{len(odd):,} of {len(hours):,} hours are far from what is usual for them, "
        f"such as {worst.at:%d %B %Y %H:%M} with {worst.count:,} cases where {worst.usual:g} are usual."
    )
    effect = (
        "If cases are missing, counts are too low; if they came in twice, too high. Ask the source about these hours."
    )
    yield Finding(check="volumes", state="limit", says=says, effect=effect, measures=_measures(sample.topic, _any))


def check_gaps(sample: FeedSample) -> Iterator[Finding]:
    """The longest time without any fact, against how often facts come."""
    gap = longest_gap(sample.times)
    if gap is None:
        return
    begins, length = gap
    span = (sample.times[-1] - sample.times[0]) / SECOND
    mean_seconds = span / (len(sample.times) - 1)
    at = instant(begins).astimezone(sample.rules.force.zone())
    says = f"The longest time without a fact is {rough_words(length.total_seconds())}, from {at:%d %B %Y %H:%M}."
    # Facts at random leave a gap this long once in e^20 gaps; quiet nights stretch it, hence six hours.
    if length > max(_GAP_LEAST, timedelta(seconds=20 * mean_seconds)):
        effect = (
            "If the source was not quiet then, every figure of that time is too low, and it looks like a quiet time."
        )
        yield Finding(check="gaps", state="limit", says=says, effect=effect, measures=_measures(sample.topic, _any))
    else:
        yield _good("gaps", says)
    strays = sample.extract.strays() if sample.extract else None
    if strays:
        says = f"{strays.count:,} facts lie {strays.days:,} days from all others: a year may be mistyped."
        yield Finding(
            check="gaps",
            state="limit",
            says=says,
            effect="They are counted in another year.",
            measures=_measures(sample.topic, _any),
        )


def check_ends(sample: FeedSample) -> Iterator[Finding]:
    """Subjects without a beginning or an end, and kinds of fact that never come."""
    subjects, found = len(sample.timelines), False
    touched = _measures(sample.topic, _may_lack)
    finished = sample.finished()
    lost = Counter(each.kind for one in sample.outcomes for each in one.open if _is_lost(each, sample.times[-1]))
    for kind, words in _ENDS.items():
        if count := lost[kind]:
            found = True
            says = f"{_share(count, subjects)} subjects {words} so long after they began that their end was probably not recorded."
            effect = (
                "They count as open or waiting until then, and widen the bounds of every share that they belong to."
            )
            yield Finding(check="ends", state=_level(count, subjects), says=says, effect=effect, measures=touched)
    for kind, words in _UNRECORDED_WORDS.items():
        if count := finished[kind]:
            found = True
            effect = "They widen the bounds of every share that they belong to."
            yield Finding(
                check="ends",
                state=_level(count, subjects, 0.2),
                says=f"{_share(count, subjects)} {words}.",
                effect=effect,
                measures=touched,
            )
    incomplete = sum(count for kind, count in finished.items() if kind.endswith("_incomplete"))
    if incomplete and not sample.is_live:
        found = True
        says = f"{_share(incomplete, subjects)} subjects have no opening."
        effect = "They are left out of every other figure."
        yield Finding(check="ends", state=_level(incomplete, subjects), says=says, effect=effect, measures=touched)
    types = Counter(type(each).__name__ for each in sample.facts)
    for name, words in _EXPECTED[sample.topic].items():
        if not types[name] and len(_cases(sample)) >= _CASES_LEAST:
            found = True
            says = f"There is no {name} among {len(_cases(sample)):,} cases."
            effect = f"Unless another extract or feed sends them, {words}."
            yield Finding(check="ends", state="limit", says=says, effect=effect, measures=touched)
    if not found:
        yield _good("ends", f"All {subjects:,} subjects have the expected beginning and end.")


def _is_lost(item: OpenItem, last: int) -> bool:
    """Whether the end of an open item was probably lost, at the time of the last fact."""
    is_long = item.kind == "in_custody" and last - item.since > _LONGEST_DETENTION // timedelta(microseconds=1)
    return item.is_unrecorded(last) or is_long


def check_contradictions(sample: FeedSample) -> Iterator[Finding]:
    """Facts of one subject that cannot both be true, by kind."""
    words = Counter(
        each.dimensions[0] for one in sample.outcomes for each in one.finished if each.kind.endswith("_contradiction")
    )
    subjects = len(sample.timelines)
    for word, count in words.most_common():
        says = f"{_share(count, subjects)} subjects: {word.replace('_', ' ')}."
        effect = "They are left out of times and shares, and widen the bounds of the shares they belong to."
        yield Finding(
            check="contradictions",
            state=_level(count, subjects),
            says=says,
            effect=effect,
            measures=_measures(sample.topic, _may_lack),
        )
    if not words:
        yield _good("contradictions", f"No two facts of the {subjects:,} subjects contradict each other.")


def check_clock(sample: FeedSample) -> Iterator[Finding]:
    """Times rounded, at midnight, in repeated hours, and a clock that differs from the log's."""
    found = [*_rounded(sample), *_midnight(sample), *_changed_hours(sample), *_skewed(sample)]
    yield from found or [_good("clock", "Times are to the second, and none is at an unlikely time of day.")]


def _times_by_type(sample: FeedSample) -> dict[str, list[SubjectFact]]:
    by_type: dict[str, list[SubjectFact]] = {}
    for fact in sample.facts:
        by_type.setdefault(type(fact).__name__, []).append(fact)
    return {name: facts for name, facts in by_type.items() if len(facts) >= _TIMES_LEAST}


def _rounded(sample: FeedSample) -> Iterator[Finding]:
    for name, facts in _times_by_type(sample).items():
        whole = sum(not each.at.second and not each.at.microsecond for each in facts)
        if whole < _ROUNDED * len(facts):
            continue
        fives = sum(each.at.minute % 5 == 0 for each in facts) >= _ROUNDED * len(facts)
        unit, seconds = ("five minutes", 300) if fives else ("the minute", _MINUTE_SECONDS)
        says = f"The times of {name} are rounded to {unit}."
        effect = f"Times that begin or end with it are wrong by up to {seconds} s; a shorter target cannot be judged."
        state: FindingState = "bad" if sample.topic == "contacts" else "limit"
        yield Finding(check="clock", state=state, says=says, effect=effect, measures=_measures(sample.topic, _timed))


def _midnight(sample: FeedSample) -> Iterator[Finding]:
    zone = sample.rules.force.zone()
    for name, facts in _times_by_type(sample).items():
        count = sum(
            not (at.hour or at.minute or at.second or at.microsecond)
            for at in (each.at.astimezone(zone) for each in facts)
        )
        if count >= _SUSPECTS_LEAST and count > _MIDNIGHT * len(facts):
            says = f"{_share(count, len(facts))} times of {name} are exactly midnight: the source may mean that the time is not known."
            effect = "Spans from or to them are hours out. In the mapping, let `absent` leave such times out."
            yield Finding(
                check="clock",
                state=_level(count, len(facts)),
                says=says,
                effect=effect,
                measures=_measures(sample.topic, _timed),
            )


def _changed_hours(sample: FeedSample) -> Iterator[Finding]:
    extract = sample.extract
    if extract is None:
        return
    repeated = sum(extract.notes.get("repeated_hour", {}).values())
    if repeated:
        says = f"{repeated:,} times are in the hour that occurs twice when the clocks go back, and do not say which is meant."
        yield Finding(
            check="clock",
            state="limit",
            says=says,
            effect="Spans of that night may be an hour out.",
            measures=_measures(sample.topic, _timed),
        )
    moved = sum(extract.notes.get("moved", {}).values())
    if moved:
        says = f"{moved:,} times were a little before the time that they follow, and are read as equal to it: two clocks differ."
        yield Finding(
            check="clock",
            state="limit",
            says=says,
            effect="Their spans are 0.",
            measures=_measures(sample.topic, _timed),
        )
    skipped = extract.faults().get("no_such_local_time", 0)
    if skipped:
        says = f"{skipped:,} times are in the hour that does not exist when the clocks go forward: the source does not follow local time."
        yield Finding(
            check="clock",
            state="bad",
            says=says,
            effect="For half of the year every time may be an hour out.",
            measures=_measures(sample.topic, _any),
        )


def _skewed(sample: FeedSample) -> Iterator[Finding]:
    if len(sample.arrivals) < _SUSPECTS_LEAST:
        return
    delays = [(each.received - each.at) / SECOND for each in sample.arrivals]
    middle, ahead = median(delays), sum(delay < -5 for delay in delays)  # noqa: PLR2004 - the skew that the log allows
    touched = _measures(sample.topic, _any)
    if ahead:
        says = f"{_share(ahead, len(delays))} facts happened later than the log received them: a clock is wrong."
        yield Finding(
            check="clock",
            state="bad",
            says=says,
            effect="They are quarantined, or counted at the wrong time.",
            measures=touched,
        )
    if round(middle) in _HOUR_WRONG:
        says = (
            f"Facts arrive {rough_words(middle)} after they happened: a clock or a time zone is probably an hour out."
        )
        yield Finding(
            check="clock",
            state="bad",
            says=says,
            effect="Live figures miss the last hour, and days end an hour late.",
            measures=touched,
        )
    elif middle > min(
        (feed.stale_after_seconds for feed in sample.rules.force.feeds if feed.topic == sample.topic), default=60
    ):
        says = f"Half of the facts arrive more than {rough_words(middle)} after they happened."
        yield Finding(
            check="clock",
            state="limit",
            says=says,
            effect="Live figures of short windows are too low, and change afterwards.",
            measures=touched,
        )
    elif not ahead:
        yield _good("clock", f"Half of the facts arrive within {middle:.1f} s, none from the future.")


def check_duplicates(sample: FeedSample) -> Iterator[Finding]:
    """Facts or rows that come again, and different facts with one id."""
    unique = sum(len(timeline) for timeline in sample.timelines.values())
    again = sample.extract.rows_repeated if sample.extract else len(sample.facts) - unique
    different = len({(each.subject_id, each.fact_id, repr(each)) for each in sample.facts}) - unique
    if different:
        says = f"{different:,} facts have the id of a different fact."
        effect = "Only one of them counts: the one recorded last."
        yield Finding(
            check="duplicates", state="limit", says=says, effect=effect, measures=_measures(sample.topic, _any)
        )
    noun = "rows" if sample.extract else "facts"
    if again:
        yield _good("duplicates", f"{again:,} {noun} came more than once and count once.")
    elif not different:
        yield _good("duplicates", f"No {noun} came twice.")


def check_order(sample: FeedSample) -> Iterator[Finding]:
    """Facts that arrive after later ones."""
    if not sample.arrivals:
        yield _good("order", "An extract is sorted by time before it is sent.")
        return
    late, latest, most = 0, sample.arrivals[0].at, 0
    for each in sample.arrivals:
        behind = latest - each.at
        late, most = late + (behind > _MINUTE_SECONDS * SECOND), max(most, behind)
        latest = max(latest, each.at)
    if late > _SOME * len(sample.arrivals):
        says = f"{_share(late, len(sample.arrivals))} facts arrive a minute or more after later ones; the latest {rough_words(most / SECOND)}."
        effect = "They are counted correctly, but figures of the last minutes change when they arrive."
        yield Finding(check="order", state="limit", says=says, effect=effect, measures=_measures(sample.topic, _any))
    else:
        yield _good("order", "Facts arrive in the order in which they happened, or nearly.")


def check_words(sample: FeedSample) -> Iterator[Finding]:
    """Labels that the profile does not list, by field. The labels themselves are not printed: they may be personal."""
    is_clean = True
    for name in VOCABULARIES:
        words = [getattr(each, name) for each in sample.facts if getattr(each, name, None) is not None]
        unlisted = [word for word in words if word not in sample.rules.vocabulary.get(name, ())]
        if unlisted:
            is_clean = False
            says = f"{name}: {_share(len(unlisted), len(words))} facts have a label that the profile does not list ({len(set(unlisted)):,} different words)."
            effect = "They count as unlisted: they are missing from the figures and measures of their true label. `bluelamp replay --dry-run` lists the labels."
            touched = _measures(sample.topic, lambda measure, of=name: of in (*measure.dimensions(), *measure.where))  # type: ignore[misc]
            yield Finding(
                check="words", state=_level(len(unlisted), len(words), 0.2), says=says, effect=effect, measures=touched
            )
    if is_clean:
        yield _good("words", "The profile lists every label.")


def check_personal_data(sample: FeedSample) -> Iterator[Finding]:
    """Columns whose values look like personal data."""
    is_clean = True
    for column, suspects in sorted(sample.suspects.items()):
        kinds = {kind: n for kind, n in suspects.kinds.items() if n >= max(_SUSPECTS_LEAST, _SOME * suspects.values)}
        if not kinds:
            continue
        is_clean, is_used = False, column in sample.used
        listed = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        where = "becomes part of a fact" if is_used else "is not used by the mapping"
        effect = (
            "Facts must not hold personal data: choose another column, or digest the key with a secret in the source system."
            if is_used
            else "No figure needs it: leave the column out of the export."
        )
        says = f"{column!r}, which {where}, has what looks like {listed} among {suspects.values:,} values."
        yield Finding(check="personal data", state="bad" if is_used else "limit", says=says, effect=effect)
    if is_clean:
        yield _good(
            "personal data",
            "Nothing looks like a name, phone number, postcode or e-mail address. Only patterns were tried.",
        )


def _microseconds(fact: SubjectFact) -> int:
    return round(fact.at.timestamp() * SECOND)


_CHECKS: tuple[Callable[[FeedSample], Iterator[Finding]], ...] = (
    check_rows,
    check_keys,
    check_volumes,
    check_gaps,
    check_ends,
    check_contradictions,
    check_clock,
    check_duplicates,
    check_order,
    check_words,
    check_personal_data,
)
