"""The events for watchers of the board: changes, an `alive` event for a read without a change, and failures."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as Unreachable

from bluelamp.embedded.state import StateServer
from dashboards.board.measure.all_page import MEASURES
from dashboards.board.shared.live import LiveUpdates, Snapshot
from dashboards.board.shared.tile import NOW, read_tile, reference_values
from facts.contact import ContactOffered
from facts.errors import IncompleteError
from facts.incident import IncidentOpened
from measures.catalogue import find
from streams.refusal import WORDS
from tests.board.viewed import viewed
from tests.support.forces import STRICT
from tests.support.story import Story

FORCE = "strict"


def found(**parts: str) -> Callable[[], Snapshot]:
    """A read that finds these parts."""
    return lambda: Snapshot(1_000, {"page": dict(parts)})


def fail(error: Exception) -> Callable[[], Snapshot]:
    """A read that fails."""

    def read() -> Snapshot:
        raise error

    return read


def events_of(*reads: Callable[[], Snapshot]) -> list[str]:
    """The events that one watcher receives on arrival and after each read."""

    async def run() -> list[str]:
        remaining = iter(reads)
        live = LiveUpdates(["page", "other"], lambda _: next(remaining)(), lambda _: None)
        live.alive_seconds = 0.0
        events = live.watch("page")
        received = [await anext(events), await anext(events)]
        for _ in reads:
            await live.update()
            received.append(await anext(events))
        with pytest.raises(TimeoutError):
            # Nothing reads any more: the page must receive nothing, so that it notices the silence.
            await asyncio.wait_for(anext(events), 0.1)
        return received

    return asyncio.run(run())


def names(received: list[str]) -> list[str]:
    """The first line of each event."""
    return [each.partition("\n")[0] for each in received]


def test_a_watcher_receives_everything_once_then_changes_and_an_event_for_every_read() -> None:
    one, other, less = found(a="1", b="1"), found(a="1", b="2"), found(b="2")
    received = events_of(one, one, other, less)
    assert names(received) == [
        "retry: 1000",
        "event: waiting",
        "event: snapshot",
        "event: alive",
        "event: change",
        "event: change",
    ]
    assert data(received[2]) == {"now": 1000, "parts": {"a": "1", "b": "1"}, "gone": []}
    assert data(received[3]) == {"now": 1000}
    assert data(received[4]) == {"now": 1000, "parts": {"b": "2"}, "gone": []}
    assert data(received[5]) == {"now": 1000, "parts": {}, "gone": ["a"]}


def test_what_was_read_while_the_last_watcher_left_is_never_sent_to_the_next_one() -> None:
    """Otherwise the page would show old figures as live until the next read has ended."""

    async def run() -> list[str]:
        is_reading, may_end = threading.Event(), threading.Event()

        def held(_: set[str]) -> Snapshot:
            is_reading.set()
            assert may_end.wait(60)
            return Snapshot(1_000, {"page": {"a": "old"}})

        live = LiveUpdates(["page"], held, lambda _: None)
        leaving = live.watch("page")
        await anext(leaving)
        reading = asyncio.create_task(live.update())
        await asyncio.to_thread(is_reading.wait, 60)
        await leaving.aclose()
        may_end.set()
        await reading
        arriving = live.watch("page")
        return [await anext(arriving), await anext(arriving)]

    assert names(asyncio.run(run())) == ["retry: 1000", "event: waiting"]


def data(event: str) -> Any:
    """The data of an event."""
    return json.loads(event.partition("data: ")[2])


def test_a_failed_read_is_reported_and_the_page_recovers() -> None:
    one = found(a="1")
    received = events_of(one, fail(Unreachable()), fail(OSError()), fail(ValueError()), one)
    assert names(received)[2:] == [
        "event: snapshot",
        "event: unreachable",
        "event: unreachable",
        "event: unreadable",
        "event: snapshot",
    ]
    assert data(received[3]) == data(received[4]) == {"what": "The state server does not answer."}
    assert data(received[-1])["parts"] == {"a": "1"}


def test_a_refusal_of_the_state_server_is_reported_with_its_cause() -> None:
    errors = (
        AuthenticationError("Authentication required.", status_code="NOAUTH"),
        BusyLoadingError("LOADING"),
        ResponseError("MISCONF"),
    )
    received = events_of(*(fail(each) for each in errors))
    assert [data(each)["what"].partition(" (")[0].rstrip(".") for each in received[2:]] == [
        WORDS["access_denied"].what, WORDS["loading"].what, WORDS["disk"].what
    ]  # fmt: skip
    (event,) = events_of(fail(IncompleteError("Built by another profile.", where="there", hint="Put it back.")))[2:]
    assert data(event) == {"what": "Built by another profile."}


def test_a_watcher_who_missed_a_change_or_arrives_later_receives_everything() -> None:
    async def run() -> list[str]:
        remaining = iter([found(a="1", b="1"), found(a="2", b="1"), found(a="3", b="1"), found(a="3", b="1")])
        live = LiveUpdates(["page"], lambda _: next(remaining)(), lambda _: None)
        lagging, first = live.watch("page"), live.watch("page")
        received = [await anext(lagging), await anext(lagging), await anext(first), await anext(first)]
        await live.update()
        received.append(await anext(lagging))
        await live.update()
        await live.update()
        received.append(await anext(lagging))
        late = live.watch("page")
        received += [await anext(late), await anext(late)]
        for each in (lagging, first, late):
            await each.aclose()
        # Nobody watched for a while, so the parts from before are old and must not be sent.
        again = live.watch("page")
        received += [await anext(again), await anext(again)]
        return received

    received = asyncio.run(run())
    assert names(received)[4:] == [
        "event: snapshot",
        "event: snapshot",
        "retry: 1000",
        "event: snapshot",
        "retry: 1000",
        "event: waiting",
    ]
    assert data(received[5])["parts"] == data(received[7])["parts"] == {"a": "3", "b": "1"}


def test_a_viewer_of_several_pages_receives_each_pages_events_under_its_name_and_leaves_them_all() -> None:
    async def run() -> list[str]:
        parts = {"page": {"a": "1"}, "other": {"b": "2"}}
        live = LiveUpdates(
            ["page", "other"], lambda names: Snapshot(1_000, {each: parts[each] for each in names}), lambda _: None
        )
        events = live.watch_pages(["page", "other", "page"])
        received = [await anext(events) for _ in range(4)]
        await live.update()
        received += [await anext(events) for _ in range(2)]
        await events.aclose()
        assert [channel.viewers for channel in live.channels.values()] == [0, 0]
        return received

    received = asyncio.run(run())
    assert sorted(names(received)) == [
        "event: other:snapshot", "event: other:waiting", "event: page:snapshot", "event: page:waiting", "retry: 1000", "retry: 1000",
    ]  # fmt: skip
    (snapshot,) = [each for each in received if each.startswith("event: other:snapshot")]
    assert data(snapshot)["parts"] == {"b": "2"}


@pytest.mark.parametrize(
    ("day", "clock", "since"),
    [("2024-12-03", "09:41", "since 09:41"), ("2024-12-02", "16:00", "since 2 Dec")],
    ids=["today", "yesterday"],
)
def test_a_window_that_begins_before_the_record_says_where_its_figure_begins(
    any_state: StateServer, day: str, clock: str, since: str
) -> None:
    story = Story(STRICT, day)
    story.report(IncidentOpened, clock, grade="1", group="crime")
    with viewed(any_state, story, Story(STRICT, "2024-12-03").moment("12:00")) as view:
        tiles = MEASURES.read(view)["measure:incident_count"].tiles
    assert tiles["24h"].since == since
    assert (tiles["60m"].since, tiles["24h"].text) == ("", "1")


@pytest.mark.parametrize(("clock", "displayed"), [("23:59:59", "15 s"), ("24:00:00", "10 s")], ids=["before", "after"])
def test_a_wait_over_midnight_has_the_target_of_the_day_before_and_the_displayed_target_is_todays(
    any_state: StateServer, clock: str, displayed: str
) -> None:
    """The strict force's target changes from within 15 s to under 10 s at the midnight before the clocks go back."""
    story, measure = Story(STRICT, "2024-10-26"), find("contact_999_longest_wait_seconds")
    story.report(ContactOffered, "23:59:55", line="999", queue="emergency")
    with viewed(any_state, story, story.moment(clock)) as view:
        tile = read_tile(measure, NOW, view)
        assert tile.counts_from is not None
        assert (tile.counts_from, tile.allowed_until) == (milliseconds(story, "23:59:55"), tile.counts_from + 15_000)
        assert reference_values(measure, view).target == displayed


def milliseconds(story: Story, clock: str) -> int:
    """A time of the day as the page counts it."""
    return int(story.moment(clock).timestamp() * 1000)
