from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

if TYPE_CHECKING:
    from opencensus.trace.span import Span

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def charge(span: Span, amount: float) -> None:
    span.add_attribute("amount", amount)


with tracer.span(name="checkout") as span:
    charge(span, 12.5)
