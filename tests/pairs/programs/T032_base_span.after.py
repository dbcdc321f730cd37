from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def mark(span: trace.Span, name: str) -> None:
    span.set_attribute("name", name)
    span.add_event("marked", {"size": len(name)})


def note(work: "trace.Span | None"):
    if isinstance(work, trace.Span):
        work.set_attribute("noted", True)


configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
with tracer.start_as_current_span("work") as span:
    mark(span, "Ghent")
    note(span)
