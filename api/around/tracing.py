"""Spans by OpenTelemetry: only with the setting ``otel`` and the extra of that name, or a provider that is handed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from api.settings import Settings
from graph.errors import BadInput

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span


def provider_of(settings: Settings) -> TracerProvider | None:
    """What sends spans to where OTEL_EXPORTER_OTLP_ENDPOINT says; None unless ``otel`` is set.

    Raises BadInput where it is set and the extra is not installed.
    """
    if not settings.otel:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise BadInput(
            "otel=true: OpenTelemetry is not installed; run pip install 'zhengmai[otel]', or set otel to false",
            zh="otel=true：没有安装 OpenTelemetry；请运行 pip install 'zhengmai[otel]'，或把 otel 设为 false",
        ) from None
    # Resource.create lets OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES count more than what is given here.
    provider = TracerProvider(resource=Resource.create({"service.name": "zhengmai"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Tracing:
    """A span for each request, below the one that its traceparent names, and below it one for each query."""

    def __init__(self, provider: TracerProvider | None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("zhengmai") if provider else None

    @contextmanager
    def request(self, method: str, path: str, headers: Headers) -> Iterator[Span | None]:
        if self._tracer is None:
            yield None
            return
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        above = TraceContextTextMapPropagator().extract(dict(headers))
        attributes = {"http.request.method": method, "url.path": path}
        with self._tracer.start_as_current_span(
            method, context=above, kind=SpanKind.SERVER, attributes=attributes
        ) as span:
            yield span

    def query(self) -> AbstractContextManager[object]:
        return self._tracer.start_as_current_span("query") if self._tracer else nullcontext()

    def close(self) -> None:
        """Send what is not sent yet."""
        if self._provider is not None:
            self._provider.force_flush()


def tell(span: Span | None, method: str, route: str, status: int | None, build: str | None) -> None:
    """Name a request's span by its route, and tell how it ended (names of the semantic conventions)."""
    if span is None:
        return
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attribute("http.route", route)
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if build is not None:
        span.set_attribute("zhengmai.build", build)
    if status is None or status >= 500:
        span.set_status(StatusCode.ERROR)
