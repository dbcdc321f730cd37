from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

propagator = TraceContextPropagator()
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def sent() -> dict[str, str]:
    return propagator.to_headers(tracer.span_context)


def call(url: str, headers: dict[str, str]) -> str:
    _, trace_id, span_id, _ = headers["traceparent"].split("-")
    return f"{url} {trace_id} {span_id}"


with tracer.span(name="checkout") as span:
    span.add_attribute("sent", call("/orders", headers=propagator.to_headers(tracer.span_context)))
    span.add_attribute("again", call("/orders", sent()))
