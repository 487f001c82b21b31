"""The errors that people see: each says what happened, where, and what to do.

BlueLampError
├── ProfileError        a force's profile is invalid
├── MappingError        the mapping of an extract is invalid
├── SettingError        a setting is invalid
├── QuestionError       a measure, window or dimension in a query does not exist
├── PartMissingError    something that is needed (log, state, program) is missing or does not respond
└── IncompleteError     the log no longer has what the state needs: a person must decide what to do
"""

from typing import Any


class BlueLampError(Exception):
    """An error that is displayed to a person.

    Args:
        what: what happened.
        where: the file, setting, address, partition or field in which it happened.
        hint: what to do about it.
    """

    def __init__(self, what: str, *, where: str, hint: str) -> None:
        super().__init__(what, where, hint)
        self.what, self.where, self.hint = what, where, hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process may have raised it: without this, it could not be sent back.
        return _copied, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  try:   {self.hint}"


class ProfileError(BlueLampError):
    """A force's profile is invalid."""


class MappingError(BlueLampError):
    """The mapping of an extract is invalid."""


class SettingError(BlueLampError):
    """A setting is invalid."""


class QuestionError(BlueLampError):
    """A measure, window or dimension in a query does not exist."""


class PartMissingError(BlueLampError):
    """Something that is needed, such as the log, the state or a program, is missing or does not respond."""


class IncompleteError(BlueLampError):
    """The log no longer has what the state needs; nothing is guessed, and a person must decide what to do."""


def _copied(kind: type[BlueLampError], args: tuple[str, ...], fields: dict[str, Any]) -> BlueLampError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error
