"""Text that is safe to open in a spreadsheet: no cell is read as a formula."""

import re

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_SIGNED_NUMBER = re.compile(r"[+-][\d.,:]+(e[+-]?\d+)?( ?%| pp)?")


def safe_cell(text: str) -> str:
    """Text with an apostrophe in front if a spreadsheet would read it as a formula.

    A tab, a carriage return or a line feed counts too: some spreadsheets skip it and read what follows. A lone dash is safe.
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and text != "-" else text


def safe_figure(text: str) -> str:
    """A figure as it is, even if it is a signed number such as `-3` or `+12.9 pp`; any other text as `safe_cell`."""
    return text if _SIGNED_NUMBER.fullmatch(text) else safe_cell(text)
