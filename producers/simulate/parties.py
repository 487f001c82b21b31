"""Parties of occurrences: which crimes are domestic, who is linked to what, and which of them the records had before."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from numpy.random import Generator

from facts.occurrence import Role
from producers.simulate.months import Month
from producers.simulate.parameters import Links, Occurrences, month_share, of_year
from producers.simulate.random_draws import apportion, lognormal, quantiles


class OccurrenceRecord(Struct, frozen=True):
    """An occurrence as it is recorded.

    Attributes:
        subject_id: of its facts.
        at: when, in seconds since 1970.
        type: of occurrence.
        area: where.
        has_victim: it is victim-based.
        referred: when its victim is, in seconds since 1970; None when none is.
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
        role: of the party.
        at: when it is linked, in seconds since 1970.
        is_repeat: the records had it before.
        is_domestic_repeat: likewise, of a domestic occurrence.
    """

    record: OccurrenceRecord
    role: Role
    at: float
    is_repeat: bool
    is_domestic_repeat: bool = False


class Parties:
    """The parties of a month of occurrences; numbers and shares are the month's, and chance says which.

    Args:
        of: the parameters.
        month: whose.
        chance: a stream of its own.
    """

    def __init__(self, params: Occurrences, month: Month, rng: Generator) -> None:
        self._params, self._month, self._chance = params, month, rng

    def domestic(self, crimes: Sequence[OccurrenceRecord]) -> set[str]:
        """Those of the crimes that are domestic, by their ids: of each type as many as are its share of the month's."""
        params = self._params.domestic
        count = month_share(params.crimes, self._params.months, self._month)
        found: set[str] = set()
        for kind, wanted in zip(params.crime_types, apportion(count, list(params.crime_types.values())), strict=True):
            found.update(each.subject_id for each in self._some([one for one in crimes if one.type == kind], wanted))
        return found

    def of_asb(self, records: Sequence[OccurrenceRecord]) -> Iterator[Link]:
        """Suspects, victims and addresses of ASB."""
        for role, links in self._params.asb_parties.items():
            some = self._some(records, self._count(links))
            for each, at, is_repeat in zip(
                some, self._after(some), self._repeats(some, links.repeat_share), strict=True
            ):
                yield Link(each, role, at, is_repeat)

    def victims(
        self, crimes: Sequence[OccurrenceRecord], others: Sequence[OccurrenceRecord], domestic: set[str]
    ) -> Iterator[Link]:
        """Victims of crimes, those of domestic and victim-based ones first, and of domestic occurrences that are no crime."""
        params = self._params.crime_victims
        by_chance = self._some(crimes, len(crimes))
        by_chance.sort(key=lambda each: (each.subject_id not in domestic, not each.has_victim))
        of_crime = by_chance[: self._count(params)]
        repeats = dict(zip(_ids(of_crime), self._repeats(of_crime, params.repeat_share), strict=True))
        of_domestic = [*(each for each in of_crime if each.subject_id in domestic), *others]
        flags = self._repeats(of_domestic, self._params.domestic.repeat_share)
        before = dict(zip(_ids(of_domestic), flags, strict=True))
        some = [*of_crime, *others]
        for each, at in zip(some, self._after(some), strict=True):
            is_domestic_repeat = before.get(each.subject_id, False)
            yield Link(each, "victim", at, repeats.get(each.subject_id, is_domestic_repeat), is_domestic_repeat)

    def _count(self, links: Links) -> int:
        return month_share(links.years, self._params.months, self._month)

    def _some(self, records: Sequence[OccurrenceRecord], count: int) -> list[OccurrenceRecord]:
        return [records[place] for place in self._chance.permutation(len(records))[:count].tolist()]

    def _repeats(self, records: Sequence[OccurrenceRecord], shares: Mapping[str, float]) -> list[bool]:
        """For each whether it is a repeat: as many as are the year's share."""
        wanted = round(of_year(shares, self._month.year) * len(records))
        found: list[bool] = (self._chance.permutation(len(records)) < wanted).tolist()
        return found

    def _after(self, records: Sequence[OccurrenceRecord]) -> list[float]:
        """When a party of each is linked."""
        params = self._params.linked_after
        spans = lognormal(quantiles(self._chance, len(records)), params.median_seconds, params.sigma)
        return [float(round(each.at + span)) for each, span in zip(records, spans.tolist(), strict=True)]


def _ids(records: Sequence[OccurrenceRecord]) -> list[str]:
    return [each.subject_id for each in records]
