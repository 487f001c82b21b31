"""Which alerts keep others quiet, for Alertmanager and the engine in process alike: one cause, one alert."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from streams.refusal import CAUSES, Cause


class Matcher(Struct, frozen=True):
    """A label that must have a word, or must not; a label that is not there has an empty one."""

    name: str
    word: str
    is_other: bool = False

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are meant."""
        return (labels.get(self.name, "") == self.word) != self.is_other

    def __str__(self) -> str:
        return f'{self.name}{"!=" if self.is_other else "="}"{self.word}"'


class Among(Struct, frozen=True):
    """A label that must have one of some words."""

    name: str
    words: tuple[str, ...]

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are meant."""
        return labels.get(self.name, "") in self.words

    def __str__(self) -> str:
        return f'{self.name}=~"{"|".join(self.words)}"'


class Inhibition(Struct, frozen=True, kw_only=True):
    """While a source fires, its targets are not told.

    Attributes:
        source: what a source is.
        target: what a target is.
        equal: labels in which the two must agree.
    """

    source: tuple[Matcher | Among, ...]
    target: tuple[Matcher | Among, ...]
    equal: tuple[str, ...] = ()

    def mutes(self, target: Mapping[str, str], source: Mapping[str, str]) -> bool:
        """Whether one alert keeps another quiet, by their labels."""
        return (
            all(each.fits(source) for each in self.source)
            and all(each.fits(target) for each in self.target)
            and all(source.get(name, "") == target.get(name, "") for name in self.equal)
        )


def state_rule(cause: Cause) -> str:
    """The rule of a cause for which the state is not read or not written."""
    return f"state_{cause}"


CHAIN: tuple[tuple[str, ...], ...] = (
    ("exporter_down", "log_unreachable", *(state_rule(cause) for cause in CAUSES)),
    ("no_worker",),
    ("worker_stalled",),
    ("worker_behind",),
    ("no_live_data",),
)
"""Rules whose alerts bring about those of the rules after them: while one fires, those are not sent. It fires first and ends last."""


def _chained() -> Iterable[Inhibition]:
    for place, causes in enumerate(CHAIN[:-1], 1):
        consequences = tuple(rule for rules in CHAIN[place:] for rule in rules)
        yield Inhibition(source=(Among("rule", causes),), target=(Among("rule", consequences),))


INHIBITIONS = (
    Inhibition(
        source=(Matcher("severity", "critical"),),
        target=(Matcher("severity", "warning"), Matcher("measure", "monitor", is_other=True)),
        equal=("force", "measure"),
    ),
    *_chained(),
    Inhibition(source=(Matcher("rule", "no_live_data"),), target=(Among("rule", ("feed_silent", "feed_doubted")),)),
)


def is_quiet(
    labels: Mapping[str, str],
    firing: Sequence[Mapping[str, str]],
    inhibitions: Iterable[Inhibition] = INHIBITIONS,
) -> bool:
    """Whether an alert is not told because of others.

    Args:
        labels: of the alert.
        firing: the labels of all that fire.
        inhibitions: the table.
    """
    return any(each.mutes(labels, source) for each in inhibitions for source in firing)
