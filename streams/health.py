"""The monitor's own figures as metrics: how far feeds and partitions have come, what is quarantined, what waits in the log."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from measures.outcome import SECOND, microseconds
from measures.reading import doubt_words, is_alive, is_later, loading
from streams.logwatch import LogWatch
from streams.readings import Reader
from streams.recent import Counted, Recent
from streams.stall import Place, Stalls

_FEED_METRICS = {
    "complete_to": ("feed_complete_to_timestamp_seconds", "Everything up to here has been counted."),
    "heard_at": ("feed_heartbeat_timestamp_seconds", "When the log received the last heartbeat; absent in doubt."),
    "first_event_at": ("feed_first_event_timestamp_seconds", "The first event time among the topic's facts."),
    "last_event_at": ("feed_last_event_timestamp_seconds", "The latest event time among the topic's facts."),
}
_COUNTERS = {
    "records": "Records of the log folded into the state.",
    "facts": "Facts that were new.",
    "duplicates": "Facts that were known already.",
    "late": "Facts older than what their feed had said to be complete; counted all the same.",
    "moved": "Facts that lay on another partition than their subject's, and were moved to it.",
    "heartbeats": "Heartbeats heard.",
    "producer_stamped": "Records stamped by their producer, so that nobody knows when the log received them.",
    "fenced": "Batches refused because the state no longer stood where their worker thought.",
}


class Health:
    """What is known of feeds, partitions, quarantine and log.

    Args:
        reader: of the state; asked within one of its moments.
        watch: of the log; without one nothing is said of it.
        steady_seconds: a clock that never jumps.
    """

    def __init__(self, reader: Reader, watch: LogWatch | None, steady_seconds: Callable[[], float]) -> None:
        self._reader, self._watch, self._steady_seconds = reader, watch, steady_seconds
        self._recent, self._stalls, self._held = Recent(), Stalls(0.0), Stalls(0.0)

    def families(self) -> Iterator[Metric]:
        """Every figure of the monitor itself, but for whether the state answers."""
        yield from _feeds(self._reader)
        yield from _feed_health(self._reader)
        yield from _partitions(self._reader)
        yield from _clocks(self._reader)
        yield from self._quarantine_share()
        yield from self._log()

    def _quarantine_share(self) -> Iterator[Metric]:
        """Of the facts read in the last quarter of an hour, the share that was quarantined; nothing when none were."""
        ratio = GaugeMetricFamily(
            "bluelamp_quarantined_recently_ratio", "Share quarantined of the facts read in 15 min.", labels=["topic"]
        )
        taken_from = GaugeMetricFamily(
            "bluelamp_quarantined_recently_ratio_n", "How many facts were read in 15 min.", labels=["topic"]
        )
        for topic, counted in _read_by_topic(self._reader).items():
            lately = self._recent.take(topic, counted, self._steady_seconds())
            taken_from.add_metric([topic], lately.read)
            if lately.read:
                ratio.add_metric([topic], lately.quarantined / lately.read)
        yield ratio
        yield taken_from

    def _log(self) -> Iterator[Metric]:
        """Whether the log answers, how far it reaches, and for how long what it holds has waited."""
        if self._watch is None:
            return
        fences = {place: known.get("fence", 0) for place, known in self._reader.counts().items()}
        ends = self._watch.ends(fences)
        yield GaugeMetricFamily("bluelamp_log_up", "Whether the log answers.", value=float(ends is not None))
        labels = ["topic", "partition"]
        end = GaugeMetricFamily(
            "bluelamp_partition_log_end", "The offset up to which the log holds records.", labels=labels
        )
        stalled = GaugeMetricFamily(
            "bluelamp_partition_stalled_seconds", "For how long facts have waited with none taken.", labels=labels
        )
        held = GaugeMetricFamily(
            "bluelamp_partition_held_back_seconds",
            "For how long a transaction that is still open has held back the records behind it.",
            labels=labels,
        )
        now, known = self._steady_seconds(), ends or {}
        readable = {place: each.readable for place, each in known.items()}
        waits = self._stalls.waits(fences, readable, now)
        held_for = self._held.waits(readable, {place: each.written for place, each in known.items()}, now)
        for place, each in known.items():
            end.add_metric(_words(place), each.written)
            stalled.add_metric(_words(place), waits.get(place, 0.0))
            held.add_metric(_words(place), held_for.get(place, 0.0))
        yield from (end, stalled, held)


def _words(place: Place) -> list[str]:
    return [place[0], str(place[1])]


def _read_by_topic(reader: Reader) -> dict[str, Counted]:
    found: dict[str, Counted] = {}
    for (topic, _), known in reader.counts().items():
        quarantined = known.get("quarantined", 0)
        read = known.get("facts", 0) + known.get("duplicates", 0) + quarantined
        before = found.get(topic, Counted(0, 0))
        found[topic] = Counted(before.read + read, before.quarantined + quarantined)
    return found


def _feeds(reader: Reader) -> Iterator[Metric]:
    now = microseconds(reader.now())
    statuses = [(force, status) for force in reader.rules for status in reader.feeds(force)]
    for attribute, (name, question) in _FEED_METRICS.items():
        family = GaugeMetricFamily(f"bluelamp_{name}", question, labels=["force", "feed"])
        for force, status in statuses:
            at = None if attribute == "heard_at" and doubt_words(status, now) else getattr(status, attribute)
            if at is not None and not is_later(at, now):
                family.add_metric([force, status.feed], at / SECOND)
        yield family


def _feed_health(reader: Reader) -> Iterator[Metric]:
    """Whether each feed is live, how far it is behind, and whether it is simulated; of forces ever heard of."""
    labels = ["force", "feed"]
    live = GaugeMetricFamily(
        "bluelamp_feed_live", "Whether a believable heartbeat arrived in the time allowed.", labels=labels
    )
    behind = GaugeMetricFamily(
        "bluelamp_feed_behind_ratio",
        "How far it was from complete when last heard, in the time allowed.",
        labels=labels,
    )
    simulated = GaugeMetricFamily(
        "bluelamp_force_simulated", "Whether a feed of the force has ever told what did not happen.", labels=["force"]
    )
    loaded = GaugeMetricFamily(
        "bluelamp_history_loaded_ratio", "While a history is loaded, how much of it is.", labels=["force"]
    )
    now = microseconds(reader.now())
    for force, rules in reader.rules.items():
        statuses = reader.feeds(force)
        if not any(status.heard_at or status.last_event_at for status in statuses):
            continue
        simulated.add_metric([force], int(reader.is_simulated(force)))
        if past := loading(statuses):
            loaded.add_metric([force], past.ratio())
        present = microseconds(reader.present(force))
        for status, feed in zip(statuses, rules.force.feeds, strict=True):
            allowed = feed.stale_after_seconds * SECOND
            if not status.is_loading():  # neither live nor silent
                live.add_metric([force, feed.name], int(is_alive(status, allowed, now)))
            if status.complete_to is not None and not doubt_words(status, now):
                # One that is silent is not late as well: it is of what it said when it was last heard.
                heard = min(present, present if status.heard_at is None else status.heard_at)
                behind.add_metric([force, feed.name], max(0, heard - status.complete_to) / allowed)
    yield live
    yield behind
    yield simulated
    yield loaded


def _clocks(reader: Reader) -> Iterator[Metric]:
    """Whether a process noticed a step of its wall clock lately, and how large it was."""
    now, steps = reader.now(), reader.clock_steps()
    recent = [abs(each.seconds) for each in steps if each.is_recent(now)]
    yield GaugeMetricFamily(
        "bluelamp_clock_step_seconds",
        "The largest step of a wall clock in 15 min, forward or back; 0 if there was none.",
        value=max(recent, default=0.0),
    )
    last = GaugeMetricFamily(
        "bluelamp_clock_last_step_seconds",
        "The last step of a process's clock; negative if it was set back.",
        labels=["process"],
    )
    times = CounterMetricFamily("bluelamp_clock_steps", "Steps of a process's wall clock.", labels=["process"])
    for each in steps:
        last.add_metric([each.process], each.seconds)
        times.add_metric([each.process], each.count)
    yield last
    yield times


def _partitions(reader: Reader) -> Iterator[Metric]:
    counts = reader.counts()
    fence = GaugeMetricFamily(
        "bluelamp_partition_fence", "The offset up to which the log is folded in.", labels=["topic", "partition"]
    )
    quarantined = CounterMetricFamily(
        "bluelamp_quarantined", "Facts that may not be counted.", labels=["topic", "partition", "reason"]
    )
    for (topic, number), known in counts.items():
        fence.add_metric([topic, str(number)], known.get("fence", 0))
        for name, count in known.items():
            if name.startswith("quarantined_"):
                quarantined.add_metric([topic, str(number), name.removeprefix("quarantined_")], count)
    yield fence
    yield quarantined
    for name, question in _COUNTERS.items():
        family = CounterMetricFamily(f"bluelamp_{name}", question, labels=["topic", "partition"])
        for (topic, number), known in counts.items():
            family.add_metric([topic, str(number)], known.get(name, 0))
        yield family
