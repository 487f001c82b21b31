"""The page docs/feed/mappings.md: its example gives what the page says, and every key and reason is documented."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import Struct

from facts.custody import DetaineeArrived
from producers import declaration
from producers.declaration import Mapping, Pick
from producers.shape import fields_of
from producers.values import Fault
from tests.producers.extracts import read

PAGE = (Path(__file__).parents[2] / "docs" / "feed" / "mappings.md").read_text("utf-8")
PARTS = [part for part in vars(declaration).values() if isinstance(part, type) and issubclass(part, Struct)]


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def table(header: str) -> list[list[str]]:
    rows = PAGE.partition(f"| {header} |\n")[2].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[: rows.index("")]]


def test_the_example_gives_the_facts_on_the_page(tmp_path: Path) -> None:
    extract = read(tmp_path, block("toml"), block("csv"))
    facts = []
    for fact in extract.facts:
        written = msgspec.to_builtins(fact)
        defaults = {field.name: field.default for field in msgspec.structs.fields(fact)}
        fields = [
            f"{name} {str(written[name]).replace('False', 'false').replace('True', 'true')}"
            for name in fields_of(type(fact).__name__)
            if written[name] != defaults[name]
        ]
        facts.append([type(fact).__name__, written["at"], ", ".join(fields)])
    assert facts == table("fact | at | fields")
    assert isinstance(extract.facts[0], DetaineeArrived)


def test_the_example_gives_the_malformed_rows_on_the_page(tmp_path: Path) -> None:
    extract = read(tmp_path, block("toml"), block("csv"))
    listed = [[str(each.line), each.column, each.fault] for each in extract.malformed]
    assert listed == table("line | column | reason")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_key_is_documented(part: type[Struct]) -> None:
    for field in msgspec.structs.fields(part):
        assert f"| `{field.name}` |" in PAGE, (
            f"docs/feed/mappings.md does not document {part.__name__}'s `{field.name}`"
        )


def test_every_documented_key_exists() -> None:
    keys = {field.name for part in PARTS for field in msgspec.structs.fields(part)}
    documented = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert documented == keys | set(get_args(Fault))


def test_every_pick_and_topic_is_documented() -> None:
    for word in (*get_args(Pick), *get_args(Mapping.__annotations__["topic"])):
        assert f"`{word}`" in PAGE
