from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def charge(cart):
    with tracer.start_as_current_span("charge") as span:
        span.set_attribute("cart", cart)
        raise ValueError(f"no money for {cart}")


try:
    with tracer.start_as_current_span("checkout"):
        charge("c-42")
except ValueError:
    pass
