"""The forecast from the state and on the board is the one that the recount gives, written again from section 13 of the semantics."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, repeat
from math import ceil, exp, lgamma, log, log1p, prod
from statistics import mean
from typing import Any, NamedTuple

import msgspec
import pytest
from starlette.applications import Starlette

from alerts.table import FORECAST_999, FORECAST_MADE
from bluelamp.cli.forecast import half_hours
from bluelamp.recount.recount import Recount
from bluelamp.services.forecasts import KEPT_SECONDS, ForecastMetrics
from bluelamp.verify.backtest import backtest, goals_missed, lines
from dashboards.board.app import board
from dashboards.board.shared.content_types import IntervalsAnswer, WhatIfAnswer
from dashboards.board.shared.interval_queues import QUEUES, IntervalQueue
from dashboards.board.whatif.present import parameters_of, present_of
from dashboards.board.whatif.question import WhatIf
from facts.call_taker import CallTakerSignedOff, CallTakerSignedOn, CallTakerStateChanged, TakerState
from facts.contact import ContactAnswered, ContactOffered, Line
from facts.errors import QuestionError
from facts.incident import IncidentClosed, IncidentOpened, UnitDispatched
from facts.planned_event import PlannedEvent, PlannedEvents, parse_events
from facts.union import Topic
from measures.display import words
from measures.forecast import WEEKS_READ, Forecast
from measures.measure import Count
from measures.outcome import KINDS, microseconds
from measures.rules import Rules
from producers.simulate.arrivals import HORIZON_SECONDS, Arriving
from producers.simulate.twin import NO_CHANGE, AnswerTarget, TwinChange
from streams.readings import Reader
from tests.oracle.memory import MemoryReader
from tests.support.asgi import get
from tests.support.begun import FORCE, ZONE, Facts, beats, read_by, recount_of
from tests.support.csv_file import comments_and_rows

BEGINS = datetime(2025, 11, 26, 5, 20, tzinfo=ZONE)
NOW = datetime(2026, 1, 2, 16, 10, 20, tzinfo=ZONE)
"""Five weeks with three bank holidays; then a Friday."""
BANK_HOLIDAYS = {date(2025, 12, 25), date(2025, 12, 26), date(2026, 1, 1)}

WAITING: dict[str, tuple[Line, str, int]] = {
    "first": ("999", "emergency", 7),
    "second": ("101", "triage", 95),
    "third": ("101", "local", 1200),
    "fourth": ("101", "local", 30),
}
"""Who waits now, and since how many seconds."""


class Known(NamedTuple):
    """The same facts in the reader and in the recount, and those of the calls alone, for more readers."""

    reader: MemoryReader
    counted: Recount
    calls: Facts


def calls() -> Iterator[ContactOffered | ContactAnswered]:
    chance, at, number = random.Random(8), BEGINS.astimezone(UTC), 0
    queues: list[tuple[Line, str]] = [("999", "emergency"), ("999", "emergency"), ("101", "triage"), ("101", "local")]
    while at < NOW:
        local = at.astimezone(ZONE)
        line, queue = queues[number % 4]
        same: dict[str, Any] = {"force": FORCE.name, "subject_id": f"c{number}", "queue": queue}
        yield ContactOffered(fact_id=f"{number}", at=at, line=line, **same)
        yield ContactAnswered(fact_id=f"{number}-2", at=min(at + timedelta(seconds=5), NOW), **same)
        gap = 3000 / (1 + local.hour / 8) * (2 if local.date() in BANK_HOLIDAYS else 1)
        at, number = at + timedelta(seconds=round(chance.uniform(1, gap))), number + 1
    for name, (line, queue, _) in WAITING.items():
        same = {"force": FORCE.name, "subject_id": name, "line": line, "queue": queue}
        yield ContactOffered(fact_id=name, at=NOW - timedelta(seconds=WAITING[name][2]), **same)


def handled() -> Iterator[CallTakerSignedOn | CallTakerStateChanged | CallTakerSignedOff]:
    """One call taker from 11:00 to 13:00 each day, who handles 999 calls: quickly before noon, and longer after it."""
    chance, day = random.Random(9), BEGINS.date() + timedelta(days=1)
    while day <= NOW.date():
        at, end = (datetime.combine(day, each, ZONE).astimezone(UTC) for each in (time(11), time(13)))
        same: dict[str, Any] = {"force": FORCE.name, "subject_id": f"t{day}"}
        yield CallTakerSignedOn(fact_id=f"{day}-0", at=at, skill="local_calls", **same)
        for number in count(1):
            if at >= end:
                break
            lasts = round(chance.uniform(50, 250) * (1.4 if at.astimezone(ZONE).hour >= 12 else 1.0))
            yield CallTakerStateChanged(fact_id=f"{day}-{number}", at=at, state="on_contact", queue="emergency", **same)
            at += timedelta(seconds=lasts)
            yield CallTakerStateChanged(fact_id=f"{day}-{number}a", at=at, state="available", **same)
            at += timedelta(seconds=30)
        yield CallTakerSignedOff(fact_id=f"{day}-z", at=at, **same)
        day += timedelta(days=1)


def jobs() -> Iterator[IncidentOpened | UnitDispatched | IncidentClosed]:
    """Every two hours an incident, of Grade 1 every other time, with a unit six minutes later; and one that waits now."""
    at, number = BEGINS.astimezone(UTC), 0
    while at < NOW - timedelta(hours=1):
        same: dict[str, Any] = {"force": FORCE.name, "subject_id": f"j{number}"}
        yield IncidentOpened(fact_id=f"j{number}", at=at, grade=str(1 + number % 2), group="crime", **same)
        yield UnitDispatched(fact_id=f"j{number}-2", at=at + timedelta(minutes=6), unit="u", **same)
        yield IncidentClosed(fact_id=f"j{number}-3", at=at + timedelta(minutes=50), result="attended", **same)
        at, number = at + timedelta(hours=2), number + 1
    same = {"force": FORCE.name, "subject_id": "waits", "grade": "1", "group": "crime"}
    yield IncidentOpened(fact_id="waits", at=NOW - timedelta(seconds=200), **same)


@pytest.fixture(scope="module")
def known() -> Iterator[Known]:
    found: list[tuple[Topic, Any]] = [("contacts", each) for each in calls()]
    of_calls: Facts = (*found, *beats(NOW))
    found += [("call_takers", each) for each in handled()] + [("incidents", each) for each in jobs()]
    facts: Facts = (*found, *beats(NOW))
    with recount_of(facts) as counted:
        yield Known(read_by(facts, NOW), counted, of_calls)


WITH_CALLS = [each for each in QUEUES if each.name != "digital"]


def recounted_hours(counted: Recount, queue: IntervalQueue) -> dict[datetime, int]:
    """The count of each whole hour between the first call of the line and the present."""
    column = queue.columns[0]
    assert isinstance(column.measure.statistic, Count)
    kind = column.measure.statistic.of.kind
    limits = (*column.measure.where.items(), *column.where.items())
    names = KINDS[kind].dimensions
    count, firsts = Counter[datetime](), []
    for each in counted.finished(kind):
        named: dict[str, str] = dict(zip(names, each.dimensions, strict=True))
        at = datetime.fromtimestamp(each.decided / 1e6, UTC)
        if named["line"] == queue.line:
            firsts.append(at)
        if all(named[name] in labels for name, labels in limits):
            count[at.replace(minute=0, second=0, microsecond=0)] += 1
    hour = min(firsts).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    hours = {}
    while hour + timedelta(hours=1) <= NOW:
        hours[hour] = count[hour]
        hour += timedelta(hours=1)
    return hours


def place(hour: datetime) -> tuple[int, int]:
    local = hour.astimezone(ZONE)
    return local.weekday(), local.hour


def is_bank_holiday(hour: datetime) -> bool:
    return hour.astimezone(ZONE).date() in BANK_HOLIDAYS


def touches(event: PlannedEvent, at: datetime, minutes: int) -> bool:
    return event.start < at + timedelta(minutes=minutes) and at < event.end


class Written:
    """The forecast of section 13, from an origin."""

    def __init__(self, hours: Mapping[datetime, int], origin: datetime, events: Sequence[PlannedEvent] = ()) -> None:
        past = {at: count for at, count in hours.items() if origin - timedelta(weeks=9) <= at < origin}
        places = {at: place(at) for at in past}
        apart = {at for at in past if any(touches(event, at, 60) for event in events)}
        ordinary = [at for at in past if not is_bank_holiday(at) and at not in apart]
        values: dict[tuple[int, int], list[int]] = {}
        for at in ordinary:
            values.setdefault(places[at], []).append(past[at])
        self.usual: dict[tuple[int, int], float] = {key: mean(found) for key, found in values.items()}
        self.number: dict[tuple[int, int], int] = {key: len(found) for key, found in values.items()}
        weights = {
            at: 0.5 ** ((origin - at) / timedelta(weeks=1)) for at in ordinary if origin - at <= timedelta(weeks=4)
        }
        expected = sum(weight * self.usual[places[at]] for at, weight in weights.items())
        self.level: float = sum(weight * past[at] for at, weight in weights.items()) / expected
        holidays = [at for at in past if is_bank_holiday(at) and at not in apart]
        usual = sum(self.usual[places[at]] for at in holidays)
        self.factor: float = sum(past[at] for at in holidays) / usual if holidays else 1.0

    def hour(self, hour: datetime) -> float:
        """The expected count of an hour."""
        return self.usual[place(hour)] * self.level * (self.factor if is_bank_holiday(hour) else 1.0)


@pytest.mark.parametrize("queue", WITH_CALLS, ids=[each.name for each in WITH_CALLS])
def test_the_hours_that_a_forecast_is_made_from_are_those_of_the_recount(known: Known, queue: IntervalQueue) -> None:
    column = queue.columns[0]
    counts = known.reader.hour_counts(column.measure, FORCE.name, WEEKS_READ, column.where)
    assert {datetime.fromtimestamp(3600 * hour, UTC): n for hour, n in counts.items()} == recounted_hours(
        known.counted, queue
    )
    assert min(counts.values()) < 3 < max(counts.values())


def fetch(known: Known, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get(board(known.reader, FORCE.name), "/api/intervals/999", query).text)
    return found


def test_the_page_shows_the_forecast_made_at_midnight_next_to_each_half_hour(known: Known) -> None:
    found = fetch(known)
    assert msgspec.convert(found, IntervalsAnswer).forecast
    hours = recounted_hours(known.counted, QUEUES[0])
    midnight = datetime.combine(NOW.date(), time(), ZONE).astimezone(UTC)
    written = Written(hours, midnight)
    means = [written.hour(midnight + timedelta(hours=hour)) for hour in range(24)]
    # The hour before is on New Year's Day, and counts as one of an ordinary day.
    means = [written.usual[3, 23] * written.level, *means, written.hour(midnight + timedelta(hours=24))]
    slopes = [(after - before) / 16 for before, after in zip(means, means[2:], strict=False)]
    halves = [part for m, slope in zip(means[1:], slopes, strict=False) for part in (m / 2 - slope, m / 2 + slope)]
    assert [each["forecast"]["mean"] for each in found["intervals"]] == pytest.approx(halves)
    rows, column = found["table"]["rows"], found["table"]["columns"][-1]
    assert (column["title"], column["brief"]) == ("Forecast of offered", "made at midnight")
    for row, interval, half in zip(rows, found["intervals"], halves, strict=False):
        expected = interval["forecast"]
        assert row["cells"][-1]["text"] == f"{half:,.1f} ({expected['low']} to {expected['high']})"
    totals = {row["label"]: row["cells"][-1]["text"] for row in rows if row["total"]}
    assert totals == {"Total to 16:00": f"{sum(halves[:32]):,.1f}", "Whole day": f"{sum(halves):,.1f}"}
    assert "Forecast: made at the start of Fri 2 Jan 2026, from the 5 weeks of hours before it." in " ".join(
        found["says"]
    )


def test_the_page_shows_the_error_of_the_days_before_and_that_of_the_week_before(known: Known) -> None:
    found, hours = fetch(known), recounted_hours(known.counted, QUEUES[0])
    midnight = datetime.combine(NOW.date(), time(), ZONE).astimezone(UTC)
    errors, naive = [], []
    for back in range(1, 9):  # the days before these had not yet four weeks of hours before them
        origin = midnight - timedelta(days=back)
        written = Written(hours, origin)
        for hour in (origin + timedelta(hours=number) for number in range(24)):
            errors.append(abs(hours[hour] - written.hour(hour)))
            naive.append(abs(hours[hour] - hours[hour - timedelta(weeks=1)]))
    score = found["forecast"]["score"]
    assert (found["forecast"]["weeks"], score["cases"]) == (5, 8 * 24)
    assert (score["error"], score["naive_error"]) == (pytest.approx(mean(errors)), pytest.approx(mean(naive)))
    assert 0.6 < score["inside"] <= 1
    (line,) = [each for each in found["says"] if each.startswith("Over the 14 days before")]
    assert f"wrong by {score['error']:.1f} contacts an hour" in line
    assert f"a week earlier was wrong by {score['naive_error']:.1f}" in line


def times_of(counted: Recount, origin: datetime) -> dict[datetime, list[int]]:
    """The handling times of each hour before an origin, by its start; empty for an hour in which nothing was handled."""
    begins = datetime.combine(BEGINS.date() + timedelta(days=1), time(11), ZONE).astimezone(UTC)
    hours: dict[datetime, list[int]] = {
        begins + timedelta(hours=number): [] for number in range((origin - begins) // timedelta(hours=1))
    }
    for each in counted.finished("handled"):
        at = datetime.fromtimestamp(each.decided // 3_600_000_000 * 3600, UTC)
        if at in hours:
            hours[at].append(each.value)
    return hours


def mean_of_one_over(expected: float, dispersion: float) -> float:
    """The mean of 1/n for n from 5 on, with the distribution of section 13."""
    if dispersion == 0:
        chances = {n: exp(n * log(expected) - expected - lgamma(n + 1)) for n in range(5, 150)}
    else:
        size = 1 / dispersion
        of_n = {n: lgamma(n + size) - lgamma(size) - lgamma(n + 1) for n in range(5, 150)}
        share = expected / (size + expected)
        chances = {n: exp(each + n * log(share) + size * log1p(-share)) for n, each in of_n.items()}
    return sum(each / n for n, each in chances.items()) / sum(chances.values())


def test_the_forecast_of_handling_time_is_that_of_section_13(known: Known) -> None:
    origin = datetime.combine(NOW.date(), time(), ZONE).astimezone(UTC)
    hours = times_of(known.counted, origin)
    full = {at: each for at, each in hours.items() if each}
    spans = [each for found in full.values() for each in found]
    by_place: dict[tuple[int, int], list[list[int]]] = {}
    for at, found in full.items():
        by_place.setdefault(place(at), []).append(found)
    together = {key: [each for found in parts for each in found] for key, parts in by_place.items()}
    within = sum(len(each) * (mean(each) - mean(together[place(at)])) ** 2 for at, each in full.items())
    within /= len(full) - len(together)
    between = (
        sum(len(each) * (mean(each) - mean(spans)) ** 2 for each in together.values()) - (len(together) - 1) * within
    )
    between /= len(spans) - sum(len(each) ** 2 for each in together.values()) / len(spans)
    assert between > 0, "afternoons take longer"
    towards = within / between
    usual = {key: (sum(each) + towards * mean(spans)) / (len(each) + towards) for key, each in together.items()}
    weights = {at: 0.5 ** ((origin - at) / timedelta(weeks=1)) for at in full if origin - at <= timedelta(weeks=4)}
    level = sum(weight * sum(full[at]) for at, weight in weights.items())
    level /= sum(weight * len(full[at]) * usual[place(at)] for at, weight in weights.items())
    made_at_midnight = [each["forecast_handling"] for each in fetch(known)["intervals"]]
    means = [usual.get((4, half // 2), mean(spans)) * level for half in range(48)]  # a Friday
    assert [each["mean"] for each in made_at_midnight] == pytest.approx(means)
    shown = fetch(known)["table"]["rows"][22]["cells"][-2]["text"]
    figures = [60 * int(minutes) + int(seconds) for minutes, seconds in re.findall(r"(\d+):(\d\d)", shown)]
    assert figures == pytest.approx([made_at_midnight[22][each] for each in ("mean", "low", "high")], abs=0.51)
    counts = {int(at.timestamp()) // 3600: len(each) for at, each in hours.items()}
    made = Forecast(counts, int(origin.timestamp()) // 3600, Rules(FORCE))
    scaled = []
    for at, each in full.items():
        expected = usual[place(at)] * level
        if len(each) >= 5:
            sigma = log1p(within * level**2 / expected**2 / len(each)) ** 0.5
            scaled.append(abs(log(mean(each) / expected) + sigma**2 / 2) / sigma)
    reach = sorted(scaled)[ceil(0.8 * len(scaled)) - 1]
    assert 1 < reach < 1.6
    for half in (22, 25):
        contacts = made.half_hour(int(origin.timestamp()) // 1800 + half)
        assert contacts is not None
        sigma = log1p(within * level**2 / means[half] ** 2 * mean_of_one_over(contacts.mean, made.dispersion)) ** 0.5
        middle = means[half] * exp(-(sigma**2) / 2)
        assert made_at_midnight[half]["low"] == pytest.approx(middle * exp(-reach * sigma), rel=1e-4)
        assert made_at_midnight[half]["high"] == pytest.approx(middle * exp(reach * sigma), rel=1e-4)


def test_the_error_of_forecasts_of_handling_time_is_below_that_of_the_week_before(known: Known) -> None:
    found = fetch(known)
    score = found["forecast_handling"]["score"]
    assert score["error"] < score["naive_error"]
    assert f"wrong by {words(score['error'], 'seconds')} on average" in " ".join(found["says"])
    (tested,) = [
        each for each in backtest(known.counted, Rules(FORCE)) if each.figure == "handling time" and each.score
    ]
    assert tested.queue == "999"
    assert tested.score is not None
    assert tested.score.cases > 15
    assert tested.score.error < tested.score.naive_error
    first, *_ = half_hours(known.reader, FORCE.name, QUEUES[0], 1)
    expected = [each["forecast_handling"]["mean"] for each in found["intervals"]][32]
    assert first.handling_seconds == pytest.approx(expected, rel=0.05), "from the present, and not from midnight"
    present = present_of(known.reader, FORCE.name, WhatIf(8, 3, NO_CHANGE))
    assert present.handling_seconds["emergency"] == pytest.approx(expected, rel=0.2)
    assert set(present.handling_seconds) == {"emergency"}, "nothing is known of the other queues"


EVENTS = parse_events(
    """start,end,line,percent,name
2025-12-19 13:30,2025-12-19 16:00,999,150,Match
2025-12-27 14:00,2025-12-27 16:00,999,150,Match
2025-12-27 15:00,2025-12-27 16:00,999,150,Parade
2026-01-02 17:00,2026-01-02 19:30,999,125,Match
2026-01-02 19:00,2026-01-02 20:30,999,50,Parade
2026-01-02 17:30,2026-01-02 18:30,101,300,Sale
2026-01-02 17:00,2026-01-02 19:00,incidents,200,Match
""",
    "planned.csv",
    FORCE,
)
ON_999 = [each for each in EVENTS.listed if each.line == "999"]


def with_events(known: Known, events: PlannedEvents = EVENTS) -> Starlette:
    return board(known.reader, FORCE.name, events=lambda: events)


def test_planned_events_multiply_the_forecast_and_past_ones_are_left_out_of_what_is_usual(known: Known) -> None:
    found = json.loads(get(with_events(known), "/api/intervals/999").text)
    hours = recounted_hours(known.counted, QUEUES[0])
    midnight = datetime.combine(NOW.date(), time(), ZONE).astimezone(UTC)
    written, without = Written(hours, midnight, ON_999), fetch(known)["intervals"]
    percents = {34: (125,), 35: (125,), 36: (125,), 37: (125,), 38: (125, 50), 39: (50,), 40: (50,)}
    for half, each in enumerate(found["intervals"]):
        assert [event["percent"] for event in each["events"]] == [*percents.get(half, ())]
        assert (each["forecast"]["low"] is None) == (half in percents)
    assert found["intervals"][38]["events"] == [{"name": "Match", "percent": 125}, {"name": "Parade", "percent": 50}]
    past = PlannedEvents(tuple(each for each in EVENTS.listed if each.end < midnight))
    usual = json.loads(get(with_events(known, past), "/api/intervals/999").text)["intervals"]
    factors = [prod(each / 100 for each in percents.get(half, ())) for half in range(48)]
    means = [each["forecast"]["mean"] * factor for each, factor in zip(usual, factors, strict=True)]
    assert [each["forecast"]["mean"] for each in found["intervals"]] == pytest.approx(means)
    for first, factor in ((34, 1.25), (36, 1.25), (20, 1.0)):
        hour = sum(each["forecast"]["mean"] for each in found["intervals"][first : first + 2])
        assert hour == pytest.approx(written.hour(midnight + timedelta(minutes=30 * first)) * factor)
    assert found["intervals"][20]["forecast"] != without[20]["forecast"], (
        "the level does not count the hours of past events"
    )
    said, notes = " ".join(found["says"]), " ".join(found["table"]["notes"])
    matches = [datetime(2025, 12, day, 14, tzinfo=ZONE).astimezone(UTC) for day in (19, 27)]
    places = [[matches[0], matches[0] + timedelta(hours=1)], [matches[1]]]  # the other hour has two events
    brought = [sum(hours[at] for at in each) / sum(written.usual[place(at)] for at in each) for each in places]
    assert (
        "Planned event: Match, Fri 2 Jan 17:00 to 19:30, 125% of the usual number expected. "
        f"Past events of this name brought {brought[0]:.0%} (19 Dec), {brought[1]:.0%} (27 Dec)." in said
    )
    assert "50% of the usual number expected. The weeks before have no event of this name to compare with." in said
    assert "Match: 125% of the usual number, as planned. No range: it is an estimate." in notes
    whole = json.loads(get(with_events(known), "/api/intervals/101").text)["intervals"]
    assert [each["events"] for each in whole[34:38]] == [[], *repeat([{"name": "Sale", "percent": 300}], 2), []]


def test_scores_leave_planned_events_out_and_the_week_after_them(known: Known) -> None:
    score = json.loads(get(with_events(known), "/api/intervals/999").text)["forecast"]["score"]
    # Three hours of the 26th are a week after the match of the 19th: it began at half past one. Two are on the 27th.
    assert score["cases"] == 8 * 24 - 3 - 2
    tested = {each.queue: each.score for each in backtest(known.counted, Rules(FORCE), events=EVENTS)}
    plain = {each.queue: each.score for each in backtest(known.counted, Rules(FORCE))}
    assert tested.keys() == plain.keys()
    (queue,) = (
        each
        for each in backtest(known.counted, Rules(FORCE), events=EVENTS)
        if each.title == "999" and each.figure == "contacts"
    )
    assert queue.score is not None
    assert queue.score.cases == 8 * 48 - 6 - 4


def test_the_command_the_twin_and_the_alert_use_planned_events(known: Known) -> None:
    hours = recounted_hours(known.counted, QUEUES[0])
    at_17 = datetime(2026, 1, 2, 17, tzinfo=ZONE).astimezone(UTC)
    expected = Written(hours, datetime(2026, 1, 2, 16, tzinfo=ZONE).astimezone(UTC), ON_999).hour(at_17) * 1.25
    rows = [each for each in half_hours(known.reader, FORCE.name, QUEUES[0], 6, EVENTS) if each.start.hour == 17]
    assert sum(each.expected or 0 for each in rows) == pytest.approx(expected)
    assert rows[0].note == "Match: 125% of the usual number, as planned. No range: it is an estimate."
    usual, planned = (
        present_of(known.reader, FORCE.name, WhatIf(8, 3, NO_CHANGE, units=50), each)
        for each in (PlannedEvents(), EVENTS)
    )
    by_start = {each.start: each.expected for each in planned.arrivals["emergency"].stretches}
    assert by_start[2980.0] + by_start[4780.0] == pytest.approx(expected)
    for queue in ("triage", "local"):
        before, after = (
            {each.start: each.expected for each in made.arrivals[queue].stretches} for made in (usual, planned)
        )
        assert {start for start in before if after[start] == pytest.approx(3 * before[start])} == {4780.0, 6580.0}
    assert usual.incidents is not None
    assert planned.incidents is not None
    opened = [sum(each.expected for each in made.opened.stretches) for made in (usual.incidents, planned.incidents)]
    assert opened[1] > 1.3 * opened[0]
    says = json.loads(get(with_events(known), "/api/whatif", "local=8&triage=3&units=50").text)["says"]
    brief = json.loads(get(with_events(known), "/api/whatif", "local=8&triage=3").text)["brief"]
    assert brief.endswith("%). It allows for Match and Sale.")
    assert any("Match (999, 125%), Match (incidents, 200%), Sale (101, 300%)." in each for each in says)


def test_a_file_of_events_that_cannot_be_used_leaves_no_forecast(known: Known) -> None:
    wrong = PlannedEvents(error="The file of events is not valid: north.csv, line 2: '2%' is not a percentage.")
    found = json.loads(get(with_events(known, wrong), "/api/intervals/999").text)
    assert {each["forecast"] for each in found["intervals"]} == {None}
    assert f"Forecast: unknown. {wrong.error}" in found["says"]
    with pytest.raises(QuestionError, match="line 2"):
        present_of(known.reader, FORCE.name, WhatIf(8, 3, NO_CHANGE), wrong)


def test_a_day_with_too_little_record_before_it_has_no_forecast(known: Known) -> None:
    found = fetch(known, "day=2025-12-21")
    assert {row["cells"][-1]["text"] for row in found["table"]["rows"]} == {"unknown"}
    assert {each["forecast"] for each in found["intervals"]} == {None}
    assert "A forecast needs at least 4 weeks of hours; the record has 3." in " ".join(found["says"])
    assert "A forecast needs at least 4 weeks" in " ".join(found["table"]["notes"])


def test_a_bank_holiday_says_what_it_is_forecast_from(known: Known) -> None:
    found = fetch(known, "day=2026-01-01")
    assert not any("to" in row["cells"][-1]["text"] for row in found["table"]["rows"])
    assert "Bank holiday: forecast from the bank holidays in the weeks before" in " ".join(found["table"]["notes"])
    assert found["intervals"][30]["forecast"]["low"] is None


def test_the_file_has_the_forecast(known: Known) -> None:
    _, (names, *rows) = comments_and_rows(get(board(known.reader, FORCE.name), "/csv/intervals/999").text)
    cells = [dict(zip(names, row, strict=True)) for row in rows]
    values = [float(each["value"]) for each in cells if each["column"] == "Forecast of offered"][:48]
    assert values == pytest.approx([each["forecast"]["mean"] for each in fetch(known)["intervals"]])


def test_the_command_forecasts_from_the_present_hour(known: Known) -> None:
    hours = recounted_hours(known.counted, QUEUES[0])
    origin = datetime(2026, 1, 2, 16, tzinfo=ZONE).astimezone(UTC)
    first, second, *_ = found = list(half_hours(known.reader, FORCE.name, QUEUES[0], 24))
    assert (len(found), first.start, first.note) == (48, origin, "")
    assert first.expected is not None
    assert second.expected is not None
    assert first.expected + second.expected == pytest.approx(Written(hours, origin).hour(origin))
    digital, *_ = half_hours(known.reader, FORCE.name, QUEUES[-1], 24)
    assert (digital.expected, digital.note) == (None, "A forecast needs at least 4 weeks of hours; the record has 0.")


def test_the_backtest_compares_with_the_recount_and_says_what_it_could_not_test(known: Known) -> None:
    every = backtest(known.counted, Rules(FORCE))
    found = {each.queue: each for each in every if each.figure == "contacts"}
    emergency = found["999"]
    assert emergency.score is not None
    assert (emergency.days, emergency.first) == (8, date(2025, 12, 25))
    assert emergency.score.cases == 8 * 48
    assert (found["digital"].score, found["digital"].days) == (None, 0)
    text = list(lines(found.values()))
    assert text[-1] == "Digital: no forecast. It needs more than 4 weeks of hours; the record has 0 whole weeks."
    assert text[2].startswith("| 999 | 8 | 384 | ")
    assert not [each for each in goals_missed(found.values()) if "error" in each]


def test_the_twin_begins_with_who_waits_and_what_is_expected(known: Known) -> None:
    present = present_of(known.reader, FORCE.name, WhatIf(8, 3, NO_CHANGE))
    assert {queue: sorted(each) for queue, each in present.waiting.items()} == {
        "emergency": [7.0],
        "triage": [95.0],
        "local": [30.0, 1200.0],
    }
    hours = recounted_hours(known.counted, QUEUES[0])
    written = Written(hours, datetime(2026, 1, 2, 16, tzinfo=ZONE).astimezone(UTC))
    stretches = present.arrivals["emergency"].stretches
    assert [each.start for each in stretches[:2]] == [-4220.0, -2420.0], "the half-hours from 15:00 and 15:30"
    hour_from_17 = next(place for place, each in enumerate(stretches) if each.start == 2980.0)
    halves = stretches[hour_from_17 : hour_from_17 + 2]
    at_17 = datetime(2026, 1, 2, 17, tzinfo=ZONE).astimezone(UTC)
    expected = written.hour(at_17)
    assert sum(each.expected for each in halves) == pytest.approx(expected)
    doubt = 1 / (expected * written.number[place(at_17)])
    assert [each.doubt for each in halves] == pytest.approx([doubt, doubt])
    assert stretches[-1].end >= HORIZON_SECONDS
    assert present.target == AnswerTarget(10, is_inclusive=False)


def test_the_twin_begins_with_the_incidents_that_wait_and_the_units_that_were_sent(known: Known) -> None:
    now = present_of(known.reader, FORCE.name, WhatIf(8, 3, NO_CHANGE, units=50)).incidents
    assert now is not None
    assert (now.units, now.waiting, now.shift) == (50, [200.0], 1)
    sent = {1: Counter[float](), 2: Counter[float]()}
    for number, each in enumerate(each for each in jobs() if isinstance(each, UnitDispatched)):
        hour = each.at.replace(minute=0, second=0)
        sent[1 + number % 2][(hour - NOW).total_seconds()] += 1
    past = {each.start: each.expected for each in now.sent if each.start < -700}
    assert past == {start: sent[1][start] for start in past}
    assert len(past) == 6
    assert sum(past.values()) > 0
    others = {each.start: each.expected for each in now.others.stretches if each.start in past}
    assert others == {start: sent[2][start] for start in past}
    ahead = sum(each.expected for each in now.opened.stretches if -700 <= each.start < 6500)
    week_before = [
        each.at - NOW + timedelta(weeks=1) for each in jobs() if isinstance(each, IncidentOpened) and each.grade == "1"
    ]
    assert ahead == pytest.approx(sum(-700 <= each.total_seconds() < 6500 for each in week_before), rel=0.1)


def ask(known: Known, query: str) -> tuple[int, dict[str, Any]]:
    answer = get(board(known.reader, FORCE.name), "/api/whatif", query)
    return answer.status, json.loads(answer.text)


def _range_of(spread: dict[str, float]) -> str:
    return "{} ({} to {})".format(*(words(spread[name], "ratio") for name in ("middle", "low", "high")))


def test_the_page_compares_the_outlook_with_a_change_and_says_that_it_is_a_forecast(known: Known) -> None:
    status, found = ask(known, "local=8&triage=3&units=50&more_local=-2&more_units=-49&busier=20&close=101&at=16:00")
    assert (status, msgspec.convert(found, WhatIfAnswer).is_forecast) == (200, True)
    assert found["says"][1].startswith("It begins with the 4 callers waiting now.")
    assert (
        "from now on: 2 fewer call takers for 999 and 101 after triage, 49 fewer units, 20% more calls and incidents, 101, both queues closed to new"
        in found["says"][5]
    )
    with_change, usual = (_range_of(found[name]["within_target"]) for name in ("changed", "usual"))
    assert found["says"][0].startswith(
        f"FORECAST of the next 2 hours, not a live figure: 999 within 10 s {with_change} with 2 fewer"
    )
    assert f" from now on, and {usual} if nothing changes. Longest wait, 101 after triage: " in found["says"][0]
    assert [each["title"] for each in found["table"]["columns"]] == [
        "If nothing changes",
        "With the change",
        "Difference",
    ]
    assert {each["brief"] for each in found["table"]["columns"]} == {"forecast"}
    rows = {row["label"]: [cell["text"] for cell in row["cells"]] for row in found["table"]["rows"]}
    for name in ("usual", "changed"):
        spread = found[name]["longest_seconds"]["local"]
        assert 1200 <= spread["low"] <= spread["middle"] <= spread["high"]
    middle = found["usual"]["within_target"]["middle"]
    assert rows["999 answered within target"][0].startswith(f"{words(middle, 'ratio')} (")
    assert rows["999 answered within target"][2].endswith(" pp")
    assert found["brief"].startswith(f"Forecast, next 2 hours: 999 within 10 s {words(middle, 'ratio')} (")
    assert "; with 2 fewer call takers on, " in found["brief"]
    assert found["difference"]["longest_seconds"]["local"]["middle"] > 0, "with two fewer, somebody waits longer"
    grade_1 = found["usual"]["unresourced"]
    assert grade_1["low"] >= 1, "one waits already"
    middle, low, high = (f"{grade_1[name]:.0f}" for name in ("middle", "low", "high"))
    assert rows["Grade 1 with no unit for 2 min, the most at one time"][0] == f"{middle} ({low} to {high})"
    assert found["changed"]["unresourced"]["high"] >= grade_1["high"]
    assert "Units on duty: 50 units, as you say. Grade 1 incidents with no unit now: 1." in found["says"][4]


def at_work(number: int, skill: str, state: TakerState) -> Iterator[CallTakerSignedOn | CallTakerStateChanged]:
    """A call taker who signed on an hour ago and has been in a state since."""
    at, name = NOW - timedelta(hours=1, minutes=number), f"{skill}{number}"
    same: dict[str, Any] = {"force": FORCE.name, "subject_id": name, "at": at}
    yield CallTakerSignedOn(fact_id=name, skill=skill, **same)
    yield CallTakerStateChanged(fact_id=f"{name}-2", state=state, **same)


def test_how_many_call_takers_are_on_comes_from_the_record_and_is_never_guessed(known: Known) -> None:
    status, found = ask(known, "local=8")
    assert (status, found["title"]) == (404, "Nobody is on by the record, so how many call takers are on is not known.")
    assert "the record does not say" in found["detail"]
    free: TakerState = "available"
    resting: TakerState = "on_break"
    states = [*repeat(free, 6), *repeat(resting, 2)]
    takers = [each for number, state in enumerate(states) for each in at_work(number, "local_calls", state)]
    takers += [each for number in range(2) for each in at_work(number, "triage", "available")]
    begun: list[tuple[Topic, Any]] = [("call_takers", each) for each in takers]
    with_takers = read_by((*begun, *known.calls), NOW)
    present = present_of(with_takers, FORCE.name, WhatIf(None, None, NO_CHANGE))
    assert (present.local, present.triage) == (6, 2)
    assert present_of(with_takers, FORCE.name, WhatIf(None, 5, NO_CHANGE)).triage == 5
    says = json.loads(get(board(with_takers, FORCE.name), "/api/whatif").text)["says"][2]
    assert "for 999 and 101 after triage: 6 by the record. At triage: fewer than 3 by the record." in says
    with pytest.raises(QuestionError, match="would leave fewer than 1 call takers"):
        present_of(with_takers, FORCE.name, WhatIf(None, None, TwinChange(local=-6)))


def test_now_shows_the_outlook_of_999_in_one_sentence_or_why_there_is_none(known: Known) -> None:
    page = get(board(known.reader, FORCE.name), "/").text
    assert page.count('data-address="/api/outlook"') == 1
    says = json.loads(get(board(known.reader, FORCE.name), "/api/outlook").text)["says"]
    assert says.startswith("No forecast of the next hour. Nobody is on by the record")
    takers = [each for number in range(8) for each in at_work(number, "local_calls", "available")]
    takers += [each for number in range(3) for each in at_work(number, "triage", "available")]
    begun: list[tuple[Topic, Any]] = [("call_takers", each) for each in takers]
    served = board(read_by((*begun, *known.calls), NOW), FORCE.name)
    says = json.loads(get(served, "/api/outlook").text)["says"]
    assert re.match(
        r"Forecast, next hour: 999 within 10 s \d+\.\d% \(\d+\.\d% to \d+\.\d%\); with 2 fewer call takers on, \d+\.\d% \(\d+\.\d% to \d+\.\d%\)\.",
        says,
    )
    # "Can I let two go at five?" is answered two clicks after Now.
    assert 'href="/whatif?more_local=-2"' in get(served, "/").text
    asked = get(served, "/whatif", "more_local=-2").text
    assert '<details class="own still">' in asked, "the form does not keep the answer off the screen"
    (query,) = re.findall(r'href="/whatif\?([^"]+)">2 fewer for 999 at 17:00<', asked)
    answer = json.loads(get(served, "/api/whatif", query.replace("&amp;", "&")).text)["says"][0]
    share = r"\d+\.\d% \(\d+\.\d% to \d+\.\d%\)"
    change = "2 fewer call takers for 999 and 101 after triage from 17:00 on"
    assert re.search(rf": 999 within 10 s {share} with {change}, and {share} if nothing changes\.", answer)


def test_the_exporter_says_how_likely_the_standard_is_to_be_missed_or_nothing(known: Known) -> None:
    """There is no figure before the first forecast, while the record does not say who is on, or once the forecast is old."""
    few = list(at_work(0, "local_calls", "available"))
    many = [each for number in range(20) for each in at_work(number, "local_calls", "available")]
    triage = [each for number in range(3) for each in at_work(number, "triage", "available")]
    begun: list[list[tuple[Topic, Any]]] = [[("call_takers", each) for each in (*on, *triage)] for on in (few, many)]
    # Without the caller who waits on 999: while somebody waits, no call taker is free, and one call in five would be late.
    without = [(topic, fact) for topic, fact in known.calls if getattr(fact, "subject_id", "") != "first"]
    readers = [known.reader, *(read_by((*each, *without), NOW) for each in begun)]
    found, clock = [], [0.0]
    for reader in readers:
        metrics = ForecastMetrics(reader, lambda: clock[0], runs=12)
        assert samples(metrics) == {}
        metrics.renew()
        found.append(samples(metrics))
        clock[0] += KEPT_SECONDS
        assert samples(metrics) == {FORECAST_MADE: 1.0}
    unknown, short, enough = found
    assert unknown == {FORECAST_MADE: 1.0}
    assert short[FORECAST_999] > 0.5
    assert enough[FORECAST_999] < short[FORECAST_999] - 0.25
    expected = sum(each.expected for each in present_of_hour(readers[2]))
    assert enough[f"{FORECAST_999}_n"] == pytest.approx(expected, rel=0.35)
    event = PlannedEvent(NOW - timedelta(hours=2), NOW + timedelta(hours=2), "999", 400, "Match")
    metrics = ForecastMetrics(readers[2], lambda: 0.0, runs=12, events={FORCE.name: lambda: PlannedEvents((event,))})
    metrics.renew()
    assert samples(metrics)[f"{FORECAST_999}_n"] > 2.5 * enough[f"{FORECAST_999}_n"]


def samples(metrics: ForecastMetrics) -> dict[str, float]:
    """The value of each sample. All belong to the force."""
    found = [each for family in metrics.collect() for each in family.samples]
    assert {each.labels["force"] for each in found} <= {FORCE.name}
    return {each.name: each.value for each in found}


def present_of_hour(reader: Reader) -> Iterator[Arriving]:
    """The 999 calls that are expected in the next hour."""
    for each in present_of(reader, FORCE.name, WhatIf(None, None, NO_CHANGE)).arrivals["emergency"].stretches:
        share = max(min(each.end, 3600) - max(each.start, 0), 0) / (each.end - each.start)
        yield each._replace(expected=each.expected * share)


def test_one_outlook_serves_every_page_that_asks_within_half_a_minute(known: Known) -> None:
    served, times = board(known.reader, FORCE.name), {}
    for seconds, query in ((0, "local=8&triage=3"), (9, "triage=3&local=8"), (10, "local=9&triage=3")):
        known.reader.moment = microseconds(NOW + timedelta(seconds=seconds))
        times[seconds] = json.loads(get(served, "/api/whatif", query).text)["as_of"]
    known.reader.moment = microseconds(NOW)
    assert times[0] == times[9] < times[10]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("local=8&triage=3&more_local=-8", "more_local", "would leave fewer than 1 call takers"),
        ("local=8&triage=3&more_triage=-4", "more_triage", "would leave fewer than 0 call takers"),
        ("local=0&triage=3", "local", "Give a whole number from 1 to 200."),
        ("local=many&triage=3", "local", "Give a whole number from 1 to 200."),
        ("local=8&triage=3&busier=1e3", "busier", "Give a whole number from -90 to 300."),
        ("local=8&triage=3&busier=-95", "busier", "Give a whole number from -90 to 300."),
        ("local=8&triage=3&units=5&more_units=-6", "more_units", "would leave fewer than 0 units"),
        ("local=8&triage=3&more_units=-6", "more_units", "Give the number on duty as well."),
        ("local=8&triage=3&close=999", "close", "Give triage, post_triage, 101, or nothing."),
        ("local=8&triage=3&at=25:00", "at", "Give it as 16:00."),
        ("local=\u0668&triage=3", "local", "Give a whole number from 1 to 200."),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_next_to_its_field(
    known: Known, query: str, field: str, said: str
) -> None:
    page, (status, found) = get(board(known.reader, FORCE.name), "/whatif", query), ask(known, query)
    assert (page.status, status) == (400, 404)
    assert f'aria-describedby="{field}-error' in page.text
    assert '<details class="own still" open>' in page.text
    assert said in page.text
    assert said in found["title"] + found["detail"]


def test_there_is_no_outlook_while_a_feed_is_silent_or_the_record_is_short(known: Known) -> None:
    known.reader.moment = microseconds(NOW + timedelta(minutes=20))
    try:
        status, found = ask(known, "local=8&triage=3")
    finally:
        known.reader.moment = microseconds(NOW)
    assert status == 404
    assert found["title"].startswith(
        "Nothing can be forecast, because it is not known who waits now. Not live since 2 January 2026 at 16:10:20"
    )
    young = read_by(beats(NOW), NOW)
    with pytest.raises(QuestionError, match="A forecast needs at least"):
        present_of(young, FORCE.name, WhatIf(8, 3, NO_CHANGE))


def test_a_force_without_a_calibration_has_no_outlook() -> None:
    with pytest.raises(QuestionError, match="how long callers of elsewhere wait"):
        parameters_of("elsewhere")


@pytest.mark.parametrize(
    ("at", "seconds"), [("16:00", 0.0), ("17:00", 2980.0), ("18:10", 7180.0), ("15:30", None), ("19:00", None)]
)
def test_a_change_begins_at_its_local_time_within_two_hours(at: str, seconds: float | None) -> None:
    question = WhatIf(8, 3, TwinChange(local=-2), time.fromisoformat(at))
    if seconds is None:
        with pytest.raises(QuestionError, match=f"{at} is not within the next 2 hours"):
            question.timed(NOW, ZONE)
    else:
        assert question.timed(NOW, ZONE).change == TwinChange(local=-2, after_seconds=seconds)
