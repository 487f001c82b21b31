"""The errors a person meets: each says what happened, where, and what to do.

BlueLampError
├── ProfileError        a force's profile has a fault
├── MappingError        a mapping of an extract has a fault
├── SettingError        a setting has a fault
├── QuestionError       a measure, window or dimension that was asked for does not exist
├── PartMissingError    a part we stand on (log, state, program) is absent or does not answer
└── IncompleteError     the log no longer reaches back to what the state needs: a person must decide
"""


class BlueLampError(Exception):
    """An error told to a person.

    Args:
        what: what happened.
        where: the file, setting, address, partition or field it happened in.
        hint: what to do about it.
    """

    def __init__(self, what: str, *, where: str, hint: str) -> None:
        super().__init__(what, where, hint)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  try:   {self.hint}"


class ProfileError(BlueLampError):
    """A force's profile has a fault."""


class MappingError(BlueLampError):
    """A mapping of an extract has a fault."""


class SettingError(BlueLampError):
    """A setting has a fault."""


class QuestionError(BlueLampError):
    """A measure, window or dimension that was asked for does not exist."""


class PartMissingError(BlueLampError):
    """A part we stand on is absent or does not answer."""


class IncompleteError(BlueLampError):
    """The log no longer reaches back to what the state needs; nothing is guessed, a person must decide."""
