"""Which alerts inhibit others, so that one cause gives one alert; used by Alertmanager and the built-in engine."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from streams.refusal import CAUSES, Cause


class Matcher(Struct, frozen=True):
    """A label that must have a value, or must not; a missing label has the empty value."""

    name: str
    value: str
    is_negated: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels match."""
        return (labels.get(self.name, "") == self.value) != self.is_negated

    def __str__(self) -> str:
        return f'{self.name}{"!=" if self.is_negated else "="}"{self.value}"'


class OneOf(Struct, frozen=True):
    """A label that must have one of several values."""

    name: str
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels match."""
        return labels.get(self.name, "") in self.values

    def __str__(self) -> str:
        return f'{self.name}=~"{"|".join(self.values)}"'


class Inhibition(Struct, frozen=True, kw_only=True):
    """While a source alert fires, its target alerts are not sent.

    Attributes:
        source: what a source alert matches.
        target: what a target alert matches.
        equal: labels that must have the same value in both.
    """

    source: tuple[Matcher | OneOf, ...]
    target: tuple[Matcher | OneOf, ...]
    equal: tuple[str, ...] = ()

    def inhibits(self, target: Mapping[str, str], source: Mapping[str, str]) -> bool:
        """Whether the source alert inhibits the target alert, given their labels."""
        return (
            all(each.matches(source) for each in self.source)
            and all(each.matches(target) for each in self.target)
            and all(source.get(name, "") == target.get(name, "") for name in self.equal)
        )


def state_rule(cause: Cause) -> str:
    """The name of the rule for one cause of a state server that cannot be read or written."""
    return f"state_{cause}"


CHAIN: tuple[tuple[str, ...], ...] = (
    ("exporter_down", "log_unreachable", *(state_rule(cause) for cause in CAUSES)),
    ("no_worker",),
    ("worker_stalled",),
    ("worker_behind",),
    ("no_live_data",),
)
"""Causes before consequences: while an alert of one group fires, those of later groups are not sent. A cause fires first and ends last."""


def _chained() -> Iterable[Inhibition]:
    for place, causes in enumerate(CHAIN[:-1], 1):
        consequences = tuple(rule for rules in CHAIN[place:] for rule in rules)
        yield Inhibition(source=(OneOf("rule", causes),), target=(OneOf("rule", consequences),))


INHIBITIONS = (
    Inhibition(
        source=(Matcher("severity", "critical"),),
        target=(Matcher("severity", "warning"), Matcher("measure", "monitor", is_negated=True)),
        equal=("force", "measure", "detainee", "suite"),
    ),
    *_chained(),
    Inhibition(
        source=(OneOf("rule", ("contact_999_below_standard", "contact_999_far_below_standard")),),
        target=(Matcher("rule", "contact_999_forecast_below_standard"),),
        equal=("force",),
    ),
    Inhibition(
        source=(Matcher("rule", "no_live_data"),),
        target=(OneOf("rule", ("feed_silent", "feed_doubted", "system_silent")),),
    ),
    Inhibition(
        source=(Matcher("rule", "system_silent"),), target=(Matcher("rule", "feed_silent"),), equal=("force", "system")
    ),
)


def is_inhibited(
    labels: Mapping[str, str],
    firing: Sequence[Mapping[str, str]],
    inhibitions: Iterable[Inhibition] = INHIBITIONS,
) -> bool:
    """Whether other alerts inhibit an alert.

    Args:
        labels: the alert's labels.
        firing: the labels of every firing alert.
        inhibitions: the table.
    """
    return any(each.inhibits(labels, source) for each in inhibitions for source in firing)
