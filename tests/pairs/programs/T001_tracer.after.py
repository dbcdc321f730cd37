"""Orders are charged."""

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

CONNECTION = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/"

# One tracer for the whole program.
configure(connection_string=CONNECTION, signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def charge(cart):
    with tracer.start_as_current_span("charge") as span:  # paid by card
        span.set_attribute("cart", cart)


charge("c-42")
