"""The numbered notes of one table."""


class Notes:
    """Notes numbered from 1; a repeated note keeps its number."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def number(self, text: str) -> int:
        """The number of a note, which is added if it is new."""
        if text not in self._texts:
            self._texts.append(text)
        return self._texts.index(text) + 1

    def texts(self) -> tuple[str, ...]:
        """Every note, in order."""
        return tuple(self._texts)
