"""Reads TOML, so that whatever is wrong with a text is one kind of error."""

import tomllib
from tomllib import TOMLDecodeError
from typing import Any

__all__ = ["TOMLDecodeError", "read_toml"]


def read_toml(text: str) -> dict[str, Any]:
    """The content of a TOML text.

    Raises:
        TOMLDecodeError: it is not TOML, or has a number of thousands of digits or thousands of nested brackets.
    """
    try:
        return tomllib.loads(text)
    except TOMLDecodeError:
        raise
    except ValueError:
        raise TOMLDecodeError("a number has too many digits") from None
    except RecursionError:
        raise TOMLDecodeError("brackets are nested too deeply") from None
