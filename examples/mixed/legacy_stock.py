"""The stock library, untouched since the old days: it traces with OpenCensus."""
import time

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))


def reserve(sku, ask_warehouse):
    with tracer.span(name='OpenCensus: reserve') as span:
        span.add_attribute('sku', sku)
        time.sleep(0.002)
        ask_warehouse(sku)
        with tracer.span(name='OpenCensus: write reservation'):
            time.sleep(0.002)


def note_answer(sku, left):
    with tracer.span(name='OpenCensus: note answer') as span:
        span.add_attribute('left', left)
        time.sleep(0.001)
