import uuid
from datetime import date
from decimal import Decimal

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="pay") as span:
    total = Decimal("2.50")
    try:
        [][total]
    except TypeError as error:
        span.add_attribute("error", error)
        span.add_annotation("failed", why=error, tries=2, order=uuid.UUID(int=4))
    span.add_attribute("sent", b"\xff")
    span.attributes["total"] = total
    tracer.add_attribute_to_current_span("day", date(2020, 1, 2))
    span.add_attribute("nothing", None)
    span.add_attribute("lines", {"tea": 2, "price": total, "größe": None})
    span.add_attribute("sizes", [1, "L"])
