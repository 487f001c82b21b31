"""A loaded pane has exactly the counts that were stored, whatever their size."""

from hypothesis import given
from hypothesis import strategies as st

from measures.pane import OpenPane, apply, loaded, name_of

_WORD = st.sampled_from(("one", "other", "none"))
_COUNTS = st.dictionaries(
    st.builds(name_of, st.lists(_WORD, max_size=2).map(tuple), st.integers(-(2**40), 2**40)),
    st.integers(1, 2**53),
)


@given(_COUNTS)
def test_a_loaded_pane_has_the_counts_that_were_added_one_by_one(counts: dict[str, int]) -> None:
    pane: OpenPane = {}
    apply(pane, "handled", counts)
    found = loaded({name: str(count) for name, count in counts.items()})
    assert found == pane.get("handled", {})
    assert bool(found) == bool(counts)
