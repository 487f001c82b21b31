"""A loaded pane has exactly the counts that were stored, whatever their size."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measures.pane import Grain, OpenPane, PackedCounts, apply, labels_of, loaded, name_of, number_of_labels, stored

_WORD = st.sampled_from(("one", "other", "none"))
_EDGES = st.sampled_from((-1, 0, 2**16 - 1, 2**16, 2**32 - 1, 2**32))
_COUNTS = st.dictionaries(
    st.builds(name_of, st.lists(_WORD, max_size=2).map(tuple), st.one_of(_EDGES, st.integers(-(2**40), 2**40))),
    st.integers(1, 2**53),
)


@given(_COUNTS)
def test_a_loaded_pane_has_the_counts_that_were_added_one_by_one(counts: dict[str, int]) -> None:
    pane: OpenPane = {}
    apply(pane, "handled", counts)
    slots: dict[Grain, int] = {"day": 739_000, "hour": 480_007, "minute": 28_800_059}
    for grain, slot in slots.items():
        blocks = stored({slot: counts}, grain)
        found: dict[int, PackedCounts] = {}
        for block, (names, numbers) in blocks.items():
            found |= loaded(dict(zip(names, map(str, numbers), strict=True)), grain, block)
        assert found == ({slot: pane["handled"]} if counts else {})


@given(_COUNTS, _COUNTS)
def test_packed_counts_are_added_to_the_histograms_of_their_labels(one: dict[str, int], other: dict[str, int]) -> None:
    """Only those of some labels."""
    expected: OpenPane = {}
    found = {number_of_labels(text): dict[int, int]() for text in ("", "one", "one|other")}
    for counts in (one, other):
        apply(expected, "handled", counts)
        for pane in loaded({name: str(count) for name, count in counts.items()}, "day", 739_000).values():
            pane.add_to(defaultdict(lambda: None, found))
    wanted = expected.get("handled", {})
    assert {labels_of(number): each for number, each in found.items() if each} == {
        labels: each for labels, each in wanted.items() if labels in ((), ("one",), ("one", "other"))
    }


def test_a_place_outside_its_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place 24"):
        loaded({"24|one|5": "1"}, "hour", 20_000)
