"""Makes spans with OpenTelemetry and the exporter alone, as many as its standard input says: `first last` makes those numbers."""

import sys

from appinsights_exporter import ApplicationInsightsSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

exporter = ApplicationInsightsSpanExporter()
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=200))
tracer = provider.get_tracer("native")
for line in sys.stdin:
    first, last = map(int, line.split())
    for number in range(first, last):
        with tracer.start_as_current_span(f"item {number}"):
            pass
    print("made", last, flush=True)
