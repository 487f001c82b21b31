"""The table of threats: each line names tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_threat_names_tests_that_exist() -> None:
    table = re.findall(r"^\|(?! threat|---)(.*)\|$", _section(), re.MULTILINE)
    assert len(table) > 15
    existing = {each.name for file in (ROOT / "tests").rglob("test_*.py") for each in _functions(file)}
    for line in table:
        named = re.findall(r"`(test_\w+)`", line.rpartition("|")[2])
        assert named, line
        assert set(named) <= existing, line


def _section() -> str:
    return (ROOT / "docs" / "run" / "security.md").read_text().partition("## Who may do what")[0]


def _functions(file: Path) -> list[ast.FunctionDef]:
    return [each for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.FunctionDef)]
