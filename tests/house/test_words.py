"""One word has one meaning: no class name is used twice, and retired words do not come back."""

import re

import pytest

from tests.house.words import (
    EXCEPTIONS,
    PACKAGES,
    ROOT,
    Occurrence,
    exceptions,
    phrases_in,
    public_classes,
    retired_names,
    retired_phrases,
    retired_words,
)

SHORTEN = f"run `python -m tests.house.words`, which removes them from {EXCEPTIONS.name}"


@pytest.fixture(scope="module")
def names() -> list[Occurrence]:
    return list(retired_names())


@pytest.fixture(scope="module")
def phrases() -> list[Occurrence]:
    return list(retired_phrases())


def test_no_public_class_name_is_used_twice() -> None:
    twice = {name: places for name, places in public_classes().items() if len(places) > 1}
    assert twice == {}


def test_names_hold_no_retired_word(names: list[Occurrence]) -> None:
    excepted = set(exceptions())
    assert [name.place for name in names if name.entry not in excepted] == []


def test_prose_holds_no_retired_phrase(phrases: list[Occurrence]) -> None:
    excepted = set(exceptions())
    assert [phrase.place for phrase in phrases if phrase.entry not in excepted] == []


def test_every_exception_is_still_needed(names: list[Occurrence], phrases: list[Occurrence]) -> None:
    needed = {occurrence.entry for occurrence in (*names, *phrases)}
    assert [entry for entry in exceptions() if entry not in needed] == [], SHORTEN
    assert exceptions() == sorted(set(exceptions()))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("heard_at", ["heard"]),
        ("TellingFeed", ["telling"]),
        ("StandingBook", ["standing", "book"]),
        ("take_up_all", ["take_up"]),
        ("_is_told", ["told"]),
        ("notebook", []),
        ("customer", []),
        ("take", []),
        ("defence", []),
        ("end_children", ["children"]),
        ("adults_and_children", []),
    ],
)
def test_a_retired_word_is_found_as_a_whole_word(name: str, words: list[str]) -> None:
    assert sorted(retired_words(name)) == sorted(words)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("What is told before it is told.", ["what is told"]),
        ("Whoever is told of it", ["is told"]),
        ("a state built anew", ["anew"]),
        ("three, of which one waits", ["of which"]),
        ("the list is had, or such a one", ["is had", "such a one"]),
        ("It stands on the feeds", ["stands on"]),
        ("a renewed state; it has toldeth, understanding and a standard", []),
        ("the queue of which we speak", []),
        ("Nobody was told; telling them is late", ["told"]),
        ("never heard from, until the application is heard", ["heard"]),
        ("jobs stand open until a unit stands down", ["stands"]),
        ("after so many seconds it goes on", ["so many", "goes on"]),
        ("taken up beside the archive", ["take up", "beside"]),
        ("a figure is of a past moment", ["is of"]),
        ("text that is no time, which is no longer read; there is no other", ["is no"]),
        ("0.0 % or {share} %, but 10 %d and 90%", ["a space before %"]),
    ],
)
def test_a_retired_phrase_is_found(text: str, phrases: list[str]) -> None:
    assert phrases_in(text) == phrases


def glossary_terms() -> list[str]:
    """Every term of the glossary, without the words in brackets."""
    text = (ROOT / "docs" / "understand" / "glossary.md").read_text("utf-8")
    cells = [
        line.split("|")[1] for line in text.splitlines() if line.startswith("| ") and not line.startswith("| term")
    ]
    return [re.sub(r"\(.*\)", "", term).strip() for cell in cells for term in cell.split(",")]


def test_the_code_uses_every_term_of_the_glossary() -> None:
    """As a name or in its output: a glossary whose words the code does not use misleads."""
    code = "\n".join(
        path.read_text("utf-8").lower()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".html", ".js"}
    )
    words = code.replace("_", " ")
    assert len(glossary_terms()) > 60
    assert [term for term in glossary_terms() if term.lower() not in words] == []


def test_the_glossary_explains_no_term_twice() -> None:
    terms = glossary_terms()
    assert sorted(term for term in set(terms) if terms.count(term) > 1) == []
