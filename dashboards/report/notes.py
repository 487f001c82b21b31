"""The numbered notes of one table."""


class Notes:
    """Each note once, by its number from 1."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def number(self, text: str) -> int:
        """The number of a note."""
        if text not in self._texts:
            self._texts.append(text)
        return self._texts.index(text) + 1

    def told(self) -> tuple[str, ...]:
        """All of them, in order."""
        return tuple(self._texts)
