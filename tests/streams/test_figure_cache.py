"""The cache of figures: kept while nothing changes, and read again when time alone changes a figure's bounds."""

from datetime import UTC, datetime, timedelta

from measures.catalogue import find
from measures.outcome import OpenItem, microseconds
from measures.reading import Figure, Question
from measures.window import resolve
from streams.figure_cache import FigureCache
from tests.support.forces import STRICT

NOON = datetime(2024, 12, 2, 12, tzinfo=UTC)


def test_a_share_is_read_again_when_the_end_of_a_wait_comes_to_count_as_unrecorded() -> None:
    cache, reads = FigureCache(), list[datetime]()
    lost_at = NOON + timedelta(minutes=5)
    wait = OpenItem("leg_waiting", 0, 0, None, ("999", "emergency", "none"), microseconds(lost_at))

    def read_at(now: datetime) -> None:
        measure = find("contact_999_abandoned_ratio")
        question = Question(measure, resolve("2024-12-01/2024-12-03", now, STRICT), now)

        def read() -> tuple[list[Figure], tuple[int, ...]]:
            reads.append(now)
            return [], (1,)

        cache.figures(question, STRICT.name, (1,), read, lambda kind: [wait] if kind == "leg_waiting" else [])

    for minutes in (0, 1, 4, 5, 6, 60):
        read_at(NOON + timedelta(minutes=minutes))
    assert reads == [NOON, lost_at]


def test_the_figures_of_many_forces_are_all_kept() -> None:
    """Otherwise each scrape of several forces would read every figure again."""
    forces, filters, reads = 12, 400, 0
    cache, measure = FigureCache(forces), find("contact_999_abandoned_ratio")
    window = resolve("2024-12-01/2024-12-03", NOON, STRICT)

    def read() -> tuple[list[Figure], tuple[int, ...]]:
        nonlocal reads
        reads += 1
        return [], (1,)

    for _ in range(2):
        for force in range(forces):
            for number in range(filters):
                question = Question(measure, window, NOON, (), {"queue": (str(number),)})
                cache.figures(question, str(force), (1,), read, lambda _: [])
    assert reads == forces * filters
