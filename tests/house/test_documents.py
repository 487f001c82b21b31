"""The documents hold together: links, anchors, pictures and file names lead somewhere, and the site lists every page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.words import ROOT, documents

DOCS = ROOT / "docs"
PAGES = documents()
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_FILE = re.compile(
    r"`((?:facts|measures|producers|streams|alerts|dashboards|bluelamp|tests|benchmarks|docs)/[\w./-]*)`"
)


def links(text: str) -> Iterator[tuple[bool, str]]:
    """Each relative link of a page outside of code: whether it is a picture, and its target."""
    for mark, target in _LINK.findall(_CODE.sub("", _FENCE.sub("", text))):
        if not re.match(r"[a-z]+:", target):
            yield bool(mark), target


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as MkDocs and GitHub make them."""
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        found.add(re.sub(r"[-\s]", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower()))
    return found


def faults(page: Path, text: str) -> Iterator[str]:
    """Every link of a page that leads nowhere."""
    for is_picture, target in links(text):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not (path.is_file() if is_picture else path.exists()):
            yield f"{target}: there is no such file"
        elif anchor and path.suffix == ".md" and anchor not in anchors(path.read_text("utf-8")):
            yield f"{target}: the page has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(faults(page, page.read_text("utf-8"))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    """Except in the changelog, whose entries describe earlier versions."""
    if page.name == "CHANGELOG.md":
        return
    named = _FILE.findall(page.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_code_names_only_documents_that_exist() -> None:
    """Hints of errors and comments send people to docs/..., so the pages must be there."""
    sources = [
        path
        for package in ("facts", "measures", "producers", "streams", "alerts", "dashboards", "bluelamp", "benchmarks")
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".toml", ".lua", ".sql", ".html"}
    ]
    sources += [ROOT / name for name in ("docker-compose.yml", "pyproject.toml", "Makefile")]

    named = {
        (str(path.relative_to(ROOT)), page)
        for path in sources
        for page in re.findall(r"\bdocs/[\w/-]+\.(?:md|json|png|svg|py)\b", path.read_text("utf-8"))
    }
    assert sorted(name for name in named if not (ROOT / name[1]).exists()) == []


def test_every_picture_is_used() -> None:
    used = {
        (page.parent / target).resolve()
        for page in PAGES
        for is_picture, target in links(page.read_text("utf-8"))
        if is_picture
    }
    assert sorted(set((DOCS / "pictures").iterdir()) - used) == []


def listed(nav: Any) -> Iterator[str]:
    """Every page of a navigation, however deep."""
    match nav:
        case str():
            yield nav
        case dict():
            for part in nav.values():
                yield from listed(part)
        case _:
            for part in nav:
                yield from listed(part)


def test_the_site_lists_every_page_once() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert sorted(listed(config["nav"])) == sorted(pages)
    assert config["strict"] is True


def test_every_decision_is_in_its_list() -> None:
    targets = [target for _, target in links((DOCS / "decisions" / "index.md").read_text("utf-8"))]
    assert targets == [page.name for page in sorted((DOCS / "decisions").glob("0*.md"))]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](nowhere.md)", "nowhere.md: there is no such file"),
        ("![a](pictures/none.png)", "pictures/none.png: there is no such file"),
        ("# One\n[a](#two)", "#two: the page has no such heading"),
        ("[a](clocks.md#nothing-like-it)", "clocks.md#nothing-like-it: the page has no such heading"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "clocks.md").write_text("# Clocks\n")
    (tmp_path / "page.md").write_text(text)
    assert list(faults(tmp_path / "page.md", text)) == [fault]


def test_code_is_not_read_as_a_link() -> None:
    assert list(links("`[a](b.md)`\n```\n[c](d.md)\n```\n[e](f.md) ![g](h.png) [i](https://force.example)")) == [
        (False, "f.md"),
        (True, "h.png"),
    ]


def test_headings_have_the_anchors_of_the_site() -> None:
    text = "# A platform's `webhook`\n## Who is notified, and how\n```\n# no heading\n```"
    assert anchors(text) == {"a-platforms-webhook", "who-is-notified-and-how"}
