"""Collects the outcomes and open items of one subject while its timeline is evaluated."""

from typing import Literal

from facts.fact import EndedByHand
from measures.outcome import (
    CONTRADICTION,
    ENDED_BY_HAND,
    INCOMPLETE,
    KINDS,
    LEFT_OUT,
    UNRECORDED_END,
    KindName,
    OpenItem,
    Outcome,
    Outcomes,
    Subject,
    Target,
    microseconds,
    span,
)

End = Literal["wait", "attendance", "closure"]
"""What may end without a record: a contact's wait, an incident's attendance or closure."""


class OutcomeBuilder:
    """Collects what one subject counts for. All times are in microseconds since 1970.

    Args:
        subject: `contact`, `incident`, `detention`, `occurrence` or `call_taker`; the prefix of its `_incomplete` and `_contradiction` kinds.
        began: when the subject began.
    """

    def __init__(self, subject: Subject, began: int) -> None:
        self.subject, self.began = subject, began
        self.finished: list[Outcome] = []
        self.open: list[OpenItem] = []

    def outcomes(self) -> Outcomes:
        """Everything collected."""
        return Outcomes(self.finished, self.open)

    def count(self, kind: KindName, at: int, dimensions: tuple[str, ...], value: int = 0) -> None:
        """Add an outcome of a kind, decided at a time."""
        self.finished.append(Outcome(kind, at, self.began, dimensions, value))

    def count_as(self, kind: KindName, counted: Outcome, value: int) -> None:
        """Add an outcome of a kind that accompanies another: at the same time and with the same labels."""
        self.finished.append(Outcome(kind, counted.at, counted.began, counted.dimensions, value))

    def unrecorded(
        self,
        kind: KindName,
        counted: Outcome | None,
        at: int,
        dimensions: tuple[str, ...],
        left_out: int = LEFT_OUT,
    ) -> None:
        """Add an outcome that is not recorded or in doubt (semantics section 12).

        Args:
            kind: its kind.
            counted: the decided outcome that the figures count instead; None if they count none.
            at: its time if they count none.
            dimensions: its words if they count none.
            left_out: its value if they count none.
        """
        if counted is None:
            self.count(kind, at, dimensions, left_out)
        else:
            self.count_as(kind, counted, counted.value)

    def add_open(
        self, kind: KindName, since: int, dimensions: tuple[str, ...], unrecorded_from: int | None = None
    ) -> None:
        """Add an open item without a due time."""
        self.open.append(OpenItem(kind, since, self.began, None, dimensions, unrecorded_from))

    def add_unrecorded(self, since: int, dimensions: tuple[str, ...], end: End) -> None:
        """Add an end that counts as unrecorded from a time."""
        self.open.append(OpenItem(UNRECORDED_END[self.subject], since, self.began, None, (*dimensions, end)))

    def ended_by_hand(self, fact: EndedByHand, dimensions: tuple[str, ...]) -> None:
        """Add what a person ended."""
        self.count(ENDED_BY_HAND[self.subject], microseconds(fact.at), (*dimensions, fact.reason))

    def add_due(self, kind: KindName, since: int, due: int | None, dimensions: tuple[str, ...]) -> None:
        """Add an open item with a due time, which is None while its clock is paused."""
        self.open.append(OpenItem(kind, since, self.began, due, dimensions))

    def contradiction(self, what: str, at: int) -> None:
        """Add a contradiction: it is counted, and stays open so that the subject can be found."""
        kind = CONTRADICTION[self.subject]
        self.count(kind, at, (what,))
        self.add_open(kind, at, (what,))

    def incomplete(self, at: int) -> None:
        """Add an incomplete subject: its opening event has not arrived. It is counted until it does."""
        self.count(INCOMPLETE[self.subject], at, ())
        self.add_open(INCOMPLETE[self.subject], at, ())

    def span(self, kind: KindName, start: int, end: int, dimensions: tuple[str, ...]) -> int | None:
        """Add a finished span and return it in the kind's unit; a span that ends before it starts is a contradiction, and None."""
        if end < start:
            self.contradiction(f"{kind}_ends_before_it_starts", end)
            return None
        value = span(start, end, KINDS[kind].per_second)
        self.count(kind, end, dimensions, value)
        return value

    def decide(
        self,
        kind: KindName,
        start: int,
        end: int | None,
        target: Target,
        dimensions: tuple[str, ...],
        given_up: int | None = None,
        unrecorded_from: int | None = None,
    ) -> None:
        """Add whether a span met its target, decided when it ends or when it can no longer meet the target, if that is earlier.

        Args:
            kind: a decided kind: value 1 is met, 0 is missed.
            start: when the clock started.
            end: when it stopped; None while that is not known.
            target: the target.
            dimensions: the labels of the kind's dimensions.
            given_up: when it became certain that the span will never end, so that it is missed.
            unrecorded_from: as in `OpenItem`.
        """
        self.settle(kind, start, end, target.due(start), dimensions, given_up, unrecorded_from)

    def settle(
        self,
        kind: KindName,
        start: int,
        end: int | None,
        due: int,
        dimensions: tuple[str, ...],
        given_up: int | None = None,
        unrecorded_from: int | None = None,
    ) -> None:
        """The same for any due time: an end before `due` is in time."""
        if end is not None:
            is_met = end < due
            self.finished.append(Outcome(kind, end if is_met else due, self.began, dimensions, int(is_met)))
        elif given_up is not None:
            self.finished.append(Outcome(kind, min(given_up, due), self.began, dimensions, 0))
        else:
            self.open.append(OpenItem(kind, start, self.began, due, dimensions, unrecorded_from))
