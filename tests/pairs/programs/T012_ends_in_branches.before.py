from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def branches(amount):
    span = tracer.start_span(name="branches")
    span.add_attribute("amount", amount)
    if amount > 10:
        tracer.end_span()
        return "much"
    try:
        with tracer.span(name="ask the bank"):
            1 / amount
    except ZeroDivisionError as error:
        tracer.add_attribute_to_current_span("error", str(error))
        tracer.end_span()
        return "nothing"
    else:
        tracer.end_span()


def finally_(amount):
    try:
        span = tracer.start_span()
        span.name = "finally"
    except Exception:
        print("failed")
    try:
        1 / amount
    except ZeroDivisionError:
        pass
    finally:
        tracer.end_span()


def nested():
    tracer.start_span(name="outer")
    inner = tracer.start_span(name="inner")
    inner.add_attribute("a", 1)
    tracer.end_span()
    tracer.end_span()
    tracer.start_span(name="next")
    tracer.end_span()


for amount in (20, 5, 0):
    branches(amount)
    finally_(amount)
nested()
