from appinsights_exporter import configure
from opentelemetry import context, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def before_task(name: str) -> None:
    configure(signals=["traces"], sampler=ALWAYS_ON)
    tracer = trace.get_tracer(__name__)
    span = tracer.start_span("span")
    context.attach(context.set_value("outer_context", context.get_current(), trace.set_span_in_context(span)))
    span.update_name(f"[task]{name}")
    span.set_attribute("task", name)


def after_task() -> None:
    outer = context.get_value("outer_context")
    if isinstance(outer, context.Context):
        trace.get_current_span().end()
        context.attach(outer)


def charge() -> None:
    with trace.get_tracer(__name__).start_as_current_span("charge"):
        pass


for name in ("bill", "mail"):
    before_task(name)
    charge()
    before_task("part")
    charge()
    after_task()
    charge()
    after_task()
