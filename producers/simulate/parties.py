"""Simulates parties of occurrences: which crimes are domestic, who is linked to them, and who is a repeat."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from numpy.random import Generator

from facts.occurrence import Role
from producers.simulate.months import Month, whole_second
from producers.simulate.parameters import Links, Occurrences, month_share, of_year
from producers.simulate.random_draws import apportion


class OccurrenceRecord(Struct, frozen=True):
    """A recorded occurrence.

    Attributes:
        subject_id: id of the occurrence.
        at: when it is recorded, in seconds since 1970.
        type: type of occurrence.
        area: area.
        has_victim: whether it is victim-based.
        referred: when its victim is referred, in seconds since 1970; None if nobody is.
    """

    subject_id: str
    at: float
    type: str
    area: str
    has_victim: bool
    referred: float | None


class Link(Struct, frozen=True):
    """A party of an occurrence.

    Attributes:
        record: the occurrence.
        role: role of the party.
        at: when it is linked, in seconds since 1970.
        is_repeat: whether the party is already in the records.
        is_domestic_repeat: whether the party is already in the records of a domestic occurrence.
    """

    record: OccurrenceRecord
    role: Role
    at: float
    is_repeat: bool
    is_domestic_repeat: bool = False


class Parties:
    """The parties of a month of occurrences. Their number comes from the parameters; which they are is random.

    Args:
        params: the parameters of occurrences.
        month: the month.
        rng: the random stream of the parties.
    """

    def __init__(self, params: Occurrences, month: Month, rng: Generator) -> None:
        self._params, self._month, self._rng = params, month, rng

    def domestic(self, crimes: Sequence[OccurrenceRecord]) -> set[str]:
        """The ids of the domestic crimes, with each type's share of the month's number."""
        params = self._params.domestic
        count = month_share(params.crimes, self._params.months, self._month)
        found: set[str] = set()
        for kind, number in zip(params.crime_types, apportion(count, list(params.crime_types.values())), strict=True):
            found.update(
                each.subject_id for each in self._sample([crime for crime in crimes if crime.type == kind], number)
            )
        return found

    def of_asb(self, records: Sequence[OccurrenceRecord]) -> Iterator[Link]:
        """Suspects, victims and addresses of ASB."""
        for role, links in self._params.asb_parties.items():
            chosen = self._sample(records, self._count(links))
            for each, at, is_repeat in zip(
                chosen, self._after(chosen), self._repeats(chosen, links.repeat_share), strict=True
            ):
                yield Link(each, role, at, is_repeat)

    def victims(
        self, crimes: Sequence[OccurrenceRecord], others: Sequence[OccurrenceRecord], domestic: set[str]
    ) -> Iterator[Link]:
        """Victims of crimes, domestic and victim-based crimes first, and of domestic occurrences that are not crimes."""
        params = self._params.crime_victims
        shuffled = self._sample(crimes, len(crimes))
        shuffled.sort(key=lambda each: (each.subject_id not in domestic, not each.has_victim))
        of_crime = shuffled[: self._count(params)]
        repeats = dict(zip(_ids(of_crime), self._repeats(of_crime, params.repeat_share), strict=True))
        of_domestic = [*(each for each in of_crime if each.subject_id in domestic), *others]
        flags = self._repeats(of_domestic, self._params.domestic.repeat_share)
        before = dict(zip(_ids(of_domestic), flags, strict=True))
        linked = [*of_crime, *others]
        for each, at in zip(linked, self._after(linked), strict=True):
            is_domestic_repeat = before.get(each.subject_id, False)
            yield Link(each, "victim", at, repeats.get(each.subject_id, is_domestic_repeat), is_domestic_repeat)

    def _count(self, links: Links) -> int:
        return month_share(links.years, self._params.months, self._month)

    def _sample(self, records: Sequence[OccurrenceRecord], count: int) -> list[OccurrenceRecord]:
        return [records[place] for place in self._rng.permutation(len(records))[:count].tolist()]

    def _repeats(self, records: Sequence[OccurrenceRecord], shares: Mapping[str, float]) -> list[bool]:
        """Whether each is a repeat, with the year's share of repeats."""
        number = round(of_year(shares, self._month.year) * len(records))
        found: list[bool] = (self._rng.permutation(len(records)) < number).tolist()
        return found

    def _after(self, records: Sequence[OccurrenceRecord]) -> list[float]:
        """When the party of each occurrence is linked, in seconds since 1970."""
        spans = self._params.linked_after.draw(self._rng, len(records))
        return [whole_second(each.at + span) for each, span in zip(records, spans, strict=True)]


def _ids(records: Sequence[OccurrenceRecord]) -> list[str]:
    return [each.subject_id for each in records]
