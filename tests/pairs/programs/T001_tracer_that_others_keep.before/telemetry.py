import functools
from dataclasses import dataclass

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


class Shop:
    tracer = tracer


@dataclass
class Stock:
    opens: Tracer


@functools.lru_cache
def get():
    return tracer


stock = Stock(tracer)
by_name = {"billing": tracer}
