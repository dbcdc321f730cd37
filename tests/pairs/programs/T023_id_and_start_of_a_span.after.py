from datetime import datetime, timedelta, timezone

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def log_request(path: str, request_id: str, started: datetime) -> None:
    began = started.isoformat() + "Z"
    attributes = {"began": began, "success": True}
    with tracer.start_as_current_span(path, start_time=round(started.replace(tzinfo=timezone.utc).timestamp() * 1_000_000) * 1_000, kind=trace.SpanKind.SERVER) as span:
        span.set_attribute("ai.span.id", request_id)
        span.set_attributes(attributes)


started = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(seconds=20)
log_request("/score", "5a9c2f60-0e4d-4f8e-9df6-6f6a8e0a8d7e", started)
