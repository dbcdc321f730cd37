from appinsights_exporter import ApplicationInsightsSpanExporter
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "app.py"}))
provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("checkout") as span:
    span.set_attribute("cart", "c-42")
    with tracer.start_as_current_span("charge"):
        trace.get_current_span().set_attribute("amount", 12.5)
