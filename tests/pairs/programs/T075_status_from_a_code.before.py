from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import utils
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

for code in (200, 404, 503):
    with tracer.span(name=f"load {code}") as span:
        span.set_status(utils.status_from_http_code(code))
