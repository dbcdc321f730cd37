"""More spans than go into one request."""

from __future__ import annotations

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def _send(count, **options):
    tracer = Tracer(exporter=AzureExporter(**options), sampler=AlwaysOnSampler())
    with tracer.span(name="all"):
        for number in range(count - 1):
            with tracer.span(name=f"span {number}"):
                pass


def default_size():
    """150 spans with the default options."""
    _send(150)


def size_given():
    """90 spans in batches of 30."""
    _send(90, max_batch_size=30)
