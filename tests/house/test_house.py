"""The house rules: short functions, a sentence at the top of every module, layers, purity, and no outdated derived file."""

import ast
import itertools
import re
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scheduling import GROUPS

ROOT = Path(__file__).parents[2]
PACKAGES = ("facts", "measures", "producers", "streams", "alerts", "dashboards", "bluelamp", "benchmarks")
LINES_LIMIT, LINES_MEDIAN = 70, 8
PURE = ("facts", "measures")
IMPURE = {
    "faust",
    "redis",
    "aiokafka",
    "kafka",
    "prometheus_client",
    "asyncio",
    "os",
    "socket",
    "time",
    "random",
    "pathlib",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the packages, parsed."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def functions() -> Iterator[tuple[str, int]]:
    """Every function with its length in lines, without the docstring."""
    for path, tree in modules(*PACKAGES):
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", length(node)


def length(node: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node):
        doc = node.body[0]
        lines -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return lines


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level packages that a module imports anywhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_functions_are_short() -> None:
    sizes = dict(functions())
    assert [name for name, lines in sizes.items() if lines > LINES_LIMIT] == []
    assert statistics.median(sizes.values()) <= LINES_MEDIAN


def test_every_module_opens_with_one_sentence() -> None:
    for path, tree in modules(*PACKAGES, "tests"):
        first = (ast.get_docstring(tree) or "").partition("\n")[0]
        assert re.match(r"[A-Z`:].*[.:]$", first) or first.count("`") >= 2, f"{path} opens with {first!r}"


@pytest.mark.parametrize("package", PURE)
def test_facts_and_measures_are_pure(package: str) -> None:
    for path, tree in modules(package):
        assert set(imported(tree)) & IMPURE == set(), path


def test_only_one_file_reads_the_wall_clock() -> None:
    readers = re.compile(r"datetime\.now\(|utcnow\(|time\.time\(|date\.today\(|datetime\.today\(")
    found = [str(path) for path, _ in modules(*PACKAGES) if readers.search((ROOT / path).read_text())]
    assert found == ["bluelamp/wiring/clock.py"]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    reasons = (ROOT / "docs" / "understand" / "dependencies.md").read_text()
    assert [name for each in wanted if f"`{(name := re.split('[<>=]', each)[0])}`" not in reasons] == []


MODULES = {
    "faust-streaming": "faust",
    "kafka-python": "kafka",
    "mode-streaming": "mode",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "markdown-it-py": "markdown_it",
    "pyyaml": "yaml",
}
SIGNS = {
    "import-linter": "lint-imports",
    "kubernetes-validate": "/bin/kubernetes-validate",
    "mkdocs-material": "$(BIN)/mkdocs",
    "pip-audit": "/bin/pip-audit",
    "pytest-timeout": "timeout = ",
    "pytest-xdist": "--numprocesses",
    "ruff": "$(BIN)/ruff",
    "setuptools": "setuptools.build_meta",
    "uv": "$(BIN)/uv ",
}
USED_BY_OTHERS = {
    "cramjam": "aiokafka",
    "hiredis": "redis",
    "aiokafka": "faust",
    "mode-streaming": "faust",
    "crc32c": "kafka",
    "types-pyyaml": "mypy",
    "types-requests": "mypy",
    "tzdata": "zoneinfo",
}


def test_every_dependency_is_used() -> None:
    """A dependency is used by an import, as a tool of the Makefile or configuration, by another dependency or by Python itself."""
    tools = (ROOT / "Makefile").read_text() + (ROOT / "pyproject.toml").read_text()
    used = {name for _, tree in modules(*PACKAGES, "tests") for name in imported(tree)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for each in [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]:
        name = re.split("[<>=]", each)[0]
        module = MODULES.get(name, name.replace("-", "_"))
        is_a_tool = SIGNS.get(name, f"$(BIN)/{name}") in tools
        assert module in used or is_a_tool or name in USED_BY_OTHERS, f"nothing uses {name}"


def test_test_files_that_run_together_exist() -> None:
    assert [path for path in GROUPS if not (ROOT / path).is_file()] == []


DEPLOYED = {".yml", ".md"}
"""Files for people who deploy or read them, next to the packages; no program opens them."""


def test_every_file_that_a_program_opens_is_in_the_wheel() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    packaged = {".py", *(pattern.removeprefix("*") for pattern in patterns)}
    listed = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()]
    assert len(listed) > 300
    assert [each for each in listed if each.suffix not in packaged | DEPLOYED | {".pyc"}] == []
