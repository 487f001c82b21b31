"""Checks of forces and feeds: which have sent nothing, are silent or are behind, and which are replayed or simulated."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from bluelamp.verify.checks.result import CheckResult
from facts.force import Feed
from measures.outcome import SECOND, instant, microseconds
from measures.reading import SIMULATION, FeedStatus, doubt_words, feed_problem, silence
from measures.rules import Rules
from streams.readings import Reader

_TIME = "%Y-%m-%d %H:%M:%SZ"


def force_results(
    reader: Reader, shown: Sequence[str], waiting: set[str], *, is_alone: bool = False
) -> Iterator[CheckResult]:
    """Check every force that has a profile, or only the forces that are shown; each result names its force.

    Args:
        reader: reads the state.
        shown: the forces that the board shows.
        waiting: the topics with log records that are not in the state yet.
        is_alone: whether other forces are left out.
    """
    for name in shown:
        if name not in reader.rules:
            hint = f"Choose one of {', '.join(reader.rules)}."
            where = "BLUELAMP_FORCE, BLUELAMP_BOARD_FORCES or --force"
            yield CheckResult(f"force {name}", "bad", "It has no profile.", where, hint, name)
    reader.refresh()
    for name, rules in reader.rules.items():
        if name in shown or not is_alone:
            yield from (replace(each, force=name) for each in _of_force(reader, name, rules, shown, waiting))


def _of_force(
    reader: Reader, name: str, rules: Rules, shown: Sequence[str], waiting: set[str]
) -> Iterator[CheckResult]:
    if not reader.is_received(name):
        yield _never_received(name, is_shown=name in shown)
        return
    yield from _simulated(reader, name)
    for feed, status in zip(rules.force.feeds, reader.feeds(name), strict=True):
        is_waiting = feed.topic in waiting
        yield feed_result(rules, feed, status, reader.present(name), reader.now(), is_waiting=is_waiting)


def _never_received(name: str, *, is_shown: bool) -> CheckResult:
    what = "No fact or heartbeat has ever been received."
    if is_shown:
        hint = "Start its producers. Until something arrives, it is not known whether its feeds work."
        return CheckResult(f"force {name}", "unknown", what, "BLUELAMP_FORCE", hint)
    return CheckResult(f"force {name}", "not set up", what)


def _simulated(reader: Reader, name: str) -> Iterator[CheckResult]:
    if reader.is_simulated(name):
        feeds = ", ".join(feed.feed for feed in reader.feeds(name) if feed.is_simulated)
        hint = "For real figures, use another log and state: run `bluelamp up` in another directory."
        yield CheckResult(
            f"force {name}", "warning", SIMULATION, f"feeds: {feeds or 'none that its profile still lists'}", hint
        )


def feed_result(
    rules: Rules, feed: Feed, status: FeedStatus, present: datetime, now: datetime, *, is_waiting: bool = False
) -> CheckResult:
    """The check of one feed.

    Args:
        rules: the rules of its force.
        feed: the feed in the profile.
        status: the feed's status in the state.
        present: the force's present; during a replay, the replay's present.
        now: the wall clock.
        is_waiting: whether the log has records of its topic that are not in the state yet.
    """
    name, where = f"feed {rules.force.name} {feed.name}", f"topic {feed.topic}"
    if doubted := doubt_words(status, microseconds(now)):
        hint = (
            "Find the wrong clock: Kafka's, the producer's or this machine's. Until then, the feed's figures are stale."
        )
        return CheckResult(name, "bad", doubted, where, hint)
    if status.complete_to is None or status.heartbeat_at is None:
        return _without_heartbeat(name, where, status)
    silent = silence(status, microseconds(now)) or 0
    complete = f"to {instant(status.complete_to):{_TIME}}, last heartbeat received {_seconds(silent)} ago"
    if status.is_loading():
        what = f"It is loading its history, complete {complete}. Figures are for that time, not for now."
        return CheckResult(name, "warning", what, where, "Wait, and check again.")
    until = microseconds(present if status.is_replay else now)
    trouble = _trouble(rules, feed, status, until, microseconds(now))
    if trouble and is_waiting:
        what = f"The workers are behind: records of its topic wait in the log. Complete {complete}."
        hint = "Fix the workers first. The feed itself may be working."
        return CheckResult(name, "bad", what, where, hint)
    if trouble:
        return CheckResult(name, "bad", f"{trouble} Complete {complete}.", where, "Check its producer.")
    return _live(name, where, complete, is_replay=status.is_replay)


def _live(name: str, where: str, complete: str, *, is_replay: bool) -> CheckResult:
    if is_replay:
        what = f"It is a replay of recorded facts, complete {complete}. Figures are for that time, not for now."
        hint = "For live figures, stop the replay and start with an empty log."
        return CheckResult(name, "warning", what, where, hint)
    return CheckResult(name, "good", f"Complete {complete}.")


def _trouble(rules: Rules, feed: Feed, status: FeedStatus, until: int, now: int) -> str:
    """Why the feed's figures are not live; empty when they are."""
    allowed = feed.stale_after_seconds * SECOND
    trouble = feed_problem(status, until, allowed, rules, now)
    if trouble is None:
        return ""
    silent, behind = now - (status.heartbeat_at or 0), until - (status.complete_to or 0)
    if silent > allowed:
        return f"It is silent: no heartbeat for {_seconds(silent)}. The limit is {_seconds(allowed)}."
    if behind > allowed:
        return f"It is {_seconds(behind)} behind, although heartbeats arrive. The limit is {_seconds(allowed)}."
    return trouble.reason


def _seconds(microseconds_: int) -> str:
    return f"{microseconds_ / SECOND:,.0f} s"


def _without_heartbeat(name: str, where: str, status: FeedStatus) -> CheckResult:
    if status.last_event_at is None:
        what = "It has sent no facts, and has not sent a heartbeat to every partition of its topic."
        hint = "Start its producer. Until then, its measures have no data."
        return CheckResult(name, "warning", what, where, hint)
    what = "Facts arrive, but it has not sent a heartbeat to every partition of its topic."
    hint = "Make its producer send heartbeats. Without them, it is not known whether facts are missing."
    return CheckResult(name, "bad", what, where, hint)
