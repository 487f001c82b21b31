"""The December report of two simulated days, and a public copy of it."""

from collections.abc import Iterator

import pytest

from bluelamp.recount.recount import Recount
from dashboards.report.build import report
from dashboards.report.document import Document
from tests.support import december
from tests.support.memory import MemoryState


@pytest.fixture(scope="session")
def state() -> MemoryState:
    """The state."""
    return december.memory()


@pytest.fixture(scope="session")
def counted() -> Iterator[Recount]:
    """The independent recount."""
    with december.recount() as made:
        yield made


@pytest.fixture(scope="session")
def document(state: MemoryState) -> Document:
    """The force's own copy."""
    ask = december.ask_memory(state)
    return report(ask, december.force(), "2024-12", december.AS_OF, is_simulated=True)


@pytest.fixture(scope="session")
def public(state: MemoryState) -> Document:
    """The public copy."""
    return report(december.ask_memory(state), december.force(), "2024-12", december.AS_OF, is_public=True)
