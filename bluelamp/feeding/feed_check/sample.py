"""What a feed check looks at: the facts of an extract or of a while of listening, and what is known of how they arrived."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from facts.fact import SubjectFact
from facts.union import AnyFact, Topic
from measures.outcome import Outcomes, microseconds
from measures.outcomes import outcomes_of
from measures.rules import Rules
from measures.timeline import Timeline, add
from producers.extract import Extract


class Arrival(NamedTuple):
    """When a fact happened and when the log received it, in microseconds since 1970, in the order of arrival."""

    at: int
    received: int


class FeedSample:
    """The facts to check. Nothing in it is printed except counts, times and the labels of dimensions.

    Args:
        topic: the topic of the facts.
        rules: the rules of their force.
        facts: the facts, in any order.
        suspects: by column or field, how many of its values look like each kind of personal data, and how many values it has.
        used: the columns or fields of `suspects` that become part of a fact.
        extract: the extract that gave the facts; None if they were listened to.
        arrivals: when each fact arrived; empty for an extract.
        unreadable: the number of facts that could not be read.
    """

    def __init__(
        self,
        topic: Topic,
        rules: Rules,
        facts: Iterable[AnyFact],
        *,
        suspects: "dict[str, Suspects] | None" = None,
        used: frozenset[str] = frozenset(),
        extract: Extract | None = None,
        arrivals: Sequence[Arrival] = (),
        unreadable: int = 0,
    ) -> None:
        self.topic, self.rules, self.extract = topic, rules, extract
        self.suspects, self.used = suspects or {}, used
        self.arrivals, self.unreadable = arrivals, unreadable
        self.facts = [each for each in facts if isinstance(each, SubjectFact)]
        self.times = sorted(microseconds(each.at) for each in self.facts)

    @property
    def is_live(self) -> bool:
        """Whether the facts were listened to, so that most subjects began before the first of them."""
        return bool(self.arrivals)

    @cached_property
    def timelines(self) -> dict[str, Timeline]:
        """The facts of each subject."""
        found: dict[str, Timeline] = {}
        for fact in self.facts:
            add(found.setdefault(fact.subject_id, {}), fact)
        return found

    @cached_property
    def outcomes(self) -> list[Outcomes]:
        """What each subject counts for."""
        return [outcomes_of(self.topic, timeline, self.rules) for timeline in self.timelines.values()]

    def finished(self) -> Counter[str]:
        """The number of finished outcomes of each kind."""
        return Counter(each.kind for one in self.outcomes for each in one.finished)


class Suspects(NamedTuple):
    """How many values of a column look like each kind of personal data.

    Attributes:
        values: the number of values.
        kinds: by kind, how many look like it.
    """

    values: int
    kinds: dict[str, int]
