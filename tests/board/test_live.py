"""What watchers of the board are told: what changed, a sign of life for each further look, and failures as such."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as Unreachable

from bluelamp.embedded.state import StateServer
from dashboards.board.live import LiveUpdates, Look
from dashboards.board.pages.measures import MEASURES
from dashboards.board.tile import NOW, custom, take_tile
from facts.contact import ContactOffered
from facts.errors import IncompleteError
from facts.incident import IncidentOpened
from measures.catalogue import find
from streams.refusal import WORDS
from tests.board.told import viewed
from tests.support.forces import STRICT
from tests.support.story import Story

FORCE = "strict"


def seen(**parts: str) -> Callable[[], Look]:
    """A look that finds these parts."""
    return lambda: Look(1_000, {"page": dict(parts)})


def fail(error: Exception) -> Callable[[], Look]:
    """A look that fails."""

    def look() -> Look:
        raise error

    return look


def told(*looks: Callable[[], Look]) -> list[str]:
    """What one watcher is told at its arrival, and at each look."""

    async def run() -> list[str]:
        waiting = iter(looks)
        live = LiveUpdates(["page", "other"], lambda _: next(waiting)(), lambda _: None)
        live.alive_seconds = 0.0
        events = live.watch("page")
        heard = [await anext(events), await anext(events)]
        for _ in looks:
            await live.update()
            heard.append(await anext(events))
        with pytest.raises(TimeoutError):
            # Nobody looks any more: now the page must hear nothing, and say so.
            await asyncio.wait_for(anext(events), 0.1)
        return heard

    return asyncio.run(run())


def names(heard: list[str]) -> list[str]:
    """The first line of each event."""
    return [each.partition("\n")[0] for each in heard]


def test_a_watcher_hears_everything_once_then_what_changed_and_of_every_look() -> None:
    one, other, less = seen(a="1", b="1"), seen(a="1", b="2"), seen(b="2")
    heard = told(one, one, other, less)
    assert names(heard) == [
        "retry: 1000",
        "event: waiting",
        "event: snapshot",
        "event: alive",
        "event: change",
        "event: change",
    ]
    assert data(heard[2]) == {"now": 1000, "parts": {"a": "1", "b": "1"}, "gone": []}
    assert data(heard[3]) == {"now": 1000}
    assert data(heard[4]) == {"now": 1000, "parts": {"b": "2"}, "gone": []}
    assert data(heard[5]) == {"now": 1000, "parts": {}, "gone": ["a"]}


def data(event: str) -> Any:
    """What an event carries."""
    return json.loads(event.partition("data: ")[2])


def test_what_cannot_be_read_is_told_and_ends_by_itself() -> None:
    one = seen(a="1")
    heard = told(one, fail(Unreachable()), fail(OSError()), fail(ValueError()), one)
    assert names(heard)[2:] == [
        "event: snapshot",
        "event: unreachable",
        "event: unreachable",
        "event: unreadable",
        "event: snapshot",
    ]
    assert data(heard[3]) == data(heard[4]) == {"what": "The state server does not answer."}
    assert data(heard[-1])["parts"] == {"a": "1"}


def test_what_the_state_server_refuses_is_told_by_its_cause() -> None:
    errors = (
        AuthenticationError("Authentication required.", status_code="NOAUTH"),
        BusyLoadingError("LOADING"),
        ResponseError("MISCONF"),
    )
    heard = told(*(fail(each) for each in errors))
    assert [data(each)["what"].partition(" (")[0].rstrip(".") for each in heard[2:]] == [
        WORDS["access_denied"].what, WORDS["loading"].what, WORDS["disk"].what
    ]  # fmt: skip
    (event,) = told(fail(IncompleteError("Built by another profile.", where="there", hint="Put it back.")))[2:]
    assert data(event) == {"what": "Built by another profile."}


def test_who_missed_a_change_and_who_comes_later_are_told_everything() -> None:
    async def run() -> list[str]:
        waiting = iter([seen(a="1", b="1"), seen(a="2", b="1"), seen(a="3", b="1"), seen(a="3", b="1")])
        live = LiveUpdates(["page"], lambda _: next(waiting)(), lambda _: None)
        slow, first = live.watch("page"), live.watch("page")
        heard = [await anext(slow), await anext(slow), await anext(first), await anext(first)]
        await live.update()
        heard.append(await anext(slow))
        await live.update()
        await live.update()
        heard.append(await anext(slow))
        late = live.watch("page")
        heard += [await anext(late), await anext(late)]
        for each in (slow, first, late):
            await each.aclose()
        # Nobody watched for a while: what was known then is old, and is told to nobody.
        again = live.watch("page")
        heard += [await anext(again), await anext(again)]
        return heard

    heard = asyncio.run(run())
    assert names(heard)[4:] == [
        "event: snapshot",
        "event: snapshot",
        "retry: 1000",
        "event: snapshot",
        "retry: 1000",
        "event: waiting",
    ]
    assert data(heard[5])["parts"] == data(heard[7])["parts"] == {"a": "3", "b": "1"}


@pytest.mark.parametrize(
    ("day", "clock", "since"),
    [("2024-12-03", "09:41", "since 09:41"), ("2024-12-02", "16:00", "since 2 Dec")],
    ids=["today", "yesterday"],
)
def test_a_window_that_reaches_back_before_the_record_says_since_when(
    state_backend: StateServer, day: str, clock: str, since: str
) -> None:
    story = Story(STRICT, day)
    story.report(IncidentOpened, clock, grade="1", group="crime")
    with viewed(state_backend, story, Story(STRICT, "2024-12-03").moment("12:00")) as view:
        tiles = MEASURES.take(view)["measure:incident_count"].tiles
    assert tiles["24h"].since == since
    assert (tiles["60m"].since, tiles["24h"].text) == ("", "1")


@pytest.mark.parametrize(("clock", "shown"), [("23:59:59", "15 s"), ("24:00:00", "10 s")], ids=["before", "after"])
def test_who_waits_over_midnight_has_the_time_of_the_day_before_and_the_target_shown_is_todays(
    state_backend: StateServer, clock: str, shown: str
) -> None:
    """The strict force goes from within 15 s to under 10 s at the midnight before the clocks go back."""
    story, measure = Story(STRICT, "2024-10-26"), find("contact_999_longest_wait_seconds")
    story.report(ContactOffered, "23:59:55", line="999", queue="emergency")
    with viewed(state_backend, story, story.moment(clock)) as view:
        tile = take_tile(measure, NOW, view)
        assert tile.counts_from is not None
        assert (tile.counts_from, tile.allowed_until) == (milliseconds(story, "23:59:55"), tile.counts_from + 15_000)
        assert custom(measure, view).target == shown


def milliseconds(story: Story, clock: str) -> int:
    """A time of the day as the page counts it."""
    return int(story.moment(clock).timestamp() * 1000)
