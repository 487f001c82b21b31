"""Forces and their feeds: which have been received, which are silent or behind, and which do not say what is so now."""

from collections.abc import Iterator
from datetime import datetime

from bluelamp.verify.checks.finding import Finding
from facts.force import Feed
from measures.outcome import SECOND, instant, microseconds
from measures.reading import SIMULATION, FeedStatus, doubt_words, feed_problem, silence
from measures.rules import Rules
from streams.readings import Reader

_TIME = "%Y-%m-%d %H:%M:%SZ"


def force_findings(reader: Reader, shown: str, waiting: set[str]) -> Iterator[Finding]:
    """Look at every force whose profile is loaded.

    Args:
        reader: of the state.
        shown: the force whose figures are meant when none is named.
        waiting: the topics of which the log holds records that are not in the state yet.
    """
    if shown not in reader.rules:
        hint = f"Name one of {', '.join(reader.rules)}."
        yield Finding(f"force {shown}", "bad", "No profile names it.", "BLUELAMP_FORCE, or --force", hint)
    reader.refresh()
    for name, rules in reader.rules.items():
        if reader.is_received(name):
            yield from _simulated(reader, name)
            for feed, status in zip(rules.force.feeds, reader.feeds(name), strict=True):
                is_waiting = feed.topic in waiting
                yield feed_finding(rules, feed, status, reader.present(name), reader.now(), is_waiting=is_waiting)
        else:
            yield _never_received(name, is_shown=name == shown)


def _never_received(name: str, *, is_shown: bool) -> Finding:
    what = "Nothing has ever been received of it."
    if is_shown:
        hint = "Is a producer running? Until something is received nobody knows whether its feeds work."
        return Finding(f"force {name}", "unknown", what, "BLUELAMP_FORCE", hint)
    return Finding(f"force {name}", "not set up", what)


def _simulated(reader: Reader, name: str) -> Iterator[Finding]:
    if reader.is_simulated(name):
        feeds = ", ".join(feed.feed for feed in reader.feeds(name) if feed.is_simulated)
        hint = "For real figures start with another log and another state: `bluelamp up` in another directory."
        yield Finding(
            f"force {name}", "warning", SIMULATION, f"feeds: {feeds or 'none that its profile lists now'}", hint
        )


def feed_finding(
    rules: Rules, feed: Feed, status: FeedStatus, present: datetime, now: datetime, *, is_waiting: bool = False
) -> Finding:
    """What is to be said of one feed.

    Args:
        rules: of its force.
        feed: as the profile lists it.
        status: what is known of it.
        present: the force's present, which is that of a replay while it plays one.
        now: the wall clock.
        is_waiting: the log holds records of its topic that are not in the state yet.
    """
    name, where = f"feed {rules.force.name} {feed.name}", f"topic {feed.topic}"
    if doubted := doubt_words(status, microseconds(now)):
        hint = "Find the clock that is wrong: the log's, the producer's or this machine's. Its figures are stale."
        return Finding(name, "bad", doubted, where, hint)
    if status.complete_to is None or status.heartbeat_at is None:
        return _without_heartbeat(name, where, status)
    silent = silence(status, microseconds(now)) or 0
    complete = f"to {instant(status.complete_to):{_TIME}}, last heartbeat received {_seconds(silent)} ago"
    if status.is_loading():
        what = f"It is loading its history, complete {complete}: its figures are of that moment, not of now."
        return Finding(name, "warning", what, where, "Nothing, while it moves on: look again.")
    until = microseconds(present if status.is_replay else now)
    trouble = _trouble(rules, feed, status, until, microseconds(now))
    if trouble and is_waiting:
        what = f"Nothing newer of it is in the state, and records of its topic wait in the log. Complete {complete}."
        return Finding(
            name, "bad", what, where, "It is not the feed, but the workers that are behind: mend those first."
        )
    if trouble:
        return Finding(name, "bad", f"{trouble} Complete {complete}.", where, "Look at its producer.")
    return _live(name, where, complete, is_replay=status.is_replay)


def _live(name: str, where: str, complete: str, *, is_replay: bool) -> Finding:
    if is_replay:
        what = f"It is a replay of recorded facts, complete {complete}: its figures are of that moment, not of now."
        return Finding(name, "warning", what, where, "For live figures stop the replay, and begin with an empty log.")
    return Finding(name, "good", f"Complete {complete}.")


def _trouble(rules: Rules, feed: Feed, status: FeedStatus, until: int, now: int) -> str:
    """What keeps the feed's figures from being live, in words; empty when nothing does."""
    allowed = feed.stale_after_seconds * SECOND
    trouble = feed_problem(status, until, allowed, rules, now)
    if trouble is None:
        return ""
    silent, behind = now - (status.heartbeat_at or 0), until - (status.complete_to or 0)
    if silent > allowed:
        return f"It is silent: no heartbeat for {_seconds(silent)}, where {_seconds(allowed)} are allowed."
    if behind > allowed:
        return f"It is {_seconds(behind)} behind, where {_seconds(allowed)} are allowed, although heartbeats arrive."
    return trouble.reason


def _seconds(microseconds_: int) -> str:
    return f"{microseconds_ / SECOND:,.0f} s"


def _without_heartbeat(name: str, where: str, status: FeedStatus) -> Finding:
    what = "It has not sent a heartbeat to every partition of its topic yet"
    if status.last_event_at is None:
        hint = "Is its producer running? Until then its measures say that there is no data."
        return Finding(name, "warning", f"{what}, and no fact.", where, hint)
    hint = "Let its producer send heartbeats: without them nobody knows whether facts are missing."
    return Finding(name, "bad", f"{what}, although facts arrive.", where, hint)
