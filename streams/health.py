"""The monitor's own figures as metrics: the progress of feeds and partitions, quarantine, and what waits in the log."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from measures.outcome import SECOND, microseconds
from measures.reading import FeedStatus, doubt_words, is_alive, is_later, loading
from streams.logwatch import LogSnapshot, LogWatch
from streams.quarantine_rate import Counted, QuarantineRate
from streams.readings import Reader
from streams.record import Place
from streams.refusal import CAUSES, Refusal
from streams.stall import Stalls

STATE_UP = "bluelamp_state_up"
"""The metric that says whether the state can be read."""
_FEED_METRICS = {
    "complete_to": (
        "feed_complete_to_timestamp_seconds",
        "The time up to which every fact of the feed has been counted.",
    ),
    "heartbeat_at": (
        "feed_heartbeat_timestamp_seconds",
        "When the log received the last heartbeat; absent while the feed is doubted.",
    ),
    "first_event_at": ("feed_first_event_timestamp_seconds", "The earliest event time of the feed's own facts."),
    "last_event_at": ("feed_last_event_timestamp_seconds", "The latest event time of the topic's facts."),
}
_COUNTERS = {
    "records": "Records folded into the state.",
    "facts": "New facts.",
    "duplicates": "Facts that were already counted.",
    "late": "Facts older than the time up to which their feed had claimed to be complete; they still count.",
    "moved": "Facts counted on a partition that is not their subject's, and moved to the right one.",
    "heartbeats": "Heartbeats received.",
    "producer_stamped": "Records stamped by their producer, so the time at which the log received them is unknown.",
    "stale_writes": "Batches refused because another owner had claimed the partition or the state had been restored from an earlier time.",
}


class Health:
    """Metrics of feeds, partitions, quarantine and log.

    Args:
        reader: the reader of the state; called within one of its moments.
        watch: the watch of the log; without one there are no metrics of the log.
        steady_seconds: a clock that never jumps.
    """

    def __init__(self, reader: Reader, watch: LogWatch | None, steady_seconds: Callable[[], float]) -> None:
        self._reader, self._watch, self._steady_seconds = reader, watch, steady_seconds
        self._quarantine_rate, self._stalls, self._blocked = QuarantineRate(), Stalls(0.0), Stalls(0.0)

    def families(self) -> Iterator[Metric]:
        """All of the monitor's own figures except whether the state can be read."""
        applied_offsets = {place: known.get("applied_offset", 0) for place, known in self._reader.counts().items()}
        snapshot = self._watch.snapshot(applied_offsets) if self._watch else None
        yield from _feeds(self._reader)
        yield from _feed_health(self._reader)
        yield from _silence(self._reader, applied_offsets, snapshot)
        yield from _partitions(self._reader)
        yield from _clocks(self._reader)
        yield from self._quarantine_share()
        yield from self._log(applied_offsets, snapshot) if self._watch else ()

    def _quarantine_share(self) -> Iterator[Metric]:
        """The share of the facts read in the last 15 minutes that was quarantined; no sample when none were read."""
        ratio = GaugeMetricFamily(
            "bluelamp_quarantined_recently_ratio",
            "The share of the facts read in 15 min that was quarantined.",
            labels=["topic"],
        )
        facts_read = GaugeMetricFamily(
            "bluelamp_quarantined_recently_ratio_n", "The number of facts read in 15 min.", labels=["topic"]
        )
        for topic, counted in _read_by_topic(self._reader).items():
            recent = self._quarantine_rate.add(topic, counted, self._steady_seconds())
            facts_read.add_metric([topic], recent.read)
            if recent.read:
                ratio.add_metric([topic], recent.quarantined / recent.read)
        yield ratio
        yield facts_read

    def _log(self, applied_offsets: Mapping[Place, int], snapshot: LogSnapshot | None) -> Iterator[Metric]:
        """Whether the log answers, where it ends, how long its records have waited, and how many workers read it."""
        yield _gauge("log_up", "Whether Kafka answers.", snapshot is not None)
        if snapshot is None:
            return
        labels = ["topic", "partition"]
        end = GaugeMetricFamily(
            "bluelamp_partition_log_end", "The offset after the last record in the log.", labels=labels
        )
        stalled = GaugeMetricFamily(
            "bluelamp_partition_stalled_seconds", "How long records have waited with none applied.", labels=labels
        )
        blocked = GaugeMetricFamily(
            "bluelamp_partition_held_back_seconds",
            "How long an open transaction has blocked the records behind it.",
            labels=labels,
        )
        now = self._steady_seconds()
        written = {place: readable + snapshot.held_back.get(place, 0) for place, readable in snapshot.ends.items()}
        stalled_for = self._stalls.stalled_seconds(applied_offsets, snapshot.ends, now)
        blocked_for = self._blocked.stalled_seconds(snapshot.ends, written, now)
        for place, offset in written.items():
            end.add_metric(_words(place), offset)
            stalled.add_metric(_words(place), stalled_for.get(place, 0.0))
            blocked.add_metric(_words(place), blocked_for.get(place, 0.0))
        yield from (end, stalled, blocked)
        yield _gauge(
            "stalled_seconds",
            "The longest time that any partition has stalled.",
            max(stalled_for.values(), default=0.0),
        )
        if snapshot.workers is not None:
            yield _gauge("workers", "The number of workers that share the partitions.", snapshot.workers)


def state_families(refusal: Refusal | None, *, is_up: bool) -> Iterator[Metric]:
    """Whether the state can be read, and why it is refused.

    Args:
        refusal: the state server's refusal; None if it refuses nothing.
        is_up: whether the state could be read.
    """
    yield _gauge(STATE_UP.removeprefix("bluelamp_"), "Whether the state can be read.", is_up)
    refuses = GaugeMetricFamily(
        "bluelamp_state_refuses", "1 for the cause of a refused read or write.", labels=["cause"]
    )
    for cause in CAUSES:
        refuses.add_metric([cause], float(refusal is not None and refusal.cause == cause))
    yield refuses


def _gauge(name: str, question: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"bluelamp_{name}", question, value=float(value))


def _silence(reader: Reader, applied_offsets: Mapping[Place, int], snapshot: LogSnapshot | None) -> Iterator[Metric]:
    """Why feeds are not live: they are silent, their times are doubted, or their records wait in the log.

    While Kafka does not answer, a feed that is not live has no sample: it is not known whether it has sent anything.
    """
    now = microseconds(reader.now())
    silent = GaugeMetricFamily(
        "bluelamp_feed_silent",
        "Whether a feed is not live and nothing of its topic waits in the log.",
        labels=["force", "feed", "system"],
    )
    doubted = GaugeMetricFamily(
        "bluelamp_feed_doubted",
        "Whether a feed is not live because its times are doubted.",
        labels=["force", "feed"],
    )
    waiting = {} if snapshot is None else _waiting(applied_offsets, snapshot.ends)
    systems = {(force, feed.name): feed.source() for force, rules in reader.rules.items() for feed in rules.force.feeds}
    count = 0
    for force, status, is_live in _live(reader):
        is_waiting, is_doubted = waiting.get(status.topic, snapshot is None), bool(doubt_words(status, now))
        count += is_waiting and not is_live and not is_doubted
        doubted.add_metric([force, status.feed], int(is_doubted and not is_live))
        if is_live or is_doubted or not is_waiting:
            system = systems[force, status.feed]
            silent.add_metric([force, status.feed, system], int(not is_live and not is_doubted))
    yield silent
    yield _silent_systems(reader, waiting, snapshot)
    yield _gauge(
        "feeds_live_or_loading",
        "The number of feeds that are live, or load a history that makes progress.",
        sum(is_live for _, _, is_live in _live(reader)) + _loading(reader, waiting),
    )
    yield doubted
    if snapshot is not None:
        yield _gauge(
            "feeds_waiting",
            "The number of feeds that are not live while records of their topic wait in the log.",
            count,
        )


def _silent_systems(reader: Reader, waiting: Mapping[str, bool], snapshot: LogSnapshot | None) -> Metric:
    """Whether nothing arrives from a system of several feeds: it is one fault, and one alert.

    It is enough that no feed has sent a heartbeat within the shortest of their limits.
    """
    now = microseconds(reader.now())
    family = GaugeMetricFamily(
        "bluelamp_system_silent",
        "Whether no feed of a system with several has sent a heartbeat in the shortest time that one of them is allowed.",
        labels=["force", "system"],
    )
    live = {(force, status.feed): status for force, status, _ in _live(reader)}
    for force, rules in reader.rules.items():
        for system in dict.fromkeys(feed.source() for feed in rules.force.feeds):
            feeds = [feed for feed in rules.force.feeds if feed.source() == system]
            statuses = [live.get((force, feed.name)) for feed in feeds]
            known = [each for each in statuses if each and not doubt_words(each, now)]
            if len(feeds) < 2 or len(known) < len(feeds):  # noqa: PLR2004 - several
                continue
            allowed = min(feed.stale_after_seconds for feed in feeds) * SECOND
            is_silent = not any(is_alive(each, allowed, now) for each in known)
            if not is_silent or not any(waiting.get(each.topic, snapshot is None) for each in known):
                family.add_metric([force, system], int(is_silent))
    return family


def _loading(reader: Reader, waiting: Mapping[str, bool]) -> int:
    """How many feeds load a history: their records wait in the log, or a heartbeat arrived in the time allowed.

    Before anything is applied, nobody knows whose records wait: those of a topic count as one feed's.
    """
    if not any(map(reader.is_received, reader.rules)):
        return sum(waiting.values())
    now = microseconds(reader.now())
    return sum(
        status.is_loading()
        and (waiting.get(status.topic, False) or is_alive(status, feed.stale_after_seconds * SECOND, now))
        for force, rules in reader.rules.items()
        for status, feed in zip(reader.feeds(force), rules.force.feeds, strict=True)
    )


def _waiting(applied_offsets: Mapping[Place, int], ends: Mapping[Place, int]) -> dict[str, bool]:
    """By topic, whether the log may hold records that are not applied yet."""
    waiting: dict[str, bool] = {}
    for place, applied_offset in applied_offsets.items():
        waiting[place[0]] = waiting.get(place[0], False) or place not in ends or applied_offset < ends[place]
    return waiting


def _words(place: Place) -> list[str]:
    return [place[0], str(place[1])]


def _read_by_topic(reader: Reader) -> dict[str, Counted]:
    counted: dict[str, Counted] = {}
    for (topic, _), known in reader.counts().items():
        quarantined = known.get("quarantined", 0)
        read = known.get("facts", 0) + known.get("duplicates", 0) + quarantined
        before = counted.get(topic, Counted(0, 0))
        counted[topic] = Counted(before.read + read, before.quarantined + quarantined)
    return counted


def _feeds(reader: Reader) -> Iterator[Metric]:
    now = microseconds(reader.now())
    statuses = [(force, status) for force in reader.rules for status in reader.feeds(force)]
    for attribute, (name, question) in _FEED_METRICS.items():
        family = GaugeMetricFamily(f"bluelamp_{name}", question, labels=["force", "feed"])
        for force, status in statuses:
            at = None if attribute == "heartbeat_at" and doubt_words(status, now) else getattr(status, attribute)
            if at is not None and not is_later(at, now):
                family.add_metric([force, status.feed], at / SECOND)
        yield family


def _feed_health(reader: Reader) -> Iterator[Metric]:
    """Whether each feed is live, how far it is behind, and whether it is simulated; only for forces from which something was received."""
    labels = ["force", "feed"]
    live = GaugeMetricFamily(
        "bluelamp_feed_live", "Whether a credible heartbeat arrived in the time allowed.", labels=labels
    )
    behind = GaugeMetricFamily(
        "bluelamp_feed_behind_ratio",
        "How far the feed was behind at its last heartbeat, as a multiple of the time allowed.",
        labels=labels,
    )
    simulated = GaugeMetricFamily(
        "bluelamp_force_simulated", "Whether a feed of the force has ever sent simulated facts.", labels=["force"]
    )
    loaded = GaugeMetricFamily(
        "bluelamp_history_loaded_ratio", "The share of a history that is loaded, while it loads.", labels=["force"]
    )
    now = microseconds(reader.now())
    for force, rules in reader.rules.items():
        statuses = reader.feeds(force)
        if not reader.is_received(force):
            continue
        simulated.add_metric([force], int(reader.is_simulated(force)))
        if past := loading(statuses):
            loaded.add_metric([force], past.ratio())
        present = microseconds(reader.present(force))
        for status, feed in zip(statuses, rules.force.feeds, strict=True):
            if status.complete_to is not None and not doubt_words(status, now):
                # A silent feed is not late as well: it is measured at its last heartbeat.
                at = min(present, present if status.heartbeat_at is None else status.heartbeat_at)
                allowed = feed.stale_after_seconds * SECOND
                behind.add_metric([force, feed.name], max(0, at - status.complete_to) / allowed)
    for force, status, is_live in _live(reader):
        live.add_metric([force, status.feed], int(is_live))
    yield live
    yield behind
    yield simulated
    yield loaded


def _live(reader: Reader) -> Iterator[tuple[str, FeedStatus, bool]]:
    """Each feed of the forces from which something was received, and whether it is live; feeds that load a history are left out."""
    now = microseconds(reader.now())
    for force, rules in reader.rules.items():
        statuses = reader.feeds(force)
        for status, feed in zip(statuses, rules.force.feeds, strict=True):
            if reader.is_received(force) and not status.is_loading():
                yield force, status, is_alive(status, feed.stale_after_seconds * SECOND, now)


def _clocks(reader: Reader) -> Iterator[Metric]:
    """Whether a process noticed a recent step of its wall clock, and how large it was."""
    now, steps = reader.now(), reader.clock_steps()
    recent = [abs(each.seconds) for each in steps if each.is_recent(now)]
    yield GaugeMetricFamily(
        "bluelamp_clock_step_seconds",
        "The largest step of any wall clock in 15 min, forward or back; 0 if there was none.",
        value=max(recent, default=0.0),
    )
    last = GaugeMetricFamily(
        "bluelamp_clock_last_step_seconds",
        "The last step of a process's wall clock; negative if it was set back.",
        labels=["process"],
    )
    times = CounterMetricFamily(
        "bluelamp_clock_steps", "The number of steps of a process's wall clock.", labels=["process"]
    )
    for each in steps:
        last.add_metric([each.process], each.seconds)
        times.add_metric([each.process], each.count)
    yield last
    yield times


def _partitions(reader: Reader) -> Iterator[Metric]:
    counts = reader.counts()
    applied_offset = GaugeMetricFamily(
        "bluelamp_partition_applied_offset",
        "The offset up to which the log is applied to the state.",
        labels=["topic", "partition"],
    )
    quarantined = CounterMetricFamily(
        "bluelamp_quarantined", "Facts that cannot be counted.", labels=["topic", "partition", "reason"]
    )
    for (topic, number), known in counts.items():
        applied_offset.add_metric([topic, str(number)], known.get("applied_offset", 0))
        for name, count in known.items():
            if name.startswith("quarantined_"):
                quarantined.add_metric([topic, str(number), name.removeprefix("quarantined_")], count)
    yield applied_offset
    yield quarantined
    for name, question in _COUNTERS.items():
        family = CounterMetricFamily(f"bluelamp_{name}", question, labels=["topic", "partition"])
        for (topic, number), known in counts.items():
            family.add_metric([topic, str(number)], known.get(name, 0))
        yield family
