"""The base of every type that is read from a file."""

from msgspec import Struct


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a file. Unknown keys are refused, so that a misspelt one is reported and not ignored."""
