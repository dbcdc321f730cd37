import functools
from dataclasses import dataclass

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


class Shop:
    tracer = tracer


@dataclass
class Stock:
    opens: trace.Tracer


@functools.lru_cache
def get():
    return tracer


stock = Stock(tracer)
by_name = {"billing": tracer}
