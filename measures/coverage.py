"""Coverage: the period that a measure's feeds have reported on. Outside it figures are unknown, never 0."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from measures.pane import HOUR

CoverageLevel = Literal["whole", "part", "none"]
"""How much of a period the record covers."""
QUIET = HOUR
"""The longest gap at the start of a period that counts as quiet and not as a missing record."""


class Span(NamedTuple):
    """A stretch of time in microseconds since 1970; the end is excluded."""

    start: int
    end: int


class Reported(Protocol):
    """How far one feed has reported, in microseconds since 1970; None if unknown."""

    @property
    def first_event_at(self) -> int | None:
        """The time of the first event that it reported."""

    @property
    def complete_from(self) -> int | None:
        """Not everything before this time has been received yet; None if it has."""

    @property
    def complete_to(self) -> int | None:
        """Everything up to this time was received."""


class Coverage(Struct, frozen=True):
    """The stretch of time that every feed of a measure has reported on, in microseconds since 1970.

    Attributes:
        begins: when the last of the feeds began to report; None while a feed has reported no event.
        complete_to: the time to which all feeds are complete; None while a feed has sent no heartbeat.
    """

    begins: int | None
    complete_to: int | None

    def holds(self, span: Span) -> bool:
        """Whether the whole stretch is covered, including its start."""
        return self._is_begun(span.start) and self._is_complete(span)

    def begins_late(self, span: Span) -> bool:
        """Whether the start of a stretch is missing: more than an hour, or more than a tenth of a stretch under ten hours."""
        return not self._is_begun(span.start + min((span.end - span.start) // 10, QUIET))

    def level(self, spans: Sequence[Span], *, to_the_end: bool = True) -> CoverageLevel:
        """How much of a period is covered.

        Args:
            spans: the stretches of the period; without any, the level is `none`.
            to_the_end: it must be covered to its end as well. A window in progress need not be.
        """
        if not any(self._touches(span) for span in spans):
            return "none"
        is_whole = not any(self.begins_late(span) or (to_the_end and not self._is_complete(span)) for span in spans)
        return "whole" if is_whole else "part"

    def _touches(self, span: Span) -> bool:
        if self.begins is None:
            return False
        end = span.end if self.complete_to is None else min(span.end, self.complete_to)
        return max(span.start, self.begins) < end

    def _is_begun(self, at: int) -> bool:
        return self.begins is not None and self.begins <= at

    def _is_complete(self, span: Span) -> bool:
        return self.complete_to is not None and span.end <= self.complete_to


def coverage_of(feeds: Iterable[Reported]) -> Coverage:
    """The coverage of a measure: from the latest start of its feeds to their earliest `complete_to`.

    Outside that period at least one feed is missing. A figure without one of its feeds would count that feed as 0.

    Args:
        feeds: the feeds that the measure is calculated from; without any, nothing is covered.
    """
    needed = list(feeds)
    return Coverage(
        begins=_of_all(max, [_begins(feed) for feed in needed]),
        complete_to=_of_all(min, [feed.complete_to for feed in needed]),
    )


def _begins(feed: Reported) -> int | None:
    """When a feed's record begins: at its first event, or later while it is still sending the history before `complete_from`."""
    if feed.first_event_at is None or feed.complete_from is None:
        return feed.first_event_at
    return max(feed.first_event_at, feed.complete_from)


def _of_all(choose: Callable[[Iterable[int]], int], instants: Sequence[int | None]) -> int | None:
    known = [instant for instant in instants if instant is not None]
    return choose(known) if known and len(known) == len(instants) else None
