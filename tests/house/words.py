"""Retired words: where they still occur in names and in prose. `python -m tests.house.words` shortens the list of exceptions."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = ("facts", "measures", "producers", "streams", "alerts", "dashboards", "bluelamp", "benchmarks")
EXCEPTIONS = Path(__file__).with_name("words_still_in_use.txt")

# What each word is called now: docs/understand/glossary.md.
NAMES = [
    "told",
    "telling",
    "heard",
    "taken",
    "take_up",
    "standing",
    "matters",
    "book",
    "truth",
    "memo",
    "custom",
    "slow",
    "asking",
    "answers",
    "beside",
    "withhold",
    "refold",
    "going_on",
    "children",
    "guest",
    "parcel",
    "fence",
    "anew",
]
_NAMES = re.compile(rf"(?:^|(?<=_))({'|'.join(NAMES)})(?=_|$)")
_IN_CUSTODY = re.compile("adult|custody|detain|detention|review|deadline|overdue")
"""Next to these words, children are people and not processes."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
PHRASES = {
    phrase: re.compile(pattern)
    for phrase, pattern in {
        "what is told": r"\b[Ww]hat is told\b",
        "is told": r"\b[Ii]s told\b",
        "anew": r"\b[Aa]new\b",
        "is had": r"\bis had\b",
        "such a one": r"\b[Ss]uch a one\b",
        "stands on": r"\b[Ss]tands on\b",
        "of which": r"(?:^|[,;:.(] )[Oo]f which\b",
        "told": r"\b(?:[Tt]old|[Tt]elling)\b",
        "heard": r"(?<!is )\b[Hh]eard\b",  # a court's application is heard
        "stands": r"\b[Ss]tand(?:s|ing)?\b(?! down|-in)",  # a unit stands down
        "so many": r"\b[Ss]o many\b",
        "goes on": r"\b(?:goes|going) on\b",
        "take up": r"\b(?:take|takes|taken|taking) up\b",
        "beside": r"\b[Bb]eside\b",
        "is of": r"\b(?:is|are|was|were) of (?:a|an|the|another|one|no|all)\b",
        "is no": r"(?<![Tt]here )\b(?:is|are|was|were) no (?!longer\b)[a-z]+",
        "a space before %": r"(?:[0-9}]|^) %(?=[\s.,;:)]|$)",
    }.items()
}

_READ = {".py", ".js", ".html", ".css", ".sql", ".lua", ".toml", ".yml"}
_ANY = re.compile("|".join(pattern.pattern for pattern in PHRASES.values()))


class Occurrence(NamedTuple):
    """A retired word where it occurs.

    Attributes:
        entry: the line that excepts it.
        place: file and line, for a person to find it.
    """

    entry: str
    place: str


def sources(*directories: str) -> Iterator[tuple[str, ast.Module]]:
    """Every Python file of directories, parsed; not this directory's own, which must quote the words."""
    for directory in directories:
        yield from _parsed(directory)


@cache
def _parsed(directory: str) -> list[tuple[str, ast.Module]]:
    paths = (path for path in sorted((ROOT / directory).rglob("*.py")) if path.parent != Path(__file__).parent)
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))) for path in paths]


def public_classes() -> dict[str, list[str]]:
    """Every public class of the packages: its name, and each place that defines one."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, tree in sources(*PACKAGES):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path}:{node.lineno}")
    return places


def retired_names() -> Iterator[Occurrence]:
    """Names of modules, classes, functions, parameters and fields that hold a retired word."""
    for path, tree in sources(*PACKAGES, "tests"):
        for name, line in [(Path(path).stem, 1), *_names(tree)]:
            if words := retired_words(name):
                yield Occurrence(f"name {name}", f"{path}:{line} {name} ({', '.join(words)})")


def retired_words(name: str) -> list[str]:
    """The retired words in a name, in snake case or camel case."""
    snake = _HUMP.sub("_", name).lower()
    return [word for word in _NAMES.findall(snake) if word != "children" or not _IN_CUSTODY.search(snake)]


def _names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        if isinstance(node, ast.ClassDef):
            yield from _fields(node)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    """The annotated fields of a class: they are parameters of its constructor."""
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement.lineno


def retired_phrases() -> Iterator[Occurrence]:
    """Lines of the documents, docstrings, comments, string literals and tests' names that hold a retired phrase."""
    for path, line, text in _prose():
        for phrase in phrases_in(text):
            yield Occurrence(f"prose {path}: {phrase}", f"{path}:{line} {text.strip()!r}")


def phrases_in(text: str) -> list[str]:
    """The retired phrases in one line of text; "told" does not count again within "is told"."""
    if not _ANY.search(text):
        return []
    found = [phrase for phrase, pattern in PHRASES.items() if pattern.search(text)]
    return [phrase for phrase in found if not any(phrase != other and phrase in other for other in found)]


def _prose() -> Iterator[tuple[str, int, str]]:
    """Every line that a person reads: its file, its number, its text."""
    for page in documents():
        for number, text in enumerate(page.read_text("utf-8").splitlines(), 1):
            yield str(page.relative_to(ROOT)), number, re.sub(r"`[^`]*`", "", text)  # code is not prose
    for path, tree in sources(*PACKAGES, "tests"):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield path, node.lineno, node.name.replace("_", " ")
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for number, text in enumerate(node.value.splitlines(), node.lineno):
                    yield path, number, text
    for source in _other_sources():
        for number, line in enumerate(source.read_text("utf-8").splitlines(), 1):
            yield str(source.relative_to(ROOT)), number, line if source.suffix != ".py" else _comment(line)


def _other_sources() -> Iterator[Path]:
    """Every file of the packages and tests whose lines are read as they are; of Python files, only the comments."""
    for directory in (*PACKAGES, "tests"):
        paths = (ROOT / directory).rglob("*")
        yield from (path for path in paths if path.suffix in _READ and path.parent != Path(__file__).parent)


def _comment(line: str) -> str:
    """What follows the first hash and a space: a comment, or the rest of a string, which must hold no retired phrase either."""
    return line.partition("# ")[2]


def documents() -> list[Path]:
    """Every page of prose: those of the root, and those under docs."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def exceptions() -> list[str]:
    """The entries of the list of exceptions, in order."""
    lines = EXCEPTIONS.read_text("utf-8").splitlines() if EXCEPTIONS.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def shorten() -> None:
    """Drop the exceptions that are no longer needed. Nothing is ever added: new text and new names use the new words."""
    needed = {occurrence.entry for occurrence in (*retired_names(), *retired_phrases())}
    comments = [line for line in EXCEPTIONS.read_text("utf-8").splitlines() if line.startswith("#")]
    kept = [entry for entry in exceptions() if entry in needed]
    EXCEPTIONS.write_text("\n".join([*comments, *kept]) + "\n", "utf-8")


if __name__ == "__main__":
    shorten()
