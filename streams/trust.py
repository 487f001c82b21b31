"""Reads how far each feed and area can be trusted: what is missing, from the state and the workers' own counts."""

from collections.abc import Iterator

from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric

from facts.force import NONE, UNLISTED, Feed
from facts.union import Topic
from measures.catalogue import CATALOGUE
from measures.measure import External, Measure, Where
from measures.reading import Reading
from measures.trust import (
    CASES,
    CONTRADICTIONS,
    INCOMPLETES,
    UNRECORDED,
    WINDOW,
    Missing,
    TrustRow,
    ranked,
    unlisted,
    width,
    words_of,
)
from streams.readings import Reader

_AREA_TOPICS: tuple[Topic, ...] = ("incidents", "occurrences")
"""The topics whose cases have an area."""
_QUARANTINED = "quarantined_"


class Trust(Struct, frozen=True):
    """What is missing from a force's record over the last day.

    Attributes:
        feeds: one row for each feed, the least complete first.
        areas: one row for each area, likewise.
        readings: the figures with unrecorded outcomes, the widest bounds first.
    """

    feeds: list[TrustRow]
    areas: list[TrustRow]
    readings: list[Reading]


def read_trust(reader: Reader, force: str) -> Trust:
    """What is missing from a force's record over the last day.

    Args:
        reader: reads the state.
        force: the name of the force.
    """
    return Trust(
        ranked(_feed(reader, force, feed) for feed in reader.rules[force].force.feeds),
        ranked(_areas(reader, force)),
        _lacking(reader, force),
    )


def trust_families(reader: Reader) -> Iterator[Metric]:
    """A gauge of each missing share of each feed of each force."""
    share = GaugeMetricFamily(
        "bluelamp_feed_missing_ratio",
        f"The share that is missing from a feed over {WINDOW}; late and quarantined facts: since the state was built.",
        labels=["force", "feed", "what"],
    )
    for force, rules in reader.rules.items():
        for feed in rules.force.feeds:
            for each in _feed(reader, force, feed).missing:
                if each.count is not None and each.of is not None:
                    share.add_metric([force, feed.name, each.what], each.share())
    yield share


def _feed(reader: Reader, force: str, feed: Feed) -> TrustRow:
    topic = feed.topic
    where: Where = {"line": tuple(feed.lines)} if feed.lines else {}
    cases = _number(reader, CASES[topic], force, where)
    incomplete = _number(reader, INCOMPLETES[topic], force, {})
    whole = None if cases is None or incomplete is None else cases + incomplete
    facts, late, quarantined = _facts(reader, topic)
    missing = (
        Missing("incomplete", incomplete, whole),
        Missing("contradictory", _number(reader, CONTRADICTIONS[topic], force, {}), whole),
        Missing("unrecorded", _number(reader, UNRECORDED[topic], force, where), whole),
        Missing("unlisted", None if cases is None else _unlisted(reader, CASES[topic], force, where), cases),
        Missing("late", late, facts),
        Missing("quarantined", quarantined, facts + quarantined),
    )
    return TrustRow(feed.name, topic, cases, missing)


def _number(reader: Reader, measure: Measure, force: str, where: Where) -> int | None:
    (reading,) = reader.read(measure, WINDOW, where=where, force=force)
    return reading.n


def _unlisted(reader: Reader, measure: Measure, force: str, where: Where) -> int:
    return unlisted(reader.read(measure, WINDOW, by=words_of(measure), where=where, force=force))


def _facts(reader: Reader, topic: Topic) -> tuple[int, int, int]:
    """The facts of a topic, those that were late, and those in quarantine, since the state was built."""
    facts = late = quarantined = 0
    for (name, _), counts in reader.counts().items():
        if name == topic:
            facts += counts.get("facts", 0)
            late += counts.get("late", 0)
            quarantined += sum(count for key, count in counts.items() if key.startswith(_QUARANTINED))
    return facts, late, quarantined


def _areas(reader: Reader, force: str) -> Iterator[TrustRow]:
    profile = reader.rules[force].force
    topics = [topic for topic in _AREA_TOPICS if any(feed.topic == topic for feed in profile.feeds)]
    cases: dict[str, int] = {}
    lacking: dict[str, int] = {}
    for topic in topics:
        for counts, measure in ((cases, CASES[topic]), (lacking, UNRECORDED[topic])):
            for each in reader.read(measure, WINDOW, by=("area",), force=force):
                word = each.dimensions["area"]
                counts[word] = counts.get(word, 0) + (each.n or 0)
    listed = [area.label for area in profile.areas]
    for word in (*listed, *(each for each in (NONE, UNLISTED) if each in cases or each in lacking)):
        whole = max(cases.get(word, 0), lacking.get(word, 0))
        own = (Missing("unrecorded", lacking.get(word, 0), whole), Missing("unlisted", _nameless(word, whole), whole))
        yield TrustRow(word, "", cases.get(word, 0), own)


def _nameless(word: str, cases: int) -> int:
    """The cases whose area is not in the profile: all of those under `none` and `unlisted`, and zero under a listed area."""
    return cases if word in (NONE, UNLISTED) else 0


def _lacking(reader: Reader, force: str) -> list[Reading]:
    profile = reader.rules[force].force
    found: list[Reading] = []
    for measure in CATALOGUE.values():
        if measure.unrecorded and measure.feeds(profile) and not isinstance(measure.statistic, External):
            found += [each for each in reader.read(measure, WINDOW, force=force) if each.unrecorded]
    return sorted(found, key=lambda each: (-width(each), -(each.unrecorded or 0), each.measure))
