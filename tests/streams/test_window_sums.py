"""Sums over live windows: whatever panes come, go or change, a sum equals that of its panes; a new object says that it has changed."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from measures.pane import Counts, PackedCounts, number_of_labels
from measures.window import SlotRun
from streams.window_sums import Panes, WindowSum, WindowSums

LABELS = ("999|emergency", "101|triage", "101|local")
COUNTS = st.dictionaries(st.tuples(st.sampled_from(LABELS), st.integers(0, 3)), st.integers(1, 3), max_size=4)


def pane(counts: dict[tuple[str, int], int]) -> Counts:
    """A loaded pane."""
    return PackedCounts([each for (words, value), n in counts.items() for each in (number_of_labels(words), value, n)])


def recount(panes: Panes) -> Counter[tuple[tuple[str, ...], int]]:
    """The sum, counted one outcome at a time."""
    found = Counter[tuple[tuple[str, ...], int]]()
    for run in panes:
        for _, counts in run:
            for dimensions, histogram in counts.items():
                for value, n in histogram.items():
                    found[dimensions, value] += n
    return found


def flat(summed: WindowSum) -> dict[tuple[tuple[str, ...], int], int]:
    """A sum in the form of the recount."""
    return {(words, value): n for words, histogram in summed.counts.items() for value, n in histogram.items()}


@given(
    st.lists(COUNTS, min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 12), st.integers(0, 11), COUNTS), max_size=6),
)
def test_a_sum_equals_that_of_its_panes_however_the_window_moves(
    contents: list[dict[tuple[str, int], int]], moves: list[tuple[int, int, int, dict[tuple[str, int], int]]]
) -> None:
    """Each move is a new window, and a pane that a fact has changed."""
    panes, summed = [pane(each) for each in contents], WindowSum.of([])
    for first, last, changed, content in [(0, 12, 0, contents[0]), *moves]:
        panes[changed % len(panes)] = pane(content)
        window: Panes = [list(enumerate(panes))[first:last], [(99, panes[-1])] if last <= len(panes) - 1 else []]
        before, was, frozen = summed, flat(summed), copy_of(summed)
        summed = summed.moved(window)
        assert flat(summed) == recount(window)
        assert (summed is before) == (was == recount(window))
        assert copy_of(before) == frozen


def copy_of(summed: WindowSum) -> dict[tuple[str, ...], dict[int, int]]:
    """A deep copy, to see whether a histogram that somebody may still use is changed later."""
    return {words: dict(histogram) for words, histogram in summed.counts.items()}


def test_panes_are_loaded_again_only_if_the_window_or_the_kind_has_changed() -> None:
    sums, loaded = WindowSums(), 0
    version, runs = 1, (SlotRun("minute", 0, 15),)
    content: Panes = [[(0, pane({(LABELS[0], 1): 2}))]]

    def load() -> Panes:
        nonlocal loaded
        loaded += 1
        return content

    def read() -> WindowSum:
        return sums.sum_of(("staffordshire", "leg_offered", "15m"), lambda: (runs, (version,)), load)

    first = read()
    assert read() is first
    assert loaded == 1
    runs = (SlotRun("minute", 1, 16),)
    assert read() is first, "a window that has moved on with the same counts"
    assert loaded == 2
    version, content = 2, [[(0, pane({(LABELS[0], 1): 3}))]]
    assert flat(read()) == {(("999", "emergency"), 1): 3}
    assert loaded == 3


def test_only_the_sums_of_live_windows_are_kept() -> None:
    assert {
        name for name in ("15m", "60m", "24h", "today", "12m", "2026-01-01/2026-02-01") if WindowSums.has(name)
    } == {
        "15m",
        "60m",
        "24h",
        "today",
    }
