"""The record header that names the mapping by which the facts of a record were read from a file."""

from collections.abc import Iterable

HEADER = "bluelamp-mapping"


def header_of(mapping: str) -> tuple[str, bytes]:
    """The header of a record whose facts were read by a mapping."""
    return HEADER, mapping.encode()


def mapping_of(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """The name of the mapping; None if the facts were not read from a file."""
    return next((value.decode(errors="replace") for name, value in headers if name == HEADER and value), None)
