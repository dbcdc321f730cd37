import os

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


connection_string = os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING")
if connection_string:
    configure(connection_string=connection_string, signals=["traces"], sampler=ALWAYS_ON)
else:
    trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_ON))
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("sell") as span:
    span.set_attribute("cart", "c-42")
