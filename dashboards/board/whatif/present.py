"""What the twin must know of the present: who waits, what is expected, and whether the state is live."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean

from dashboards.board.whatif.question import WhatIf, check_left, check_units
from facts.errors import QuestionError
from facts.force import LOCAL, TRIAGE
from facts.planned_event import NO_EVENTS, PlannedEvent, PlannedEvents
from measures.catalogue import find
from measures.forecast import WEEKS_READ, Forecast
from measures.handling_forecast import HandlingForecast
from measures.measure import Measure, Where
from measures.outcome import SECOND, instant, microseconds
from measures.pane import HALF_HOUR, HOUR
from measures.rules import Rules
from measures.window import Window
from producers.simulate.arrivals import HORIZON_SECONDS, Arrivals, Arriving
from producers.simulate.incidents import shift_at
from producers.simulate.months import month_at
from producers.simulate.parameters import Parameters, packaged
from producers.simulate.twin import QUEUES, WARM_UP_SECONDS, AnswerTarget, Present, QueueName
from producers.simulate.twin_units import BUSY_SECONDS, IncidentsNow
from streams.readings import Reader

_WAITING = ("contact_999_waiting_count", "contact_101_waiting_count")
_UNRESOURCED, _OPENED, _SENT = "incident_unresourced_count", "incident_demand_count", "incident_resourced_count"
_TIME = "handling_mean_seconds"
_IMMEDIATE: Where = {"response": ("immediate",)}
_OFFERED: Mapping[QueueName, tuple[str, Where]] = {
    "emergency": ("contact_999_offered_count", {}),
    "triage": ("contact_101_offered_count", {"queue": (TRIAGE,)}),
    "local": ("contact_101_offered_count", {"queue": (LOCAL,)}),
}
"""The measure that counts the calls that come from outside to each queue: those that triage sends on are simulated."""


def parameters_of(force: str) -> Parameters:
    """How callers and call takers of a force behave.

    Raises:
        QuestionError: nobody has calibrated the simulator for this force.
    """
    parameters = packaged()
    if parameters.force != force:
        what = f"It is not known how long callers of {force} wait and how long calls last."
        hint = f"The simulator is calibrated for {parameters.force} only (docs/feed/simulator.md)."
        raise QuestionError(what, where="--force", hint=hint)
    return parameters


def present_of(reader: Reader, force: str, question: WhatIf, events: PlannedEvents = NO_EVENTS) -> Present:
    """The present of a force; call it at one moment of the reader.

    Args:
        reader: reads the state.
        force: the force's name.
        question: how many call takers are on, as far as a person says so, and what changes.
        events: the force's planned events.

    Raises:
        QuestionError: the figures are not live, there is no forecast of the calls, or nothing says how many call takers are on.
    """
    rules, now, parameters = reader.rules[force], microseconds(reader.present(force)), parameters_of(force)
    _check_known(reader, force, _WAITING)
    local, triage = (
        _staffed(reader, force, name, skill) if given is None else given
        for name, given, skill in (
            ("local", question.local, parameters.local.skill),
            ("triage", question.triage, parameters.triage.skill),
        )
    )
    check_left(local, triage, question.change)
    check_units(question.units, question.change)
    emergency = [each for each in rules.force.queues if each.line == "999"]
    return Present(
        waiting=_waiting(reader, force, now),
        arrivals={queue: _arrivals(reader, rules, queue, now, events) for queue in QUEUES},
        local=local,
        triage=triage,
        target=_target(rules, emergency[0].label, now) if emergency else None,
        short_seconds={
            queue: each.short_abandon_seconds for each in rules.force.queues for queue in QUEUES if queue == each.label
        },
        incidents=None if question.units is None else _incidents(reader, rules, question.units, now, events),
        callbacks=[max(now - since, 0) / SECOND for since in _callbacks(reader, force)],
        handling_seconds=dict(_handling(reader, rules, now)),
    )


def planned(events: PlannedEvents, now: datetime, horizon_seconds: int, *, has_units: bool) -> list[PlannedEvent]:
    """The planned events that an outlook takes into account.

    Args:
        events: the force's planned events.
        now: the present.
        horizon_seconds: how long the outlook is.
        has_units: it includes incidents.
    """
    lines = {"999", "101"} | ({"incidents"} if has_units else set())
    return [each for each in events.between(now, now + timedelta(seconds=horizon_seconds)) if each.line in lines]


def _staffed(reader: Reader, force: str, field: str, skill: str) -> int:
    """How many call takers with a skill are signed on and not on a break, by the record.

    Raises:
        QuestionError: the record does not say.
    """
    counts = []
    for name in ("call_taker_staffed_count", "call_taker_on_break_count"):
        (reading,) = reader.read(name, where={"skill": (skill,)}, force=force)
        if reading.state != "live" or reading.n is None:
            what = f"How many call takers are on is not known. {reading.reason}".strip()
            raise QuestionError(what, where=field, hint="Give the number, because the record does not say.")
        counts.append(reading.n)
    staffed, on_break = counts
    if staffed == on_break:
        what = "Nobody is on by the record, so how many call takers are on is not known."
        raise QuestionError(what, where=field, hint="Give the number, because the record does not say.")
    return staffed - on_break


def _handling(reader: Reader, rules: Rules, now: int) -> Iterator[tuple[QueueName, float]]:
    """How long the calls of each queue are expected to take in the next two hours, where the record says enough."""
    queues = rules.force.queues
    for queue in QUEUES:
        labels = tuple(
            each.label for each in queues if (each.line == "999" if queue == "emergency" else each.label == queue)
        )
        times = reader.hour_times(find(_TIME), rules.force.name, WEEKS_READ, {"queue": labels}) if labels else {}
        made = HandlingForecast(times, now // HOUR, rules)
        halves = range(now // HALF_HOUR, (now + HORIZON_SECONDS * SECOND) // HALF_HOUR)
        expected = [found.mean for half in halves if (found := made.half_hour(half))]
        if len(expected) == len(halves):
            yield queue, fmean(expected)


def hours_needed(reader: Reader, force: str, *, has_units: bool = False) -> Iterator[tuple[Measure, Window]]:
    """The measures whose hours the forecasts need, each with its window; with units, also those of incidents."""
    for name in {name for name, _ in _OFFERED.values()} | {_TIME} | ({_OPENED, _SENT} if has_units else set()):
        if window := reader.hours_known(find(name), force, WEEKS_READ):
            yield find(name), window


def _check_known(reader: Reader, force: str, names: Sequence[str]) -> None:
    """Check that everybody who waits is known."""
    for name in names:
        (reading,) = reader.read(name, force=force)
        if reading.state != "live":
            what = f"Nothing can be forecast, because it is not known who waits now. {reading.reason}".strip()
            raise QuestionError(what, where="twin", hint="Try again when the feed is live (page Feeds).")


def _incidents(reader: Reader, rules: Rules, units: int, now: int, events: PlannedEvents) -> IncidentsNow:
    """What is known of incidents and units."""
    force, zone = rules.force, rules.force.zone()
    _check_known(reader, force.name, (_UNRESOURCED,))
    grades = {each.label for each in force.grades if each.response == "immediate"}
    opened, sent, every = (
        reader.hour_counts(find(name), force.name, WEEKS_READ, where)
        for name, where in ((_OPENED, _IMMEDIATE), (_SENT, _IMMEDIATE), (_SENT, {}))
    )
    others = {hour: count - sent[hour] for hour, count in every.items() if hour in sent}
    made = [Forecast(counts, now // HOUR, rules, events.on("incidents")) for counts in (opened, sent, others)]
    local = instant(now).astimezone(zone)
    return IncidentsNow(
        month=month_at(now / SECOND, zone),
        shift=shift_at(local.hour, packaged().incidents),
        units=units,
        waiting=[
            max(now - item.since, 0) / SECOND
            for _, item in reader.open_subjects(force.name, "incident_unresourced")
            if item.dimensions[0] in grades
        ],
        opened=Arrivals(tuple(_stretches(made[0], now)), made[0].dispersion),
        sent=tuple(each for each in happened(made[1], sent, now) if each.start < 0),
        others=Arrivals(tuple(happened(made[2], others, now)), made[2].dispersion),
    )


def happened(made: Forecast, counts: Mapping[int, int], now: int) -> Iterator[Arriving]:
    """The counts of the hours before the present in which units were sent that may be busy still, and then the forecast.

    Args:
        made: the forecast.
        counts: the count of each past hour that the record covers, by its number since 1970.
        now: the present, in microseconds.

    Raises:
        QuestionError: the forecast has no figure for one of the half-hours.
    """
    hour = now // HOUR
    for past in range(hour - BUSY_SECONDS // 3600, hour):
        expected = made.hour(past)
        count = counts.get(past, expected.mean if expected else 0.0)
        yield Arriving((past * HOUR - now) / SECOND, ((past + 1) * HOUR - now) / SECOND, count)
    yield from _stretches(made, now, hour * HOUR)


def _waiting(reader: Reader, force: str, now: int) -> dict[QueueName, list[float]]:
    found: dict[QueueName, list[float]] = {queue: [] for queue in QUEUES}
    for _, item in reader.open_subjects(force, "leg_waiting"):
        line, label, _ = item.dimensions
        if line == "digital":
            continue
        queue: QueueName = "emergency" if line == "999" else "triage" if label == TRIAGE else "local"
        found[queue].append(max(now - item.since, 0) / SECOND)
    return found


def _callbacks(reader: Reader, force: str) -> Iterator[int]:
    """When each caller accepted a callback at triage that has not been tried yet."""
    for _, item in reader.open_subjects(force, "callback_waiting"):
        if item.dimensions[1] == TRIAGE:
            yield item.since


def _arrivals(reader: Reader, rules: Rules, queue: QueueName, now: int, events: PlannedEvents) -> Arrivals:
    (name, where), line = _OFFERED[queue], "999" if queue == "emergency" else "101"
    counts = reader.hour_counts(find(name), rules.force.name, WEEKS_READ, where)
    return arrivals_of(Forecast(counts, now // HOUR, rules, events.on(line)), now)


def arrivals_of(made: Forecast, now: int) -> Arrivals:
    """The calls that a queue can expect, from shortly before the present until the end of the outlook.

    Args:
        made: the forecast of the queue.
        now: the present, in microseconds.

    Raises:
        QuestionError: the forecast has no figure for one of the half-hours.
    """
    return Arrivals(tuple(_stretches(made, now)), made.dispersion)


def _stretches(made: Forecast, now: int, first: int | None = None) -> Iterator[Arriving]:
    """What is expected from a time on; by default, from the beginning of the warm-up."""
    first = now - WARM_UP_SECONDS * SECOND if first is None else first
    last = now + HORIZON_SECONDS * SECOND
    for half in range(first // HALF_HOUR, last // HALF_HOUR + 1):
        expected = made.half_hour(half)
        if expected is None:
            raise QuestionError(made.unknown_words(), where="forecast", hint="Ask again when the record is longer.")
        start, end = ((edge - now) / SECOND for edge in (half * HALF_HOUR, (half + 1) * HALF_HOUR))
        yield Arriving(start, end, expected.mean, made.doubt(half // 2))


def _target(rules: Rules, queue: str, now: int) -> AnswerTarget | None:
    found = rules.leg_target(queue, now)
    if found is None:
        return None
    # A wait of exactly the target meets it if the first time that cannot is later.
    return AnswerTarget(found.seconds, is_inclusive=found.due(0) > found.seconds * SECOND)
