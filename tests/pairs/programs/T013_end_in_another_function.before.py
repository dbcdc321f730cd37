from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def before_task(name: str) -> None:
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    span = tracer.start_span()
    span.name = f"[task]{name}"
    execution_context.set_opencensus_tracer(tracer)
    span.add_attribute("task", name)
    execution_context.set_current_span(span)


def after_task() -> None:
    tracer = execution_context.get_opencensus_tracer()
    tracer.end_span()


def charge() -> None:
    with execution_context.get_opencensus_tracer().span(name="charge"):
        pass


for name in ("bill", "mail"):
    before_task(name)
    charge()
    before_task("part")
    charge()
    after_task()
    charge()
    after_task()
