"""Which alerts keep others quiet, for Alertmanager and the engine in process alike."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct


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


class Inhibition(Struct, frozen=True, kw_only=True):
    """While a source fires, its targets are not told.

    Attributes:
        source: what a source is.
        target: what a target is.
        equal: labels in which the two must agree.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def mutes(self, target: Mapping[str, str], source: Mapping[str, str]) -> bool:
        """Whether one alert keeps another quiet, by their labels."""
        return (
            all(each.fits(source) for each in self.source)
            and all(each.fits(target) for each in self.target)
            and all(source.get(name, "") == target.get(name, "") for name in self.equal)
        )


INHIBITIONS = (
    Inhibition(
        source=(Matcher("severity", "critical"),),
        target=(Matcher("severity", "warning"), Matcher("measure", "monitor", is_other=True)),
        equal=("force", "measure"),
    ),
    Inhibition(source=(Matcher("rule", "no_live_data"),), target=(Matcher("rule", "feed_silent"),)),
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
