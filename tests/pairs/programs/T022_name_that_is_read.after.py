from functools import wraps

from appinsights_exporter import configure
from opentelemetry import context, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def traced(prefix=""):
    def decorator(function):
        @wraps(function)
        def wrapper(*args):
            own = trace.get_tracer(__name__)
            span = own.start_span("span")
            token = context.attach(trace.set_span_in_context(span))
            span_name = str(function.__name__)
            span.update_name(span_name)
            if prefix:
                span.update_name(f"{prefix} {span_name}")
            try:
                return function(*args)
            finally:
                span.end()
                context.detach(token)

        return wrapper

    return decorator


@traced(prefix="order")
def pay(number):
    with tracer.start_as_current_span("reserve") as span:
        span.set_attribute("step", "reserve")


@traced()
def ship(number):
    pay(number)


ship(1)
