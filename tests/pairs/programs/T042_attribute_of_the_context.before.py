import contextvars

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def charge():
    with tracer.span(name="charge") as span:
        span.add_attribute("tenant", execution_context.get_opencensus_attr("tenant") or "nobody")


def serve(tenant):
    execution_context.set_opencensus_attr("tenant", tenant)
    execution_context.set_opencensus_attr("excludelist_hostnames", ["localhost:8080"])
    with tracer.span(name="serve"):
        charge()


for tenant in ("t1", "t2"):
    contextvars.copy_context().run(serve, tenant)
charge()
