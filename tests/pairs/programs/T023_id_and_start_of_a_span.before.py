from datetime import datetime, timedelta, timezone

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def log_request(path: str, request_id: str, started: datetime) -> None:
    began = started.isoformat() + "Z"
    attributes = {"began": began, "success": True}
    with tracer.span(name=path) as span:
        span.span_id = request_id
        span.start_time = began
        span.attributes = attributes
        span.span_kind = SpanKind.SERVER


started = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(seconds=20)
log_request("/score", "5a9c2f60-0e4d-4f8e-9df6-6f6a8e0a8d7e", started)
