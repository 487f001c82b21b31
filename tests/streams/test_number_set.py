"""A set of numbers in bits does what a set does."""

from hypothesis import given
from hypothesis import strategies as st

from streams.number_set import NumberSet

NUMBERS = st.integers(0, 300)


@given(st.lists(st.tuples(st.sampled_from(["add", "remove_before"]), NUMBERS), max_size=30))
def test_it_does_what_a_set_does(steps: list[tuple[str, int]]) -> None:
    numbers, expected = NumberSet(), set[int]()
    for step, number in steps:
        if step == "add":
            numbers.add(number)
            expected.add(number)
        else:
            numbers.remove_before(number)
            expected = {each for each in expected if each >= number}
        assert list(numbers) == sorted(expected)
        assert {each for each in range(302) if each in numbers} == expected
