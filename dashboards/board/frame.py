"""What every page says around its figures: whether they are live, of which moment they are, and whether they are real."""

from msgspec import Struct

from dashboards.board.page import Parts
from measures.outcome import SECOND, microseconds
from measures.reading import feed_problem, loading
from streams.readings import Reader


class Frame(Struct, frozen=True):
    """The part `frame` of every page.

    Attributes:
        live: in words, whether the feeds are.
        is_replay: the feeds play recorded facts, so that their time does not run with the clock.
        is_simulated: a feed has told, now or earlier, what did not happen.
        troubles: what keeps figures from being live, each once.
        is_loading: a history is being loaded, so that figures are of a moment that is past.
        clock: that a clock was set lately, in words; empty if none was.
    """

    live: str
    is_replay: bool
    is_simulated: bool
    troubles: list[str]
    is_loading: bool
    clock: str


def take_frame(reader: Reader, force: str) -> Parts:
    """The frame of every page of a force."""
    feeds = reader.feeds(force)
    troubles = feed_troubles(reader, force)
    word = "Live" if not troubles else "Not live" if len(troubles) == len(feeds) else "Not all live"
    told = list(dict.fromkeys(troubles.values()))
    past = loading(feeds)
    if past:
        word, told = "Not live", [past.words(reader.rules[force])]
    is_replay = any(feed.is_replay for feed in feeds)
    is_simulated, clock = reader.is_simulated(force), _clock_words(reader)
    return {"frame": Frame(word, is_replay, is_simulated, told, is_loading=past is not None, clock=clock)}


def _clock_words(reader: Reader) -> str:
    """The largest recent step: all processes of one machine notice the same one."""
    now = reader.now()
    steps = [each for each in reader.clock_steps() if each.is_large() and each.is_recent(now)]
    found = max(steps, key=lambda each: abs(each.seconds), default=None)
    return f"{found.words()} Figures may have been wrong meanwhile." if found else ""


def feed_troubles(reader: Reader, force: str) -> dict[str, str]:
    """The feeds that are not live, each with the reason."""
    rules, feeds = reader.rules[force], reader.feeds(force)
    now, as_of = microseconds(reader.now()), microseconds(reader.present(force))
    found: dict[str, str] = {}
    for status, feed in zip(feeds, rules.force.feeds, strict=True):
        trouble = feed_problem(status, as_of, feed.stale_after_seconds * SECOND, rules, now)
        if trouble:
            found[feed.name] = trouble.reason
    return found
