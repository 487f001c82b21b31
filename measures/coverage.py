"""Coverage: the stretch of time that a measure's feeds have reported on. Outside of it nothing is known, so nothing is 0."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from measures.pane import HOUR

CoverageLevel = Literal["whole", "part", "none"]
"""How much of a period the record holds."""
QUIET = HOUR
"""The longest silence at the start of a period that is taken for a quiet beginning, and not for a missing record."""


class Span(NamedTuple):
    """A stretch of time, in microseconds since 1970; the end is not in it."""

    start: int
    end: int


class Reported(Protocol):
    """What is known of one feed, in microseconds since 1970; None where it is not known."""

    @property
    def first_event_at(self) -> int | None:
        """The first event that it reported."""

    @property
    def complete_to(self) -> int | None:
        """Everything up to here was received."""


class Coverage(Struct, frozen=True):
    """The stretch of time that every feed of a measure has reported on, in microseconds since 1970.

    Attributes:
        begins: the first event of the feed that began last; None while a feed has reported no event.
        complete_to: how far the feed is complete that is furthest behind; None while a feed has sent no heartbeat.
    """

    begins: int | None
    complete_to: int | None

    def holds(self, span: Span) -> bool:
        """Whether every instant of a stretch is known, its first one included."""
        return self._is_begun(span.start) and self._is_complete(span)

    def begins_late(self, span: Span) -> bool:
        """Whether the start of a stretch is missing: longer than a quiet hour, or than a tenth of a short stretch."""
        return not self._is_begun(span.start + min((span.end - span.start) // 10, QUIET))

    def level(self, spans: Sequence[Span], *, to_the_end: bool = True) -> CoverageLevel:
        """How much of a period is known.

        Args:
            spans: the stretches of the period; a period without any is none.
            to_the_end: it must be known to its end as well. A window in progress need not be.
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
    """The coverage of a measure: from when the last of its feeds began, up to where the first of them is not complete.

    Outside of that at least one feed is missing, and a figure without one of its feeds is not the figure. So it is the
    latest beginning and the earliest end, never the earliest beginning: that would count the missing feed as 0.

    Args:
        feeds: those that the measure is counted from; without any, nothing is known.
    """
    known = list(feeds)
    return Coverage(
        begins=_of_all(max, [feed.first_event_at for feed in known]),
        complete_to=_of_all(min, [feed.complete_to for feed in known]),
    )


def _of_all(choose: Callable[[Iterable[int]], int], instants: Sequence[int | None]) -> int | None:
    known = [instant for instant in instants if instant is not None]
    return choose(known) if known and len(known) == len(instants) else None
