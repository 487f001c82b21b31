"""The verdict of a comparison covers what was compared; an empty comparison is never clean."""

import pytest

from bluelamp.recount.coverage import KnownFigure
from bluelamp.recount.recount import Loaded
from bluelamp.verify.compare import Difference, RecountComparison, check_whole, is_same, lines
from facts.errors import IncompleteError

DIFFERENT = Difference(
    measure="incident_count",
    window="24h",
    dimensions={"area": "north"},
    read=(2, 2, None, None, None, None, None),
    recounted=None,
)


@pytest.mark.parametrize(
    ("found", "is_clean", "said"),
    [
        (RecountComparison(cells=7, records=3), True, ["7 figures compared, 0 differ."]),
        (RecountComparison(cells=7), True, ["7 figures compared, 0 differ."]),
        (
            RecountComparison(cells=7, records=3, behind=2, left_out={"too_late": 4}),
            True,
            [
                "7 figures compared, 0 differ.",
                "Not compared: 2 log records not yet in the state.",
                "Not compared: 4 quarantined facts, not counted in any figure (too_late 4).",
            ],
        ),
        (
            RecountComparison(cells=1, records=3, differences=[DIFFERENT]),
            False,
            ["incident_count  24h  area=north  state 2 (n 2), log nothing", "1 figure compared, 1 differs."],
        ),
        (
            RecountComparison(records=3),
            False,
            ["Nothing was compared: neither the state nor the log has this figure."],
        ),
        (
            RecountComparison(cells=7, behind=2),
            False,
            [
                "Nothing was compared: the state has not applied any record of the log yet.",
                "Not compared: 2 log records not yet in the state.",
            ],
        ),
    ],
)
def test_the_verdict_covers_what_was_compared(found: RecountComparison, is_clean: bool, said: list[str]) -> None:
    assert found.is_clean() == is_clean
    assert list(lines(found)) == said


@pytest.mark.parametrize(
    ("loaded", "where"),
    [
        (Loaded(missing_before={("custody", 2): 5}), "custody:2: 0 to 4"),
        (Loaded(missing_after={("custody", 2): (5, 9)}), "custody:2: 5 to 8"),
    ],
)
def test_an_incomplete_log_is_refused_with_the_missing_offsets(loaded: Loaded, where: str) -> None:
    check_whole(Loaded())
    with pytest.raises(IncompleteError) as refused:
        check_whole(loaded)
    assert refused.value.where == where


def test_a_figure_that_only_one_side_has_differs() -> None:
    cell = KnownFigure(dimensions={}, value=0, n=0, coverage="whole")
    assert is_same(None, None)
    assert not is_same(None, cell)
