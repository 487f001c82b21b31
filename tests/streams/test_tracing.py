"""Traces: a fact's way is one trace, nothing is imported while traces are off, and an error in them stops nothing."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from facts.errors import SettingError
from producers import tracing

WITHOUT = """
import sys
sys.modules["opentelemetry"] = None  # as if it was not installed: importing it fails
from facts.errors import SettingError
from producers import publish, tracing
from streams import store
from alerts.inbox import service
tracing.start("", "worker")
with tracing.span("fold", ["x"], {"records": 1}), tracing.step("apply", {}):
    assert tracing.carried() == ""
assert tracing.begin("publish", {}) is None
try:
    tracing.start("http://127.0.0.1:4318", "worker")
except SettingError as error:
    assert "bluelamp[traces]" in error.hint
else:
    raise AssertionError
"""


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Turns traces on, and keeps the spans that have ended."""
    exporter = InMemorySpanExporter()
    tracing.start_with(SimpleSpanProcessor(exporter), "test")
    yield exporter
    tracing.stop()


def test_without_the_setting_nothing_of_it_is_needed() -> None:
    assert subprocess.run([sys.executable, "-c", WITHOUT], check=False).returncode == 0


def test_a_trace_follows_a_batch_from_record_to_state_to_request(spans: InMemorySpanExporter) -> None:
    published, other = tracing.begin("publish", {"facts": 3}), tracing.begin("publish", {"facts": 1})
    assert published
    assert other
    headers = [("mapping", b"x"), *((tracing.HEADER, each.header.encode()) for each in (published, other, published))]
    with tracing.span("fold", tracing.headers_in(headers), {"records": 3}), tracing.step("apply", {}):
        carried = tracing.carried()
    with tracing.span("alert", [carried]):
        pass
    published.end()
    other.end()
    found = {each.name: each for each in spans.get_finished_spans()[:-1]}
    chain = [found[name] for name in ("publish", "fold", "apply", "alert")]
    assert len({each.context.trace_id for each in chain if each.context}) == 1
    for before, after in pairwise(chain):
        assert after.parent
        assert before.context
        assert after.parent.span_id == before.context.span_id, after.name
    with tracing.step("apply", {}):
        assert tracing.carried() == "", "a step outside a trace begins none"
    assert len(found["fold"].links) == 1, "the other batch is linked, and the repeated one is not"


def test_a_header_that_is_not_one_begins_a_trace(spans: InMemorySpanExporter) -> None:
    for wrong in ("", "00-zz", "\u00e9" * 60, "00-" + "0" * 32 + "-" + "0" * 16 + "-01"):
        with tracing.span("fold", [wrong, wrong + "x"]):
            assert tracing.carried()
    assert all(each.parent is None for each in spans.get_finished_spans())


def test_a_wrong_address_is_refused() -> None:
    with pytest.raises(SettingError, match="not an address"):
        tracing.start("collector:4318", "board")
    assert not tracing.is_on()
