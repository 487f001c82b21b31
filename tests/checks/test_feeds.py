"""The results of checks of a feed: silent, behind, never received, in the past; a feed that is only quiet is good."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from msgspec.structs import replace

from bluelamp.verify.checks.feeds import feed_result, force_results
from bluelamp.verify.checks.result import CheckResult
from measures.outcome import microseconds
from measures.reading import FeedStatus
from measures.rules import Rules
from streams.readings import Reader
from tests.support.forces import ELSEWHERE, STRICT, rules

RULES = Rules(STRICT)
FEED = STRICT.feeds[2]
NOW = datetime(2024, 12, 3, 3, 15, tzinfo=UTC)


def checked(now: datetime = NOW, present: datetime | None = None, **known: Any) -> CheckResult:
    """The result for a feed that sent a heartbeat, and was complete, five seconds ago, unless `known` says otherwise."""
    ago = {name: microseconds(now - timedelta(seconds=known.pop(name, 5))) for name in ("complete_to", "heartbeat_at")}
    status = FeedStatus(FEED.name, FEED.topic, **{**ago, **known})
    return feed_result(RULES, FEED, status, present or now, now)


def test_a_feed_with_recent_heartbeats_that_is_complete_is_good() -> None:
    assert checked().state == "good"
    assert checked(complete_to=60, heartbeat_at=60).state == "good", "exactly the time allowed"
    assert checked(last_event_at=None).state == "good", "a quiet feed, where nothing happened"
    assert checked(last_event_at=microseconds(NOW - timedelta(days=3))).state == "good", "an idle queue at night"


@pytest.mark.parametrize("night", [datetime(2024, 10, 27, 1, 30, tzinfo=UTC), datetime(2025, 3, 30, 1, 0, tzinfo=UTC)])
def test_no_feed_is_bad_because_clocks_change(night: datetime) -> None:
    for minutes in range(-90, 91, 15):
        assert checked(night + timedelta(minutes=minutes)).state == "good"


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
    result = checked(**known)
    assert result.state == "bad"
    assert words in result.what
    assert (result.check, result.where) == ("feed strict dispatch", "topic incidents")
    assert result.hint


def test_a_live_feed_is_compared_with_the_clock_even_if_another_is_replayed() -> None:
    assert checked(complete_to=3000, present=NOW - timedelta(hours=1)).state == "bad"


def test_a_replay_and_a_feed_that_loads_its_history_are_never_good() -> None:
    past = NOW - timedelta(days=2000)
    replayed = checked(present=past, is_replay=True, complete_to=2000 * 86_400)
    assert (replayed.state, "a replay of recorded facts" in replayed.what) == ("warning", True)
    ended = checked(present=past, is_replay=True, has_ended=True, complete_to=2000 * 86_400, heartbeat_at=86_400)
    assert (ended.state, "a replay of recorded facts" in ended.what) == ("warning", True)
    loading = checked(complete_to=86_400, history_to=microseconds(NOW))
    assert (loading.state, "loading its history" in loading.what) == ("warning", True)


def test_a_feed_without_heartbeats_is_never_good() -> None:
    nothing = feed_result(RULES, FEED, FeedStatus(FEED.name, FEED.topic), NOW, NOW)
    assert (nothing.state, "It has sent no fact" in nothing.what) == ("warning", True)
    facts = FeedStatus(FEED.name, FEED.topic, first_event_at=1, last_event_at=2)
    assert feed_result(RULES, FEED, facts, NOW, NOW).state == "bad"


def test_a_feed_is_not_blamed_while_records_wait() -> None:
    status = FeedStatus(
        FEED.name, FEED.topic, complete_to=microseconds(NOW) - 10**9, heartbeat_at=microseconds(NOW) - 10**9
    )
    result = feed_result(RULES, FEED, status, NOW, NOW, is_waiting=True)
    assert (result.state, "silent" in result.what) == ("bad", False)
    assert "Fix the workers first" in result.hint
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


class _Received:
    """A state with one force that sends, and one that does not."""

    rules = rules(STRICT, ELSEWHERE)

    def refresh(self) -> None:
        """Nothing changes."""

    def is_received(self, name: str) -> bool:
        """Whether a force sends."""
        return name == STRICT.name

    def is_simulated(self, _: str) -> bool:
        """Nothing is simulated."""
        return False

    def feeds(self, _: str) -> list[FeedStatus]:
        """Feeds that have sent nothing."""
        return [FeedStatus(each.name, each.topic) for each in STRICT.feeds]

    def present(self, _: str) -> datetime:
        """The time."""
        return NOW

    def now(self) -> datetime:
        """The time."""
        return NOW


def test_each_result_names_its_force_and_one_force_can_be_checked_alone() -> None:
    def forces(*shown: str, is_alone: bool = False) -> list[tuple[str, str]]:
        found = force_results(cast(Reader, _Received()), shown, set(), is_alone=is_alone)
        return list(dict.fromkeys((each.force, each.state) for each in found))

    own, elsewhere = (STRICT.name, "warning"), (ELSEWHERE.name, "not set up")
    assert forces(STRICT.name) == [own, elsewhere]
    assert forces(STRICT.name, ELSEWHERE.name) == [own, (ELSEWHERE.name, "unknown")]
    assert forces(STRICT.name, is_alone=True) == [own]
    assert forces("nowhere", is_alone=True) == [("nowhere", "bad")]
