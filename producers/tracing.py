"""Sends traces of a fact's way to an OpenTelemetry collector. If traces are off, nothing of OpenTelemetry is imported."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

from facts.errors import SettingError

HEADER = "traceparent"
"""The header of records and requests that names the previous span (W3C Trace Context)."""
TRACES = "BLUELAMP_TRACES"
_OFF: AbstractContextManager[None] = nullcontext()
Attributes = Mapping[str, str | int]


class BegunSpan(NamedTuple):
    """A span that ends later, in another thread.

    Attributes:
        header: the header's value, with which the next program continues the trace.
        end: ends the span.
    """

    header: str
    end: Callable[[], None]


class _Tracer(NamedTuple):
    """The parts of OpenTelemetry that this module uses, once they are imported."""

    tracer: Any
    propagator: Any
    link: Any
    trace: Any


class _Current:
    """Whether traces are on in this process."""

    tracer: _Tracer | None = None


def is_on() -> bool:
    """Whether traces are on."""
    return _Current.tracer is not None


def start(address: str, service: str) -> None:
    """Send the spans of this process to a collector.

    Args:
        address: the collector's address for OTLP over HTTP, such as `http://127.0.0.1:4318`; empty for no traces.
        service: the name of this program.

    Raises:
        SettingError: OpenTelemetry is not installed, or this is not an address.
    """
    if not address:
        return
    if not address.startswith(("http://", "https://")):
        raise SettingError(f"{address!r} is not an address.", where=TRACES, hint="Write http://HOST:4318.")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - only if on
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        hint = "Install it with `pip install 'bluelamp[traces]'`, or unset the variable."
        raise SettingError("OpenTelemetry is not installed.", where=TRACES, hint=hint) from None
    start_with(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces")), service)


def start_with(processor: Any, service: str) -> None:
    """Give the spans of this process to a processor of OpenTelemetry's SDK."""
    from opentelemetry import trace  # noqa: PLC0415 - only if on
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"bluelamp {service}".strip()}))
    provider.add_span_processor(processor)
    _Current.tracer = _Tracer(provider.get_tracer("bluelamp"), TraceContextTextMapPropagator(), trace.Link, trace)


def stop() -> None:
    """Turn traces off again, for tests."""
    _Current.tracer = None


def span(name: str, before: Iterable[str] = (), attributes: Attributes | None = None) -> AbstractContextManager[None]:
    """A span around a piece of work; it does nothing if traces are off.

    Args:
        name: the name of the work.
        before: the headers of the spans that led to this one. The first is its parent; the others are linked.
        attributes: what else to record; never the id of a subject.
    """
    tracer = _Current.tracer
    return _OFF if tracer is None else _span(tracer, name, list(dict.fromkeys(before)), attributes or {})


def step(name: str, attributes: Attributes) -> AbstractContextManager[None]:
    """A span within the current span; it does nothing outside a trace."""
    return span(name, attributes=attributes) if carried() else _OFF


@contextmanager
def _span(tracer: _Tracer, name: str, before: list[str], attributes: Attributes) -> Iterator[None]:
    contexts = [tracer.propagator.extract({HEADER: each}) for each in before]
    links = [tracer.link(tracer.trace.get_current_span(each).get_span_context()) for each in contexts[1:]]
    parent = contexts[0] if contexts else None
    with tracer.tracer.start_as_current_span(name, parent, attributes=dict(attributes), links=links):
        yield


def carried() -> str:
    """The header that names the current span; empty if there is no span."""
    carrier: dict[str, str] = {}
    if _Current.tracer is not None:
        _Current.tracer.propagator.inject(carrier)
    return carrier.get(HEADER, "")


def begin(name: str, attributes: Attributes) -> BegunSpan | None:
    """Begin a span that ends later; None if traces are off."""
    tracer = _Current.tracer
    if tracer is None:
        return None
    begun, carrier = tracer.tracer.start_span(name, attributes=dict(attributes)), dict[str, str]()
    tracer.propagator.inject(carrier, tracer.trace.set_span_in_context(begun))
    return BegunSpan(carrier[HEADER], begun.end)


def headers_in(headers: Iterable[tuple[str, bytes | None]]) -> Iterator[str]:
    """The values of the header on a record of the log."""
    return (value.decode("ascii", "replace") for name, value in headers if name == HEADER and value)
