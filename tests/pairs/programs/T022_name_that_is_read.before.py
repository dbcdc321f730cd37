from functools import wraps

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def traced(prefix=""):
    def decorator(function):
        @wraps(function)
        def wrapper(*args):
            own = execution_context.get_opencensus_tracer()
            span = own.start_span()
            span.name = str(function.__name__)
            if prefix:
                span.name = f"{prefix} {span.name}"
            try:
                return function(*args)
            finally:
                own.end_span()

        return wrapper

    return decorator


@traced(prefix="order")
def pay(number):
    with tracer.span(name="reserve") as span:
        span.add_attribute("step", span.name)


@traced()
def ship(number):
    pay(number)


ship(1)
