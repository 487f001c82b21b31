"""A hook of MkDocs: a link to a file of the project that is not a page of the site becomes the file's name."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

_ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """MkDocs calls this with the text of each page.

    Args:
        markdown: its text.
        page: the page.
    """
    directory = (_ROOT / "docs" / PurePosixPath(page.file.src_uri)).parent
    return _LINK.sub(lambda link: _named(link, directory), markdown)


def _named(link: re.Match[str], directory: Path) -> str:
    words, target = link.groups()
    path = (directory / target).resolve()
    if path.is_relative_to(_ROOT / "docs"):
        return link.group()
    return f"{words} (`{path.relative_to(_ROOT)}`)"
