"""What is found while one timeline is read: outcomes, open matters and contradictions, with their times set right."""

from datetime import datetime

from measures.outcome import KINDS, OpenItem, Outcome, Outcomes, Target, microseconds, span


class OutcomeBuilder:
    """Gathers what one subject counts for.

    Args:
        subject: `contact`, `incident`, `detention` or `occurrence`: names the kinds of its faults.
        began: when the subject began.
    """

    def __init__(self, subject: str, began: datetime) -> None:
        self.subject = subject
        self.began = microseconds(began)
        self.finished: list[Outcome] = []
        self.open: list[OpenItem] = []

    def result(self) -> Outcomes:
        """Everything found."""
        return Outcomes(self.finished, self.open)

    def count(self, kind: str, at: datetime, dimensions: tuple[str, ...], value: int = 0) -> None:
        """One outcome of a kind, decided at an instant."""
        self.finished.append(Outcome(kind, microseconds(at), self.began, dimensions, value))

    def stand(self, kind: str, since: datetime, dimensions: tuple[str, ...]) -> None:
        """Something that stands open since an instant."""
        self.open.append(OpenItem(kind, microseconds(since), self.began, None, dimensions))

    def fall_due(self, kind: str, since: int, due: int | None, dimensions: tuple[str, ...]) -> None:
        """Something that stands open and falls due; instants in microseconds, None while its clock stands still."""
        self.open.append(OpenItem(kind, since, self.began, due, dimensions))

    def contradiction(self, what: str, at: datetime) -> None:
        """The record says two things that cannot both be: counted, and the subject is listed."""
        kind = f"{self.subject}_contradiction"
        self.count(kind, at, (what,))
        self.stand(kind, at, (what,))

    def incomplete(self, at: datetime) -> None:
        """Facts of a subject whose beginning was never told: counted until it is."""
        self.count(f"{self.subject}_incomplete", at, ())
        self.stand(f"{self.subject}_incomplete", at, ())

    def span(self, kind: str, start: datetime, end: datetime, dimensions: tuple[str, ...]) -> int | None:
        """A finished span in the kind's unit; None, and a contradiction, when it ends before it starts."""
        if end < start:
            self.contradiction(f"{kind}_ends_before_it_starts", end)
            return None
        value = span(microseconds(start), microseconds(end), KINDS[kind].per_second)
        self.count(kind, end, dimensions, value)
        return value

    def decide(
        self,
        kind: str,
        start: datetime,
        end: datetime | None,
        target: Target,
        dimensions: tuple[str, ...],
        given_up: datetime | None = None,
    ) -> None:
        """Whether a span met its target, decided at the earlier of its end and the instant it could no longer meet it.

        Args:
            kind: a decided kind: value 1 is met, 0 is missed.
            start: when the clock started.
            end: when it stopped; None while that is not known.
            target: the promise.
            dimensions: of the kind.
            given_up: when it became certain that no end will come: then it is missed without one.
        """
        self.settle(kind, start, end, target.due(microseconds(start)), dimensions, given_up)

    def settle(
        self,
        kind: str,
        start: datetime,
        end: datetime | None,
        due: int,
        dimensions: tuple[str, ...],
        given_up: datetime | None = None,
    ) -> None:
        """The same for what ends in time before an instant, `due` in microseconds, however that was reckoned."""
        if end is not None:
            stopped = microseconds(end)
            self.finished.append(Outcome(kind, min(stopped, due), self.began, dimensions, int(stopped < due)))
        elif given_up is not None:
            self.finished.append(Outcome(kind, min(microseconds(given_up), due), self.began, dimensions, 0))
        else:
            self.open.append(OpenItem(kind, microseconds(start), self.began, due, dimensions))
