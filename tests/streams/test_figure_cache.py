"""The cache of figures: kept while nothing changes, and read again when time alone changes a figure's bounds."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from measures.catalogue import find
from measures.outcome import OpenItem, microseconds
from measures.reading import Figure, Question
from measures.window import resolve
from streams.figure_cache import FigureCache
from tests.support.forces import STRICT

NOON = datetime(2024, 12, 2, 12, tzinfo=UTC)


class Source:
    """Open items of one kind and no panes, for a question; notes each time that its figures are read."""

    def __init__(self, force: str = STRICT.name, items: Sequence[OpenItem] = ()) -> None:
        self.force, self._items, self.reads = force, items, 0

    def versions(self, kinds: Sequence[str]) -> tuple[int, ...]:
        """Nothing arrives."""
        return (1,) * len(kinds)

    def content(self, kinds: Sequence[str]) -> Sequence[object]:
        """No counts."""
        return ()

    def open(self, kind: str) -> Iterable[OpenItem]:
        """The items of the kind."""
        return [each for each in self._items if each.kind == kind]

    def read(self) -> list[Figure]:
        """No figure."""
        self.reads += 1
        return []


def item(kind: str, due: datetime | None = None, unrecorded_from: datetime | None = None) -> OpenItem:
    """An item that has been open since ten minutes before noon."""
    since = microseconds(NOON - timedelta(minutes=10))
    moments = [microseconds(each) if each else None for each in (due, unrecorded_from)]
    return OpenItem(kind, since, since, moments[0], ("999", "emergency", "none"), moments[1])


def at(**parts: float) -> datetime:
    """A time after noon."""
    return NOON + timedelta(**parts)


MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("measure", "open_item", "read_at"),
    [
        ("contact_999_abandoned_ratio", item("leg_waiting", unrecorded_from=at(minutes=5)), [at(minutes=5)]),
        ("contact_999_waiting_count", item("leg_waiting", unrecorded_from=at(minutes=5)), [at(minutes=5)]),
        ("review_postponed_over_60_minutes_count", item("review_postponed"), [at(minutes=50)]),
        (
            "adult_detention_overdue_count",
            item("detention_limit", due=at(hours=2)),
            [at(hours=2), at(hours=2) + MICROSECOND],
        ),
        (
            "adult_detention_due_within_60_minutes_count",
            item("detention_limit", due=at(hours=2)),
            [at(hours=1) + MICROSECOND],
        ),
    ],
)
def test_figures_are_read_again_when_an_open_item_changes_them_although_no_fact_arrives(
    measure: str, open_item: OpenItem, read_at: list[datetime]
) -> None:
    cache, source, found = FigureCache(), Source(items=[open_item]), list[datetime]()
    moments = {NOON, *read_at, *(each - MICROSECOND for each in read_at), *(each + MICROSECOND for each in read_at)}
    window = resolve("2024-12-01/2024-12-03", NOON, STRICT)
    for moment in sorted(moments):
        reads = source.reads
        cache.figures(Question(find(measure), window, moment), source)
        found += [moment] if source.reads > reads else []
    assert found == [NOON, *read_at]


def test_the_figures_of_many_forces_are_all_kept() -> None:
    """Otherwise each scrape of several forces would read every figure again."""
    forces, filters, reads = 12, 400, 0
    cache, measure = FigureCache(forces), find("contact_999_abandoned_ratio")
    window = resolve("2024-12-01/2024-12-03", NOON, STRICT)
    for _ in range(2):
        for force in range(forces):
            source = Source(str(force))
            for number in range(filters):
                cache.figures(Question(measure, window, NOON, (), {"queue": (str(number),)}), source)
            reads += source.reads
    assert reads == forces * filters
