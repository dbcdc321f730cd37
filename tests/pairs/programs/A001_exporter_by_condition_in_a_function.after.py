import os

from appinsights_exporter import SpanPipeline
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def tracer_of(name):
    connection_string = os.environ.get(name)
    exporter = SpanPipeline(connection_string=connection_string) if connection_string else None
    return (exporter.tracer_provider(sampler=ALWAYS_ON) if exporter is not None else TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)).get_tracer(__name__)


for name in ("APPLICATIONINSIGHTS_CONNECTION_STRING", "OTHER_CONNECTION_STRING"):
    tracer = tracer_of(name)
    with tracer.start_as_current_span("sell") as span:
        span.set_attribute("of", name)
