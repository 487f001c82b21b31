"""The licence of every package that runs in production: one that a force may use without publishing its own code."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = re.compile(
    r"\b(MIT|BSD|Apache|Apache-2\.0|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|0BSD|Unlicense|HPND|CC0|Zlib)",
    re.IGNORECASE,
)
REFUSED = re.compile(r"\b(AGPL|Affero|(?<!L)GPL|SSPL|Commons Clause|BUSL)", re.IGNORECASE)


def licence_of(name: str) -> str:
    """What a package says about its licence: the expression, the classifiers, and the first line of the text."""
    about = metadata(name)
    given = [each for field in ("License-Expression", "License") for each in about.get_all(field, [])]
    classifiers = [each for each in about.get_all("Classifier", []) if each.startswith("License")]
    return "; ".join([*classifiers, *(str(each).strip().partition("\n")[0] for each in given)])


def locked() -> list[str]:
    """The names of every package in the lock."""
    return re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)


def test_every_installed_package_has_a_licence_that_may_be_used() -> None:
    found: set[str] = set()
    checked = 0
    for name in locked():
        try:
            licence = licence_of(name)
        except PackageNotFoundError:
            continue  # for another system
        checked += 1
        is_refused = REFUSED.search(licence) and not re.search(r"\bor\b", licence, re.IGNORECASE)
        if not ALLOWED.search(licence) or is_refused:
            found.add(name)
    assert checked > 60
    assert found == {"crc32c"}, "LGPL, which allows the use of an unchanged library"


def test_a_licence_that_demands_publication_is_noticed() -> None:
    assert REFUSED.search("AGPL-3.0-only")
    assert REFUSED.search("License :: OSI Approved :: GNU General Public License v3 (GPLv3)")
    assert not REFUSED.search("LGPL-3.0-or-later")
    assert ALLOWED.search("BSD-3-Clause")
