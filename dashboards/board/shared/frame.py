"""What every page says around its figures: whether they are live, their time, and whether they are simulated."""

from msgspec import Struct

from dashboards.board.shared.page import Parts
from measures.outcome import SECOND, microseconds
from measures.reading import feed_problem, filling, loading
from streams.readings import Reader


class Frame(Struct, frozen=True):
    """The part `frame` of every page.

    Attributes:
        live: in words, whether the feeds are live.
        is_replay: the feeds replay recorded facts, so their time does not follow the clock.
        is_simulated: a feed has sent simulated facts, now or earlier.
        troubles: what keeps figures from being live, without duplicates.
        is_loading: history is being loaded, so figures are as of a past moment.
        clock: in words, that a clock was changed recently; empty if none was.
        history: in words, how far back older history has been filled in so far; empty if none is being filled in.
    """

    live: str
    is_replay: bool
    is_simulated: bool
    troubles: list[str]
    is_loading: bool
    clock: str
    history: str


def read_frame(reader: Reader, force: str) -> Parts:
    """The frame of every page of a force."""
    feeds = reader.feeds(force)
    troubles = feed_troubles(reader, force)
    live = "Live" if not troubles else "Not live" if len(troubles) == len(feeds) else "Not all live"
    reasons = list(dict.fromkeys(troubles.values()))
    past = loading(feeds)
    if past:
        live, reasons = "Not live", [past.words(reader.rules[force])]
    is_replay = any(feed.is_replay for feed in feeds)
    is_simulated, clock = reader.is_simulated(force), _clock_words(reader)
    older = filling(feeds)
    history = older.brief(reader.rules[force]) if older and past is None else ""
    return {"frame": Frame(live, is_replay, is_simulated, reasons, past is not None, clock, history)}


def _clock_words(reader: Reader) -> str:
    """The largest recent step: all processes of one machine notice the same one."""
    now = reader.now()
    steps = [each for each in reader.clock_steps() if each.is_large() and each.is_recent(now)]
    largest = max(steps, key=lambda each: abs(each.seconds), default=None)
    return f"{largest.words()} Figures may have been wrong during that time." if largest else ""


def feed_troubles(reader: Reader, force: str) -> dict[str, str]:
    """The reason for each feed that is not live, by the feed's name."""
    rules, feeds = reader.rules[force], reader.feeds(force)
    now, as_of = microseconds(reader.now()), microseconds(reader.present(force))
    reasons: dict[str, str] = {}
    for status, feed in zip(feeds, rules.force.feeds, strict=True):
        trouble = feed_problem(status, as_of, feed.stale_after_seconds * SECOND, rules, now)
        if trouble:
            reasons[feed.name] = trouble.reason
    return reasons
