"""What a check says of a feed: silent, behind, never received, in the past; and nothing against one that is only quiet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bluelamp.verify.checks.feeds import feed_result
from bluelamp.verify.checks.result import CheckResult
from measures.outcome import microseconds
from measures.reading import FeedStatus
from measures.rules import Rules
from tests.support.forces import STRICT

RULES = Rules(STRICT)
FEED = STRICT.feeds[1]
NOW = datetime(2024, 12, 3, 3, 15, tzinfo=UTC)


def found(now: datetime = NOW, present: datetime | None = None, **known: Any) -> CheckResult:
    """What is said of a feed that was complete, and sent a heartbeat, so many seconds ago, unless other things are known of it."""
    ago = {name: microseconds(now - timedelta(seconds=known.pop(name, 5))) for name in ("complete_to", "heartbeat_at")}
    status = FeedStatus(FEED.name, FEED.topic, **{**ago, **known})
    return feed_result(RULES, FEED, status, present or now, now)


def test_a_feed_that_is_heard_and_complete_is_good() -> None:
    assert found().state == "good"
    assert found(complete_to=60, heartbeat_at=60).state == "good", "just as long as it may"
    assert found(last_event_at=None).state == "good", "quiet: nothing happened"
    assert found(last_event_at=microseconds(NOW - timedelta(days=3))).state == "good", "an idle queue at night"


@pytest.mark.parametrize("night", [datetime(2024, 10, 27, 1, 30, tzinfo=UTC), datetime(2025, 3, 30, 1, 0, tzinfo=UTC)])
def test_the_nights_on_which_clocks_change_accuse_nobody(night: datetime) -> None:
    for minutes in range(-90, 91, 15):
        assert found(night + timedelta(minutes=minutes)).state == "good"


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"heartbeat_at": 61}, "It is silent: no heartbeat for 61 s. The limit is 60 s."),
        ({"heartbeat_at": 4000, "complete_to": 4000}, "It is silent: no heartbeat for 4,000 s"),
        ({"complete_to": 3000}, "It is 3,000 s behind, although heartbeats arrive. The limit is 60 s."),
        ({"complete_to": 61}, "It is 61 s behind"),
        ({"heartbeat_at": 90, "is_replay": True}, "It is silent"),
    ],
)
def test_silence_and_delay_are_bad(known: dict[str, Any], words: str) -> None:
    finding = found(**known)
    assert finding.state == "bad"
    assert words in finding.what
    assert (finding.check, finding.where) == ("feed strict dispatch", "topic incidents")
    assert finding.hint


def test_a_live_feed_is_held_to_the_clock_also_beside_a_replay() -> None:
    assert found(complete_to=3000, present=NOW - timedelta(hours=1)).state == "bad"


def test_what_is_not_of_now_is_never_good() -> None:
    past = NOW - timedelta(days=2000)
    replayed = found(present=past, is_replay=True, complete_to=2000 * 86_400)
    assert (replayed.state, "a replay of recorded facts" in replayed.what) == ("warning", True)
    loading = found(complete_to=86_400, history_to=microseconds(NOW))
    assert (loading.state, "loading its history" in loading.what) == ("warning", True)


def test_a_feed_without_heartbeats_is_never_good() -> None:
    nothing = feed_result(RULES, FEED, FeedStatus(FEED.name, FEED.topic), NOW, NOW)
    assert (nothing.state, "It has sent no fact" in nothing.what) == ("warning", True)
    facts = FeedStatus(FEED.name, FEED.topic, first_event_at=1, last_event_at=2)
    assert feed_result(RULES, FEED, facts, NOW, NOW).state == "bad"


def test_where_records_wait_it_is_not_the_feed_that_is_accused() -> None:
    status = FeedStatus(
        FEED.name, FEED.topic, complete_to=microseconds(NOW) - 10**9, heartbeat_at=microseconds(NOW) - 10**9
    )
    finding = feed_result(RULES, FEED, status, NOW, NOW, is_waiting=True)
    assert (finding.state, "silent" in finding.what) == ("bad", False)
    assert "Fix the workers first" in finding.hint
    assert (
        feed_result(
            RULES,
            FEED,
            replace(status, complete_to=microseconds(NOW), heartbeat_at=microseconds(NOW)),
            NOW,
            NOW,
            is_waiting=True,
        ).state
        == "good"
    )
