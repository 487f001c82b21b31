"""A set of whole numbers that keeps one bit for each; made for the numbers of loaded blocks, which mostly follow each other."""

from collections.abc import Iterator


class NumberSet:
    """Whole numbers from 0 on."""

    __slots__ = ("_bits", "_first")

    def __init__(self) -> None:
        self._first = self._bits = 0

    def add(self, number: int) -> None:
        """Add a number."""
        if not self._bits:
            self._first = number
        elif number < self._first:
            self._bits <<= self._first - number
            self._first = number
        self._bits |= 1 << number - self._first

    def __contains__(self, number: int) -> bool:
        """Whether it has a number."""
        return number >= self._first and bool(self._bits >> number - self._first & 1)

    def __iter__(self) -> Iterator[int]:
        """Its numbers, in order."""
        return (self._first + place for place in range(self._bits.bit_length()) if self._bits >> place & 1)

    def remove_before(self, number: int) -> None:
        """Remove all smaller numbers."""
        if number > self._first:
            self._bits >>= number - self._first
            self._first = number
